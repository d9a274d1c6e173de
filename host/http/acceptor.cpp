// Listening sockets: TCP and unix.
#include "host/http/server.hpp"
#include "host/http/stream_transport.hpp"

#include <boost/asio/ip/v6_only.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

namespace asio = boost::asio;

namespace onex::host {
namespace {

using Tcp = asio::ip::tcp;
using Local = asio::local::stream_protocol;
using ErrorCode = boost::system::error_code;

template <class Protocol>
class SocketAcceptor final : public Acceptor {
  public:
    SocketAcceptor(typename Protocol::acceptor acceptor,
                   asio::any_io_executor connections,
                   TlsContextPtr tls,
                   std::string unix_path)
        : acceptor_(std::move(acceptor)),
          connections_(std::move(connections)),
          tls_(std::move(tls)),
          unix_path_(std::move(unix_path)) {
        if constexpr (std::is_same_v<Protocol, Tcp>) {
            ErrorCode ignored;
            port_ = acceptor_.local_endpoint(ignored).port();
        }
    }
    ~SocketAcceptor() override { remove_path(); }
    SocketAcceptor(const SocketAcceptor&) = delete;  // Owns the path of its socket.
    SocketAcceptor& operator=(const SocketAcceptor&) = delete;

    [[nodiscard]] asio::any_io_executor executor() const override { return executor_; }
    [[nodiscard]] std::uint16_t port() const override { return port_; }

    asio::awaitable<Result<TransportPtr>> accept() override {
        const asio::any_io_executor strand = asio::make_strand(connections_);
        typename Protocol::socket socket(strand);
        ErrorCode ec;
        auto token = asio::redirect_error(asio::use_awaitable, ec);
        co_await acceptor_.async_accept(socket, token);
        if (!acceptor_.is_open()) co_return fail("CANCELLED", "the listener was closed");
        if (ec) co_return fail("UNAVAILABLE", "cannot accept a connection: " + ec.message());
        close_on_exec(socket.native_handle());
        TransportPtr transport;
        if constexpr (std::is_same_v<Protocol, Tcp>) {
            ErrorCode ignored;
            socket.set_option(Tcp::no_delay(true), ignored);
            if (tls_) transport = std::make_shared<TlsTransport>(std::move(socket), tls_, false);
        }
        if (!transport) {
            using Plain = StreamTransport<typename Protocol::socket>;
            // NOLINTNEXTLINE(bugprone-use-after-move): without TLS it was not moved above.
            transport = std::make_shared<Plain>(std::move(socket));
        }
        co_return transport;
    }

    void close() override {
        ErrorCode ignored;
        acceptor_.close(ignored);
        remove_path();
    }

  private:
    void remove_path() {
        if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
        unix_path_.clear();
    }

    typename Protocol::acceptor acceptor_;
    asio::any_io_executor executor_ = acceptor_.get_executor();
    asio::any_io_executor connections_;
    TlsContextPtr tls_;
    std::string unix_path_;
    std::uint16_t port_ = 0;
};

std::unexpected<Error> cannot_listen(const std::string& where, const ErrorCode& ec) {
    if (ec == asio::error::address_in_use) {
        return fail("CONFLICT", where + " is in use; stop the other process or choose another");
    }
    const bool denied = ec == asio::error::access_denied || ec == asio::error::no_permission;
    return fail(denied ? "POLICY_DENIED" : "VALIDATION_ERROR",
                "cannot listen on " + where + ": " + ec.message());
}

// A socket file that nobody serves any more is removed; one that is served is left alone.
Result<void> clear_stale(const std::string& path) {
    struct stat found{};
    if (::lstat(path.c_str(), &found) != 0) return {};
    if (!S_ISSOCK(found.st_mode)) {
        return fail("CONFLICT",
                    path + " exists and is no socket; remove it or choose another path");
    }
    asio::io_context io;
    Local::socket probe(io);
    ErrorCode ec;
    probe.connect(Local::endpoint(path), ec);
    if (!ec || ec == asio::error::try_again) {
        return fail("CONFLICT", path + " is served by another process; stop it first");
    }
    ::unlink(path.c_str());
    return {};
}

Result<std::shared_ptr<Acceptor>> open_unix(asio::any_io_executor executor,
                                            const std::string& path) {
    if (path.size() >= 104) {  // the smallest sun_path of the systems we run on
        return fail("VALIDATION_ERROR",
                    "the socket path " + path + " is longer than 103 bytes; choose a shorter one");
    }
    if (auto cleared = clear_stale(path); !cleared) {
        return std::unexpected(std::move(cleared).error());
    }
    ErrorCode ec;
    Local::acceptor acceptor(asio::make_strand(executor));
    acceptor.open(Local(), ec);
    if (!ec) close_on_exec(acceptor.native_handle());
    if (!ec) acceptor.bind(Local::endpoint(path), ec);
    if (ec) return cannot_listen(path, ec);
    // Nobody can connect between bind and listen, so the mode holds from the first connection.
    if (::chmod(path.c_str(), 0600) != 0) ec = asio::error::access_denied;
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) {
        ::unlink(path.c_str());
        return cannot_listen(path, ec);
    }
    return std::make_shared<SocketAcceptor<Local>>(
        std::move(acceptor), std::move(executor), nullptr, path);
}

}  // namespace

Result<std::shared_ptr<Acceptor>> open_acceptor(asio::any_io_executor executor,
                                                const ListenAddress& address,
                                                TlsContextPtr tls) {
    if (!address.unix_path.empty()) return open_unix(std::move(executor), address.unix_path);
    const std::string text = address.address == "localhost" ? "127.0.0.1" : address.address;
    const std::string where = text + ":" + std::to_string(address.port);
    ErrorCode ec;
    const auto numeric = asio::ip::make_address(text, ec);
    if (ec) {
        return fail("VALIDATION_ERROR",
                    "listen address '" + text + "' is not a numeric IP address or localhost");
    }
    const Tcp::endpoint endpoint(numeric, address.port);
    Tcp::acceptor acceptor(asio::make_strand(executor));
    acceptor.open(endpoint.protocol(), ec);
    if (!ec) close_on_exec(acceptor.native_handle());
    if (!ec) acceptor.set_option(Tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return cannot_listen(where, ec);
    return std::make_shared<SocketAcceptor<Tcp>>(
        std::move(acceptor), std::move(executor), std::move(tls), std::string{});
}

}  // namespace onex::host
