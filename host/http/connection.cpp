#include "host/http/connection.hpp"

#include "host/async/report.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <random>

namespace asio = boost::asio;

namespace onex::host {
namespace {

constexpr std::uint64_t kDrainBytesMax = 64 * 1024;
constexpr std::uint64_t kLingerBytesMax = 1024 * 1024;
constexpr auto kLingerTime = std::chrono::seconds(2);

TimePoint in_ms(std::int64_t ms) {
    return SteadyClock::now() + std::chrono::milliseconds(ms);
}

std::string path_of(const std::string& target) {
    std::string_view path = target;
    if (path.starts_with("http://") || path.starts_with("https://")) {  // absolute form
        const auto slash = path.find('/', path.find("//") + 2);
        path = slash == path.npos ? "/" : path.substr(slash);
    }
    return url_decode(path.substr(0, path.find('?')), false);
}

/// What client and log have in common: the client's own id when it is a plain word, else a new one.
std::string fault_id(const ServerRequest& request) {
    const auto given = request.headers.get("X-Correlation-Id");
    const bool plain = std::ranges::all_of(given, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-' || c == '_' || c == '.';
    });
    if (plain && !given.empty() && given.size() <= 128) return std::string(given);
    std::random_device random;
    return "fault-" + std::to_string(random()) + "-" + std::to_string(random());
}

ServerResponse error_response(unsigned status,
                              std::string_view code,
                              std::string_view message,
                              std::string_view correlation_id = {}) {
    ServerResponse response;
    response.status = status;
    response.headers.add("Content-Type", "application/json");
    if (!correlation_id.empty())
        response.headers.add("X-Correlation-Id", std::string(correlation_id));
    response.body = error_json(code, message, correlation_id);
    return response;
}

}  // namespace

struct ServerConnection::Body {
    Body(const RequestHead& head)
        : decoder(head.framing), expected(head.expect_continue), announced(decoder.left()) {}
    BodyDecoder decoder;
    bool expected;  // "100 Continue" is still owed
    std::optional<std::uint64_t> announced;
    std::atomic<bool> taken = false;
    bool continuing = false;  // it is being written
    SignalPtr continued;
    bool abandoned = false;  // the request was answered
    bool failed = false;
    PipePtr pipe;
};

class ServerConnection::Request final : public ServerRequest {
  public:
    Request(std::weak_ptr<ServerConnection> connection, std::shared_ptr<Body> body)
        : connection_(std::move(connection)), body_(std::move(body)) {}

    asio::awaitable<Result<std::string>> read_body(std::uint64_t bytes_max) override {
        const auto connection = connection_.lock();
        if (!connection) co_return fail("CANCELLED", "the connection of this request is gone");
        if (body_->taken.exchange(true)) {
            co_return fail("FAILED_PRECONDITION", "the body of this request was read already");
        }
        co_return co_await connection->read_body(body_, bytes_max);
    }

    PipePtr stream_body(std::uint64_t bytes_max) override {
        const auto connection = connection_.lock();
        if (connection && !body_->taken.exchange(true)) {
            return connection->stream_body(body_, bytes_max);
        }
        auto pipe = std::make_shared<Pipe>();
        pipe->fail(connection
                       ? Error{"FAILED_PRECONDITION", "the body was read already", {}, {}}
                       : Error{"CANCELLED", "the connection of this request is gone", {}, {}});
        return pipe;
    }

    [[nodiscard]] const Headers& trailers() const override { return body_->decoder.trailers(); }

  private:
    std::weak_ptr<ServerConnection> connection_;
    std::shared_ptr<Body> body_;
};

std::vector<std::shared_ptr<ServerConnection>> ListenerState::all() {
    std::vector<std::shared_ptr<ServerConnection>> out;
    const std::scoped_lock lock(mutex);
    for (const auto& [key, weak] : connections) {
        if (auto connection = weak.lock()) out.push_back(std::move(connection));
    }
    return out;
}

ServerConnection::ServerConnection(std::shared_ptr<ListenerState> listener,
                                   TransportPtr transport,
                                   bool refuse)
    : listener_(std::move(listener)),
      transport_(std::move(transport)),
      inbound_(transport_),
      refuse_(refuse) {
    ++(refuse_ ? listener_->refused : listener_->open);
}

ServerConnection::~ServerConnection() {
    --(refuse_ ? listener_->refused : listener_->open);
    const std::scoped_lock lock(listener_->mutex);
    listener_->connections.erase(this);
}

void ServerConnection::drop() {
    asio::post(transport_->executor(), [self = shared_from_this()] {
        self->transport_->close({"CANCELLED", "the listener was closed", {}, {}});
        if (self->gone_) self->gone_->cancel();
    });
}

void ServerConnection::drop_if_idle() {
    asio::post(transport_->executor(), [self = shared_from_this()] {
        if (self->phase_ == Phase::busy) return;
        self->transport_->close({"CANCELLED", "the listener is stopping", {}, {}});
    });
}

bool ServerConnection::may_keep() const {
    return !listener_->stopping && !refuse_;
}

asio::awaitable<void> ServerConnection::run() {
    const auto self = shared_from_this();
    const auto& limits = listener_->limits;
    const auto handshake_end = in_ms(limits.header_timeout_ms);
    auto ready = co_await transport_->accept_handshake(handshake_end);
    if (!ready) {
        transport_->close(std::move(ready).error());
        co_return;
    }
    auto first_byte = in_ms(limits.header_timeout_ms);
    for (;;) {
        const bool keep = co_await serve_one(first_byte);
        if (!keep || transport_->closed()) break;
        phase_ = Phase::idle;
        if (!may_keep()) break;
        inbound_.shrink();
        first_byte = in_ms(limits.idle_timeout_ms);
    }
    phase_ = Phase::lingering;
    gone_.reset();
    const bool clean = body_ == nullptr && inbound_.data().empty();
    if (!transport_->closed()) {
        // A client that is still sending would lose the answer to a reset; others just go.
        const auto wait = listener_->stopping ? std::chrono::milliseconds(100) : kLingerTime;
        const auto until = SteadyClock::now() + wait;
        co_await transport_->linger(clean, kLingerBytesMax, until);
    }
}

asio::awaitable<bool> ServerConnection::serve_one(TimePoint first_byte) {
    const auto& limits = listener_->limits;
    auto text =
        co_await inbound_.read_head(limits.header_bytes_max, first_byte, limits.header_timeout_ms);
    phase_ = Phase::busy;
    if (!text) {
        auto error = std::move(text).error();
        const bool http = error.code == "VALIDATION_ERROR";
        const bool late = error.code == "TIMEOUT" && !inbound_.data().empty();
        const unsigned status = late ? 408 : error.details.empty() ? 400 : 431;
        if (http || late) {
            co_await send_error(status, std::move(error));
        } else {
            transport_->close(std::move(error));
        }
        co_return false;
    }
    if (text->empty()) co_return false;
    auto head = parse_request_head(*text);
    if (!head) {
        auto error = std::move(head).error();
        const unsigned status = code_info(error.code).http_status;
        co_await send_error(status, std::move(error));
        co_return false;
    }
    body_ = std::make_shared<Body>(*head);
    if (refuse_) {
        Error error{"UNAVAILABLE", "this listener has all the connections it may have", {}, {}};
        co_await send_error(503, std::move(error));
        co_return false;
    }
    const auto request = std::make_shared<Request>(weak_from_this(), body_);
    request->method = head->method;
    request->target = head->target;
    request->path = path_of(head->target);
    const auto mark = head->target.find('?');
    if (mark != std::string::npos) request->query = head->target.substr(mark + 1);
    request->headers = std::move(head->headers);
    request->remote_address = transport_->remote_address();
    request->unix_socket = transport_->unix_socket();
    request->tls = transport_->tls();
    if (head->framing.kind != Framing::Kind::chunked && request->headers.count("Content-Length")) {
        request->content_length = head->framing.length;
    }
    request->has_body = head->framing.kind != Framing::Kind::none;
    gone_ = request->gone = std::make_shared<Cancel>();
    ++request_number_;
    if (body_->decoder.done()) watch_soon();

    auto response = co_await call_handler(request);
    const auto left = body_->decoder.left();
    const bool drains = left && *left <= kDrainBytesMax && !body_->failed &&
                        (!body_->taken || body_->decoder.done()) && !body_->expected;
    bool keep = head->keep_alive && may_keep() && (drains || (response.stream && body_->taken));
    if (response.headers.get("Connection") == "close" || transport_->closed()) keep = false;
    if (response.stream && !head->http_1_1) keep = false;  // Its end is the end of the connection.
    const bool sent = co_await send_response(*head, response, keep);
    if (!sent) {
        const auto gone = gone_;
        if (gone) gone->cancel();
        transport_->close({"TRANSFER_FAILED", "the answer could not be sent", {}, {}});
        co_return false;
    }
    const bool drained = co_await end_body();
    co_return keep&& drained;
}

asio::awaitable<ServerResponse> ServerConnection::call_handler(std::shared_ptr<Request> request) {
    ServerResponse response;
    try {
        response = co_await listener_->handler(request);
    } catch (...) {
        // What it says is for the log alone; it may name things that a client must not see.
        const auto id = fault_id(*request);
        report_fault(request->method + " " + request->path + " (correlation id " + id +
                     ") ended with an exception: " + what_of(std::current_exception()));
        response =
            error_response(500, "INTERNAL", "the request failed inside the host; see its log", id);
    }
    co_return response;
}

asio::awaitable<void> ServerConnection::send_error(unsigned status, Error error) {
    RequestHead head;
    head.method = "GET";
    auto response = error_response(status, error.code, error.message);
    const bool sent = co_await send_response(head, response, false);
    if (!sent) transport_->close(std::move(error));
    // Nothing after a broken head can be trusted to be a request.
    if (!body_) body_ = std::make_shared<Body>(head);
}

asio::awaitable<bool> ServerConnection::send_response(const RequestHead& head,
                                                      ServerResponse& response,
                                                      bool keep) {
    const auto status = response.status;
    const bool bodiless = status / 100 == 1 || status == 204 || status == 304;
    const bool silent = bodiless || head.method == "HEAD";
    const bool chunked = response.stream && head.http_1_1;
    std::string text = status_line(status);
    if (!response.trailers || !chunked) response.headers.remove("Trailer");
    append_fields(text, response.headers);
    text += "Date: " + http_date() + "\r\n";
    if (chunked && !bodiless) {
        text += "Transfer-Encoding: chunked\r\n";
    } else if (!response.stream && !bodiless) {
        text += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
    }
    if (!keep) {
        text += "Connection: close\r\n";
    } else if (!head.http_1_1) {
        text += "Connection: keep-alive\r\n";
    }
    text += "\r\n";
    const std::array<std::string_view, 2> parts{
        text, silent || response.stream ? std::string_view{} : std::string_view{response.body}};
    while (body_ && body_->continuing) {
        co_await body_->continued->wait(kNever);
    }
    const auto idle_ms = listener_->limits.body_idle_ms;
    auto written = co_await transport_->write(parts, idle_ms, kNever);
    if (!response.stream) co_return written.has_value();
    if (!written || silent) {
        response.stream->close_reader();
        co_return written.has_value();
    }
    const bool streamed = co_await send_stream(head, response);
    co_return streamed;
}

asio::awaitable<bool> ServerConnection::send_stream(const RequestHead& head,
                                                    ServerResponse& response) {
    const auto idle_ms = listener_->limits.body_idle_ms;
    // How long a stream may be silent is its writer's business; a client that leaves ends it.
    const Wait wait{kNever, gone_};
    for (;;) {
        auto chunk = co_await response.stream->async_pop(wait);
        if (!chunk) {
            response.stream->close_reader();
            co_return false;
        }
        std::string before;
        std::string_view body;
        std::string_view after;
        if (*chunk) {
            body = **chunk;
            if (head.http_1_1) before = chunk_head(body.size());
            if (head.http_1_1) after = "\r\n";
        } else if (head.http_1_1) {
            before = last_chunk(response.trailers);
        }
        const std::array<std::string_view, 3> parts{before, body, after};
        auto written = co_await transport_->write(parts, idle_ms, kNever);
        if (!written) {
            response.stream->close_reader();
            co_return false;
        }
        if (!*chunk) co_return true;
    }
}

// After the answer: true when the next request can follow on this connection.
asio::awaitable<bool> ServerConnection::end_body() {
    const auto body = body_;
    ++request_number_;
    gone_.reset();
    body->abandoned = true;
    if (!body->decoder.done() && (body->failed || body->taken || body->expected)) {
        if (body->pipe) {
            body->pipe->fail(
                {"CANCELLED", "the request was answered before its body ended", {}, {}});
        }
        co_return false;
    }
    const auto deadline = in_ms(listener_->limits.header_timeout_ms);
    std::uint64_t drained = 0;
    while (!body->decoder.done()) {
        auto chunk =
            co_await inbound_.read_body(body->decoder, listener_->limits.body_idle_ms, deadline);
        if (!chunk) co_return false;
        drained += chunk->size();
        if (drained > kDrainBytesMax) co_return false;
    }
    body_.reset();
    co_return true;
}

// Marked while it runs, since the answer may be ready before this is written.
asio::awaitable<Result<void>> ServerConnection::send_continue(std::shared_ptr<Body> body) {
    const std::array<std::string_view, 1> parts{"HTTP/1.1 100 Continue\r\n\r\n"};
    body->continued = std::make_shared<Signal>(transport_->executor());
    body->continuing = true;
    const auto idle_ms = listener_->limits.body_idle_ms;
    auto written = co_await transport_->write(parts, idle_ms, kNever);
    body->continuing = false;
    body->continued->fire();
    co_return written;
}

asio::awaitable<Result<std::string>> ServerConnection::read_some_body(std::shared_ptr<Body> body) {
    const auto self = shared_from_this();
    const auto gone = gone_;
    if (body->abandoned) co_return fail("CANCELLED", "the request was answered already");
    if (std::exchange(body->expected, false)) {
        auto asked = co_await send_continue(body);
        if (!asked) co_return std::unexpected(std::move(asked).error());
    }
    auto chunk = co_await inbound_.read_body(body->decoder, listener_->limits.body_idle_ms, kNever);
    if (!chunk) {
        body->failed = true;
        auto error = std::move(chunk).error();
        if (error.code == "TRANSFER_FAILED") error.code = "VALIDATION_ERROR";  // a body cut short
        if (error.code != "TIMEOUT" && gone) gone->cancel();
        co_return std::unexpected(std::move(error));
    }
    if (body->decoder.done() && !body->abandoned) watch_soon();
    co_return chunk;
}

asio::awaitable<Result<std::string>> ServerConnection::read_body(std::shared_ptr<Body> body,
                                                                 std::uint64_t bytes_max) {
    const auto too_large = [bytes_max] {
        return fail("PACKAGE_TOO_LARGE",
                    "the body is over the limit of " + std::to_string(bytes_max) + " bytes");
    };
    if (body->announced && *body->announced > bytes_max) co_return too_large();
    std::string out;
    while (!body->decoder.done()) {
        auto chunk = co_await read_some_body(body);
        if (!chunk) co_return std::unexpected(std::move(chunk).error());
        if (out.size() + chunk->size() > bytes_max) {
            body->failed = true;
            co_return too_large();
        }
        if (out.empty()) {
            out = *std::move(chunk);
        } else {
            out += *chunk;
        }
    }
    co_return out;
}

PipePtr ServerConnection::stream_body(std::shared_ptr<Body> body, std::uint64_t bytes_max) {
    auto pipe = std::make_shared<Pipe>();
    body->pipe = pipe;
    listener_->tasks.spawn(transport_->executor(), pump(std::move(body), bytes_max));
    return pipe;
}

asio::awaitable<void> ServerConnection::pump(std::shared_ptr<Body> body, std::uint64_t bytes_max) {
    const auto self = shared_from_this();
    const auto pipe = body->pipe;
    const Wait wait{kNever, gone_};
    const auto too_large = "the body is over the limit of " + std::to_string(bytes_max) + " bytes";
    if (body->announced && *body->announced > bytes_max) {
        body->failed = true;
        pipe->fail({"PACKAGE_TOO_LARGE", too_large, {}, {}});
        co_return;
    }
    std::uint64_t bytes = 0;
    while (!body->decoder.done()) {
        auto chunk = co_await read_some_body(body);
        if (!chunk) {
            pipe->fail(std::move(chunk).error());
            co_return;
        }
        if (body->abandoned) co_return;
        bytes += chunk->size();
        if (bytes > bytes_max) {
            body->failed = true;
            pipe->fail({"PACKAGE_TOO_LARGE", too_large, {}, {}});
            co_return;
        }
        const auto shared = std::make_shared<const std::string>(*std::move(chunk));
        auto pushed = co_await pipe->async_push(shared, wait);
        if (!pushed) {
            body->failed = body->failed || !body->decoder.done();
            pipe->fail(std::move(pushed).error());
            co_return;
        }
    }
    pipe->finish();
}

// While a handler runs and nothing of its body is left to read, the socket shows when the client
// leaves.
asio::awaitable<void> ServerConnection::watch() {
    const auto self = shared_from_this();
    const auto gone = gone_;
    const auto number = request_number_;
    auto more = co_await inbound_.fill(kNever);
    const bool left = !more || !*more;
    if (left && gone && number == request_number_) gone->cancel();
}

void ServerConnection::watch_soon() {
    // Posted: a handler that answers without waiting never gets a watch, and pays nothing for it.
    asio::post(transport_->executor(), [weak = weak_from_this(), number = request_number_] {
        const auto self = weak.lock();
        if (!self || self->request_number_ != number || self->phase_ != Phase::busy) return;
        self->listener_->tasks.spawn(self->transport_->executor(), self->watch());
    });
}

}  // namespace onex::host
