#include "host/router/router.hpp"

#include "host/async/on_worker.hpp"
#include "host/async/report.hpp"
#include "host/ids.hpp"
#include "host/peer/hashing_pipe.hpp"
#include "host/router/input.hpp"
#include "host/router/multipart.hpp"
#include "host/router/respond.hpp"
#include "host/store/ids.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace onex::host {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::size_t kKeyBytesMax = 1024;

/// The caller's own id when it is fit to stand in logs, else a new one.
std::string correlation_id_of(const ServerRequest& request) {
    const auto given = request.headers.get("X-Correlation-Id");
    const bool fit = !given.empty() && given.size() <= 128 &&
                     std::all_of(given.begin(), given.end(), [](char c) {
                         return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                                (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
                     });
    return fit ? std::string(given) : new_uuid();
}

Result<json::object> prove_and_parse(const std::string& body,
                                     const std::optional<Verified>& verified) {
    if (verified) {
        if (auto same = verify_body(*verified, body); !same)
            return std::unexpected(std::move(same).error());
    }
    return parse_body(body);
}

}  // namespace

Result<std::string> Router::idempotency_key(const ServerRequest& request, const Caller& caller) {
    // Keys are kept, and shared by all callers: whoever is nobody gets none.
    if (caller.who == "anonymous") return std::string();
    const auto key = request.headers.get("Idempotency-Key");
    if (key.size() <= kKeyBytesMax) return std::string(key);
    return fail("VALIDATION_ERROR",
                "the Idempotency-Key has " + std::to_string(key.size()) + " bytes; at most " +
                    std::to_string(kKeyBytesMax) + " are taken");
}

Router::Router(Runtime& runtime, Gate& gate, HostHooks hooks)
    : runtime_(runtime),
      gate_(gate),
      hooks_(std::move(hooks)),
      requests_(runtime.metrics
                    .define(MetricKind::counter,
                            "onex_http_requests_total",
                            "Requests answered, by status",
                            {"listener", "status"})
                    .value_or(0)) {}

HttpHandler Router::handler(std::shared_ptr<Listening> listening) {
    return [this,
            listening](std::shared_ptr<ServerRequest> request) -> asio::awaitable<ServerResponse> {
        Job job{request, listening, correlation_id_of(*request), listening->now()};
        return answer(std::move(job));
    };
}

asio::awaitable<ServerResponse> Router::answer(Job job) {
    const auto correlation_id = job.correlation_id;
    const auto listener = job.listening->name;
    // HEAD is GET whose body the server leaves out (RFC 9110, 9.3.2).
    const bool head = job.request->method == "HEAD";
    const auto serving = job.serving;  // The match points into it.
    auto match = serving->routes.match(head ? "GET" : job.request->method, job.request->path);
    ServerResponse response;
    if (match.route) {
        response = co_await contract_route(std::move(job), std::move(match));
    } else if (job.request->path.starts_with("/onex/v1/")) {
        response = co_await peer_route(std::move(job));
    } else if (!match.allow.empty()) {
        response = error_response(
            {"METHOD_NOT_ALLOWED", job.request->path + " takes " + match.allow, {}, {}},
            correlation_id);
        response.headers.add("Allow", match.allow);
    } else {
        response = co_await host_route(std::move(job));
    }
    response.headers.set("X-Correlation-Id", correlation_id);
    const auto status = std::to_string(response.status);
    (void)runtime_.metrics.record(requests_, {listener, status}, 1);
    co_return response;
}

const NodeInstance* Router::unsigned_upload_ok(const Job& job,
                                               const NodeInstance& node,
                                               const OperationContract& operation) {
    if (!operation.unsigned_upload || job.request->headers.count("X-Onex-Signature") > 0)
        return nullptr;
    const auto settings = json::parse(node.settings());
    const auto* allowed = settings.as_object().if_contains("allow_unsigned_upload");
    return allowed && allowed->is_bool() && allowed->as_bool() ? &node : nullptr;
}

asio::awaitable<Result<Caller>> Router::let_in(const Job& job,
                                               const NodeInstance& node,
                                               const OperationContract& operation) {
    if (job.listening->admin) co_return Caller{"admin", {}};
    if (auto near = Gate::check_address(*job.request, node.section().allow); !near) {
        co_return std::unexpected(std::move(near).error());
    }
    if (operation.auth == Auth::none) co_return Caller{};
    if (operation.auth == Auth::token) co_return gate_.check_token(*job.request);
    if (unsigned_upload_ok(job, node, operation)) co_return Caller{"anonymous", {}};
    const bool original =
        job.request->headers.count("X-Deployment-Signature") > 0 && operation.original_signature;
    if (original)
        co_return Caller{"original", {}};  // Its signature covers the body: read_json proves it.
    auto caller = co_await gate_.check_signature(*job.request);
    if (!caller && operation.unsigned_upload &&
        job.request->headers.count("X-Onex-Signature") == 0) {
        caller.error().message +=
            "; unsigned uploads need allow_unsigned_upload = true in the node's settings";
    }
    co_return caller;
}

asio::awaitable<Result<void>> Router::read_json(const Job& job,
                                                const OperationContract& operation,
                                                Caller& caller,
                                                const PathParams& params,
                                                Invocation& call) {
    auto body = co_await job.request->read_body(operation.body_bytes_max);
    if (!body) co_return std::unexpected(std::move(body).error());
    if (caller.who == "original") {
        auto proved = co_await gate_.check_original(*job.request, *body);
        if (!proved) co_return std::unexpected(std::move(proved).error());
        caller = std::move(*proved);
    }
    call.input_bytes = body->size();
    std::function<Result<json::object>()> work = [text = &*body, verified = caller.verified] {
        return prove_and_parse(*text, verified);
    };
    Result<json::object> input;
    if (body->size() > kInlineInputMax) {  // An I/O thread has others to serve meanwhile.
        auto& pool = call.hop > 0 ? runtime_.peer_workers : runtime_.workers;
        input = co_await on_worker<json::object>(pool, runtime_.executor, std::move(work));
    } else {
        input = work();
    }
    if (!input) co_return std::unexpected(std::move(input).error());
    if (auto added = add_parameters(*input, operation, job.request->query, params); !added)
        co_return added;
    call.input = std::move(*input);
    co_return Result<void>{};
}

asio::awaitable<Result<void>> Router::read_stream(const Job& job,
                                                  const OperationContract& operation,
                                                  const Caller& caller,
                                                  const PathParams& params,
                                                  Invocation& call) {
    auto& request = *job.request;
    if (caller.who == "original") {
        co_return fail("AUTHENTICATION_FAILED",
                       "a streamed body needs the signature headers X-Onex-…: the two-header form "
                       "covers whole bodies only");
    }
    if (request.content_length && *request.content_length > operation.body_bytes_max) {
        co_return fail("PACKAGE_TOO_LARGE",
                       std::to_string(*request.content_length) + " bytes announced, " +
                           std::to_string(operation.body_bytes_max) + " allowed");
    }
    json::object input;
    if (auto added = add_parameters(input, operation, request.query, params); !added)
        co_return added;
    std::string content_type(request.headers.get("Content-Type"));
    if (multipart_boundary(content_type).empty()) {
        // What a raw body needs is complete: refuse a wrong input before the first byte is read.
        json::value probe = input;
        if (auto valid = operation.input.check(probe); !valid) co_return valid;
    }
    auto body = request.stream_body(operation.body_bytes_max);
    if (caller.verified) {
        if (!caller.verified->streamed()) {
            co_return fail("AUTHENTICATION_FAILED",
                           "a streamed body is signed as `streamed`, with a trailer");
        }
        // The bytes reach the operation as they come, but it hears of their end only when they are
        // proved.
        auto prove = [request = job.request, verified = *caller.verified](
                         std::uint64_t bytes, const std::string& digest) {
            return verify_trailer(verified, request->trailers(), bytes, digest);
        };
        const auto hashing = std::make_shared<HashingPipe>(body, std::move(prove));
        hashing->start(runtime_.executor, {SteadyClock::time_point::max(), request.gone});
        body = hashing->output();
    }
    auto opened = co_await open_streamed_body(
        body, content_type, &operation, runtime_.executor, request.gone);
    if (!opened) co_return std::unexpected(std::move(opened).error());
    for (auto& member : opened->fields)
        input[member.key()] = std::move(member.value());
    call.input = std::move(input);
    call.stream_in = std::move(opened->stream);
    call.content_type = std::move(opened->content_type);
    co_return Result<void>{};
}

asio::awaitable<ServerResponse> Router::contract_route(Job job, RouteTable::Match match) {
    const auto& route = *match.route;
    const auto& operation = *route.operation;
    const bool unified = route.node->contract().unified_errors;
    auto caller = co_await let_in(job, *route.node, operation);
    if (!caller) co_return error_response(std::move(caller).error(), job.correlation_id, unified);
    Invocation call;
    call.node = route.node;
    call.operation = route.operation;
    call.correlation_id = job.correlation_id;
    call.hop = caller->verified || caller->who == "original" ? 1 : 0;
    if (operation.on_disconnect == OnDisconnect::cancel) call.cancel = job.request->gone;
    Result<void> read;
    auto key = idempotency_key(*job.request, *caller);
    if (key) call.key = *key;
    if (!key) {
        read = std::unexpected(std::move(key).error());
    } else if (operation.stream_in) {
        read = co_await read_stream(job, operation, *caller, match.params, call);
    } else {
        read = co_await read_json(job, operation, *caller, match.params, call);
    }
    if (!read) {
        auto refused = error_response(std::move(read).error(), job.correlation_id, unified);
        sign(refused, *caller);
        co_return refused;
    }
    call.caller = caller->who;
    if (operation.stream_out) {
        auto streamed = co_await stream_answer(
            std::move(call), operation.stream_content_type, *caller, unified);
        sign(streamed, *caller);
        co_return streamed;
    }
    auto outcome = co_await runtime_.dispatcher->invoke(std::move(call));
    auto response = outcome_response(std::move(outcome), route.status, job.correlation_id, unified);
    sign(response, *caller);
    co_return response;
}

asio::awaitable<ServerResponse> Router::stream_answer(Invocation call,
                                                      std::string content_type,
                                                      Caller caller,
                                                      bool unified) {
    const auto correlation_id = call.correlation_id;
    auto from = std::make_shared<Pipe>();
    call.stream_out = from;
    const auto cancel = call.cancel;
    runtime_.dispatcher->invoke_async(std::move(call), [](Outcome) {});
    // Until the first byte an error can still be told as one.
    Wait wait{SteadyClock::time_point::max(), cancel};
    auto first = co_await from->async_pop(wait);
    if (!first) co_return error_response(std::move(first).error(), correlation_id, unified);
    ServerResponse response;
    response.headers.add("Content-Type", std::move(content_type));
    if (!*first) co_return response;
    auto to = std::make_shared<Pipe>();
    response.stream = to;
    if (caller.verified) {
        // What a peer gets as a stream ends with a trailer that signs it.
        const auto hashing = std::make_shared<HashingPipe>(to);
        response.stream = hashing->output();
        response.headers.set("Trailer", "X-Onex-Blake3, X-Onex-Trailer-Signature");
        response.trailers = [hashing, proof = answer_to(*caller.verified)] {
            return sign_trailer(proof.key, proof.nonce, hashing->bytes(), hashing->digest());
        };
        hashing->start(runtime_.executor, wait);
    }
    auto pushed = co_await to->async_push(std::move(*first), wait);
    if (pushed)
        asio::co_spawn(runtime_.executor,
                       pump(from, to, wait),
                       [from, to](const std::exception_ptr& failed, const Result<void>&) {
                           report_task(failed);
                       });
    co_return response;
}

void Router::sign(ServerResponse& response, const Caller& caller) {
    if (!caller.verified || response.stream) return;
    const auto digest = sha256_hex(response.body);
    response.headers.set(
        "X-Onex-Signature",
        sign_response(caller.verified->key, caller.verified->nonce, response.status, digest));
}

}  // namespace onex::host
