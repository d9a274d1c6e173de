// The commands, one function each; arguments.cpp fills their options. Each returns the exit code.
#pragma once

#include "host/cli/deploy_input.hpp"
#include "host/cli/session.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace onex::host::cli {

int deploy(Session& session, const DeployOptions& options);

struct RollbackOptions {
    std::string name;
    std::string to;
    std::int64_t steps = 1;
    std::string version;
    bool plan = false;
    bool detach = false;
};
int rollback(Session& session, const RollbackOptions& options);

/// Without an id: the host, its nodes and peers, and the latest runs.
int status(Session& session, const std::string& workflow_id);
int logs(Session& session, const std::string& workflow_id, bool follow);
/// Without a name: the names. The content goes to `file` ("" or "-": standard output), as it is.
int artifact(Session& session,
             const std::string& workflow_id,
             const std::string& name,
             const std::string& file);
int cancel(Session& session, const std::string& workflow_id, const std::string& reason);
int approve(Session& session, const std::string& workflow_id, const std::string& note);
int resolve(Session& session,
            const std::string& workflow_id,
            const std::string& resolved_as,
            const std::string& note);
int history(Session& session, const std::string& name, std::int64_t limit);

struct WorkflowOptions {
    std::string name;   ///< an installed workflow, or a contract file
    std::string input;  ///< JSON text, @FILE, or empty for {}
    std::int64_t timeout_s = 0;
    bool wait = false;
    bool verbose = false;
};
int workflow_run(Session& session, const WorkflowOptions& options);
int workflow_list(Session& session);
/// kFailed when a critical health check is unhealthy.
int workflow_health(Session& session);

int contract_check(Session& session, const std::vector<std::string>& files);
int config_check(Session& session, const std::string& file);
/// What config_check() says, without a word.
bool config_fits(const std::string& file);
int config_reference(Session& session);
/// The running host takes the nodes of its TOML as it stands now.
int config_reload(Session& session);
int doctor(Session& session);
int version(Session& session);

/// `action`: up, down or status. `to`: the migration that `down` leaves as the last one.
int migrate(Session& session, const std::string& action, int to);

struct ServiceOptions {
    std::string action;     ///< install, uninstall or print
    std::string folder;     ///< where the unit goes; empty: the system's place
    bool no_start = false;  ///< only the file: do not ask the service manager to start or stop it
};
int service(Session& session, const ServiceOptions& options);

struct PluginOptions {
    std::string name;                   ///< of the plugin (new, load), or of the node
    std::string as;                     ///< load: the node's name; empty: the plugin's
    std::string folder;                 ///< new: where to write it; empty: a folder of that name
    std::string file;                   ///< check: the library
    std::string level = "full";         ///< check: load, full, fuzz or soak
    std::string settings_file;          ///< check: JSON that the node is created with
    std::optional<std::uint64_t> seed;  ///< check: of fuzz and soak; nothing: a new one
    std::int64_t rounds = 0;            ///< check: 0 is no bound
    std::int64_t seconds = 0;           ///< check: 0 is no bound
};
int plugin_new(Session& session, const PluginOptions& options);
int plugin_check(Session& session, const PluginOptions& options);
/// The nodes of a running host.
int plugin_list(Session& session);
int plugin_inspect(Session& session, const std::string& node);
/// `verb`: reload, rollback, load, unload, enable or disable.
int plugin_change(Session& session, const std::string& verb, const PluginOptions& options);

}  // namespace onex::host::cli
