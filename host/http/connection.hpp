// One connection of the server: requests in, answers out, one after another.
#pragma once

#include "host/async/task_group.hpp"
#include "host/http/inbound.hpp"
#include "host/http/server.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

namespace onex::host {

class ServerConnection;

/// What the connections of one listener share; outlives the Listener while a connection runs.
struct ListenerState {
    HttpHandler handler;
    ServerLimits limits;
    TaskGroup tasks;
    std::atomic<bool> stopping = false;
    std::atomic<std::size_t> open = 0;
    std::atomic<std::size_t> refused = 0;  // told 503, and not counted as open
    std::mutex mutex;
    std::map<const void*, std::weak_ptr<ServerConnection>> connections;

    /// Those that live now.
    [[nodiscard]] std::vector<std::shared_ptr<ServerConnection>> all();
};

/// Runs on the transport's strand; drop() and drop_if_idle() may be called from any thread.
class ServerConnection : public std::enable_shared_from_this<ServerConnection> {
  public:
    /// A connection that `refuse`s answers its first request with 503.
    ServerConnection(std::shared_ptr<ListenerState> listener, TransportPtr transport, bool refuse);
    ~ServerConnection();
    ServerConnection(const ServerConnection&) = delete;  // Registered by address.
    ServerConnection& operator=(const ServerConnection&) = delete;

    boost::asio::awaitable<void> run();
    void drop();
    void drop_if_idle();

  private:
    class Request;
    struct Body;
    enum class Phase { idle, busy, lingering };

    boost::asio::awaitable<bool> serve_one(TimePoint first_byte);
    boost::asio::awaitable<ServerResponse> call_handler(std::shared_ptr<Request> request);
    boost::asio::awaitable<bool> send_response(const RequestHead& head,
                                               ServerResponse& response,
                                               bool keep);
    boost::asio::awaitable<bool> send_stream(const RequestHead& head, ServerResponse& response);
    boost::asio::awaitable<void> send_error(unsigned status, Error error);
    boost::asio::awaitable<Result<void>> send_continue(std::shared_ptr<Body> body);
    boost::asio::awaitable<bool> end_body();
    boost::asio::awaitable<Result<std::string>> read_some_body(std::shared_ptr<Body> body);
    boost::asio::awaitable<Result<std::string>> read_body(std::shared_ptr<Body> body,
                                                          std::uint64_t bytes_max);
    PipePtr stream_body(std::shared_ptr<Body> body, std::uint64_t bytes_max);
    boost::asio::awaitable<void> pump(std::shared_ptr<Body> body, std::uint64_t bytes_max);
    boost::asio::awaitable<void> watch();
    void watch_soon();
    [[nodiscard]] bool may_keep() const;

    std::shared_ptr<ListenerState> listener_;
    TransportPtr transport_;
    Inbound inbound_;
    bool refuse_;
    Phase phase_ = Phase::idle;
    std::uint64_t request_number_ = 0;
    std::shared_ptr<Body> body_;  // of the request that is served now
    CancelPtr gone_;
};

}  // namespace onex::host
