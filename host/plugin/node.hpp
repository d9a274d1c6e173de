// A node: one instance of a plugin, with the services that the host gives it and the count of what
// it does.
#pragma once

#include "host/contract/contract.hpp"
#include "host/plugin/library.hpp"
#include "host/plugin/runtime.hpp"

#include <boost/json/object.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

namespace onex::host {

struct ServiceTables;
class Task;
class Subscription;

/// [any thread] unless said otherwise. Made by create(); lives until the last reference is gone,
/// which happens only after destroy().
class NodeInstance : public std::enable_shared_from_this<NodeInstance> {
  public:
    /// Checks the settings against the contract and calls the plugin's create. `with_sql`: may it
    /// use the store. Errors: VALIDATION_ERROR with the TOML's line, or what create answered.
    /// [control]
    static Result<std::shared_ptr<NodeInstance>> create(Runtime& runtime,
                                                        const NodeSection& section,
                                                        const onex_plugin_entry& entry,
                                                        std::shared_ptr<Library> library,
                                                        bool with_sql);
    ~NodeInstance();
    NodeInstance(const NodeInstance&) = delete;
    NodeInstance& operator=(const NodeInstance&) = delete;

    Result<void> start();    ///< [control]
    Result<void> quiesce();  ///< [control]
    /// Takes no new requests, waits for those in flight until `deadline`, cancels the rest, stops
    /// and destroys. What never gives its token back keeps the image mapped and is named in the
    /// log. [control]
    void shut_down(SteadyClock::time_point deadline);

    [[nodiscard]] const std::string& name() const { return section_.name; }
    [[nodiscard]] const NodeSection& section() const { return section_; }
    [[nodiscard]] const NodeContract& contract() const { return contract_; }
    [[nodiscard]] const std::string& settings() const { return settings_; }
    [[nodiscard]] std::string plugin_version() const { return version_; }
    [[nodiscard]] bool with_sql() const { return with_sql_; }
    [[nodiscard]] Runtime& runtime() const { return runtime_; }

    /// A place in the in-flight count, or null when the node takes nothing any more.
    [[nodiscard]] std::shared_ptr<void> enter();
    /// A place that is given also while it stops, for tasks and callbacks that were registered
    /// before.
    [[nodiscard]] std::shared_ptr<void> hold();
    /// False once it stops: nothing new may begin.
    [[nodiscard]] bool is_open() const { return open_.load(); }
    [[nodiscard]] std::int64_t in_flight() const { return in_flight_->count.load(); }

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
    NodeInstance(Runtime& runtime,
                 NodeSection section,
                 NodeContract contract,
                 std::shared_ptr<Library> library);
    bool wait_idle(SteadyClock::time_point deadline);
    void drop_background_work();
    /// Ends streams and transactions that it forgot to end.
    void drop_handles();

    Runtime& runtime_;
    NodeSection section_;
    NodeContract contract_;
    std::string settings_;
    std::string version_;
    bool with_sql_ = false;
    std::shared_ptr<Library> library_;  ///< outlives the node below
    onex_host host_{};
    std::unique_ptr<ServiceTables> tables_;
    std::shared_ptr<InFlight> in_flight_ = std::make_shared<InFlight>();
    std::atomic<bool> open_{true};
    bool started_ = false;
    const onex_node* node_ = nullptr;
};

}  // namespace onex::host
