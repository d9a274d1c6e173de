#include "host/listeners.hpp"

#include "host/config/cidr.hpp"
#include "host/log.hpp"
#include "host/plugin/blocking.hpp"

#include <utility>

namespace onex::host {

namespace asio = boost::asio;

namespace {

constexpr std::int64_t kCloseMs = 5'000;  // of an address that no node wants any more

bool has_token_routes(const NodeInstance& node) {
    for (const auto& operation : node.contract().operations) {
        if (operation.auth == Auth::token && !operation.http.empty()) return true;
    }
    return false;
}

ListenAddress parse_address(const std::string& text) {
    ListenAddress out;
    const auto colon = text.rfind(':');
    out.address = text.substr(0, colon);
    if (out.address.starts_with('[')) out.address = out.address.substr(1, out.address.size() - 2);
    out.port = static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)));
    return out;
}

}  // namespace

Listeners::Listeners(Runtime& runtime, Router& router, bool open_to_all)
    : runtime_(runtime), router_(router), open_to_all_(open_to_all) {}

Listeners::~Listeners() = default;

std::map<std::string, Listeners::Wanted> Listeners::wanted(const NodeList& nodes) const {
    std::map<std::string, Wanted> out;
    for (const auto& node : nodes) {
        if (node->section().listen.empty()) continue;
        auto& at = out[node->section().listen];
        at.nodes.push_back(node);
        at.tls = at.tls || runtime_.config.tls.enabled || node->section().tls;
        at.token_routes = at.token_routes || has_token_routes(*node);
    }
    return out;
}

Result<Listening::Serving> Listeners::serving(const NodeList& nodes) {
    Listening::Serving out;
    out.nodes = nodes;
    for (const auto& node : nodes) {
        if (auto added = out.routes.add(node); !added)
            return std::unexpected(std::move(added).error());
    }
    return out;
}

Listening::Serving Listeners::admin_serving(const NodeList& nodes) {
    Listening::Serving out;
    out.nodes = nodes;
    for (const auto& node : nodes) {
        // Two nodes of one plugin claim the same paths here; the first one answers, the other by
        // its own listener.
        (void)out.routes.add(node);
    }
    return out;
}

Result<void> Listeners::check(const NodeList& nodes) const {
    for (const auto& [address, want] : wanted(nodes)) {
        if (auto possible = serving(want.nodes); !possible)
            return std::unexpected(std::move(possible).error());
        const auto open = open_.find(address);
        if (open != open_.end() && open->second.tls != want.tls) {
            return fail("FAILED_PRECONDITION",
                        address + " is open " + (want.tls ? "without" : "with") +
                            " TLS; restart the host to change that");
        }
    }
    return {};
}

Result<Listeners::Open> Listeners::open_address(const std::string& address, const Wanted& want) {
    const auto& config = runtime_.config;
    auto where = parse_address(address);
    if (!open_to_all_ && want.token_routes && !is_loopback(where.address)) {
        log(LogLevel::warn,
            "no [host] token: " + address + " is opened on 127.0.0.1 only; set a token to open it");
        where.address = "127.0.0.1";
    }
    if (want.tls) {
        const auto& dir = config.host.data_dir;
        where.tls_cert_file =
            config.tls.cert_file.empty() ? dir + "/tls/cert.pem" : config.tls.cert_file;
        where.tls_key_file =
            config.tls.key_file.empty() ? dir + "/tls/key.pem" : config.tls.key_file;
        auto fingerprint =
            ensure_tls_key(where.tls_cert_file, where.tls_key_file, config.host.name);
        if (!fingerprint) return std::unexpected(std::move(fingerprint).error());
        const std::scoped_lock lock(mutex_);
        fingerprint_ = *fingerprint;
    }
    ServerLimits limits;
    limits.connections_max = config.limits.connections_max;
    Open out;
    out.tls = want.tls;
    out.listening = std::make_shared<Listening>(address, false);
    const auto host = where.address;
    auto opened =
        listen(runtime_.executor, std::move(where), limits, router_.handler(out.listening));
    if (!opened) return std::unexpected(std::move(opened).error());
    out.listener = std::move(*opened);
    out.shown =
        (want.tls ? "https://" : "http://") + host + ":" + std::to_string(out.listener->port());
    log(LogLevel::info,
        "listening on " + out.shown + (want.tls ? ", certificate " + tls_fingerprint() : ""));
    return out;
}

Result<void> Listeners::open(const NodeList& nodes) {
    for (const auto& [address, want] : wanted(nodes)) {
        if (open_.contains(address)) continue;
        auto opened = open_address(address, want);
        if (!opened) return std::unexpected(std::move(opened).error());
        const std::scoped_lock lock(mutex_);
        open_.emplace(address, std::move(*opened));
    }
    return {};
}

void Listeners::publish(const NodeList& nodes) {
    auto want = wanted(nodes);
    std::vector<Open> unused;
    for (auto at = open_.begin(); at != open_.end();) {
        const auto found = want.find(at->first);
        if (found == want.end()) {
            at->second.listening->serve({});
            const std::scoped_lock lock(mutex_);
            unused.push_back(std::move(at->second));
            at = open_.erase(at);
            continue;
        }
        // check() has found no conflict in them; without it a node's routes would be missing.
        if (auto made = serving(found->second.nodes); made) {
            at->second.listening->serve(std::move(*made));
        } else {
            log(LogLevel::error, at->first + ": " + made.error().message);
        }
        ++at;
    }
    for (const auto& admin : admin_)
        if (admin.listening->admin) admin.listening->serve(admin_serving(nodes));
    for (const auto& gone : unused) {
        close(*gone.listener, Wait::for_ms(kCloseMs));
        log(LogLevel::info, "closed " + gone.shown + ": no node listens there any more");
    }
}

Result<void> Listeners::open_admin(const NodeList& nodes) {
    Open socket;
    socket.listening = std::make_shared<Listening>("admin", true);
    socket.listening->serve(admin_serving(nodes));
    ListenAddress where;
    where.unix_path = runtime_.config.admin.socket;
    auto opened = listen(runtime_.executor, where, {}, router_.handler(socket.listening));
    if (!opened) return std::unexpected(std::move(opened).error());
    socket.listener = std::move(*opened);
    {
        // It answers already, and may be asked what is open.
        const std::scoped_lock lock(mutex_);
        admin_.push_back(std::move(socket));
    }
    const auto& address = runtime_.config.admin.listen;
    if (address.empty()) return {};
    if (!open_to_all_) return fail("VALIDATION_ERROR", "[admin] listen needs [host] token");
    auto network = open_address(address, {{}, runtime_.config.tls.enabled, true});
    if (!network) return std::unexpected(std::move(network).error());
    const std::scoped_lock lock(mutex_);
    admin_.push_back(std::move(*network));
    return {};
}

void Listeners::close(Listener& listener, Wait wait) {
    auto end = [](Listener* open, Wait until) -> asio::awaitable<Result<void>> {
        co_await open->stop(until);
        co_return Result<void>{};
    };
    (void)run_blocking<void>(runtime_.executor, end(&listener, std::move(wait)));
}

void Listeners::stop(Wait wait) {
    for (const auto& admin : admin_)
        close(*admin.listener, wait);
    for (const auto& [address, open] : open_)
        close(*open.listener, wait);
}

std::vector<std::string> Listeners::addresses() const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> out;
    for (const auto& [address, open] : open_)
        out.push_back(open.shown);
    for (const auto& admin : admin_)
        if (!admin.shown.empty()) out.push_back(admin.shown);
    return out;
}

std::string Listeners::tls_fingerprint() const {
    const std::scoped_lock lock(mutex_);
    return fingerprint_;
}

}  // namespace onex::host
