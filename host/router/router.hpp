// Requests in, answers out: finds what a request means, lets it through the gate, calls the
// operation.
#pragma once

#include "host/metrics.hpp"
#include "host/plugin/dispatcher.hpp"
#include "host/router/gate.hpp"
#include "host/router/input.hpp"
#include "host/router/routes.hpp"
#include "host/router/shared_answer.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace onex::host {

/// What one listener serves: its nodes and their routes, which a reload replaces as one.
/// [any thread]
class Listening {
  public:
    struct Serving {
        RouteTable routes;
        NodeList nodes;
        /// GET /health runs code of every node, and anybody may ask for it.
        std::shared_ptr<SharedAnswer> health =
            std::make_shared<SharedAnswer>(std::chrono::seconds(1));
        /// GET /openapi.json and /docs: anybody may ask for them, too, and they change with the
        /// nodes.
        std::shared_ptr<SharedAnswer> openapi =
            std::make_shared<SharedAnswer>(std::chrono::hours(24));
        std::shared_ptr<SharedAnswer> docs = std::make_shared<SharedAnswer>(std::chrono::hours(24));
    };
    Listening(std::string name, bool admin) : name(std::move(name)), admin(admin) {}

    /// A snapshot; a request keeps it to its end.
    [[nodiscard]] std::shared_ptr<const Serving> now() const {
        const std::scoped_lock lock(mutex_);
        return serving_;
    }
    void serve(Serving next) {
        auto made = std::make_shared<const Serving>(std::move(next));
        const std::scoped_lock lock(mutex_);
        serving_.swap(made);
    }

    const std::string name;  ///< "127.0.0.1:8060", or "admin"
    const bool admin;        ///< the unix socket: no signature, no token, and the admin routes

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Serving> serving_ = std::make_shared<const Serving>();
};

/// What the router asks of the host itself.
struct HostHooks {
    std::function<boost::json::object()> describe;  ///< GET /onex/v1/host
    std::function<boost::asio::awaitable<boost::json::object>()> doctor;
    std::function<void()> stop;
    /// Lists and changes the host's nodes: see administer(). Blocks.
    std::function<Result<boost::json::value>(
        std::string_view verb, const std::string& name, const boost::json::object& body)>
        nodes;
    /// Where `nodes` runs: not where operations do, whose place a change may wait for.
    Workers* nodes_workers = nullptr;
};

/// One object serves all listeners. [any thread]
class Router {
  public:
    Router(Runtime& runtime, Gate& gate, HostHooks hooks);

    [[nodiscard]] HttpHandler handler(std::shared_ptr<Listening> listening);

    /// The `health` of each of the nodes, as GET /health answers it.
    boost::asio::awaitable<ServerResponse> health(NodeList nodes);
    /// The nodes' contracts, as OpenAPI or as a page.
    boost::asio::awaitable<ServerResponse> describe(NodeList nodes, bool page);

    using RequestPtr = std::shared_ptr<ServerRequest>;

  private:
    struct Job {
        RequestPtr request;
        std::shared_ptr<Listening> listening;
        std::string correlation_id;
        std::shared_ptr<const Listening::Serving> serving;
    };
    boost::asio::awaitable<ServerResponse> answer(Job job);
    boost::asio::awaitable<ServerResponse> host_route(Job job);
    boost::asio::awaitable<ServerResponse> contract_route(Job job, RouteTable::Match match);
    boost::asio::awaitable<ServerResponse> admin_route(Job job);
    boost::asio::awaitable<ServerResponse> nodes_route(Job job, std::string verb, std::string name);

    // /onex/v1/ for peers, and for the admin socket without signature (peer_routes.cpp)
    boost::asio::awaitable<ServerResponse> peer_route(Job job);
    boost::asio::awaitable<ServerResponse> peer_operation(Job job,
                                                          std::string node,
                                                          std::string operation);
    boost::asio::awaitable<ServerResponse> peer_cancel(Job job);
    boost::asio::awaitable<ServerResponse> peer_describe(Job job);
    boost::asio::awaitable<Result<Caller>> let_peer_in(const Job& job,
                                                       const std::vector<std::string>& ranges);

    /// Address, credentials, then the body's own proof; leaves input, stream and caller in the
    /// invocation.
    boost::asio::awaitable<Result<Caller>> let_in(const Job& job,
                                                  const NodeInstance& node,
                                                  const OperationContract& operation);
    boost::asio::awaitable<Result<void>> read_json(const Job& job,
                                                   const OperationContract& operation,
                                                   Caller& caller,
                                                   const PathParams& params,
                                                   Invocation& call);
    boost::asio::awaitable<Result<void>> read_stream(const Job& job,
                                                     const OperationContract& operation,
                                                     const Caller& caller,
                                                     const PathParams& params,
                                                     Invocation& call);
    boost::asio::awaitable<ServerResponse> stream_answer(Invocation call,
                                                         std::string content_type,
                                                         Caller caller,
                                                         bool unified);
    static Result<std::string> idempotency_key(const ServerRequest& request, const Caller& caller);
    ServerResponse lines_answer(Invocation call, Caller caller);
    static void sign(ServerResponse& response, const Caller& caller);
    [[nodiscard]] static const NodeInstance* unsigned_upload_ok(const Job& job,
                                                                const NodeInstance& node,
                                                                const OperationContract& operation);

    Runtime& runtime_;
    Gate& gate_;
    HostHooks hooks_;
    MetricId requests_ = 0;
};

}  // namespace onex::host
