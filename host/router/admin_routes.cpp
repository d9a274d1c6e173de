// The admin API: the host itself, and its nodes. On the unix socket, and with the token where
// [admin] listen is on.
#include "host/async/on_worker.hpp"
#include "host/router/respond.hpp"
#include "host/router/router.hpp"

#include <boost/json/serialize.hpp>

#include <utility>

namespace onex::host {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::size_t kAdminBytesMax = 64 * 1024;

/// What a path under /onex/v1/ asks of the nodes, and by which method.
struct NodesRequest {
    std::string verb;
    std::string name;
    const char* method = "";
};

std::optional<NodesRequest> nodes_request(const std::vector<std::string>& segments) {
    if (segments.size() < 3) return std::nullopt;
    if (segments[2] == "config" && segments.size() == 4 && segments[3] == "reload")
        return NodesRequest{"config", "", "POST"};
    if (segments[2] != "plugins") return std::nullopt;
    if (segments.size() == 3) return NodesRequest{"list", "", "GET"};
    if (segments.size() == 4) return NodesRequest{"inspect", segments[3], "GET"};
    if (segments.size() == 5 && segments[4] != "config")
        return NodesRequest{segments[4], segments[3], "POST"};
    return std::nullopt;
}

ServerResponse refuse_method(const Router::RequestPtr& request,
                             const char* allowed,
                             const std::string& correlation_id) {
    auto refused = error_response({"METHOD_NOT_ALLOWED",
                                   request->path + " does not take " + request->method + " here",
                                   {},
                                   {}},
                                  correlation_id);
    refused.headers.add("Allow", allowed);
    return refused;
}

}  // namespace

asio::awaitable<ServerResponse> Router::admin_route(Job job) {
    const auto& path = job.request->path;
    const auto& method = job.request->method;
    const auto nodes = nodes_request(split_path(path));
    const bool known =
        nodes || path == "/onex/v1/host" || path == "/onex/v1/doctor" || path == "/onex/v1/stop";
    if (!known) {
        co_return error_response({"NOT_FOUND", "nothing is at " + path.substr(0, 128), {}, {}},
                                 job.correlation_id);
    }
    if (!job.listening->admin) {
        // Over the network the admin routes want the token, and exist only where one is configured.
        auto caller = gate_.has_token() ? gate_.check_token(*job.request)
                                        : fail("AUTHENTICATION_FAILED",
                                               "the admin API is the unix socket of this host");
        if (!caller) co_return error_response(std::move(caller).error(), job.correlation_id);
        // Whoever may call an operation may not change the host by that.
        if (nodes && job.listening->name != runtime_.config.admin.listen) {
            co_return error_response({"POLICY_DENIED",
                                      "the nodes are looked at and changed on the admin socket, or "
                                      "where [admin] listen says",
                                      {},
                                      {}},
                                     job.correlation_id);
        }
    }
    if (nodes) {
        if (method != nodes->method)
            co_return refuse_method(job.request, nodes->method, job.correlation_id);
        auto answer = co_await nodes_route(std::move(job), nodes->verb, nodes->name);
        co_return answer;
    }
    if (method == "GET" && path == "/onex/v1/host")
        co_return json_response(200, json::serialize(hooks_.describe()));
    if (method == "GET" && path == "/onex/v1/doctor") {
        auto report = co_await hooks_.doctor();
        co_return json_response(200, json::serialize(report));
    }
    if (method == "POST" && path == "/onex/v1/stop" && job.listening->admin) {
        hooks_.stop();
        co_return json_response(202, R"({"stopping":true})");
    }
    co_return refuse_method(
        job.request, path == "/onex/v1/stop" ? "POST" : "GET", job.correlation_id);
}

asio::awaitable<ServerResponse> Router::nodes_route(Job job, std::string verb, std::string name) {
    auto body = co_await job.request->read_body(kAdminBytesMax);
    if (!body) co_return error_response(std::move(body).error(), job.correlation_id);
    json::object input;
    if (!body->empty()) {
        auto parsed = parse_body(*body);
        if (!parsed) co_return error_response(std::move(parsed).error(), job.correlation_id);
        input = std::move(*parsed);
    }
    // A reload waits for children and for plugins' code: never on an I/O thread.
    std::function<Result<json::value>()> work = [this, verb, name, input] {
        return hooks_.nodes(verb, name, input);
    };
    auto told =
        co_await on_worker<json::value>(*hooks_.nodes_workers, runtime_.executor, std::move(work));
    if (!told) co_return error_response(std::move(told).error(), job.correlation_id);
    co_return json_response(200, json::serialize(*told));
}

}  // namespace onex::host
