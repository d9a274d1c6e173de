// Brings nodes to life, replaces them by a newer version while they work, and ends them.
#pragma once

#include "host/listeners.hpp"
#include "host/nodes/kept_files.hpp"
#include "host/nodes/retirement.hpp"
#include "host/plugin/library.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace onex::host {

struct ConfigChange;

/// What is known of a node, for `plugin list`.
struct NodeStatus {
    std::string name, plugin, version, abi, file, digest;
    std::string state;  ///< serving | disabled | failed | available (a library without a node)
    std::string isolation, listen, last_error;
    std::uint32_t generation = 0;
    std::int64_t since_us = 0;  ///< of the generation that serves; wall clock
    std::int64_t in_flight = 0;
    std::size_t retiring = 0;       ///< earlier generations that still end what they have
    std::size_t images_mapped = 0;  ///< images of ended generations that did not leave
};
boost::json::object to_json(const NodeStatus& status);

/// One change at a time; a second one waits, at most a minute. Each function blocks, so it is
/// called on a worker or on the main thread. list() and inspect() never wait. [control]
class Lifecycle {
  public:
    struct Places {
        std::string program;      ///< this executable: it probes new libraries, and runs workers
        std::string private_dir;  ///< of the copies that run
        std::string kept_dir;     ///< of what is remembered between two lives of the host
        std::string crash_file;   ///< what the crash guard wrote
    };
    Lifecycle(Runtime& runtime, Listeners& listeners, Places places);
    ~Lifecycle();
    Lifecycle(const Lifecycle&) = delete;
    Lifecycle& operator=(const Lifecycle&) = delete;

    /// Loads the plugins of the configuration and makes their nodes. One that crashed the host
    /// twice within a minute stays disabled.
    Result<void> load_all();
    Result<void> start_all();
    void quiesce_all(SteadyClock::time_point deadline);
    /// False: some node's code did not come back; only the end of the process can end it.
    bool stop_all(SteadyClock::time_point deadline);
    /// After stop_all(): lets go of the nodes, whose libraries then leave.
    void release();

    /// Replaces the node by the file as it is on disk now. The old generation serves on when
    /// anything is wrong with the new one; the error says what.
    Result<NodeStatus> reload(const std::string& node);
    /// The same with the file that it had before.
    Result<NodeStatus> rollback(const std::string& node);
    /// A node until the host ends: as the configuration has it, or with the contract's defaults
    /// when no table names it.
    Result<NodeStatus> load(const std::string& plugin, const std::string& as);
    Result<void> unload(const std::string& node);
    Result<NodeStatus> enable(const std::string& node);
    Result<void> disable(const std::string& node);  ///< remembered
    /// Makes the nodes those of `next`. Everything is checked before anything changes. Answers
    /// {"added":[name…],"removed":…,"reloaded":…,"disabled":…,"restart_needed":[key…],
    /// "failed":[{"node","code","message"}…]}.
    Result<boost::json::object> apply(const Config& next);
    /// A library in a plugin folder is new or has changed.
    void library_changed(const std::string& file);

    [[nodiscard]] std::vector<NodeStatus> list() const;
    /// Libraries in plugin_dirs that no node uses: {"plugin","file","toml"}.
    [[nodiscard]] boost::json::array available() const;
    [[nodiscard]] Result<boost::json::object> inspect(const std::string& node) const;

  private:
    struct Slot {
        NodeSection section;
        std::shared_ptr<NodeInstance> node;  ///< the generation that serves, or null
        std::string state, last_error;
        std::uint32_t generation = 0;
        std::uint32_t generation_made = 0;  ///< counts also those that never served
        int internal_errors = 0;  ///< of the generation that serves, while it is on probation
        bool going_back = false;  ///< likewise: the version before it has been asked for
        SteadyClock::time_point probation_end;
        std::string saved_by;  ///< the digest of the version whose state is `saved`
        SavedState saved;      ///< as the last replacement carried it: for a way back
    };
    struct Found {
        std::string file;
        bool own = false;      ///< of the installation, or trusted with SQL
        bool proven = false;   ///< it served here before: no probation
        std::string digest{};  ///< what it must be; empty: anything
        StagedFile staged{};   ///< the private copy that was looked at, and is loaded
        /// The process of the version that serves has crashed, and its state with it.
        bool state_lost = false;
    };
    class Turn;

    Result<Found> locate(const NodeSection& section) const;
    /// The same, or the kept version that stands in for a refused file.
    Result<Found> choose(const NodeSection& section) const;
    /// Copies it, if its place and its content are what they must be.
    Result<void> stage(const NodeSection& section, Found& from) const;
    /// stage(), and a process of its own tries the copy. Nothing if that was done before.
    Result<void> prepare(const NodeSection& section, Found& from) const;
    [[nodiscard]] std::string isolation_of(const NodeSection& section, bool own) const;
    Result<std::shared_ptr<PluginImage>> open_image(const NodeSection& section,
                                                    const Found& from,
                                                    std::uint32_t generation);
    Result<std::shared_ptr<NodeInstance>> create(const NodeSection& section,
                                                 const Found& from,
                                                 std::uint32_t generation);
    Result<void> start(const std::shared_ptr<NodeInstance>& node);
    Result<void> on_control(std::int64_t ms, std::function<Result<void>()> work);

    // --- reload.cpp
    Result<NodeStatus> replace(const NodeSection& section,
                               const Found& from,
                               const std::string& why);
    Result<void> try_replace(const NodeSection& section, Found from);
    Result<void> replace_beside(const std::shared_ptr<NodeInstance>& old,
                                const std::shared_ptr<NodeInstance>& next);
    Result<void> replace_with_state(const std::shared_ptr<NodeInstance>& old,
                                    const std::shared_ptr<NodeInstance>& next,
                                    const Found& from);
    Result<void> carry_state(const std::shared_ptr<NodeInstance>& old,
                             const std::shared_ptr<NodeInstance>& next,
                             const Found& from);
    /// On the way back, when the state of the version after it can't be had or taken.
    Result<void> load_earlier(NodeInstance& next, const Error& why) const;
    void resume(const std::shared_ptr<NodeInstance>& old);
    void swap(const std::shared_ptr<NodeInstance>& old, const std::shared_ptr<NodeInstance>& next);
    Result<NodeStatus> go_back(const NodeSection& section, const std::string& why, bool state_lost);
    void library_appeared(const std::string& file);
    void heard_internal(const NodeInstance& node, const Error& error);
    void heard_worker_end(const std::string& name,
                          std::uint32_t generation,
                          const std::string& how);
    /// The generation is bad in its first seconds: asks a worker to bring the version before back.
    void take_back(const std::string& name,
                   std::uint32_t generation,
                   const std::string& why,
                   const std::string& detail,
                   bool state_lost);

    // --- changes.cpp
    Result<NodeStatus> add(const NodeSection& section);
    Result<NodeStatus> add(const NodeSection& section, Found from);
    Result<void> remove(const std::string& name);
    void drop_slot(const std::string& name);
    [[nodiscard]] NodeList serving_with(const std::shared_ptr<NodeInstance>& next,
                                        const std::string& without) const;
    [[nodiscard]] Result<NodeSection> section_of(const std::string& name) const;
    // --- apply.cpp
    struct Applied;
    using Prepared = std::map<std::string, Found>;  ///< by the node's name
    Result<Prepared> check_change(const Config& next, const ConfigChange& change) const;
    void apply_section(const NodeSection& section, const Found& from, Applied& applied);
    void note_disabled(const NodeSection& section, const std::string& why);
    void note_failed(const std::string& name, const std::string& message);

    [[nodiscard]] NodeStatus status_of(const Slot& slot) const;
    void note_error(const std::string& name, const std::string& message);

    Runtime& runtime_;
    Listeners& listeners_;
    Places places_;
    /// Runs the nodes' code for a change: one has to end also when all workers are busy.
    Workers control_;
    KeptFiles kept_;
    mutable std::mutex mutex_;
    std::condition_variable turn_free_;
    bool turn_taken_ = false;
    bool closing_ = false;
    bool stuck_ = false;              ///< some plugin's code did not come back
    std::vector<std::string> order_;  ///< of the configuration
    std::map<std::string, Slot> slots_;
    Config current_;  ///< what apply() compares with
    MetricId reloads_ = 0;
    MetricId generations_ = 0;
    Retirement retirement_;
};

}  // namespace onex::host
