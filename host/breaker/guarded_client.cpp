#include "host/breaker/guarded_client.hpp"

#include "host/async/signal.hpp"
#include "host/async/task_group.hpp"
#include "host/ids.hpp"
#include "host/log.hpp"
#include "host/metrics.hpp"
#include "host/store/ids.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace onex::host {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::int64_t kProbeMs = 5'000;
// Sockets come from plugins' requests; more than any host has engines.
constexpr std::size_t kGuardedMax = 256;

std::string address_of(const Endpoint& endpoint) {
    if (!endpoint.unix_path.empty()) return "unix:" + endpoint.unix_path;
    return "tcp:" + endpoint.host + ":" + std::to_string(endpoint.port);
}

bool is_engine(const ClientResponse& answer) {
    const auto server = answer.headers.get("Server");
    return server.starts_with("Docker/") || server.starts_with("Libpod/");
}

/// On the wall clock.
std::int64_t wall_us(SteadyClock::time_point time) {
    const auto ahead = time - SteadyClock::now();
    return now_us() + std::chrono::duration_cast<std::chrono::microseconds>(ahead).count();
}

/// What a failed call says about the way; nothing if it was the caller's own end, or its body's.
std::optional<Loss> loss_of(const Error& error, bool has_stream) {
    if (error.code == "REMOTE_ENDPOINT_UNREACHABLE") return Loss::unreachable;
    if (error.code == "TRANSFER_FAILED" && !has_stream) return Loss::broken;
    return std::nullopt;
}

/// A place with its breaker. Under the book's lock, but for what never changes.
struct Guarded {
    Guarded(std::string name, Endpoint where, BreakerLimits limits)
        : to(std::move(name)), endpoint(std::move(where)), breaker(limits) {}
    const std::string to;
    const Endpoint endpoint;
    Breaker breaker;
    Error last;                ///< loss
    Breaker::Time probe_at{};  ///< while open: when to look by ourselves
};
using GuardedPtr = std::shared_ptr<Guarded>;

}  // namespace

struct GuardedClient::Book : std::enable_shared_from_this<Book> {
    Book(asio::any_io_executor on,
         std::unique_ptr<HttpClient> with,
         BreakerLimits given,
         std::chrono::milliseconds every,
         Metrics& to)
        : executor(std::move(on)),
          inner(std::move(with)),
          limits(given),
          look_every(every),
          metrics(to),
          stop(std::make_shared<Signal>(executor)) {}

    GuardedPtr add(std::string to, const Endpoint& endpoint);
    /// Null: not guarded.
    GuardedPtr find(const Endpoint& endpoint);
    /// The error of a call that must not begin, else nothing.
    std::optional<Error> refuse(Guarded& to);
    void answered(Guarded& to);
    void lost(Guarded& to, Loss how, Breaker::Time begun, const Error& error);
    void show(const Guarded& to);

    void probe_soon();
    std::optional<Breaker::Time> next_probe();
    GuardedPtr due();
    asio::awaitable<void> keep_probing();

    static asio::awaitable<Result<ClientResponse>> guard(
        std::shared_ptr<Book> book,
        GuardedPtr to,
        PipePtr stream,
        asio::awaitable<Result<ClientResponse>> work);
    static asio::awaitable<Result<ClientResponse>> learn(
        std::shared_ptr<Book> book,
        Endpoint endpoint,
        asio::awaitable<Result<ClientResponse>> work);
    /// `work` with what stands around it for `endpoint`.
    asio::awaitable<Result<ClientResponse>> around(const Endpoint& endpoint,
                                                   PipePtr stream,
                                                   asio::awaitable<Result<ClientResponse>> work);

    const asio::any_io_executor executor;
    std::unique_ptr<HttpClient> inner;
    const BreakerLimits limits;
    const std::chrono::milliseconds look_every;
    Metrics& metrics;
    MetricId state_metric = 0;
    MetricId opened_metric = 0;
    TaskGroup tasks;
    const SignalPtr stop;
    std::mutex mutex;
    std::map<std::string, GuardedPtr> by_address;
    bool probing = false;
    bool stopped = false;
};

GuardedPtr GuardedClient::Book::add(std::string to, const Endpoint& endpoint) {
    const std::scoped_lock lock(mutex);
    auto& place = by_address[address_of(endpoint)];
    if (!place) {
        place = std::make_shared<Guarded>(std::move(to), endpoint, limits);
        show(*place);
    }
    return place;
}

GuardedPtr GuardedClient::Book::find(const Endpoint& endpoint) {
    const auto address = address_of(endpoint);
    {
        const std::scoped_lock lock(mutex);
        const auto found = by_address.find(address);
        if (found != by_address.end()) return found->second;
        if (endpoint.unix_path.empty() || by_address.size() >= kGuardedMax) return nullptr;
    }
    return add(address, endpoint);
}

void GuardedClient::Book::show(const Guarded& to) {
    const auto number = static_cast<double>(to.breaker.state());
    (void)metrics.record(state_metric, {to.to}, number);
}

std::optional<Error> GuardedClient::Book::refuse(Guarded& to) {
    const std::scoped_lock lock(mutex);
    const auto& breaker = to.breaker;
    if (to.breaker.admit(SteadyClock::now())) {
        show(to);
        return std::nullopt;
    }
    const auto opened_us = wall_us(breaker.opened_at());
    const auto next_us = wall_us(breaker.next_try());
    const json::object details{{"circuit_breaker",
                                {{"to", to.to},
                                 {"failures", breaker.failures()},
                                 {"opened_us", opened_us},
                                 {"next_try_us", next_us}}}};
    return Error{to.last.code,
                 "the circuit breaker to " + to.to + " is open since " + iso_utc(opened_us) +
                     ", and lets the next call through at " + iso_utc(next_us) +
                     "; try again then, and look whether it is running (" +
                     std::to_string(breaker.failures()) +
                     " calls in a row failed, the last one: " + to.last.message + ")",
                 json::serialize(details),
                 {}};
}

void GuardedClient::Book::answered(Guarded& to) {
    bool closed = false;
    {
        const std::scoped_lock lock(mutex);
        closed = to.breaker.state() != BreakerState::closed;
        to.breaker.answered();
        if (closed) show(to);
    }
    if (closed) log(LogLevel::info, to.to + " answers again; its circuit breaker is closed");
}

void GuardedClient::Book::lost(Guarded& to, Loss how, Breaker::Time begun, const Error& error) {
    std::size_t opened_after = 0;
    {
        const std::scoped_lock lock(mutex);
        auto& breaker = to.breaker;
        const bool was_closed = breaker.state() == BreakerState::closed;
        const auto now = SteadyClock::now();
        breaker.lost(how, begun, now);
        to.last = error;
        if (breaker.state() == BreakerState::closed) return;
        show(to);
        to.probe_at = now + look_every;
        if (was_closed) {
            opened_after = breaker.failures();
            (void)metrics.record(opened_metric, {to.to}, 1);
        }
    }
    probe_soon();
    if (opened_after == 0) return;
    log(LogLevel::warn,
        to.to + ": " + std::to_string(opened_after) +
            " calls in a row failed, so its circuit breaker is open; is it running? The last "
            "one: " +
            error.message);
}

void GuardedClient::Book::probe_soon() {
    {
        const std::scoped_lock lock(mutex);
        if (stopped || std::exchange(probing, true)) return;
    }
    // Outside of the lock: on an I/O thread the coroutine starts at once.
    tasks.spawn(executor, keep_probing());
}

std::optional<Breaker::Time> GuardedClient::Book::next_probe() {
    const std::scoped_lock lock(mutex);
    std::optional<Breaker::Time> next;
    for (const auto& [address, to] : by_address) {
        if (to->breaker.state() != BreakerState::open) continue;
        next = next ? std::min(*next, to->probe_at) : to->probe_at;
    }
    if (stopped) next.reset();
    if (!next) probing = false;
    return next;
}

GuardedPtr GuardedClient::Book::due() {
    const std::scoped_lock lock(mutex);
    const auto now = SteadyClock::now();
    for (const auto& [address, to] : by_address) {
        if (to->breaker.state() != BreakerState::open || now < to->probe_at) continue;
        to->probe_at = now + look_every;
        return to;
    }
    return nullptr;
}

asio::awaitable<void> GuardedClient::Book::keep_probing() {
    const auto self = shared_from_this();
    for (auto next = next_probe(); next; next = next_probe()) {
        co_await stop->wait(*next);
        const auto to = due();
        if (!to) continue;
        std::optional<asio::awaitable<Result<void>>> probe;
        {
            // The client goes when this is stopped.
            const std::scoped_lock lock(mutex);
            if (stopped) continue;
            probe.emplace(inner->reach(to->endpoint, Wait::for_ms(kProbeMs)));
        }
        auto reached = co_await std::move(*probe);
        const std::scoped_lock lock(mutex);
        if (reached) {
            to->breaker.reachable(SteadyClock::now());
            show(*to);
        } else if (loss_of(reached.error(), false)) {
            to->last = std::move(reached).error();
        }
    }
}

asio::awaitable<Result<ClientResponse>> GuardedClient::Book::guard(
    std::shared_ptr<Book> book,
    GuardedPtr to,
    PipePtr stream,
    asio::awaitable<Result<ClientResponse>> work) {
    const auto begun = SteadyClock::now();
    if (auto refused = book->refuse(*to)) {
        if (stream) stream->close_reader();
        co_return std::unexpected(*std::move(refused));
    }
    auto answer = co_await std::move(work);
    if (answer || answer.error().code == "PACKAGE_TOO_LARGE") {
        book->answered(*to);
    } else if (const auto how = loss_of(answer.error(), stream != nullptr)) {
        book->lost(*to, *how, begun, answer.error());
    }
    co_return answer;
}

asio::awaitable<Result<ClientResponse>> GuardedClient::Book::learn(
    std::shared_ptr<Book> book, Endpoint endpoint, asio::awaitable<Result<ClientResponse>> work) {
    auto answer = co_await std::move(work);
    if (answer && is_engine(*answer)) book->add(address_of(endpoint), endpoint);
    co_return answer;
}

asio::awaitable<Result<ClientResponse>> GuardedClient::Book::around(
    const Endpoint& endpoint, PipePtr stream, asio::awaitable<Result<ClientResponse>> work) {
    auto to = find(endpoint);
    if (!to) return learn(shared_from_this(), endpoint, std::move(work));
    return guard(shared_from_this(), std::move(to), std::move(stream), std::move(work));
}

GuardedClient::GuardedClient(asio::any_io_executor executor,
                             std::unique_ptr<HttpClient> inner,
                             BreakerLimits limits,
                             std::chrono::milliseconds look_every,
                             const std::vector<PeerSection>& peers,
                             Metrics& metrics)
    : book_(std::make_shared<Book>(
          std::move(executor), std::move(inner), limits, look_every, metrics)) {
    const auto state = metrics.define(
        MetricKind::gauge,
        "onex_circuit_breaker_state",
        "Whether calls to a peer or a Docker engine are let through: 0 closed, 1 half-open, 2 open",
        {"to"});
    const auto opened = metrics.define(MetricKind::counter,
                                       "onex_circuit_breaker_opened_total",
                                       "How often a circuit breaker has opened",
                                       {"to"});
    book_->state_metric = state.value_or(0);
    book_->opened_metric = opened.value_or(0);
    for (const auto& peer : peers) {
        auto endpoint = parse_url(peer.url);
        if (!endpoint) continue;  // Calls to it say what is wrong with its url.
        endpoint->fingerprint = peer.fingerprint;
        book_->add(peer.name, *endpoint);
    }
}

void GuardedClient::close() {
    {
        const std::scoped_lock lock(book_->mutex);
        book_->stopped = true;
    }
    book_->stop->fire();
    // A probe under way ends with its connection.
    book_->inner->close();
}

GuardedClient::~GuardedClient() {
    GuardedClient::close();
    book_->inner.reset();
    book_->tasks.wait_idle_blocking(book_->executor);
}

asio::awaitable<Result<ClientResponse>> GuardedClient::send(ClientRequest request,
                                                            std::uint64_t body_bytes_max,
                                                            Wait wait) {
    const auto endpoint = request.endpoint;
    auto stream = request.stream;
    auto work = book_->inner->send(std::move(request), body_bytes_max, std::move(wait));
    return book_->around(endpoint, std::move(stream), std::move(work));
}

asio::awaitable<Result<void>> GuardedClient::reach(Endpoint endpoint, Wait wait) {
    return book_->inner->reach(std::move(endpoint), std::move(wait));
}

asio::awaitable<Result<ClientResponse>> GuardedClient::open(ClientRequest request,
                                                            Wait wait,
                                                            std::int64_t idle_ms) {
    const auto endpoint = request.endpoint;
    auto stream = request.stream;
    auto work = book_->inner->open(std::move(request), std::move(wait), idle_ms);
    return book_->around(endpoint, std::move(stream), std::move(work));
}

std::vector<BreakerView> GuardedClient::breakers() const {
    std::vector<BreakerView> out;
    {
        const std::scoped_lock lock(book_->mutex);
        for (const auto& [address, to] : book_->by_address) {
            const auto& breaker = to->breaker;
            BreakerView view{to->to, breaker.state(), breaker.failures(), 0, 0, to->last.message};
            if (view.state != BreakerState::closed) {
                view.opened_us = wall_us(breaker.opened_at());
                view.next_try_us = wall_us(breaker.next_try());
            }
            out.push_back(std::move(view));
        }
    }
    std::ranges::sort(out, {}, &BreakerView::to);
    return out;
}

}  // namespace onex::host
