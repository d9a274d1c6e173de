// One connection as bytes: TCP, TLS over TCP, or a unix socket behind one interface.
#pragma once

#include "host/async/cancel.hpp"
#include "host/async/signal.hpp"
#include "host/http/message.hpp"
#include "host/http/tls.hpp"

#include <onex/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace onex::host {

using TimePoint = SteadyClock::time_point;
inline constexpr TimePoint kNever = TimePoint::max();

/// One read and one write may be under way at once. A write that passes its deadline closes the
/// connection; a read that passes it is given up, so that an answer can still be written.
/// Everything but close_soon() runs on the strand executor(). The first reason to close is what
/// later calls return. Errors: TIMEOUT, CANCELLED, TRANSFER_FAILED, or the reason it was closed
/// with.
class Transport : public std::enable_shared_from_this<Transport> {
  public:
    virtual ~Transport();
    Transport(const Transport&) = delete;  // Operations under way point to it.
    Transport& operator=(const Transport&) = delete;

    [[nodiscard]] const boost::asio::any_io_executor& executor() const { return executor_; }

    /// Client side: name resolution, connect and TLS handshake, with the endpoint's pin checked.
    /// Error: REMOTE_ENDPOINT_UNREACHABLE.
    boost::asio::awaitable<Result<void>> connect(Endpoint endpoint, TimePoint deadline);
    /// Server side: the TLS handshake, if there is one.
    boost::asio::awaitable<Result<void>> accept_handshake(TimePoint deadline);

    /// At least one byte; 0 at the end of the stream. `data` stays valid until it returns.
    boost::asio::awaitable<Result<std::size_t>> read_some(char* data,
                                                          std::size_t bytes_max,
                                                          TimePoint deadline);
    /// A new deadline for the read under way.
    void set_read_deadline(TimePoint deadline);
    /// Writes all of at most four parts; each step forward gets `idle_ms`, all together `deadline`.
    boost::asio::awaitable<Result<void>> write(std::span<const std::string_view> parts,
                                               std::int64_t idle_ms,
                                               TimePoint deadline);
    /// Ends our side (with close_notify if `notify`), then throws away what the other side still
    /// sends, so that it can read our answer before the connection is reset. Closes at the end.
    boost::asio::awaitable<void> linger(bool notify, std::uint64_t bytes_max, TimePoint deadline);

    void close(Error reason);
    void close_soon(Error reason);  ///< [any thread]
    [[nodiscard]] bool closed() const { return reason_.has_value(); }
    /// False when the other side closed, or sent something unasked, while the connection was idle.
    [[nodiscard]] virtual bool idle_alive() = 0;

    [[nodiscard]] virtual std::string remote_address() = 0;    ///< numeric; empty for unix sockets
    [[nodiscard]] virtual std::string peer_fingerprint() = 0;  ///< empty without TLS
    [[nodiscard]] virtual bool tls() const = 0;
    [[nodiscard]] virtual bool unix_socket() const = 0;

  protected:
    struct Address;  // a resolved TCP address
    using ErrorCode = boost::system::error_code;

    explicit Transport(boost::asio::any_io_executor executor);

    virtual boost::asio::awaitable<void> do_connect(const Address& address, ErrorCode& ec) = 0;
    virtual boost::asio::awaitable<void> do_connect_unix(std::string path, ErrorCode& ec) = 0;
    virtual boost::asio::awaitable<void> do_handshake(bool server,
                                                      std::string host,
                                                      ErrorCode& ec) = 0;
    virtual boost::asio::awaitable<std::size_t> do_read(char* data,
                                                        std::size_t bytes_max,
                                                        ErrorCode& ec) = 0;
    virtual boost::asio::awaitable<std::size_t> do_write(std::span<const std::string_view> parts,
                                                         ErrorCode& ec) = 0;
    virtual boost::asio::awaitable<std::size_t> do_discard(ErrorCode& ec) = 0;
    virtual boost::asio::awaitable<void> do_notify_end(ErrorCode& ec) = 0;
    virtual void do_shutdown_write() = 0;
    virtual void do_cancel() = 0;
    virtual void do_close() = 0;

  private:
    struct Watchdog;

    boost::asio::awaitable<Result<void>> connect_tcp(const Endpoint& endpoint, TimePoint deadline);
    void begin_read(TimePoint deadline);
    Error end_read(ErrorCode ec);
    void arm();
    void check();

    boost::asio::any_io_executor executor_;
    std::unique_ptr<Watchdog> watchdog_;
    SignalPtr resolving_;
    std::optional<Error> reason_;
    std::string peer_;  // for messages
    bool reading_ = false;
    bool writing_ = false;
    bool read_timed_out_ = false;
    TimePoint read_deadline_ = TimePoint::max();
    TimePoint write_deadline_ = TimePoint::max();
};

using TransportPtr = std::shared_ptr<Transport>;

/// Not yet connected; on a strand of its own made from `executor`. `tls` matters for TLS endpoints.
TransportPtr make_client_transport(boost::asio::any_io_executor executor,
                                   const Endpoint& endpoint,
                                   const TlsContextPtr& tls);

/// A listening socket. All but the constructor functions run on its own strand, executor().
class Acceptor {
  public:
    virtual ~Acceptor() = default;
    [[nodiscard]] virtual boost::asio::any_io_executor executor() const = 0;
    [[nodiscard]] virtual std::uint16_t port() const = 0;
    /// The next connection, on a strand of its own. Errors: CANCELLED (closed), UNAVAILABLE (no
    /// file descriptors left and the like: wait a moment, then go on).
    virtual boost::asio::awaitable<Result<TransportPtr>> accept() = 0;
    virtual void close() = 0;
};

struct ListenAddress;
/// Errors as those of listen().
Result<std::shared_ptr<Acceptor>> open_acceptor(boost::asio::any_io_executor executor,
                                                const ListenAddress& address,
                                                TlsContextPtr tls);

}  // namespace onex::host
