#include "host/peer/peers.hpp"

#include "host/async/signal.hpp"
#include "host/ids.hpp"
#include "host/peer/answer.hpp"
#include "host/peer/hashing_pipe.hpp"
#include "host/store/ids.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace onex::host {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::uint64_t kAnswerBytesMax = 64 << 20;
constexpr std::int64_t kCancelAnswerMs = 10'000;
// A host that is up answers a description, and the head of a call's lines, at once.
constexpr std::int64_t kDescribeMs = 15'000;
constexpr std::int64_t kHeadMs = 60'000;
constexpr std::int64_t kCancelAgainMs = 500;
constexpr std::int64_t kLastChunkMs = 1'000;
constexpr std::size_t kDescriptionDepthMax = 128;  // It holds schemas.
constexpr std::size_t kQueryInputMax = 16 * 1024;
constexpr std::size_t kInlineErrorMax = 1 << 20;

/// The stream of an answer, which breaks at its end unless its trailer proves that it is the
/// peer's. One without a byte has no trailer; its head is signed.
std::shared_ptr<HashingPipe> verified_answer(const ClientResponse& answer,
                                             const SigningKey& key,
                                             const std::string& nonce) {
    Verified request;
    request.key = key;
    request.nonce = nonce;
    return std::make_shared<HashingPipe>(
        answer.stream,
        [proof = answer_to(request),
         empty = verify_response(key, nonce, answer.status, sha256_hex(""), answer.headers),
         trailers = answer.trailers](std::uint64_t bytes,
                                     const std::string& digest) -> Result<void> {
            if (bytes == 0) return empty;
            return verify_trailer(proof, trailers(), bytes, digest);
        });
}

std::string host_port(const Endpoint& endpoint) {
    return endpoint.host + ":" + std::to_string(endpoint.port);
}

bool means(const PeerSection& peer, std::string_view target) {
    if (peer.name == target) return true;
    const auto same = [&](std::string_view address) {
        return address == target || address.substr(0, address.rfind(':')) == target;
    };
    const auto endpoint = parse_url(peer.url);
    if (endpoint && same(host_port(*endpoint))) return true;
    for (const auto& address : peer.addresses) {
        if (same(address) || (endpoint && address + ":" + std::to_string(endpoint->port) == target))
            return true;
    }
    return false;
}

}  // namespace

struct Peers::Signed {
    ClientRequest request;
    SigningKey key;
    std::string nonce;
};

Peers::Peers(Runtime& runtime, std::vector<SigningKey> keys)
    : runtime_(runtime), keys_(std::move(keys)) {}

const PeerSection* Peers::find(std::string_view target) const {
    for (const auto& peer : runtime_.config.peers) {
        if (!peer.url.empty() && means(peer, target)) return &peer;
    }
    return nullptr;
}

Error Peers::unknown(std::string_view target) const {
    std::string known;
    for (const auto& peer : runtime_.config.peers) {
        if (!peer.url.empty())
            known += (known.empty() ? "" : ", ") + peer.name + " (" + peer.url + ")";
    }
    return {"REMOTE_ENDPOINT_UNREACHABLE",
            "no [peers.…] of " + runtime_.identity.name + " has the address " +
                std::string(target) + "; add one with its url and key" +
                (known.empty() ? "" : ", or use " + known),
            R"({"unknown_peer":true})",
            {}};
}

Result<Peers::Signed> Peers::sign(const PeerSection& peer,
                                  std::string method,
                                  std::string target,
                                  Headers headers,
                                  std::string body,
                                  Body kind) const {
    Signed out;
    auto endpoint = parse_url(peer.url);
    if (!endpoint) return std::unexpected(std::move(endpoint).error());
    out.request.endpoint = std::move(*endpoint);
    out.request.endpoint.fingerprint = peer.fingerprint;
    for (const auto& key : keys_) {
        if (key.peer == peer.name) {
            out.key = key;
            break;
        }
    }
    if (out.key.secret.empty())
        return fail("AUTHENTICATION_FAILED", "[peers." + peer.name + "] has no key");
    out.request.method = std::move(method);
    out.request.target = std::move(target);
    out.request.headers = std::move(headers);
    out.request.body = std::move(body);
    const auto& to = peer.host_id.empty() ? peer.name : peer.host_id;
    const auto now_s = now_us() / 1'000'000;
    auto& made = out.request;
    if (kind == Body::streamed) {
        out.nonce =
            sign_stream(made.headers, out.key, to, made.method, made.target, std::nullopt, now_s);
    } else {
        out.nonce =
            sign_request(made.headers, out.key, to, made.method, made.target, made.body, now_s);
    }
    return out;
}

asio::awaitable<Result<json::object>> Peers::describe(const PeerSection& peer,
                                                      Wait wait,
                                                      bool fresh) {
    if (!fresh) {
        const std::scoped_lock lock(mutex_);
        const auto found = described_.find(peer.name);
        if (found != described_.end() && SteadyClock::now() < found->second.until)
            co_return found->second.what;
    }
    auto prepared = sign(peer, "GET", "/onex/v1/operations", {}, {});
    if (!prepared) co_return std::unexpected(std::move(prepared).error());
    wait.deadline = std::min(wait.deadline, deadline_in(kDescribeMs));
    auto answer = co_await runtime_.http.send(std::move(prepared->request), kAnswerBytesMax, wait);
    if (!answer) co_return std::unexpected(std::move(answer).error());
    if (answer->status != 200)
        co_return std::unexpected(parse_error_body(answer->body, answer->status));
    const auto digest = sha256_hex(answer->body);
    if (auto valid = verify_response(prepared->key, prepared->nonce, 200, digest, answer->headers);
        !valid) {
        co_return std::unexpected(std::move(valid).error());
    }
    boost::system::error_code ec;
    json::parse_options options;
    options.max_depth = kDescriptionDepthMax;
    auto value = json::parse(answer->body, ec, {}, options);
    if (ec || !value.is_object())
        co_return fail("TRANSFER_FAILED", peer.name + " does not describe itself as a host does");
    const std::scoped_lock lock(mutex_);
    described_[peer.name] = {value.as_object(), SteadyClock::now() + std::chrono::seconds(5)};
    co_return std::move(value.as_object());
}

asio::awaitable<void> Peers::tell_cancel(const PeerSection& peer, std::string key, CancelPtr over) {
    // The cancel may overtake the call that it is for: say it again until the peer knows the key.
    const auto wait = Wait::for_ms(kCancelAnswerMs, over);
    const auto pause = std::make_shared<Signal>(runtime_.executor);
    const auto registration = over->on_cancel([pause] { pause->fire(); });
    while (!wait.over()) {
        const auto heard = co_await tell_cancel_once(peer, key, wait);
        if (heard) co_return;
        const auto again = deadline_in(kCancelAgainMs);
        co_await pause->wait(again);
    }
}

asio::awaitable<bool> Peers::tell_cancel_once(const PeerSection& peer, std::string key, Wait wait) {
    const Headers headers{{"Content-Type", "application/json"}};
    auto body = json::serialize(json::object{{"key", key}});
    auto prepared = sign(peer, "POST", "/onex/v1/cancel", headers, std::move(body));
    if (!prepared) co_return true;
    auto answer = co_await runtime_.http.send(std::move(prepared->request), kAnswerBytesMax, wait);
    if (!answer || answer->status != 200) co_return false;
    boost::system::error_code ec;
    const auto told = json::parse(answer->body, ec);
    const auto* count =
        !ec && told.is_object() ? told.as_object().if_contains("cancelled") : nullptr;
    co_return count && count->is_int64() && count->as_int64() > 0;
}

asio::awaitable<bool> Peers::wait_idle(Wait wait) {
    const auto executor = runtime_.executor;
    const bool idle = co_await tasks_.wait_idle(executor, wait);
    co_return idle;
}

asio::awaitable<Result<std::string>> Peers::call(const PeerSection& peer,
                                                 PeerCall call,
                                                 Wait wait) {
    // The caller's cancel ends the wait only after the peer was told and had its time to answer.
    auto late = std::make_shared<Cancel>();
    const auto over = std::make_shared<Cancel>();
    Cancel::Registration registration;
    if (wait.cancel) {
        if (wait.cancel->cancelled()) {
            if (call.stream_in) call.stream_in->close_reader();
            co_return fail("CANCELLED", call.operation + " was cancelled before it was sent");
        }
        auto on_cancel = [this, &peer, key = call.key, late, over, executor = runtime_.executor] {
            if (key.empty()) return late->cancel();
            tasks_.spawn(executor, tell_cancel(peer, key, over));
            auto timer = std::make_shared<asio::steady_timer>(
                executor, std::chrono::milliseconds(kCancelAnswerMs));
            timer->async_wait([timer, late](boost::system::error_code) { late->cancel(); });
        };
        registration = wait.cancel->on_cancel(std::move(on_cancel));
    }
    Wait patient{wait.deadline, late};
    // Whatever happens to this coroutine, nobody tells the peer of a cancel after its end.
    const std::shared_ptr<void> ended(nullptr, [over](void*) { over->cancel(); });
    const bool upload = call.stream_in != nullptr;
    if (upload) {
        auto answer = co_await call_with_upload(peer, std::move(call), std::move(patient));
        co_return answer;
    }
    auto answer = co_await call_plain(peer, std::move(call), std::move(patient));
    co_return answer;
}

asio::awaitable<Result<std::string>> Peers::call_plain(const PeerSection& peer,
                                                       PeerCall call,
                                                       Wait wait) {
    Headers headers{
        {"Content-Type", "application/json"},
        {"Accept", std::string(call.stream_out ? "application/octet-stream" : kLinesType)},
        {"X-Correlation-Id", call.correlation_id}};
    if (!call.key.empty()) headers.add("Idempotency-Key", call.key);
    if (call.timeout_ms > 0) headers.add("X-Onex-Timeout-Ms", std::to_string(call.timeout_ms));
    auto prepared = sign(peer,
                         "POST",
                         "/onex/v1/nodes/" + call.node + "/operations/" + call.operation,
                         headers,
                         call.input);
    if (!prepared) co_return std::unexpected(std::move(prepared).error());
    auto head = wait;
    if (!call.stream_out) head.deadline = std::min(head.deadline, deadline_in(kHeadMs));
    auto answer = co_await runtime_.http.open(std::move(prepared->request), head, kLinesIdleMs);
    if (!answer) co_return std::unexpected(std::move(answer).error());
    // A stream that nobody reads to its end holds its connection for ever.
    const std::shared_ptr<void> closed(nullptr,
                                       [body = answer->stream](void*) { body->close_reader(); });
    if (answer->status != 200) {
        std::string body;
        while (body.size() < kInlineErrorMax) {
            auto chunk = co_await answer->stream->async_pop(wait);
            if (!chunk || !*chunk) break;
            body += **chunk;
        }
        co_return std::unexpected(parse_error_body(body, answer->status));
    }
    if (call.stream_out) {
        auto hashing = verified_answer(*answer, prepared->key, prepared->nonce);
        hashing->start(runtime_.executor, wait);
        auto moved = co_await pump(hashing->output(), call.stream_out, wait);
        hashing->stop();
        if (!moved) co_return std::unexpected(std::move(moved).error());
        co_return std::string("{}");
    }
    LineReader reader(prepared->key, prepared->nonce);
    while (!reader.result()) {
        auto chunk = co_await answer->stream->async_pop(wait);
        if (!chunk) co_return std::unexpected(std::move(chunk).error());
        if (!*chunk)
            co_return fail("TRANSFER_FAILED",
                           peer.name + " stopped in the middle of " + call.operation);
        if (auto fed = reader.feed(**chunk, call.on_progress); !fed)
            co_return std::unexpected(std::move(fed).error());
    }
    // To its very end, so that the connection can serve again.
    const auto rest_wait = Wait::for_ms(kLastChunkMs, wait.cancel);
    auto rest = co_await answer->stream->async_pop(rest_wait);
    (void)rest;
    co_return *reader.result();
}

asio::awaitable<Result<std::string>> Peers::call_with_upload(const PeerSection& peer,
                                                             PeerCall call,
                                                             Wait wait) {
    if (call.input.size() > kQueryInputMax) {
        call.stream_in->close_reader();
        co_return fail(
            "VALIDATION_ERROR",
            "the input of " + call.operation + " is over 16 KiB; a stream's input must be small");
    }
    Headers headers{{"Content-Type", "application/octet-stream"},
                    {"X-Correlation-Id", call.correlation_id}};
    if (!call.key.empty()) headers.add("Idempotency-Key", call.key);
    if (call.timeout_ms > 0) headers.add("X-Onex-Timeout-Ms", std::to_string(call.timeout_ms));
    // The input stands in the signed target, so that it is proved before the first byte of the body
    // is read.
    auto prepared = sign(peer,
                         "POST",
                         "/onex/v1/nodes/" + call.node + "/operations/" + call.operation +
                             "?input=" + url_encode(call.input),
                         headers,
                         {},
                         Body::streamed);
    if (!prepared) {
        call.stream_in->close_reader();
        co_return std::unexpected(std::move(prepared).error());
    }
    auto& request = prepared->request;
    const auto hashing = std::make_shared<HashingPipe>(call.stream_in);
    request.stream = hashing->output();
    request.expect_continue = true;
    request.trailers = [hashing, key = prepared->key, nonce = prepared->nonce] {
        return sign_trailer(key, nonce, hashing->bytes(), hashing->digest());
    };
    hashing->start(runtime_.executor, wait);
    auto answer = co_await runtime_.http.send(std::move(request), kAnswerBytesMax, wait);
    hashing->stop();
    if (!answer) co_return std::unexpected(std::move(answer).error());
    if (answer->status >= 300)
        co_return std::unexpected(parse_error_body(answer->body, answer->status));
    const auto digest = sha256_hex(answer->body);
    if (auto valid = verify_response(
            prepared->key, prepared->nonce, answer->status, digest, answer->headers);
        !valid) {
        co_return std::unexpected(std::move(valid).error());
    }
    co_return std::move(answer->body);
}

}  // namespace onex::host
