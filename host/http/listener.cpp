#include "host/http/connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;

namespace onex::host {
namespace {

// Beyond connections_max, so many more are told so; the rest are closed unheard.
constexpr std::size_t kRefusalsMax = 64;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

asio::awaitable<void> serve(std::shared_ptr<ServerConnection> connection) {
    co_await connection->run();
}

asio::awaitable<void> accept_all(std::shared_ptr<Acceptor> acceptor,
                                 std::shared_ptr<ListenerState> state) {
    Signal pause(acceptor->executor());
    for (;;) {
        auto transport = co_await acceptor->accept();
        if (state->stopping) co_return;
        if (!transport) {
            if (transport.error().code == "CANCELLED") co_return;
            const auto until = SteadyClock::now() + kAcceptPause;
            co_await pause.wait(until);
            continue;
        }
        const bool refuse = state->open >= state->limits.connections_max;
        if (refuse && state->refused >= kRefusalsMax) continue;
        const auto connection = std::make_shared<ServerConnection>(state, *transport, refuse);
        {
            const std::scoped_lock lock(state->mutex);
            state->connections.emplace(connection.get(), connection);
        }
        state->tasks.spawn((*transport)->executor(), serve(connection));
    }
}

class ListenerImpl final : public Listener {
  public:
    ListenerImpl(asio::any_io_executor executor,
                 std::shared_ptr<Acceptor> acceptor,
                 std::shared_ptr<ListenerState> state)
        : executor_(std::move(executor)),
          acceptor_(std::move(acceptor)),
          state_(std::move(state)),
          port_(acceptor_->port()) {
        state_->tasks.spawn(acceptor_->executor(), accept_all(acceptor_, state_));
    }

    ~ListenerImpl() override {
        close_acceptor();
        for (const auto& connection : state_->all())
            connection->drop();
        state_->tasks.wait_idle_blocking(executor_);
    }
    ListenerImpl(const ListenerImpl&) = delete;  // Owns the listening socket.
    ListenerImpl& operator=(const ListenerImpl&) = delete;

    [[nodiscard]] std::uint16_t port() const override { return port_; }
    [[nodiscard]] std::size_t connections() const override { return state_->open; }

    asio::awaitable<void> stop(Wait wait) override {
        const auto state = state_;
        const auto executor = executor_;
        close_acceptor();
        for (const auto& connection : state->all())
            connection->drop_if_idle();
        const bool idle = co_await state->tasks.wait_idle(executor, wait);
        if (idle) co_return;
        for (const auto& connection : state->all())
            connection->drop();
        const Wait last = Wait::for_ms(1000);
        co_await state->tasks.wait_idle(executor, last);
    }

  private:
    void close_acceptor() {
        if (state_->stopping.exchange(true)) return;
        asio::post(acceptor_->executor(), [acceptor = acceptor_] { acceptor->close(); });
    }

    asio::any_io_executor executor_;
    std::shared_ptr<Acceptor> acceptor_;
    std::shared_ptr<ListenerState> state_;
    std::uint16_t port_;
};

}  // namespace

Result<std::unique_ptr<Listener>> listen(asio::any_io_executor executor,
                                         ListenAddress address,
                                         ServerLimits limits,
                                         HttpHandler handler) {
    TlsContextPtr tls;
    if (!address.tls_cert_file.empty() || !address.tls_key_file.empty()) {
        auto made = make_server_tls(address.tls_cert_file, address.tls_key_file);
        if (!made) return std::unexpected(std::move(made).error());
        tls = *std::move(made);
    }
    auto acceptor = open_acceptor(executor, address, std::move(tls));
    if (!acceptor) return std::unexpected(std::move(acceptor).error());
    auto state = std::make_shared<ListenerState>();
    state->handler = std::move(handler);
    state->limits = limits;
    return std::make_unique<ListenerImpl>(
        std::move(executor), *std::move(acceptor), std::move(state));
}

}  // namespace onex::host
