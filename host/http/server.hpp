// The HTTP/1.1 server: listeners, connections, framing. Knows nothing of routes.
#pragma once

#include "host/http/message.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace onex::host {

struct ListenAddress {
    std::string address;     ///< numeric, or "localhost"
    std::uint16_t port = 0;  ///< 0: any free one; ask Listener::port()
    std::string
        unix_path;  ///< instead of address and port; created with mode 0600, a stale one replaced
    std::string tls_cert_file;  ///< both set: TLS
    std::string tls_key_file;
};

struct ServerLimits {
    std::size_t connections_max = 1024;
    std::uint32_t header_bytes_max = 64 * 1024;
    std::int64_t header_timeout_ms = 10'000;
    std::int64_t idle_timeout_ms = 60'000;  ///< between requests of one connection
    std::int64_t body_idle_ms = 30'000;  ///< between two reads of a body, two writes of an answer
};

/// One open listener. stop() closes the socket, lets running requests end until the deadline, then
/// drops them. Destroying it without stop() drops everything at once.
class Listener {
  public:
    virtual ~Listener() = default;
    [[nodiscard]] virtual std::uint16_t port() const = 0;
    [[nodiscard]] virtual std::size_t connections() const = 0;
    virtual boost::asio::awaitable<void> stop(Wait wait) = 0;
};

/// Opens a listener and serves it on `executor`. A handler that throws is answered 500 and nothing
/// leaks. Errors: CONFLICT (address in use), VALIDATION_ERROR (bad address, unreadable key),
/// POLICY_DENIED.
Result<std::unique_ptr<Listener>> listen(boost::asio::any_io_executor executor,
                                         ListenAddress address,
                                         ServerLimits limits,
                                         HttpHandler handler);

/// Makes a self-signed EC key and certificate (10 years, CN = `common_name`) at the two paths, mode
/// 0600, unless both exist. Returns the certificate's SHA-256 fingerprint, 64 hex digits.
Result<std::string> ensure_tls_key(const std::string& cert_file,
                                   const std::string& key_file,
                                   const std::string& common_name);

}  // namespace onex::host
