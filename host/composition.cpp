#include "host/composition.hpp"

#include "host/async/report.hpp"
#include "host/crash_guard.hpp"
#include "host/doctor.hpp"
#include "host/log.hpp"
#include "host/maintenance.hpp"
#include "host/nodes/admin.hpp"
#include "host/paths.hpp"
#include "host/plugin/blocking.hpp"
#include "host/version.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace onex::host {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::size_t kWorkQueueMax = 4096;
constexpr std::size_t kAdminThreadsMax = 8;
constexpr std::size_t kAdminQueueMax = 64;
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
        auto key = resolve_key(peer.key);
        if (!key) return std::unexpected(std::move(key).error());
        out.push_back({peer.key_id, std::move(*key), peer.name});
        if (peer.key_next.empty()) continue;
        auto next = resolve_key(peer.key_next);
        if (!next) return std::unexpected(std::move(next).error());
        out.push_back({peer.key_id_next, std::move(*next), peer.name});
    }
    return out;
}

}  // namespace

struct Composition::Maintenance {
    explicit Maintenance(asio::io_context& io) : timer(io) {}
    asio::steady_timer timer;
};

Composition::Composition(Config config, std::function<Result<Config>()> read)
    : config_(std::move(config)),
      read_config_(std::move(read)),
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
    set_fault_reporter([](std::string_view what) noexcept { log(LogLevel::error, what); });
    if (auto opened = open_state(); !opened) return opened;
    auto keys = signing_keys(config_);
    if (!keys) return std::unexpected(std::move(keys).error());
    if (!config_.host.token.empty()) {
        auto token = resolve_key(config_.host.token);
        if (!token) return std::unexpected(std::move(token).error());
        token_ = std::move(*token);
    }
    for (std::size_t i = 0; i < std::max<std::size_t>(config_.host.io_threads, 1); ++i) {
        threads_.emplace_back([this] { io_.run(); });
    }
    BreakerLimits breaker;
    breaker.failures_max = config_.host.breaker_failures;
    const std::chrono::milliseconds look_every(config_.host.breaker_open_ms);
    http_ = std::make_unique<GuardedClient>(io_.get_executor(),
                                            make_http_client(io_.get_executor(), {}),
                                            breaker,
                                            look_every,
                                            config_.peers,
                                            metrics_);
    workers_ = std::make_unique<Workers>("onex-work", config_.host.workers_max, kWorkQueueMax);
    peer_workers_ = std::make_unique<Workers>("onex-peer", config_.host.workers_max, kWorkQueueMax);
    admin_workers_ = std::make_unique<Workers>("onex-admin", kAdminThreadsMax, kAdminQueueMax);
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
    HostHooks hooks{
        [this] { return describe(); },
        [this] { return examine(*runtime_, *http_); },
        [this] { stop_requested_(); },
        [this](std::string_view verb, const std::string& name, const json::object& body) {
            return administer(*lifecycle_, read_config_, verb, name, body);
        },
        admin_workers_.get()};
    router_ = std::make_unique<Router>(*runtime_, *gate_, std::move(hooks));
    listeners_ = std::make_unique<Listeners>(*runtime_, *router_, !token_.empty());
    const auto& data = config_.host.data_dir;
    install_crash_guard(data + "/crashes");
    lifecycle_ = std::make_unique<Lifecycle>(*runtime_,
                                             *listeners_,
                                             Lifecycle::Places{executable_path(),
                                                               data_dir_->tmp() + "/plugins",
                                                               data + "/plugins",
                                                               data + "/crashes"});
    return lifecycle_->load_all();
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

Result<void> Composition::start(std::function<void()> stop_requested) {
    stop_requested_ = std::move(stop_requested);
    // Nodes start before anybody can call them from outside.
    if (auto started = lifecycle_->start_all(); !started) return started;
    const auto nodes = dispatcher_->nodes();
    if (auto possible = listeners_->check(*nodes); !possible) return possible;
    if (auto opened = listeners_->open(*nodes); !opened) return opened;
    listeners_->publish(*nodes);
    if (auto opened = listeners_->open_admin(*nodes); !opened) return opened;
    if (config_.host.watch) {
        watch_ = std::make_unique<Watch>(
            io_.get_executor(), config_.host.plugin_dirs, [this](std::string file) {
                const bool posted =
                    workers_->post([this, file] { lifecycle_->library_changed(file); });
                if (!posted) log(LogLevel::warn, "all workers are busy; not reloaded: " + file);
            });
    }
    maintain();
    return {};
}

void Composition::reload_config() {
    const bool posted = admin_workers_->post([this] {
        auto done = administer(*lifecycle_, read_config_, "config", "", {});
        log(done ? LogLevel::info : LogLevel::warn,
            done ? "configuration reloaded: " + json::serialize(*done)
                 : "configuration not reloaded: " + done.error().message);
    });
    if (!posted)
        log(LogLevel::warn, "configuration not reloaded: all workers are busy; send SIGHUP again");
}

json::object Composition::describe() const {
    json::array nodes;
    for (const auto& node : lifecycle_->list()) {
        nodes.push_back({{"name", node.name},
                         {"plugin", node.plugin},
                         {"version", node.version},
                         {"listen", node.listen},
                         {"state", node.state},
                         {"in_flight", node.in_flight}});
    }
    json::array peers;
    for (const auto& peer : config_.peers)
        peers.push_back({{"name", peer.name}, {"url", peer.url}});
    json::array listeners;
    for (const auto& address : listeners_->addresses())
        listeners.emplace_back(address);
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
            {"tls_fingerprint", listeners_->tls_fingerprint()}};
}

void Composition::maintain() {
    maintenance_->timer.expires_after(std::chrono::milliseconds(kMaintainEveryMs));
    maintenance_->timer.async_wait([this](boost::system::error_code ec) {
        if (ec) return;
        // Skipped when all workers are busy; the next round does it.
        (void)workers_->post([this] {
            prune(*store_,
                  *keys_,
                  gate_->nonces(),
                  {config_.store.keep_days, config_.store.size_budget_bytes});
        });
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
    watch_.reset();
    if (lifecycle_) lifecycle_->quiesce_all(deadline);
    if (listeners_) listeners_->stop(Wait{deadline, {}});
    abandoned_ = lifecycle_ && !lifecycle_->stop_all(deadline);
    if (abandoned_) return false;
    listeners_.reset();
    auto idle = [](Peers* peers) -> asio::awaitable<Result<void>> {
        const auto wait = Wait::for_ms(kStopGraceMs);
        const auto is_idle = co_await peers->wait_idle(wait);
        (void)is_idle;
        co_return Result<void>{};
    };
    if (peers_) (void)run_blocking<void>(io_.get_executor(), idle(peers_.get()));
    // What the pools' work waits for ends first, then the pools, then what that work used. The HTTP
    // client itself stays until the I/O threads have ended: one of their coroutines may hold it.
    if (http_) http_->close();
    workers_.reset();
    peer_workers_.reset();
    admin_workers_.reset();
    if (lifecycle_) lifecycle_->release();
    lifecycle_.reset();
    bus_.reset();
    if (keys_) (void)keys_->store_kept();
    if (store_) store_->close();
    return true;
}

}  // namespace onex::host
