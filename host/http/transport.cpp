#include "host/http/transport.hpp"

#include "host/http/stream_transport.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace asio = boost::asio;

namespace onex::host {
namespace {

using Addresses = std::vector<asio::ip::tcp::endpoint>;

struct Lookup {
    explicit Lookup(const asio::any_io_executor& executor) : resolver(executor) {}
    asio::ip::tcp::resolver resolver;
    boost::system::error_code ec = asio::error::timed_out;
    Addresses found;
};

std::unexpected<Error> unreachable(const std::string& peer, const std::string& why) {
    return fail("REMOTE_ENDPOINT_UNREACHABLE", "cannot reach " + peer + ": " + why);
}

}  // namespace

// One timer for both deadlines. It is set forward only when it would ring too late, so a busy
// connection hardly ever touches it.
struct Transport::Watchdog {
    explicit Watchdog(const asio::any_io_executor& executor) : timer(executor) {}
    asio::steady_timer timer;
    TimePoint armed_at = kNever;
};

Transport::Transport(asio::any_io_executor executor)
    : executor_(std::move(executor)), watchdog_(std::make_unique<Watchdog>(executor_)) {}

Transport::~Transport() = default;

void Transport::arm() {
    TimePoint first = kNever;
    if (reading_) first = std::min(first, read_deadline_);
    if (writing_) first = std::min(first, write_deadline_);
    if (first >= watchdog_->armed_at || closed()) return;
    watchdog_->armed_at = first;
    watchdog_->timer.expires_at(first);
    watchdog_->timer.async_wait([weak = weak_from_this()](ErrorCode ec) {
        const auto self = weak.lock();
        if (self && !ec) self->check();
    });
}

void Transport::check() {
    const auto now = SteadyClock::now();
    watchdog_->armed_at = kNever;
    const bool read_late = reading_ && now >= read_deadline_;
    if ((writing_ && now >= write_deadline_) || (read_late && writing_)) {
        close({"TIMEOUT", "no progress with " + peer_ + " before the deadline", {}, {}});
    } else if (read_late) {
        read_timed_out_ = true;
        read_deadline_ = kNever;
        do_cancel();
    }
    arm();
}

void Transport::begin_read(TimePoint deadline) {
    reading_ = true;
    read_timed_out_ = false;
    read_deadline_ = deadline;
    arm();
}

void Transport::set_read_deadline(TimePoint deadline) {
    read_deadline_ = deadline;
    if (reading_) arm();
}

Error Transport::end_read(ErrorCode ec) {
    if (reason_) return *reason_;
    if (read_timed_out_) {
        return {"TIMEOUT", "nothing came from " + peer_ + " before the deadline", {}, {}};
    }
    return {"TRANSFER_FAILED", "connection with " + peer_ + " broke: " + ec.message(), {}, {}};
}

asio::awaitable<Result<std::size_t>> Transport::read_some(char* data,
                                                          std::size_t bytes_max,
                                                          TimePoint deadline) {
    if (reason_) co_return std::unexpected(*reason_);
    begin_read(deadline);
    ErrorCode ec;
    const auto bytes = co_await do_read(data, bytes_max, ec);
    reading_ = false;
    if (reason_) co_return std::unexpected(*reason_);
    if (!ec) co_return bytes;
    if (ec == asio::error::eof) co_return std::size_t{0};
    co_return std::unexpected(end_read(ec));
}

asio::awaitable<Result<void>> Transport::write(std::span<const std::string_view> parts,
                                               std::int64_t idle_ms,
                                               TimePoint deadline) {
    std::array<std::string_view, 4> left{};
    std::ranges::copy(parts.first(std::min(parts.size(), left.size())), left.begin());
    for (std::size_t first = 0; first < left.size();) {
        if (left[first].empty()) {
            ++first;
            continue;
        }
        if (reason_) co_return std::unexpected(*reason_);
        writing_ = true;
        write_deadline_ =
            std::min(deadline, SteadyClock::now() + std::chrono::milliseconds(idle_ms));
        arm();
        ErrorCode ec;
        const auto rest = std::span<const std::string_view>(left).subspan(first);
        auto bytes = co_await do_write(rest, ec);
        writing_ = false;
        if (reason_) co_return std::unexpected(*reason_);
        if (ec) {
            co_return fail("TRANSFER_FAILED",
                           "connection with " + peer_ + " broke: " + ec.message());
        }
        for (auto i = first; i < left.size() && bytes > 0; ++i) {
            const auto taken = std::min(bytes, left[i].size());
            left[i].remove_prefix(taken);
            bytes -= taken;
        }
    }
    co_return Result<void>{};
}

asio::awaitable<Result<void>> Transport::accept_handshake(TimePoint deadline) {
    peer_ = unix_socket() ? "a local client" : remote_address();
    if (!tls()) co_return Result<void>{};
    begin_read(deadline);
    ErrorCode ec;
    const std::string no_host;
    co_await do_handshake(true, no_host, ec);
    reading_ = false;
    if (ec || reason_) co_return std::unexpected(end_read(ec));
    co_return Result<void>{};
}

asio::awaitable<Result<void>> Transport::connect_tcp(const Endpoint& endpoint, TimePoint deadline) {
    const auto lookup = std::make_shared<Lookup>(executor_);
    ErrorCode ec;
    const auto numeric = asio::ip::make_address(endpoint.host, ec);
    if (!ec) {
        lookup->ec = {};
        lookup->found.emplace_back(numeric, endpoint.port);
    } else {
        // A look-up cannot be interrupted; when it takes too long it is left to itself.
        const auto found = std::make_shared<Signal>(executor_);
        resolving_ = found;
        lookup->resolver.async_resolve(
            endpoint.host,
            std::to_string(endpoint.port),
            [lookup, found](ErrorCode result, const asio::ip::tcp::resolver::results_type& all) {
                lookup->ec = result;
                for (const auto& entry : all)
                    lookup->found.push_back(entry.endpoint());
                found->fire();
            });
        co_await found->wait(deadline);
        resolving_.reset();
    }
    if (reason_) co_return std::unexpected(*reason_);
    if (lookup->ec) co_return unreachable(peer_, lookup->ec.message());
    ec = asio::error::host_not_found;
    const Addresses addresses = lookup->found;
    for (std::size_t i = 0; i < addresses.size() && ec; ++i) {
        const auto now = SteadyClock::now();
        const auto left = static_cast<std::int64_t>(addresses.size() - i);
        begin_read(deadline > now ? now + (deadline - now) / left : deadline);
        const Address address{addresses[i]};
        co_await do_connect(address, ec);
        reading_ = false;
        if (reason_) co_return std::unexpected(*reason_);
        if (read_timed_out_) ec = asio::error::timed_out;
    }
    if (ec) co_return unreachable(peer_, ec.message());
    co_return Result<void>{};
}

asio::awaitable<Result<void>> Transport::connect(Endpoint endpoint, TimePoint deadline) {
    peer_ = endpoint.unix_path.empty() ? endpoint.host + ":" + std::to_string(endpoint.port)
                                       : endpoint.unix_path;
    if (reason_) co_return std::unexpected(*reason_);
    ErrorCode ec;
    if (!endpoint.unix_path.empty()) {
        begin_read(deadline);
        co_await do_connect_unix(endpoint.unix_path, ec);
        reading_ = false;
        if (reason_) co_return std::unexpected(*reason_);
        if (ec) co_return unreachable(peer_, ec.message());
        co_return Result<void>{};
    }
    auto connected = co_await connect_tcp(endpoint, deadline);
    if (!connected || !tls()) co_return connected;
    begin_read(deadline);
    co_await do_handshake(false, endpoint.host, ec);
    reading_ = false;
    if (reason_) co_return std::unexpected(*reason_);
    if (read_timed_out_) ec = asio::error::timed_out;
    if (ec) co_return unreachable(peer_, "TLS handshake: " + ec.message());
    std::string pin = endpoint.fingerprint;
    std::ranges::transform(pin, pin.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    const auto seen = peer_fingerprint();
    if (!pin.empty() && seen != pin) {
        co_return unreachable(peer_,
                              "its certificate has fingerprint " + seen + ", pinned is " + pin +
                                  "; pin the new one only if that host says that it is its own");
    }
    co_return Result<void>{};
}

asio::awaitable<void> Transport::linger(bool notify, std::uint64_t bytes_max, TimePoint deadline) {
    ErrorCode ec;
    if (!closed() && notify && !reading_ && tls()) {
        begin_read(std::min(deadline, SteadyClock::now() + std::chrono::milliseconds(500)));
        co_await do_notify_end(ec);
        reading_ = false;
    }
    if (!closed()) do_shutdown_write();
    // Nothing is written any more, so the write's deadline is free: it closes everything, even when
    // another read (of the body, or for the next request) is under way.
    writing_ = true;
    write_deadline_ = deadline;
    arm();
    std::uint64_t bytes = 0;
    ec = {};
    while (!closed() && !ec && bytes < bytes_max) {
        const auto more = co_await do_discard(ec);
        bytes += more;
    }
    writing_ = false;
    close({"CANCELLED", "the connection was closed after its last answer", {}, {}});
}

void Transport::close(Error reason) {
    if (reason_) return;
    reason_ = std::move(reason);
    watchdog_->timer.cancel();
    if (resolving_) resolving_->fire();
    do_close();
}

void Transport::close_soon(Error reason) {
    asio::post(executor_, [self = shared_from_this(), reason = std::move(reason)]() mutable {
        self->close(std::move(reason));
    });
}

TransportPtr make_client_transport(asio::any_io_executor executor,
                                   const Endpoint& endpoint,
                                   const TlsContextPtr& tls) {
    const asio::any_io_executor strand = asio::make_strand(std::move(executor));
    if (!endpoint.unix_path.empty()) {
        return std::make_shared<StreamTransport<UnixSocket>>(UnixSocket(strand));
    }
    if (!endpoint.tls) return std::make_shared<StreamTransport<TcpSocket>>(TcpSocket(strand));
    return std::make_shared<TlsTransport>(TcpSocket(strand), tls, endpoint.fingerprint.empty());
}

}  // namespace onex::host
