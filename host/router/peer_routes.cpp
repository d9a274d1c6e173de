// /onex/v1/: what peers call, always signed; the admin socket uses the same without signature.
#include "host/async/report.hpp"
#include "host/async/signal.hpp"
#include "host/peer/answer.hpp"
#include "host/router/input.hpp"
#include "host/router/respond.hpp"
#include "host/router/router.hpp"
#include "host/store/ids.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <mutex>
#include <utility>

namespace onex::host {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::uint64_t kControlBytesMax = 64 * 1024;
constexpr std::size_t kPendingMax = 256 * 1024;
constexpr std::int64_t kLineWriteMs = 30'000;

/// Lines on their way to a peer that waits for a result. Progress never blocks the operation: what
/// the peer does not read in time is left out, but for the result.
class Lines : public std::enable_shared_from_this<Lines> {
  public:
    explicit Lines(const asio::any_io_executor& executor) : signal_(executor) {}

    void progress(const ProgressInfo& info) {
        {
            const std::scoped_lock lock(mutex_);
            if (pending_.size() > kPendingMax) return;
            pending_ += progress_line(info);
        }
        signal_.fire();
    }
    void end(std::string result) {
        {
            const std::scoped_lock lock(mutex_);
            pending_ += result;
            ended_ = true;
        }
        signal_.fire();
    }
    asio::awaitable<void> write(PipePtr to) {
        bool ended = false;
        while (!ended) {
            const auto until = SteadyClock::now() + std::chrono::milliseconds(kAliveEveryMs);
            (void)co_await signal_.wait(until);
            std::string text;
            {
                const std::scoped_lock lock(mutex_);
                text.swap(pending_);
                ended = ended_;
            }
            if (text.empty() && !ended) text = alive_line();
            if (text.empty()) continue;
            auto chunk = std::make_shared<const std::string>(std::move(text));
            const auto wait = Wait::for_ms(kLineWriteMs);
            auto pushed = co_await to->async_push(std::move(chunk), wait);
            if (!pushed) {  // Nothing more comes: whoever still reads must not wait for it.
                to->fail(std::move(pushed).error());
                co_return;
            }
        }
        to->finish();
    }

  private:
    Signal signal_;
    std::mutex mutex_;
    std::string pending_;
    bool ended_ = false;
};

bool is_operation(const std::vector<std::string>& segments) {
    return segments.size() == 6 && segments[2] == "nodes" && segments[4] == "operations";
}

/// The method that a path for peers takes; empty for other paths.
std::string peer_methods(const std::string& path, const std::vector<std::string>& segments) {
    if (path == "/onex/v1/operations") return "GET";
    return path == "/onex/v1/cancel" || is_operation(segments) ? "POST" : "";
}

}  // namespace

asio::awaitable<Result<Caller>> Router::let_peer_in(const Job& job,
                                                    const std::vector<std::string>& ranges) {
    if (job.listening->admin) co_return Caller{"admin", {}};
    if (auto near = Gate::check_address(*job.request, ranges); !near)
        co_return std::unexpected(std::move(near).error());
    auto caller = co_await gate_.check_signature(*job.request);
    co_return caller;
}

asio::awaitable<ServerResponse> Router::peer_route(Job job) {
    const auto& path = job.request->path;
    const auto& method = job.request->method;
    const auto segments = split_path(path);
    ServerResponse response;
    if (method == "GET" && path == "/onex/v1/operations") {
        response = co_await peer_describe(std::move(job));
    } else if (method == "POST" && path == "/onex/v1/cancel") {
        response = co_await peer_cancel(std::move(job));
    } else if (method == "POST" && is_operation(segments)) {
        response = co_await peer_operation(std::move(job), segments[3], segments[5]);
    } else if (const auto allow = peer_methods(path, segments); !allow.empty()) {
        response = error_response({"METHOD_NOT_ALLOWED", path + " takes " + allow, {}, {}},
                                  job.correlation_id);
        response.headers.add("Allow", allow);
    } else {
        response = co_await admin_route(std::move(job));
    }
    co_return response;
}

asio::awaitable<ServerResponse> Router::peer_describe(Job job) {
    // Any node that would hear this address makes the description of the host worth telling.
    std::vector<std::string> ranges;
    bool open = false;
    const auto nodes = runtime_.dispatcher->nodes();
    for (const auto& node : *nodes) {
        open = open || node->section().allow.empty();
        ranges.insert(ranges.end(), node->section().allow.begin(), node->section().allow.end());
    }
    if (open) ranges.clear();
    auto caller = co_await let_peer_in(job, ranges);
    if (!caller) co_return error_response(std::move(caller).error(), job.correlation_id);
    const auto& identity = runtime_.identity;
    const json::object description{
        {"protocol", {{"lowest", 1}, {"highest", 1}}},
        {"host", identity.name},
        {"host_id", identity.host_id},
        {"namespace", identity.ns},
        {"architecture", identity.architecture},
        {"time_us", now_us()},
        {"operations", runtime_.dispatcher->offers(job.listening->admin)}};
    auto response = json_response(200, json::serialize(description));
    sign(response, *caller);
    co_return response;
}

asio::awaitable<ServerResponse> Router::peer_cancel(Job job) {
    const std::vector<std::string> everywhere;
    auto caller = co_await let_peer_in(job, everywhere);
    if (!caller) co_return error_response(std::move(caller).error(), job.correlation_id);
    auto body = co_await job.request->read_body(kControlBytesMax);
    if (!body) co_return error_response(std::move(body).error(), job.correlation_id);
    if (caller->verified) {
        if (auto same = verify_body(*caller->verified, *body); !same) {
            co_return error_response(std::move(same).error(), job.correlation_id);
        }
    }
    auto input = parse_body(*body);
    const auto* key = input ? input->if_contains("key") : nullptr;
    if (!key || !key->is_string() || key->as_string().empty()) {
        co_return error_response({"VALIDATION_ERROR", "expected {\"key\": \"…\"}", {}, {}},
                                 job.correlation_id);
    }
    std::int64_t count = 0;
    for (const auto& running : runtime_.tokens.all()) {
        const bool own = job.listening->admin || running->parts().caller == caller->who;
        if (!own || running->parts().key != std::string_view(key->as_string())) continue;
        running->cancel();
        ++count;
    }
    auto response = json_response(200, json::serialize(json::object{{"cancelled", count}}));
    sign(response, *caller);
    co_return response;
}

asio::awaitable<ServerResponse> Router::peer_operation(Job job,
                                                       std::string node,
                                                       std::string operation) {
    auto found = runtime_.dispatcher->find(node, operation);
    std::vector<std::string> ranges;
    if (found) ranges = found->node->section().allow;
    auto caller = co_await let_peer_in(job, ranges);
    if (!caller) co_return error_response(std::move(caller).error(), job.correlation_id);
    if (!found) {
        auto refused = error_response(std::move(found).error(), job.correlation_id);
        sign(refused, *caller);
        co_return refused;
    }
    const auto& contract = *found->operation;
    Invocation call;
    call.node = found->node;
    call.operation = found->operation;
    call.correlation_id = job.correlation_id;
    call.caller = caller->who;
    call.hop = job.listening->admin ? 0 : 1;
    if (contract.on_disconnect == OnDisconnect::cancel) call.cancel = job.request->gone;
    const std::string timeout(job.request->headers.get("X-Onex-Timeout-Ms"));
    if (!timeout.empty() && timeout.size() < 10 &&
        timeout.find_first_not_of("0123456789") == std::string::npos) {
        call.timeout_ms = std::stoll(timeout);
    }
    Result<void> read;
    auto key = idempotency_key(*job.request, *caller);
    if (key) call.key = *key;
    if (!key) {
        read = std::unexpected(std::move(key).error());
    } else if (!contract.remote && !job.listening->admin) {
        read =
            fail("POLICY_DENIED",
                 operation + " of " + node + " is not for peers; its contract says remote: false");
    } else if (contract.stream_in) {
        const PathParams none;
        read = co_await read_stream(job, contract, *caller, none, call);
    } else {
        const PathParams none;
        read = co_await read_json(job, contract, *caller, none, call);
    }
    if (!read) {
        auto refused = error_response(std::move(read).error(), job.correlation_id);
        sign(refused, *caller);
        co_return refused;
    }
    if (contract.stream_out) {
        auto streamed =
            co_await stream_answer(std::move(call), contract.stream_content_type, *caller, false);
        sign(streamed, *caller);
        co_return streamed;
    }
    if (!contract.stream_in && caller->verified &&
        job.request->headers.get("Accept") == kLinesType) {
        co_return lines_answer(std::move(call), std::move(*caller));
    }
    auto outcome = co_await runtime_.dispatcher->invoke(std::move(call));
    auto response = outcome_response(std::move(outcome), 200, job.correlation_id, false);
    sign(response, *caller);
    co_return response;
}

ServerResponse Router::lines_answer(Invocation call, Caller caller) {
    auto lines = std::make_shared<Lines>(runtime_.executor);
    call.on_progress = [lines](const ProgressInfo& info) { lines->progress(info); };
    runtime_.dispatcher->invoke_async(
        std::move(call), [lines, verified = *caller.verified](const Outcome& outcome) {
            lines->end(result_lines(outcome, verified.key, verified.nonce));
        });
    ServerResponse response;
    response.headers.add("Content-Type", std::string(kLinesType));
    response.stream = std::make_shared<Pipe>();
    asio::co_spawn(runtime_.executor,
                   lines->write(response.stream),
                   [lines](const std::exception_ptr& failed) { report_task(failed); });
    return response;
}

}  // namespace onex::host
