// From "operation X of node Y, with this input" to the plugin and back: validation, idempotency
// keys, deadlines, metrics. Everything that calls an operation, near or far, comes through here.
#pragma once

#include "host/plugin/node.hpp"
#include "host/plugin/parking.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/array.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace onex::host {

/// A call of a local operation.
struct Invocation {
    std::shared_ptr<NodeInstance> node;
    const OperationContract* operation = nullptr;  ///< of node->contract()
    boost::json::value input;                      ///< not yet validated
    std::size_t input_bytes = 0;                   ///< of its text, when that may be large
    std::string correlation_id;
    std::string key;
    std::string caller;
    std::string content_type;
    PipePtr stream_in;
    PipePtr stream_out;
    std::int64_t timeout_ms = 0;  ///< 0: the contract's
    int hop = 0;
    int depth = 0;
    CancelPtr cancel;  ///< may be null
    std::function<void(const ProgressInfo&)> on_progress;
};

inline constexpr int kDepthMax = 16;
/// What is larger isn't parsed or checked on an I/O thread (semantics 3.3).
inline constexpr std::size_t kInlineInputMax = 64 * 1024;

using NodeList = std::vector<std::shared_ptr<NodeInstance>>;

class Dispatcher {
  public:
    Dispatcher(Runtime& runtime);
    Dispatcher(const Dispatcher&) = delete;
    Dispatcher& operator=(const Dispatcher&) = delete;

    /// The generations that serve, in the order of the configuration: a snapshot. Keep it in a
    /// variable while you look through it.
    [[nodiscard]] std::shared_ptr<const NodeList> nodes() const;
    /// The swap: from now on calls go to these. Who still holds an older generation reaches the one
    /// of the same name here.
    void set_nodes(NodeList nodes);
    [[nodiscard]] std::shared_ptr<NodeInstance> node(std::string_view name) const;

    /// While a gate is closed, calls that its node's generation does not take wait at it.
    [[nodiscard]] Parking& parking() { return parking_; }

    /// Hears of each INTERNAL answer. Set once, before the first start; must not wait.
    std::function<void(const NodeInstance&, const Error&)> on_internal;

    struct Found {
        std::shared_ptr<NodeInstance> node;
        const OperationContract* operation = nullptr;
    };
    /// `node` may be empty: the one node that offers it. Errors: OPERATION_NOT_FOUND,
    /// OPERATION_AMBIGUOUS.
    [[nodiscard]] Result<Found> find(std::string_view node, std::string_view operation) const;

    /// Runs it on a worker (nonblocking ones with small input right here) and awaits the outcome.
    boost::asio::awaitable<Outcome> invoke(Invocation call);
    /// Runs it on this worker thread and waits for the outcome, also when the node answers later.
    Outcome invoke_here(Invocation call, const Wait& wait);
    /// Runs it on a worker; `done` is called exactly once, on any thread.
    void invoke_async(Invocation call, std::function<void(Outcome)> done);

    /// What this host offers to peers (semantics 2.2): the array of GET /onex/v1/operations, or
    /// with `all` also what only this host may call.
    [[nodiscard]] boost::json::array offers(bool all) const;
    static boost::json::object offer(const NodeInstance& node, const OperationContract& operation);

  private:
    void run(Invocation call, std::function<void(Outcome)> done);
    /// A place in the generation that takes this call now, which `call` then names.
    [[nodiscard]] std::shared_ptr<void> enter(Invocation& call) const;
    /// True: the call waits at its node's gate, and runs or is refused later.
    bool park(Invocation& call, std::function<void(Outcome)>& done);
    static void refuse(const Invocation& call,
                       Error error,
                       const std::function<void(Outcome)>& done);
    void run_entered(Invocation call,
                     std::shared_ptr<void> place,
                     std::function<void(Outcome)> done);
    void run_keyed(Invocation call, std::shared_ptr<void> place, std::function<void(Outcome)> done);
    /// Waits for the call that runs under this key already.
    Result<std::string> join(const std::string& key, const Invocation& call);
    void run_plain(Invocation call,
                   std::shared_ptr<void> place,
                   std::function<void(Outcome)> done,
                   std::function<void(const Outcome&)> settled);
    void account(const NodeInstance& node,
                 const OperationContract& operation,
                 double seconds,
                 const Outcome& outcome);

    Runtime& runtime_;
    mutable std::mutex mutex_;
    std::shared_ptr<const NodeList> nodes_ = std::make_shared<NodeList>();
    Parking parking_;
    std::uint64_t total_ = 0;
    std::uint64_t duration_ = 0;
    std::uint64_t missed_ = 0;
};

}  // namespace onex::host
