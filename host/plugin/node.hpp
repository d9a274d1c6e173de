// One generation of a node: an instance of a plugin, with the services that the host gives it and
// the count of what it does.
#pragma once

#include "host/contract/contract.hpp"
#include "host/crash_guard.hpp"
#include "host/plugin/image.hpp"
#include "host/plugin/runtime.hpp"
#include "host/plugin/tags.hpp"

#include <boost/json/object.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace onex::host {

struct ServiceTables;
class Task;
class Subscription;

/// What a generation takes. It only goes forward, but for gated → serving after a failed reload.
enum class Phase {
    made,  ///< nothing yet: it has not been started
    serving,
    gated,    ///< only calls from inside a call enter: its state is about to be saved
    retired,  ///< takes no request any more; those it has may still begin tasks
    stopped,  ///< nothing new at all
};

struct CreateOptions {
    bool with_sql = false;  ///< may it use the store
    std::uint32_t generation = 1;
};

/// "host.toml:12: [nodes.x", which the caller completes; one that no file names has no line.
std::string place_of(const NodeSection& section, const std::string& file);

/// What onex.state/1 carries from one generation to the next.
struct SavedState {
    std::uint32_t schema = 0;
    std::string bytes;
};

/// [any thread] unless said otherwise. Made by create(); lives until the last reference is gone,
/// which happens only after destroy(). The [control] calls of one instance run one at a time, in
/// the order in which they came: whoever gave up on one that takes too long may go on with the
/// next, say resume after quiesce, and it follows when the first comes back.
class NodeInstance : public std::enable_shared_from_this<NodeInstance> {
  public:
    /// Checks the settings against the contract and calls the plugin's create. Errors:
    /// VALIDATION_ERROR with the TOML's line, or what create answered. [control]
    static Result<std::shared_ptr<NodeInstance>> create(Runtime& runtime,
                                                        const NodeSection& section,
                                                        std::shared_ptr<PluginImage> image,
                                                        CreateOptions options);
    ~NodeInstance();
    NodeInstance(const NodeInstance&) = delete;
    NodeInstance& operator=(const NodeInstance&) = delete;

    Result<void> start();    ///< [control]
    Result<void> quiesce();  ///< [control]
    Result<void> resume();   ///< undoes quiesce [control]
    [[nodiscard]] bool has_state() const;
    Result<SavedState> save();                  ///< quiesced, with no request in flight [control]
    Result<void> load(const SavedState& from);  ///< before start [control]

    [[nodiscard]] Phase phase() const { return phase_.load(); }
    void set_phase(Phase phase) { phase_.store(phase); }
    /// True when no request is in flight any more; tasks are not counted.
    bool wait_requests(SteadyClock::time_point deadline);
    /// Does it have anything to end: requests, tasks that run or are about to, calls of its own? A
    /// timer that waits is nothing to end.
    [[nodiscard]] bool is_busy() const;
    /// A place among the tasks that run.
    [[nodiscard]] std::shared_ptr<void> work();
    [[nodiscard]] std::int64_t requests_in_flight() const { return requests_->count.load(); }
    /// The operations that are running, for people: "hash, hash".
    [[nodiscard]] std::string busy_with() const;
    /// Ends its subscriptions: a later generation has its own.
    void end_subscriptions();

    /// Takes no new requests and stops; then waits for what is in flight until `deadline`, cancels
    /// the rest, and destroys. What never gives its token back keeps the image mapped and is named
    /// in the log. [control]
    void shut_down(SteadyClock::time_point deadline);

    [[nodiscard]] const std::string& name() const { return section_.name; }
    [[nodiscard]] const NodeSection& section() const { return section_; }
    [[nodiscard]] const NodeContract& contract() const { return contract_; }
    [[nodiscard]] const std::string& settings() const { return settings_; }
    [[nodiscard]] std::string plugin_version() const { return version_; }
    [[nodiscard]] bool with_sql() const { return options_.with_sql; }
    [[nodiscard]] std::uint32_t generation() const { return options_.generation; }
    [[nodiscard]] const std::shared_ptr<PluginImage>& image() const { return image_; }
    [[nodiscard]] std::int64_t since_us() const { return since_us_; }  ///< of its start; wall clock
    [[nodiscard]] Runtime& runtime() const { return runtime_; }

    /// A request's place in the in-flight count, or null when this generation takes none. `inner`:
    /// the call comes from inside another one.
    [[nodiscard]] std::shared_ptr<void> enter(bool inner);
    /// A place that is given also while it stops, for tasks and callbacks that were registered
    /// before.
    [[nodiscard]] std::shared_ptr<void> hold();
    /// False once it stops: nothing new may begin.
    [[nodiscard]] bool is_open() const { return phase_.load() != Phase::stopped; }
    [[nodiscard]] std::int64_t in_flight() const { return in_flight_->count.load(); }

    /// Around each call of its code: who runs, if it crashes. `what` lives as long as the scope.
    [[nodiscard]] CrashScope crash_scope(const char* what) const {
        return {section_.name.c_str(), section_.plugin.c_str(), options_.generation, what};
    }

    /// Calls the plugin's invoke.
    onex_status invoke(const onex_request& request, Error& error);

    HandleTable<Task> tasks;
    HandleTable<Schema> schemas;
    HandleTable<Subscription> subscriptions;
    HandleTable<CallInFlight> calls;

  private:
    struct InFlight {
        std::atomic<std::int64_t> count{0};
        std::mutex mutex;
        std::condition_variable idle;
    };
    struct ControlQueue {
        std::mutex mutex;
        std::condition_variable moved;
        std::uint64_t next = 0;  ///< number of whoever comes next
        std::uint64_t runs = 0;  ///< number of whoever may run
    };
    class ControlTurn;
    NodeInstance(Runtime& runtime,
                 NodeSection section,
                 NodeContract contract,
                 std::shared_ptr<PluginImage> image,
                 CreateOptions options);
    static bool wait_zero(InFlight& counted, SteadyClock::time_point deadline);
    [[nodiscard]] const onex_state_v1* state_table() const;
    void drop_background_work();
    /// Ends streams and transactions that it forgot to end.
    void drop_handles();

    Runtime& runtime_;
    NodeSection section_;
    NodeContract contract_;
    std::string settings_;
    std::string version_;
    std::shared_ptr<PluginImage> image_;  ///< outlives the node below
    CreateOptions options_;
    std::int64_t since_us_ = 0;
    onex_host host_{};
    std::unique_ptr<ServiceTables> tables_;
    std::shared_ptr<InFlight> in_flight_ = std::make_shared<InFlight>();
    std::atomic<std::int64_t> working_{0};
    std::shared_ptr<InFlight> requests_ = std::make_shared<InFlight>();
    std::atomic<Phase> phase_{Phase::made};
    NodeTags tags_;
    ControlQueue control_;
    bool started_ = false;
    const onex_node* node_ = nullptr;
};

}  // namespace onex::host
