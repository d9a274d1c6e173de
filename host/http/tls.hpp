// TLS settings and certificates. OpenSSL stands in tls.cpp, and below Asio in the transports.
#pragma once

#include <onex/error.hpp>

#include <memory>
#include <string>

struct ssl_st;
struct ssl_ctx_st;

namespace onex::host {

/// An SSL_CTX with our settings (TLS 1.2 or newer). Immutable once made. [any thread]
class TlsContext {
  public:
    explicit TlsContext(ssl_ctx_st* owned) : context_(owned) {}
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;  // Owns a C handle.
    TlsContext& operator=(const TlsContext&) = delete;
    /// With a reference of its own, for a library that takes ownership.
    [[nodiscard]] ssl_ctx_st* share() const;

  private:
    ssl_ctx_st* context_;
};

using TlsContextPtr = std::shared_ptr<TlsContext>;

/// Error: VALIDATION_ERROR (missing or unreadable file, key and certificate don't belong together).
Result<TlsContextPtr> make_server_tls(const std::string& cert_file, const std::string& key_file);
/// With `verify`, the system's trust store decides; without, the caller checks the fingerprint.
TlsContextPtr make_client_tls(bool verify);

/// Sets server name and, for names, the host name to verify. An address is verified as an address.
bool set_tls_host(ssl_st* ssl, const std::string& host, bool verify);
/// SHA-256 of the peer's certificate (DER), 64 hex digits; empty when it showed none.
std::string peer_fingerprint(ssl_st* ssl);

}  // namespace onex::host
