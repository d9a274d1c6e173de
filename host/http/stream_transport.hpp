// The three kinds of Transport over Asio's streams. Private to transport.cpp and acceptor.cpp, the
// only files that see sockets.
#pragma once

#include "host/http/transport.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace onex::host {

using TcpSocket = boost::asio::ip::tcp::socket;
using UnixSocket = boost::asio::local::stream_protocol::socket;

struct Transport::Address {
    boost::asio::ip::tcp::endpoint endpoint;
};

/// Programs that the host starts must not inherit sockets; Asio opens them without close-on-exec.
inline void close_on_exec(int fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/// What all kinds do on their socket.
template <class Socket>
class SocketTransport : public Transport {
  public:
    explicit SocketTransport(const boost::asio::any_io_executor& executor) : Transport(executor) {}

    bool idle_alive() override {
        char byte = 0;
        const auto got = ::recv(socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }

    std::string remote_address() override {
        if constexpr (std::is_same_v<Socket, TcpSocket>) {
            ErrorCode ec;
            const auto endpoint = socket().remote_endpoint(ec);
            if (ec) return {};
            const auto address = endpoint.address();
            if (address.is_v6() && address.to_v6().is_v4_mapped()) {
                return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6())
                    .to_string();
            }
            return address.to_string();
        } else {
            return {};
        }
    }
    [[nodiscard]] bool unix_socket() const override { return std::is_same_v<Socket, UnixSocket>; }

  protected:
    virtual Socket& socket() = 0;
    static auto into(ErrorCode& ec) {
        return boost::asio::redirect_error(boost::asio::use_awaitable, ec);
    }

    boost::asio::awaitable<void> do_connect(const Address& address, ErrorCode& ec) override {
        ErrorCode ignored;
        socket().close(ignored);
        if constexpr (std::is_same_v<Socket, TcpSocket>) {
            auto token = into(ec);
            auto& connecting = socket();
            connecting.open(address.endpoint.protocol(), ec);
            if (ec) co_return;
            close_on_exec(connecting.native_handle());
            co_await connecting.async_connect(address.endpoint, token);
            if (!ec) socket().set_option(boost::asio::ip::tcp::no_delay(true), ignored);
        } else {
            ec = boost::asio::error::operation_not_supported;
            static_cast<void>(address);
        }
    }

    boost::asio::awaitable<void> do_connect_unix(std::string path, ErrorCode& ec) override {
        if constexpr (std::is_same_v<Socket, UnixSocket>) {
            if (path.size() >= 104) {  // the smallest sun_path of the systems we run on
                ec = boost::asio::error::name_too_long;
                co_return;
            }
            const boost::asio::local::stream_protocol::endpoint endpoint(path);
            auto token = into(ec);
            auto& connecting = socket();
            connecting.open(endpoint.protocol(), ec);
            if (ec) co_return;
            close_on_exec(connecting.native_handle());
            co_await connecting.async_connect(endpoint, token);
        } else {
            ec = boost::asio::error::operation_not_supported;
            co_return;
        }
    }

    boost::asio::awaitable<std::size_t> do_discard(ErrorCode& ec) override {
        std::array<char, 16 * 1024> waste;  // NOLINT: written by the read only
        const auto buffer = boost::asio::buffer(waste);
        auto token = into(ec);
        auto& reading = socket();
        co_return co_await reading.async_read_some(buffer, token);
    }
    void do_shutdown_write() override {
        ErrorCode ignored;
        socket().shutdown(boost::asio::socket_base::shutdown_send, ignored);
    }
    void do_cancel() override {
        ErrorCode ignored;
        socket().cancel(ignored);
    }
    void do_close() override {
        ErrorCode ignored;
        socket().close(ignored);
    }

    template <class Stream>
    static boost::asio::awaitable<std::size_t> write_to(Stream& stream,
                                                        std::span<const std::string_view> parts,
                                                        ErrorCode& ec) {
        std::array<boost::asio::const_buffer, 4> buffers;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            buffers[i] = boost::asio::const_buffer(parts[i].data(), parts[i].size());
        }
        auto token = into(ec);
        co_return co_await stream.async_write_some(buffers, token);
    }
};

/// TCP or a unix socket, in clear.
template <class Socket>
class StreamTransport final : public SocketTransport<Socket> {
  public:
    using ErrorCode = boost::system::error_code;
    explicit StreamTransport(Socket socket)
        : SocketTransport<Socket>(socket.get_executor()), socket_(std::move(socket)) {}

    std::string peer_fingerprint() override { return {}; }
    [[nodiscard]] bool tls() const override { return false; }

  protected:
    Socket& socket() override { return socket_; }
    boost::asio::awaitable<void> do_handshake(bool, std::string, ErrorCode&) override { co_return; }
    boost::asio::awaitable<std::size_t> do_read(char* data,
                                                std::size_t bytes_max,
                                                ErrorCode& ec) override {
        const auto buffer = boost::asio::buffer(data, bytes_max);
        return socket_.async_read_some(buffer, this->into(ec));
    }
    boost::asio::awaitable<std::size_t> do_write(std::span<const std::string_view> parts,
                                                 ErrorCode& ec) override {
        return this->write_to(socket_, parts, ec);
    }
    boost::asio::awaitable<void> do_notify_end(ErrorCode&) override { co_return; }

  private:
    Socket socket_;
};

class TlsTransport final : public SocketTransport<TcpSocket> {
  public:
    TlsTransport(TcpSocket socket, const TlsContextPtr& tls, bool verify);

    std::string peer_fingerprint() override;
    [[nodiscard]] bool tls() const override { return true; }

  protected:
    TcpSocket& socket() override { return stream_.next_layer(); }
    boost::asio::awaitable<void> do_handshake(bool server,
                                              std::string host,
                                              ErrorCode& ec) override;
    boost::asio::awaitable<std::size_t> do_read(char* data,
                                                std::size_t bytes_max,
                                                ErrorCode& ec) override;
    boost::asio::awaitable<std::size_t> do_write(std::span<const std::string_view> parts,
                                                 ErrorCode& ec) override;
    boost::asio::awaitable<void> do_notify_end(ErrorCode& ec) override;

  private:
    boost::asio::ssl::context context_;  // shares the SSL_CTX; must outlive the stream
    boost::asio::ssl::stream<TcpSocket> stream_;
    bool verify_;
};

}  // namespace onex::host
