#include "host/http/exchange.hpp"

#include <algorithm>
#include <array>

namespace asio = boost::asio;

namespace onex::host {
namespace {

constexpr std::size_t kAnswerHeadMax = 256 * 1024;
constexpr auto kAnswerAfterBreak = std::chrono::seconds(2);
constexpr auto kContinueWait = std::chrono::seconds(1);
constexpr std::size_t kSmallBody = 64 * 1024;
constexpr std::int64_t kForeverMs = std::int64_t{1000} * 3600 * 24 * 365;

}  // namespace

Exchange::Exchange(std::shared_ptr<ClientPool> pool,
                   std::shared_ptr<ClientRequest> request,
                   ClientConnectionPtr connection,
                   Wait wait,
                   std::uint64_t body_bytes_max,
                   std::int64_t idle_ms)
    : pool_(std::move(pool)),
      request_(std::move(request)),
      connection_(std::move(connection)),
      transport_(connection_->transport),
      wait_(std::move(wait)),
      body_bytes_max_(body_bytes_max),
      idle_ms_(idle_ms),
      continue_(transport_->executor()) {}

bool Exchange::may_repeat() const {
    if (!connection_->used_before || any_byte_ || request_->stream || wait_.over()) return false;
    if (!sent_) return true;
    const auto& method = request_->method;
    const bool idempotent = method == "GET" || method == "HEAD" || method == "OPTIONS" ||
                            method == "PUT" || method == "DELETE";
    return idempotent && request_->headers.count("X-Onex-Nonce") == 0;
}

TimePoint Exchange::step_deadline() const {
    if (idle_ms_ > 0 && answered_) {
        return SteadyClock::now() + std::chrono::milliseconds(idle_ms_);
    }
    return wait_.deadline;
}

std::string Exchange::head_text() const {
    const auto& request = *request_;
    std::string text = request.method + " " + request.target + " HTTP/1.1\r\n";
    if (request.headers.count("Host") == 0) {
        const auto& to = request.endpoint;
        const bool v6 = to.host.find(':') != std::string::npos;
        std::string host = !to.unix_path.empty() ? "localhost" : v6 ? "[" + to.host + "]" : to.host;
        if (to.unix_path.empty() && to.port != (to.tls ? 443 : 80)) {
            host += ":" + std::to_string(to.port);
        }
        text += "Host: " + host + "\r\n";
    }
    append_fields(text, request.headers);
    const bool plain = request.method == "GET" || request.method == "HEAD" ||
                       request.method == "DELETE" || request.method == "OPTIONS";
    if (request.stream && !request.content_length) {
        text += "Transfer-Encoding: chunked\r\n";
    } else if (request.stream) {
        text += "Content-Length: " + std::to_string(*request.content_length) + "\r\n";
    } else if (!request.body.empty() || !plain) {
        text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    }
    if (request.expect_continue) text += "Expect: 100-continue\r\n";
    return text + "\r\n";
}

asio::awaitable<Result<void>> Exchange::connect() {
    if (connection_->used_before) {
        if (!transport_->closed() && transport_->idle_alive()) co_return Result<void>{};
        // Nothing was sent yet, so this is no repetition: just take a new one.
        transport_->close({"TRANSFER_FAILED", "the idle connection was closed", {}, {}});
        co_return fail("TRANSFER_FAILED", "the idle connection was closed by the other side");
    }
    const auto limit = std::chrono::milliseconds(pool_->config.connect_timeout_ms);
    const auto deadline = std::min(wait_.deadline, SteadyClock::now() + limit);
    auto connected = co_await transport_->connect(request_->endpoint, deadline);
    if (!connected && wait_.over() && connected.error().code == "REMOTE_ENDPOINT_UNREACHABLE") {
        co_return fail("TIMEOUT", connected.error().message);
    }
    co_return connected;
}

asio::awaitable<Result<void>> Exchange::write_parts(std::string_view a,
                                                    std::string_view b,
                                                    std::string_view c) {
    const std::array<std::string_view, 3> parts{a, b, c};
    const bool idle = idle_ms_ > 0 && answered_;
    const auto idle_ms = idle ? idle_ms_ : kForeverMs;
    const auto deadline = idle ? kNever : wait_.deadline;
    co_return co_await transport_->write(parts, idle_ms, deadline);
}

asio::awaitable<Result<void>> Exchange::write_stream() {
    const bool chunked = !request_->content_length;
    std::uint64_t left = request_->content_length.value_or(0);
    for (;;) {
        const Wait wait{step_deadline(), wait_.cancel};
        auto chunk = co_await request_->stream->async_pop(wait);
        if (stopped_) co_return Result<void>{};
        if (!chunk) {
            // An open() that was answered has no deadline of its own for a silent source.
            stream_error_ = std::move(chunk).error();
            co_return std::unexpected(*stream_error_);
        }
        if (!*chunk) break;
        const std::string& bytes = **chunk;
        if (!chunked && bytes.size() > left) {
            stream_error_ = Error{"VALIDATION_ERROR",
                                  "the request stream is longer than its announced length",
                                  {},
                                  {}};
            co_return std::unexpected(*stream_error_);
        }
        left -= chunked ? 0 : bytes.size();
        const std::string before = chunked ? chunk_head(bytes.size()) : std::string{};
        const std::string_view after = chunked ? "\r\n" : "";
        auto sent = co_await write_parts(before, bytes, after);
        if (!sent || stopped_) co_return sent;
    }
    if (!chunked && left > 0) {
        stream_error_ = Error{"VALIDATION_ERROR",
                              "the request stream ended " + std::to_string(left) +
                                  " bytes before its announced length",
                              {},
                              {}};
        co_return std::unexpected(*stream_error_);
    }
    if (!chunked) co_return Result<void>{};
    const std::string end = last_chunk(request_->trailers);
    co_return co_await write_parts(end);
}

asio::awaitable<Result<void>> Exchange::write_body() {
    sent_ = true;
    const std::string head = head_text();
    const bool waits = request_->expect_continue;
    const std::string_view body = waits ? std::string_view{} : std::string_view{request_->body};
    auto sent = co_await write_parts(head, body);
    if (!sent) co_return sent;
    if (waits) {
        const auto until = std::min(wait_.deadline, SteadyClock::now() + kContinueWait);
        co_await continue_.wait(until);
        if (stopped_) co_return sent;
        if (!request_->stream) sent = co_await write_parts(request_->body);
    }
    if (!request_->stream || !sent) co_return sent;
    co_return co_await write_stream();
}

asio::awaitable<void> Exchange::write_request() {
    const auto self = shared_from_this();
    auto sent = co_await write_body();
    if (stopped_) co_return;
    if (sent) {
        written_ = true;
        co_return;
    }
    write_error_ = std::move(sent).error();
    if (stream_error_) {
        // The server must see a body that was cut short, not one that ended.
        transport_->close(*stream_error_);
        co_return;
    }
    if (request_->stream) request_->stream->close_reader();
    // What the server had to say may still be on its way.
    connection_->inbound.set_deadline(
        std::min(wait_.deadline, SteadyClock::now() + kAnswerAfterBreak));
}

void Exchange::stop_writing() {
    if (written_ || stopped_) return;
    stopped_ = true;
    if (request_->stream) request_->stream->close_reader();
    continue_.fire();
}

asio::awaitable<Result<ResponseHead>> Exchange::read_final_head() {
    auto& inbound = connection_->inbound;
    for (;;) {
        auto deadline = wait_.deadline;
        if (write_error_) deadline = std::min(deadline, SteadyClock::now() + kAnswerAfterBreak);
        auto text = co_await inbound.read_head(kAnswerHeadMax, deadline, kForeverMs);
        any_byte_ = any_byte_ || (text && !text->empty()) || !inbound.data().empty();
        if (!text) co_return std::unexpected(std::move(text).error());
        if (text->empty()) {
            const auto& to = request_->endpoint;
            const auto name =
                to.unix_path.empty() ? to.host + ":" + std::to_string(to.port) : to.unix_path;
            const std::string hint = to.unix_path.empty() && !to.tls
                                         ? "; if it speaks TLS, its url must begin with https"
                                         : "";
            co_return fail("TRANSFER_FAILED",
                           name + " closed the connection without an answer" + hint);
        }
        auto head = parse_response_head(*text, request_->method);
        if (!head || head->status / 100 != 1 || head->status == 101) co_return head;
        continue_.fire();
    }
}

Error Exchange::explain(Error error) const {
    if (stream_error_) return *stream_error_;
    if (error.code == "CANCELLED" || error.code == "TIMEOUT") return error;
    if (write_error_) return *write_error_;
    if (error.code == "VALIDATION_ERROR")
        error.code = "TRANSFER_FAILED";  // The server's fault here.
    return error;
}

void Exchange::release(bool clean, const BodyDecoder& decoder) {
    cancel_registration_.reset();
    if (clean && keep_alive_ && written_ && decoder.done() && !transport_->closed() &&
        connection_->inbound.data().empty()) {
        pool_->put(request_->endpoint, connection_);
        return;
    }
    stop_writing();
    transport_->close({"CANCELLED", "the connection is done", {}, {}});
}

asio::awaitable<Result<std::string>> Exchange::collect(BodyDecoder& decoder) {
    std::string out;
    if (const auto left = decoder.left()) out.reserve(std::min(*left, body_bytes_max_));
    while (!decoder.done()) {
        auto chunk = co_await connection_->inbound.read_body(decoder, kForeverMs, wait_.deadline);
        if (!chunk) co_return chunk;
        if (out.size() + chunk->size() > body_bytes_max_) {
            co_return fail(
                "PACKAGE_TOO_LARGE",
                "the answer is over the limit of " + std::to_string(body_bytes_max_) + " bytes");
        }
        out += *chunk;
    }
    co_return out;
}

asio::awaitable<void> Exchange::pump(PipePtr pipe, std::shared_ptr<BodyDecoder> decoder) {
    const auto self = shared_from_this();
    const Wait wait{kNever, wait_.cancel};
    while (!decoder->done()) {
        auto chunk = co_await connection_->inbound.read_body(*decoder, idle_ms_, kNever);
        if (!chunk) {
            release(false, *decoder);
            pipe->fail(explain(std::move(chunk).error()));
            co_return;
        }
        const auto shared = std::make_shared<const std::string>(*std::move(chunk));
        auto pushed = co_await pipe->async_push(shared, wait);
        if (!pushed) {
            release(false, *decoder);
            pipe->fail(std::move(pushed).error());
            co_return;
        }
    }
    // From here on the connection may serve others: the reader must not be able to drop it.
    pipe->on_abandoned({});
    release(!pipe->abandoned(), *decoder);
    pipe->finish();
}

asio::awaitable<Result<ClientResponse>> Exchange::run() {
    const auto self = shared_from_this();
    if (wait_.cancel) {
        cancel_registration_ = wait_.cancel->on_cancel([weak = transport_->weak_from_this()] {
            const auto transport = weak.lock();
            if (transport)
                transport->close_soon({"CANCELLED", "the request was cancelled", {}, {}});
        });
    }
    auto connected = co_await connect();
    if (!connected) {
        cancel_registration_.reset();
        if (!connection_->used_before && request_->stream) request_->stream->close_reader();
        transport_->close(connected.error());
        co_return std::unexpected(std::move(connected).error());
    }
    const bool beside =
        request_->stream || request_->expect_continue || request_->body.size() > kSmallBody;
    if (beside) {
        pool_->tasks.spawn(transport_->executor(), write_request());
    } else {
        co_await write_request();
    }
    auto head = co_await read_final_head();
    if (!head) {
        auto error = explain(std::move(head).error());
        stop_writing();
        cancel_registration_.reset();
        transport_->close(error);
        co_return std::unexpected(std::move(error));
    }
    answered_ = true;
    keep_alive_ = head->keep_alive;
    if (head->status >= 300) stop_writing();
    ClientResponse response;
    response.status = head->status;
    response.headers = std::move(head->headers);
    response.peer_fingerprint = transport_->peer_fingerprint();
    const auto decoder = std::make_shared<BodyDecoder>(head->framing);
    if (idle_ms_ > 0) {
        response.stream = std::make_shared<Pipe>();
        response.stream->on_abandoned([weak = transport_->weak_from_this()] {
            const auto transport = weak.lock();
            if (transport) transport->close_soon({"CANCELLED", "the reader left", {}, {}});
        });
        response.trailers = [decoder] { return decoder->trailers(); };
        pool_->tasks.spawn(transport_->executor(), pump(response.stream, decoder));
        co_return response;
    }
    auto body = co_await collect(*decoder);
    release(body.has_value(), *decoder);
    if (!body) co_return std::unexpected(explain(std::move(body).error()));
    response.body = *std::move(body);
    co_return response;
}

}  // namespace onex::host
