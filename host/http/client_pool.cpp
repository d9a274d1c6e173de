#include "host/http/client_pool.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace asio = boost::asio;

namespace onex::host {
namespace {

std::string key_of(const Endpoint& endpoint) {
    if (!endpoint.unix_path.empty()) return "unix:" + endpoint.unix_path;
    return (endpoint.tls ? "tls:" + endpoint.fingerprint + ":" : "tcp:") + endpoint.host + ":" +
           std::to_string(endpoint.port);
}

Error closed_error() {
    return {"CANCELLED", "the HTTP client was closed", {}, {}};
}
Error unused_error() {
    return {"CANCELLED", "the connection was idle for too long", {}, {}};
}

}  // namespace

ClientPool::ClientPool(asio::any_io_executor made_on, HttpClientConfig made_with)
    : executor(std::move(made_on)),
      config(made_with),
      closed_signal_(std::make_shared<Signal>(executor)) {}

ClientConnectionPtr ClientPool::take(const Endpoint& endpoint) {
    const auto key = key_of(endpoint);
    const std::scoped_lock lock(mutex_);
    const auto found = std::find_if(
        idle_.rbegin(), idle_.rend(), [&](const Idle& entry) { return entry.key == key; });
    if (found == idle_.rend()) return nullptr;
    auto connection = std::move(found->connection);
    idle_.erase(std::next(found).base());
    return connection;
}

ClientConnectionPtr ClientPool::make(const Endpoint& endpoint) {
    const std::scoped_lock lock(mutex_);
    TlsContextPtr tls;
    if (endpoint.tls) {
        auto& kept = endpoint.fingerprint.empty() ? verifying_ : pinning_;
        if (!kept) kept = make_client_tls(endpoint.fingerprint.empty());
        tls = kept;
    }
    auto transport = make_client_transport(executor, endpoint, tls);
    if (closed_) transport->close(closed_error());
    std::erase_if(all_, [](const auto& entry) { return entry.second.expired(); });
    all_.emplace(transport.get(), transport);
    return std::make_shared<ClientConnection>(std::move(transport));
}

void ClientPool::put(const Endpoint& endpoint, ClientConnectionPtr connection) {
    connection->inbound.shrink();
    connection->used_before = true;
    const auto until = SteadyClock::now() + std::chrono::milliseconds(config.idle_ms_max);
    bool start_sweep = false;
    {
        const std::scoped_lock lock(mutex_);
        if (closed_ || config.idle_connections_max == 0) {
            connection->transport->close_soon(closed_error());
            return;
        }
        if (idle_.size() >= config.idle_connections_max) {
            idle_.front().connection->transport->close_soon(unused_error());
            idle_.pop_front();
        }
        idle_.push_back({key_of(endpoint), std::move(connection), until});
        start_sweep = !std::exchange(sweeping_, true);
    }
    // Outside of the lock: on an I/O thread the coroutine starts at once.
    if (start_sweep) tasks.spawn(executor, sweep());
}

asio::awaitable<void> ClientPool::sweep() {
    const auto self = shared_from_this();
    for (;;) {
        TimePoint next;
        {
            const std::scoped_lock lock(mutex_);
            const auto now = SteadyClock::now();
            while (!idle_.empty() && (closed_ || idle_.front().until <= now)) {
                idle_.front().connection->transport->close_soon(unused_error());
                idle_.pop_front();
            }
            if (idle_.empty()) {
                sweeping_ = false;
                co_return;
            }
            next = idle_.front().until;
        }
        co_await closed_signal_->wait(next);
    }
}

void ClientPool::close() {
    {
        const std::scoped_lock lock(mutex_);
        closed_ = true;
        for (const auto& [key, weak] : all_) {
            if (const auto transport = weak.lock()) transport->close_soon(closed_error());
        }
    }
    closed_signal_->fire();
}

}  // namespace onex::host
