// Routes that belong to the host on every listener, and those of the admin socket.
#include "host/contract/contract.hpp"
#include "host/router/respond.hpp"
#include "host/router/router.hpp"
#include "host/version.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <utility>

namespace onex::host {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::int64_t kHealthTimeoutMs = 3'000;
constexpr std::size_t kHealthDepthMax = 64;  // as of every output

ServerResponse text_response(std::string content_type, std::string body) {
    ServerResponse out;
    out.headers.add("Content-Type", std::move(content_type));
    out.body = std::move(body);
    return out;
}

}  // namespace

asio::awaitable<ServerResponse> Router::health(NodeList nodes) {
    json::object services;
    json::object answer;
    std::map<std::string, int, std::less<>>
        used;  // Top-level names, by how many nodes answer with them.
    bool healthy = true;
    for (const auto& node : nodes) {
        const auto* operation = node->contract().find("health");
        if (!operation) {
            services[node->name()] = json::object{{"status", "healthy"}};
            continue;
        }
        Invocation call;
        call.node = node;
        call.operation = operation;
        call.input = json::object{};
        call.correlation_id = "health";
        call.caller = "health";
        call.timeout_ms = kHealthTimeoutMs;
        auto outcome = co_await runtime_.dispatcher->invoke(std::move(call));
        json::object told;
        if (outcome.output) {
            boost::system::error_code ec;
            json::parse_options options;
            options.max_depth = kHealthDepthMax;
            auto value = json::parse(*outcome.output, ec, {}, options);
            if (!ec && value.is_object()) told = std::move(value.as_object());
        } else {
            told = {{"status", "degraded"}, {"error", outcome.output.error().message}};
        }
        const auto* status = told.if_contains("status");
        healthy = healthy && status && status->is_string() && status->as_string() == "healthy";
        for (const auto& member : told)
            ++used[std::string(member.key())];
        services[node->name()] = std::move(told);
    }
    for (const auto& service : services) {
        for (const auto& member : service.value().as_object()) {
            if (used[std::string(member.key())] == 1) answer[member.key()] = member.value();
        }
    }
    answer["status"] = healthy ? "healthy" : "degraded";
    answer["version"] = host_version();
    answer["host"] = runtime_.identity.name;
    answer["services"] = std::move(services);
    co_return json_response(healthy ? 200 : 503, json::serialize(answer));
}

asio::awaitable<ServerResponse> Router::describe(NodeList nodes, bool page) {
    std::vector<const NodeContract*> contracts;
    for (const auto& node : nodes)
        contracts.push_back(&node->contract());
    const auto document = openapi(contracts, "onex-host " + runtime_.identity.name, host_version());
    if (page) co_return text_response("text/html; charset=utf-8", docs_page(document));
    co_return json_response(200, json::serialize(document));
}

asio::awaitable<ServerResponse> Router::host_route(Job job) {
    const auto& path = job.request->path;
    const bool get = job.request->method == "GET" || job.request->method == "HEAD";
    if (path != "/health" && path != "/metrics" && path != "/openapi.json" && path != "/docs") {
        co_return error_response(
            {"NOT_FOUND", "nothing is at " + path.substr(0, 128) + "; see /docs", {}, {}},
            job.correlation_id);
    }
    if (!get) {
        auto refused =
            error_response({"METHOD_NOT_ALLOWED", path + " takes GET", {}, {}}, job.correlation_id);
        refused.headers.add("Allow", "GET, HEAD");
        co_return refused;
    }
    if (path == "/health") {
        const auto serving = job.serving;
        const SharedAnswer::Make make = [this, serving] { return health(serving->nodes); };
        auto answer = co_await serving->health->get(runtime_.executor, make);
        co_return answer;
    }
    if (path == "/metrics")
        co_return text_response("text/plain; version=0.0.4; charset=utf-8",
                                runtime_.metrics.scrape());
    const bool page = path == "/docs";
    const auto serving = job.serving;
    const SharedAnswer::Make make = [this, serving, page] {
        return describe(serving->nodes, page);
    };
    const auto& shared = page ? serving->docs : serving->openapi;
    auto answer = co_await shared->get(runtime_.executor, make);
    co_return answer;
}

}  // namespace onex::host
