// The host's HTTP client with a circuit breaker per peer and per Docker engine.
#pragma once

#include "host/breaker/breaker.hpp"
#include "host/config/config.hpp"
#include "host/http/message.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace onex::host {

class Metrics;

/// One breaker as `doctor` shows it.
struct BreakerView {
    std::string to;  ///< a peer's name, "unix:/var/run/docker.sock" or "tcp:host:port"
    BreakerState state = BreakerState::closed;
    std::size_t failures = 0;      ///< calls in a row that were lost
    std::int64_t opened_us = 0;    ///< wall clock; 0 while closed
    std::int64_t next_try_us = 0;  ///< from then on a call is let through; 0 while closed
    std::string reason;            ///< the last loss; empty if there was none
};

/// Guarded are: the configured peers; each unix socket that is spoken to; each other address once
/// it has answered as a Docker engine does. Anything else is let through: that an app's port
/// refuses connections is what a health check wants to know.
///
/// Counted are losses of the connection: nobody there, refused, not connected in time, broken
/// before the answer was there. Any HTTP status is an answer. What ended by the caller's cancel or
/// deadline says nothing. When a streamed body goes along only a failed connect counts, since the
/// body's own source may be what broke.
///
/// A refused call ends at once with the code of the last loss, REMOTE_ENDPOINT_UNREACHABLE or
/// TRANSFER_FAILED, so that contracts, nodes and retries treat it as they would have treated the
/// call without a breaker. When nobody calls, a bare connect each `look_every` sees whether
/// somebody is back, so that metrics don't tell of an outage for ever. [any thread]
class GuardedClient final : public HttpClient {
  public:
    /// `metrics` gets onex_circuit_breaker_state and onex_circuit_breaker_opened_total.
    GuardedClient(boost::asio::any_io_executor executor,
                  std::unique_ptr<HttpClient> inner,
                  BreakerLimits limits,
                  std::chrono::milliseconds look_every,
                  const std::vector<PeerSection>& peers,
                  Metrics& metrics);
    ~GuardedClient() override;
    GuardedClient(const GuardedClient&) = delete;  // Owns the connections.
    GuardedClient& operator=(const GuardedClient&) = delete;

    boost::asio::awaitable<Result<ClientResponse>> send(ClientRequest request,
                                                        std::uint64_t body_bytes_max,
                                                        Wait wait) override;
    /// Not guarded: it is itself the question whether anybody is there.
    boost::asio::awaitable<Result<void>> reach(Endpoint endpoint, Wait wait) override;
    boost::asio::awaitable<Result<ClientResponse>> open(ClientRequest request,
                                                        Wait wait,
                                                        std::int64_t idle_ms) override;
    void close() override;

    /// All breakers, by name.
    [[nodiscard]] std::vector<BreakerView> breakers() const;

  private:
    struct Book;
    std::shared_ptr<Book> book_;
};

}  // namespace onex::host
