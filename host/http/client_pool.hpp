// The client's connections: idle ones to use again, and all of them, to be closed at the end.
#pragma once

#include "host/async/task_group.hpp"
#include "host/http/inbound.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <string>

namespace onex::host {

/// A client's connection with what came in on it. Used by one request at a time.
struct ClientConnection {
    explicit ClientConnection(TransportPtr made) : transport(std::move(made)), inbound(transport) {}
    TransportPtr transport;
    Inbound inbound;
    bool used_before = false;
};
using ClientConnectionPtr = std::shared_ptr<ClientConnection>;

/// [any thread]
class ClientPool : public std::enable_shared_from_this<ClientPool> {
  public:
    ClientPool(boost::asio::any_io_executor executor, HttpClientConfig config);

    /// The idle connection of `endpoint` that was used last, or null.
    ClientConnectionPtr take(const Endpoint& endpoint);
    /// A new one that is not connected yet. After close() it refuses to connect.
    ClientConnectionPtr make(const Endpoint& endpoint);
    void put(const Endpoint& endpoint, ClientConnectionPtr connection);
    /// Closes every connection, in use or not, now and later.
    void close();

    const boost::asio::any_io_executor executor;
    const HttpClientConfig config;
    TaskGroup tasks;

  private:
    struct Idle {
        std::string key;
        ClientConnectionPtr connection;
        TimePoint until;
    };
    boost::asio::awaitable<void> sweep();

    std::mutex mutex_;
    std::deque<Idle> idle_;  // the oldest first
    std::map<Transport*, std::weak_ptr<Transport>> all_;
    SignalPtr closed_signal_;
    bool sweeping_ = false;
    bool closed_ = false;
    TlsContextPtr verifying_;
    TlsContextPtr pinning_;
};

}  // namespace onex::host
