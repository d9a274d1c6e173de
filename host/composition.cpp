#include "host/composition.hpp"

#include "host/config/cidr.hpp"
#include "host/doctor.hpp"
#include "host/log.hpp"
#include "host/maintenance.hpp"
#include "host/paths.hpp"
#include "host/plugin/blocking.hpp"
#include "host/plugin/library.hpp"
#include "host/version.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <utility>

namespace onex::host {

namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

constexpr std::size_t kWorkQueueMax = 4096;
constexpr std::int64_t kStartMs = 120'000;  // of one node's create or start
constexpr std::int64_t kStopGraceMs = 10'000;
constexpr std::int64_t kMaintainEveryMs = 10 * 60 * 1000;

/// The machine's architecture as Docker writes it.
std::string architecture() {
    utsname machine{};
    if (::uname(&machine) != 0) return "unknown";
    std::string name = machine.machine;
    if (name == "x86_64") return "amd64";
    if (name == "aarch64" || name == "arm64") return "arm64";
    return name;
}

Result<std::vector<SigningKey>> signing_keys(const Config& config) {
    std::vector<SigningKey> out;
    for (const auto& peer : config.peers) {
        auto key = resolve_secret(peer.key);
        if (!key) return std::unexpected(std::move(key).error());
        out.push_back({peer.key_id, std::move(*key), peer.name});
        if (peer.key_next.empty()) continue;
        auto next = resolve_secret(peer.key_next);
        if (!next) return std::unexpected(std::move(next).error());
        out.push_back({peer.key_id_next, std::move(*next), peer.name});
    }
    return out;
}

/// Runs control work on a worker, since nodes may wait in it, and waits for its end. After a
/// TIMEOUT it still runs: `work` refers to nothing that goes before the workers do.
template <class T>
Result<T> on_control(Workers& workers,
                     SteadyClock::time_point deadline,
                     std::function<Result<T>()> work) {
    const auto promise = std::make_shared<std::promise<Result<T>>>();
    auto future = promise->get_future();
    if (!workers.post([promise, work = std::move(work)] { promise->set_value(work()); }))
        return fail("QUEUE_FULL", "no worker for control work");
    if (future.wait_until(deadline) == std::future_status::ready) return future.get();
    return fail("TIMEOUT", "the node's code does not come back; see its log lines before this");
}

bool has_token_routes(const std::vector<std::shared_ptr<NodeInstance>>& nodes) {
    for (const auto& node : nodes) {
        for (const auto& operation : node->contract().operations) {
            if (operation.auth == Auth::token && !operation.http.empty()) return true;
        }
    }
    return false;
}

}  // namespace

struct Composition::Maintenance {
    explicit Maintenance(asio::io_context& io) : timer(io) {}
    asio::steady_timer timer;
};

Composition::Composition(Config config)
    : config_(std::move(config)),
      work_(asio::make_work_guard(io_)),
      maintenance_(std::make_unique<Maintenance>(io_)) {}

Composition::~Composition() {
    stop();
    if (abandoned_) {
        // A plugin's code still runs, on a thread that nothing can end; what it stands on must not
        // be torn down under it. The data folder is as after a crash, which the next start heals.
        log(LogLevel::error, "ending the process without waiting for the nodes named above");
        stop_log();
        std::_Exit(EXIT_FAILURE);
    }
    work_.reset();
    io_.stop();
    for (auto& thread : threads_)
        thread.join();
}

Result<void> Composition::build() {
    if (auto opened = open_state(); !opened) return opened;
    auto keys = signing_keys(config_);
    if (!keys) return std::unexpected(std::move(keys).error());
    if (!config_.host.token.empty()) {
        auto token = resolve_secret(config_.host.token);
        if (!token) return std::unexpected(std::move(token).error());
        token_ = std::move(*token);
    }
    for (std::size_t i = 0; i < std::max<std::size_t>(config_.host.io_threads, 1); ++i) {
        threads_.emplace_back([this] { io_.run(); });
    }
    http_ = make_http_client(io_.get_executor(), {});
    workers_ = std::make_unique<Workers>("onex-work", config_.host.workers_max, kWorkQueueMax);
    peer_workers_ = std::make_unique<Workers>("onex-peer", config_.host.workers_max, kWorkQueueMax);
    Identity identity{config_.host.name,
                      data_dir_->host_id(),
                      data_dir_->boot_id(),
                      config_.host.ns,
                      config_.host.environment,
                      architecture()};
    runtime_ = std::unique_ptr<Runtime>(new Runtime{config_,
                                                    std::move(identity),
                                                    io_.get_executor(),
                                                    *workers_,
                                                    *peer_workers_,
                                                    *http_,
                                                    *store_,
                                                    *bus_,
                                                    *blobs_,
                                                    metrics_,
                                                    *keys_,
                                                    *processes_,
                                                    nullptr,
                                                    nullptr,
                                                    {},
                                                    {},
                                                    {}});
    peers_ = std::make_unique<Peers>(*runtime_, std::move(*keys));
    dispatcher_ = std::make_unique<Dispatcher>(*runtime_);
    runtime_->peers = peers_.get();
    runtime_->dispatcher = dispatcher_.get();
    gate_ = std::make_unique<Gate>(*runtime_, peers_->keys(), token_);
    return load_nodes();
}

Result<void> Composition::open_state() {
    auto folder = DataDir::open(config_.host.data_dir);
    if (!folder) return std::unexpected(std::move(folder).error());
    data_dir_.emplace(std::move(*folder));
    SqliteConfig sqlite;
    sqlite.file = config_.store.file;
    auto store = open_sqlite(std::move(sqlite));
    if (!store) return std::unexpected(std::move(store).error());
    store_ = std::move(*store);
    auto migrations = Migrations::read(config_.host.migrations_dir);
    if (!migrations) return std::unexpected(std::move(migrations).error());
    auto applied = migrations->up(*store_);
    if (!applied) return std::unexpected(std::move(applied).error());
    if (*applied > 0)
        log(LogLevel::info,
            "applied " + std::to_string(*applied) + " migrations to " + config_.store.file);
    auto blobs = Blobs::open(config_.host.data_dir + "/blobs");
    if (!blobs) return std::unexpected(std::move(blobs).error());
    blobs_ = std::move(*blobs);
    blobs_->disk_reserve_bytes = config_.limits.disk_reserve_bytes;
    bus_ = std::make_unique<EventBus>(*store_, data_dir_->host_id(), config_.host.name);
    keys_ = std::make_unique<OperationKeys>(*store_, data_dir_->boot_id());
    processes_ = std::make_unique<ProcessPolicy>(config_.process.allow);
    return {};
}

Result<std::string> Composition::plugin_file(const NodeSection& node, bool& own) const {
    const auto installed =
        fs::path(executable_path()).parent_path().parent_path() / "lib/onex/plugins";
    std::string searched;
    for (const auto& dir : config_.host.plugin_dirs) {
        for (const auto* ending : {".so", ".dylib"}) {
            const auto file = fs::path(dir) / (node.plugin + ending);
            std::error_code ec;
            if (!fs::exists(file, ec)) continue;
            own = fs::equivalent(dir, installed, ec);
            for (const auto& listed : config_.host.sql_plugins)
                own = own || listed == node.plugin;
            return file.string();
        }
        searched += (searched.empty() ? "" : ", ") + dir;
    }
    return fail("NOT_FOUND",
                config_.file + ":" + std::to_string(node.line) + ": [nodes." + node.name +
                    "]: no plugin `" + node.plugin + "` in " + searched +
                    "; build it, or add its folder to plugin_dirs");
}

Result<void> Composition::load_nodes() {
    // Each node has a copy of its plugin's image of its own: they unload apart.
    std::vector<std::shared_ptr<NodeInstance>> nodes;
    for (const auto& section : config_.nodes) {
        if (!section.enabled) continue;
        bool own = false;
        auto file = plugin_file(section, own);
        if (!file) return std::unexpected(std::move(file).error());
        auto library = Library::load(*file, data_dir_->tmp() + "/plugins");
        if (!library) return std::unexpected(std::move(library).error());
        const auto& entry = (*library)->entry();
        if (section.plugin != entry.id) {
            return fail(
                "FAILED_PRECONDITION",
                *file + " says that it is `" + entry.id + "`, not `" + section.plugin + "`");
        }
        std::function<Result<std::shared_ptr<NodeInstance>>()> make =
            [this, &section, &entry, library = *library, own] {
                return NodeInstance::create(*runtime_, section, entry, library, own);
            };
        auto node = on_control(*workers_, deadline_in(kStartMs), std::move(make));
        if (!node) {
            abandoned_ = node.error().code == "TIMEOUT";
            return std::unexpected(std::move(node).error());
        }
        log(LogLevel::info,
            "loaded " + section.plugin + " " + (*node)->plugin_version(),
            {{"node", section.name}});
        nodes.push_back(std::move(*node));
    }
    dispatcher_->set_nodes(std::move(nodes));
    return {};
}

Result<void> Composition::start(std::function<void()> stop_requested) {
    stop_requested_ = std::move(stop_requested);
    HostHooks hooks{[this] { return describe(); },
                    [this] { return examine(*runtime_); },
                    [this] { stop_requested_(); }};
    router_ = std::make_unique<Router>(*runtime_, *gate_, std::move(hooks));
    // Nodes start before anybody can call them from outside; only the admin socket tells that they
    // do.
    if (auto started = start_nodes(); !started) return started;
    if (auto opened = open_listeners(); !opened) return opened;
    if (auto opened = open_admin(); !opened) return opened;
    maintain();
    return {};
}

Result<void> Composition::open_listeners() {
    std::map<std::string, std::vector<std::shared_ptr<NodeInstance>>> by_address;
    for (const auto& node : dispatcher_->nodes()) {
        if (!node->section().listen.empty()) by_address[node->section().listen].push_back(node);
    }
    for (const auto& [address, nodes] : by_address) {
        if (auto opened = open_listener(address, nodes); !opened) return opened;
    }
    return {};
}

Result<void> Composition::open_listener(const std::string& address,
                                        const std::vector<std::shared_ptr<NodeInstance>>& nodes) {
    auto listening = std::make_shared<Listening>();
    listening->name = address;
    listening->nodes = nodes;
    bool tls = config_.tls.enabled;
    for (const auto& node : nodes) {
        if (auto added = listening->routes.add(node); !added) return added;
        tls = tls || node->section().tls;
    }
    ListenAddress where;
    const auto colon = address.rfind(':');
    where.address = address.substr(0, colon);
    if (where.address.starts_with('['))
        where.address = where.address.substr(1, where.address.size() - 2);
    where.port = static_cast<std::uint16_t>(std::stoul(address.substr(colon + 1)));
    if (token_.empty() && has_token_routes(nodes) && !is_loopback(where.address)) {
        log(LogLevel::warn,
            "no [host] token: " + address + " is opened on 127.0.0.1 only; set a token to open it");
        where.address = "127.0.0.1";
    }
    if (tls) {
        where.tls_cert_file = config_.tls.cert_file.empty()
                                  ? config_.host.data_dir + "/tls/cert.pem"
                                  : config_.tls.cert_file;
        where.tls_key_file = config_.tls.key_file.empty() ? config_.host.data_dir + "/tls/key.pem"
                                                          : config_.tls.key_file;
        auto fingerprint =
            ensure_tls_key(where.tls_cert_file, where.tls_key_file, config_.host.name);
        if (!fingerprint) return std::unexpected(std::move(fingerprint).error());
        tls_fingerprint_ = *fingerprint;
    }
    ServerLimits limits;
    limits.connections_max = config_.limits.connections_max;
    auto opened = listen(io_.get_executor(), where, limits, router_->handler(std::move(listening)));
    if (!opened) return std::unexpected(std::move(opened).error());
    const auto shown =
        (tls ? "https://" : "http://") + where.address + ":" + std::to_string((*opened)->port());
    listening_.push_back(shown);
    listeners_.push_back(std::move(*opened));
    log(LogLevel::info, "listening on " + shown + (tls ? ", certificate " + tls_fingerprint_ : ""));
    return {};
}

Result<void> Composition::open_admin() {
    auto listening = std::make_shared<Listening>();
    listening->name = "admin";
    listening->admin = true;
    listening->nodes = dispatcher_->nodes();
    for (const auto& node : listening->nodes) {
        // Two nodes of one plugin claim the same paths here; the first one answers, the other by
        // its own listener.
        (void)listening->routes.add(node);
    }
    ListenAddress socket;
    socket.unix_path = config_.admin.socket;
    auto opened = listen(io_.get_executor(), socket, {}, router_->handler(listening));
    if (!opened) return std::unexpected(std::move(opened).error());
    listeners_.push_back(std::move(*opened));
    if (config_.admin.listen.empty()) return {};
    if (token_.empty()) return fail("VALIDATION_ERROR", "[admin] listen needs [host] token");
    return open_listener(config_.admin.listen, {});
}

Result<void> Composition::start_nodes() {
    for (const auto& node : dispatcher_->nodes()) {
        std::function<Result<void>()> start = [node, place = node->hold()] {
            return node->start();
        };
        auto started = on_control(*workers_, deadline_in(kStartMs), std::move(start));
        if (!started) {
            auto error = std::move(started).error();
            error.message = "node " + node->name() + " did not start: " + error.message;
            return std::unexpected(std::move(error));
        }
    }
    return {};
}

json::object Composition::describe() const {
    json::array nodes;
    for (const auto& node : dispatcher_->nodes()) {
        nodes.push_back({{"name", node->name()},
                         {"plugin", node->section().plugin},
                         {"version", node->plugin_version()},
                         {"listen", node->section().listen},
                         {"in_flight", node->in_flight()}});
    }
    json::array peers;
    for (const auto& peer : config_.peers)
        peers.push_back({{"name", peer.name}, {"url", peer.url}});
    json::array listeners;
    for (const auto& listener : listening_)
        listeners.emplace_back(listener);
    return {{"name", config_.host.name},
            {"host_id", data_dir_->host_id()},
            {"boot_id", data_dir_->boot_id()},
            {"version", host_version()},
            {"pid", ::getpid()},
            {"architecture", runtime_->identity.architecture},
            {"namespace", config_.host.ns},
            {"data_dir", config_.host.data_dir},
            {"listeners", std::move(listeners)},
            {"nodes", std::move(nodes)},
            {"peers", std::move(peers)},
            {"tls_fingerprint", tls_fingerprint_}};
}

void Composition::maintain() {
    maintenance_->timer.expires_after(std::chrono::milliseconds(kMaintainEveryMs));
    maintenance_->timer.async_wait([this](boost::system::error_code ec) {
        if (ec) return;
        // Skipped when all workers are busy; the next round does it.
        (void)workers_->post(
            [this] { prune(*store_, *keys_, gate_->nonces(), config_.store.keep_days); });
        maintain();
    });
}

bool Composition::stop() {
    if (stopped_) return true;
    stopped_ = true;
    if (!runtime_) return true;
    const auto deadline =
        SteadyClock::now() + std::chrono::milliseconds(config_.host.stop_timeout_ms);
    asio::post(io_, [this] { maintenance_->timer.cancel(); });
    std::vector<std::shared_ptr<NodeInstance>> nodes =
        dispatcher_ ? dispatcher_->nodes() : decltype(nodes){};
    for (const auto& node : nodes) {
        std::function<Result<void>()> quiesce = [node, place = node->hold()] {
            return node->quiesce();
        };
        if (auto done = on_control(*workers_, deadline, std::move(quiesce)); !done) {
            log(LogLevel::warn,
                "quiesce failed: " + done.error().message,
                {{"node", node->name()}});
        }
    }
    for (const auto& listener : listeners_) {
        auto close = [](Listener* open, Wait wait) -> asio::awaitable<Result<void>> {
            co_await open->stop(wait);
            co_return Result<void>{};
        };
        (void)run_blocking<void>(io_.get_executor(), close(listener.get(), Wait{deadline, {}}));
    }
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
        std::function<Result<void>()> end = [ending = *node, deadline] {
            ending->shut_down(deadline);
            return Result<void>{};
        };
        const auto latest =
            std::max(deadline, SteadyClock::now()) + std::chrono::milliseconds(kStopGraceMs);
        const auto ended = on_control(*workers_, latest, std::move(end));
        abandoned_ = abandoned_ || !ended || (*node)->in_flight() != 0;
    }
    if (abandoned_) return false;
    listeners_.clear();
    nodes.clear();
    auto idle = [](Peers* peers) -> asio::awaitable<Result<void>> {
        const auto wait = Wait::for_ms(kStopGraceMs);
        const auto is_idle = co_await peers->wait_idle(wait);
        (void)is_idle;
        co_return Result<void>{};
    };
    if (peers_) (void)run_blocking<void>(io_.get_executor(), idle(peers_.get()));
    // The pools end before what their work uses; the nodes' libraries go with the dispatcher.
    if (http_) http_.reset();
    workers_.reset();
    peer_workers_.reset();
    dispatcher_->set_nodes({});
    bus_.reset();
    if (store_) store_->close();
    return true;
}

}  // namespace onex::host
