// From the flags of `deploy` to the input of the deployment workflow. Pure: no host, no clock.
#pragma once

#include <onex/error.hpp>

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onex::host::cli {

/// The flags as given; empty or absent means: the contract's default.
struct DeployOptions {
    std::string name;
    std::string to;  ///< a peer's name or HOST[:PORT]; empty: the only peer
    std::string image;
    std::string tag;
    std::string dockerfile;
    std::string context;
    std::vector<std::string> build_args;  ///< K=V
    bool no_cache = false;
    bool pull = false;
    std::string build_target;
    std::string platform;
    std::vector<std::string> ports;    ///< HOST:CONTAINER[/udp]
    std::vector<std::string> env;      ///< K=V, K=env:NAME, K=file:PATH
    std::vector<std::string> volumes;  ///< HOST:CONTAINER[:ro]
    std::vector<std::string> networks;
    std::vector<std::string> labels;  ///< K=V
    std::string memory;
    std::string cpus;
    std::string restart;
    std::string health_path;
    std::optional<std::int64_t> health_status;
    std::optional<std::int64_t> health_retries;
    std::optional<std::int64_t> health_tcp;  ///< the container's port
    std::string health_exec;                 ///< a program and its arguments, by spaces
    std::string health_json;                 ///< "data.status=ok"
    std::optional<std::int64_t> health_min_ms;
    std::optional<std::int64_t> health_watch_ms;
    std::optional<std::int64_t> health_interval_ms;
    std::string compression;
    bool adopt = false;
    bool queue = false;
    bool supersede = false;
    bool no_rollback = false;
    bool skip_health = false;
    std::int64_t timeout_s = 0;  ///< hard end of the run; 0: the host's default
    bool detach = false;
    bool verbose = false;
};

/// Where a deployment goes.
struct Target {
    std::string host;
    std::int64_t port = 8001;
    std::string peer;       ///< the peer's name, when one was meant
    bool in_clear = false;  ///< what is sent can be read on the way
};

struct KnownPeer {
    std::string name;
    std::string host;
    std::int64_t port = 0;
    bool in_clear = false;
};

/// Resolves `--to`. Error VALIDATION_ERROR: no such peer, none or several to choose from, a bad
/// port.
Result<Target> resolve_target(std::string_view to, const std::vector<KnownPeer>& peers);

/// The input_state. Paths become absolute from `folder`. Error VALIDATION_ERROR: a flag that does
/// not parse, with what would be right.
Result<boost::json::object> make_deploy_input(const DeployOptions& options,
                                              const Target& target,
                                              const std::string& folder);

}  // namespace onex::host::cli
