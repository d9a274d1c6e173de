#include "host/http/stream_transport.hpp"

namespace asio = boost::asio;

namespace onex::host {

TlsTransport::TlsTransport(TcpSocket socket, const TlsContextPtr& tls, bool verify)
    : SocketTransport<TcpSocket>(socket.get_executor()),
      context_(tls->share()),
      stream_(std::move(socket), context_),
      verify_(verify) {}

std::string TlsTransport::peer_fingerprint() {
    return onex::host::peer_fingerprint(stream_.native_handle());
}

asio::awaitable<void> TlsTransport::do_handshake(bool server, std::string host, ErrorCode& ec) {
    if (!server && !set_tls_host(stream_.native_handle(), host, verify_)) {
        ec = asio::error::invalid_argument;
        co_return;
    }
    const auto side = server ? asio::ssl::stream_base::server : asio::ssl::stream_base::client;
    auto token = into(ec);
    co_await stream_.async_handshake(side, token);
}

asio::awaitable<std::size_t> TlsTransport::do_read(char* data,
                                                   std::size_t bytes_max,
                                                   ErrorCode& ec) {
    const auto buffer = asio::buffer(data, bytes_max);
    return stream_.async_read_some(buffer, into(ec));
}

asio::awaitable<std::size_t> TlsTransport::do_write(std::span<const std::string_view> parts,
                                                    ErrorCode& ec) {
    return write_to(stream_, parts, ec);
}

asio::awaitable<void> TlsTransport::do_notify_end(ErrorCode& ec) {
    auto token = into(ec);
    co_await stream_.async_shutdown(token);
}

}  // namespace onex::host
