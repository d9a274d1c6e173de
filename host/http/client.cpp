#include "host/http/exchange.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace asio = boost::asio;

namespace onex::host {
namespace {

Result<void> check(const ClientRequest& request) {
    const auto bad = [](char c) { return static_cast<unsigned char>(c) <= 32 || c == 127; };
    if (request.target.empty() || std::ranges::any_of(request.target, bad) ||
        request.method.empty() || std::ranges::any_of(request.method, bad)) {
        return fail("VALIDATION_ERROR",
                    "request line '" + request.method + " " + request.target +
                        "' has empty parts, spaces or control characters; percent-encode them");
    }
    return {};
}

class Client final : public HttpClient {
  public:
    Client(asio::any_io_executor executor, HttpClientConfig config)
        : pool_(std::make_shared<ClientPool>(std::move(executor), config)) {}
    ~Client() override {
        pool_->close();
        pool_->tasks.wait_idle_blocking(pool_->executor);
    }
    Client(const Client&) = delete;  // Owns the connections.
    Client& operator=(const Client&) = delete;

    asio::awaitable<Result<ClientResponse>> send(ClientRequest request,
                                                 std::uint64_t body_bytes_max,
                                                 Wait wait) override {
        return perform(pool_, std::move(request), std::move(wait), body_bytes_max, 0);
    }
    asio::awaitable<Result<void>> reach(Endpoint endpoint, Wait wait) override {
        return connect_once(pool_, std::move(endpoint), std::move(wait));
    }
    asio::awaitable<Result<ClientResponse>> open(ClientRequest request,
                                                 Wait wait,
                                                 std::int64_t idle_ms) override {
        const auto at_least_one = std::max<std::int64_t>(idle_ms, 1);
        return perform(pool_, std::move(request), std::move(wait), 0, at_least_one);
    }

    void close() override { pool_->close(); }

  private:
    static asio::awaitable<Result<void>> connect_once(std::shared_ptr<ClientPool> pool,
                                                      Endpoint endpoint,
                                                      Wait wait) {
        const auto counted = pool->tasks.guard();
        const auto connection = pool->make(endpoint);
        const auto limit = std::chrono::milliseconds(pool->config.connect_timeout_ms);
        const auto deadline = std::min(wait.deadline, SteadyClock::now() + limit);
        auto work = connection->transport->connect(endpoint, deadline);
        auto connected = co_await asio::co_spawn(
            connection->transport->executor(), std::move(work), asio::use_awaitable);
        connection->transport->close({"CANCELLED", "only looked whether anybody is there", {}, {}});
        co_return connected;
    }
    static asio::awaitable<Result<ClientResponse>> perform(std::shared_ptr<ClientPool> pool,
                                                           ClientRequest request,
                                                           Wait wait,
                                                           std::uint64_t body_bytes_max,
                                                           std::int64_t idle_ms) {
        const auto counted = pool->tasks.guard();
        if (auto checked = check(request); !checked) {
            if (request.stream) request.stream->close_reader();
            co_return std::unexpected(std::move(checked).error());
        }
        const auto shared = std::make_shared<ClientRequest>(std::move(request));
        // A stream can be read once, so it never rides on a connection that may turn out to be
        // dead.
        auto connection = shared->stream ? nullptr : pool->take(shared->endpoint);
        for (;;) {
            if (!connection) connection = pool->make(shared->endpoint);
            const auto strand = connection->transport->executor();
            const auto exchange =
                std::make_shared<Exchange>(pool, shared, connection, wait, body_bytes_max, idle_ms);
            auto work = exchange->run();
            auto answer = co_await asio::co_spawn(strand, std::move(work), asio::use_awaitable);
            if (answer || !exchange->may_repeat()) co_return answer;
            connection.reset();
        }
    }

    std::shared_ptr<ClientPool> pool_;
};

}  // namespace

std::unique_ptr<HttpClient> make_http_client(asio::any_io_executor executor,
                                             HttpClientConfig config) {
    return std::make_unique<Client>(std::move(executor), config);
}

}  // namespace onex::host
