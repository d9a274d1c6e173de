// The image of a plugin that runs in a worker process: starts it, watches it, starts it again.
#include "host/log.hpp"
#include "host/plugin/abi_values.hpp"
#include "host/plugin/library.hpp"
#include "host/plugin/services.hpp"
#include "host/worker/description.hpp"
#include "host/worker/held_requests.hpp"
#include "host/worker/session.hpp"
#include "host/worker/worker.hpp"

#include <boost/json/object.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace onex::host {

namespace {

using worker::Method;
using worker::Packer;
using worker::Session;
using worker::Unpacker;

constexpr std::int64_t kLoadMs = 30'000;
constexpr std::int64_t kControlMs = 120'000;  // create, start, stop …: as for a mapped plugin
constexpr std::int64_t kEndMs = 10'000;       // of stop and destroy: then the process is killed
constexpr std::int64_t kPingEveryMs = 5'000;
constexpr std::int64_t kPongMs = 30'000;
constexpr std::int64_t kBackoffMs = 100;
constexpr std::int64_t kBackoffMaxMs = 30'000;
constexpr std::int64_t kHoldMs = 1'000;  // requests wait for a start that comes within this time
constexpr std::int64_t kSoundAfterMs = 60'000;  // a life that long forgets the back-off

/// "worker process ended by signal 11 (Segmentation fault)".
std::string how_it_ended(int status) {
    if (WIFSIGNALED(status))
        return "its worker process ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
               ::strsignal(WTERMSIG(status)) + ")";
    return "its worker process ended with exit code " + std::to_string(WEXITSTATUS(status));
}

class WorkerImage final : public PluginImage {
  public:
    WorkerImage(std::string program, StagedFile staged, WorkerLimits limits)
        : program_(std::move(program)), staged_(std::move(staged)), limits_(limits) {
        make_node_table();
    }
    ~WorkerImage() override {
        end();
        std::error_code ec;
        std::filesystem::remove(staged_.path, ec);
    }

    [[nodiscard]] const onex_plugin_entry& entry() const override { return told_.entry; }
    [[nodiscard]] const std::string& file() const override { return staged_.source; }
    [[nodiscard]] const std::string& copy() const override { return staged_.path; }
    [[nodiscard]] const std::string& digest() const override { return staged_.digest; }
    [[nodiscard]] std::string isolation() const override { return "process"; }
    [[nodiscard]] boost::json::value describe() const override {
        const std::scoped_lock lock(mutex_);
        return boost::json::object{
            {"pid", pid_}, {"restarts", restarts_}, {"last_exit", last_exit_}};
    }

    /// The first life, whose library must load.
    Result<void> begin() {
        if (auto started = spawn_worker(); !started) return started;
        supervisor_ = std::thread([this] { supervise(); });
        return {};
    }

    onex_status create(const onex_host& host,
                       const onex_create_args& args,
                       const onex_node*& out,
                       onex_error& error) override {
        {
            const std::scoped_lock lock(mutex_);
            host_ = &host;
            node_ = std::string(args.node.data, args.node.size);
            generation_ = args.generation;
        }
        const auto session = current();
        if (!session)
            return report({"UNAVAILABLE", "the worker process has ended", {}, {}}, &error);
        if (auto made = make_node(*session); !made) return report(made.error(), &error);
        out = &table_;
        return ONEX_OK;
    }

  private:
    static WorkerImage& of(void* self) { return *static_cast<WorkerImage*>(self); }
    void make_node_table();
    Result<void> spawn_worker();
    Result<void> load(Session& session);
    Result<void> make_node(Session& session);
    /// Brings onex_worker_restarts_total up to date.
    void count_restarts();
    Result<std::string> ask(Session& session,
                            Method method,
                            const Packer& input,
                            std::int64_t ms = kControlMs);
    /// A call without input and without answer, as start() is one.
    onex_status control(Method method, onex_error* error);
    onex_status invoke(const onex_request& request, onex_error* error);
    /// What waited goes to the new life, or is told why there is none.
    void release_held(const std::shared_ptr<Session>& to);
    void supervise();
    /// Watches one life to its end; how it ended.
    std::string watch(const std::shared_ptr<Session>& session, pid_t pid);
    bool live_again();
    void end();
    [[nodiscard]] std::shared_ptr<Session> current() const {
        const std::scoped_lock lock(mutex_);
        return session_;
    }

    const std::string program_;
    const StagedFile staged_;
    const WorkerLimits limits_;
    worker::Description told_;
    onex_node table_{};
    onex_state_v1 state_table_{};

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::shared_ptr<Session> session_;  ///< null between two lives
    bool ready_ = false;                ///< its node is made and started
    std::int64_t backoff_ms_ = kBackoffMs;
    worker::HeldRequests held_;
    std::thread reader_;  ///< of session_; the supervisor's, after begin()
    std::thread supervisor_;
    const onex_host* host_ = nullptr;
    std::string node_;
    std::uint32_t generation_ = 0;
    bool has_state_ = false;
    bool started_ = false;  ///< the node was: a new life starts it, too
    bool ending_ = false;
    pid_t pid_ = 0;
    std::uint64_t restarts_ = 0;
    std::uint64_t counted_ = 0;  ///< of them, in the metric
    std::string last_exit_;
};

void WorkerImage::make_node_table() {
    table_.struct_size = sizeof(table_);
    table_.self = this;
    table_.start = [](void* self, onex_error* error) {
        const auto status = of(self).control(Method::start, error);
        const std::scoped_lock lock(of(self).mutex_);
        of(self).started_ = of(self).ready_ = status >= 0;
        return status;
    };
    table_.quiesce = [](void* self, onex_error* error) {
        return of(self).control(Method::quiesce, error);
    };
    table_.resume = [](void* self, onex_error* error) {
        return of(self).control(Method::resume, error);
    };
    table_.stop = [](void* self) {
        {
            const std::scoped_lock lock(of(self).mutex_);
            of(self).started_ = false;
        }
        (void)of(self).control(Method::stop, nullptr);
    };
    table_.destroy = [](void* self) {
        (void)of(self).control(Method::destroy, nullptr);
        of(self).end();
    };
    table_.invoke = [](void* self, const onex_request* request, onex_error* error) {
        return of(self).invoke(*request, error);
    };
    table_.get_interface = [](void* self, onex_str id) -> const void* {
        const bool state = std::string_view(id.data, id.size) == ONEX_STATE_ID;
        return state && of(self).has_state_ ? &of(self).state_table_ : nullptr;
    };
    state_table_.struct_size = sizeof(state_table_);
    state_table_.save =
        [](void* self, onex_writer* out, std::uint32_t* schema, onex_error* error) -> onex_status {
        const auto session = of(self).current();
        if (!session) return ONEX_E_UNAVAILABLE;
        const auto told = of(self).ask(*session, Method::save, {});
        if (!told) return report(told.error(), error);
        Unpacker in(*told);
        *schema = in.number<std::uint32_t>();
        const auto bytes = in.text();
        return out->append(out->ctx, bytes.data(), bytes.size());
    };
    state_table_.load =
        [](void* self, std::uint32_t schema, onex_bytes state, onex_error* error) -> onex_status {
        const auto session = of(self).current();
        if (!session) return ONEX_E_UNAVAILABLE;
        Packer input;
        input.number(schema).text({reinterpret_cast<const char*>(state.data), state.size});
        const auto told = of(self).ask(*session, Method::restore, input);
        return told ? ONEX_OK : report(told.error(), error);
    };
}

Result<std::string> WorkerImage::ask(Session& session,
                                     Method method,
                                     const Packer& input,
                                     std::int64_t ms) {
    auto told = session.channel().call(method, input, deadline_in(ms));
    if (!told) return told;
    Unpacker in(*told);
    Error error;
    const auto status = in.result(error);
    if (!in.ok()) return fail("INTERNAL", "the worker process answers nonsense");
    if (status < 0) return std::unexpected(std::move(error));
    return told->substr(sizeof(status));
}

onex_status WorkerImage::control(Method method, onex_error* error) {
    const auto session = current();
    if (!session) return report({"UNAVAILABLE", "the worker process has ended", {}, {}}, error);
    const bool last = method == Method::stop || method == Method::destroy;
    const auto told = ask(*session, method, {}, last ? kEndMs : kControlMs);
    return told ? ONEX_OK : report(told.error(), error);
}

onex_status WorkerImage::invoke(const onex_request& request, onex_error* error) {
    std::shared_ptr<Session> tried;
    std::unique_lock lock(mutex_);
    while (ready_ && session_ && session_ != tried) {
        tried = session_;
        lock.unlock();
        const auto status = tried->invoke(request, error);
        if (status != ONEX_E_UNAVAILABLE) return status;
        lock.lock();
    }
    if (!ending_ && started_ && backoff_ms_ <= kHoldMs && held_.size() < worker::kHeldMax) {
        held_.emplace_back(request);
        return ONEX_OK;
    }
    return report(
        {"UNAVAILABLE",
         "the worker process of " + node_ + " is being started again; try again in a moment",
         {},
         {}},
        error);
}

void WorkerImage::release_held(const std::shared_ptr<Session>& to) {
    worker::HeldRequests held;
    {
        const std::scoped_lock lock(mutex_);
        held.swap(held_);
        ready_ = to != nullptr;
    }
    if (held.empty()) return;
    const auto* call = static_cast<const onex_call_v1*>(
        host_->get_service(host_->ctx, onex_str{ONEX_CALL_ID, std::strlen(ONEX_CALL_ID)}));
    constexpr std::string_view kCode = "UNAVAILABLE";
    const auto why = "the worker process of " + node_ + " can't be started again";
    onex_failure failure{};
    failure.struct_size = sizeof(failure);
    failure.code = {kCode.data(), kCode.size()};
    failure.message = {why.data(), why.size()};
    for (const auto& request : held) {
        // Whom nobody waits for is not begun; its token ends all the same.
        const bool wanted = to && call->cancelled(call->ctx, request.token()) == 0;
        if (!wanted || to->invoke(request.view(), nullptr) < 0)
            call->answer_error(call->ctx, request.token(), &failure);
    }
}

Result<void> WorkerImage::spawn_worker() {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return fail("UNAVAILABLE", std::string("no socket for a worker: ") + std::strerror(errno));
    Fd ours(ends[0]);
    const Fd theirs(ends[1]);
    ::fcntl(ours.get(), F_SETFD, FD_CLOEXEC);
    ::fcntl(theirs.get(), F_SETFD, FD_CLOEXEC);
    SpawnPlan plan;
    plan.path = program_;
    plan.args = {program_, "worker"};
    plan.folder = "/";
    plan.in = theirs.get();
    plan.out = plan.err = STDERR_FILENO;
    for (const auto* name : {"PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "TSAN_OPTIONS"})
        if (const char* value = ::getenv(name))
            plan.environment.push_back(std::string(name) + "=" + value);
    // Each arena of the allocator reserves address space, which memory_mb counts.
    plan.environment.emplace_back("MALLOC_ARENA_MAX=2");
    auto pid = spawn(plan);
    if (!pid) return std::unexpected(std::move(pid).error());
    auto session = std::make_shared<Session>(std::move(ours));
    reader_ = std::thread([this, session] {
        session->run();
        const std::scoped_lock lock(mutex_);
        changed_.notify_all();
    });
    {
        const std::scoped_lock lock(mutex_);
        pid_ = *pid;
        session_ = session;
    }
    auto loaded = load(*session);
    if (loaded) return {};
    const auto how = watch(session, *pid);
    if (loaded.error().code == "UNAVAILABLE") loaded.error().message = staged_.source + ": " + how;
    return loaded;
}

Result<void> WorkerImage::load(Session& session) {
    Packer input;
    input.text(staged_.source).text(staged_.path).text(staged_.digest);
    input.number(limits_.memory_bytes).number(limits_.open_files);
    auto told = session.channel().call(Method::load, input, deadline_in(kLoadMs));
    if (!told) return std::unexpected(std::move(told).error());
    Unpacker in(*told);
    Error error;
    if (in.result(error) < 0) return std::unexpected(std::move(error));
    if (!told_.read(in)) return fail("INTERNAL", "the worker process describes its plugin badly");
    return {};
}

Result<void> WorkerImage::make_node(Session& session) {
    session.attach(*host_);
    Packer input;
    input.text(node_).number(generation_);
    for (const auto* id : {ONEX_LOG_ID,
                           ONEX_CONFIG_ID,
                           ONEX_EXEC_ID,
                           ONEX_CALL_ID,
                           ONEX_STREAM_ID,
                           ONEX_HTTP_ID,
                           ONEX_BLOB_ID,
                           ONEX_EVENTS_ID,
                           ONEX_METRICS_ID,
                           ONEX_CLOCK_ID,
                           ONEX_PROCESS_ID,
                           ONEX_CONTRACT_ID,
                           ONEX_KV_ID}) {
        const onex_str text{id, std::strlen(id)};
        const bool offered = host_->get_service(host_->ctx, text) != nullptr;
        input.number(static_cast<std::uint8_t>(offered ? 1 : 0));
    }
    const auto* config = static_cast<const onex_config_v1*>(
        host_->get_service(host_->ctx, onex_str{ONEX_CONFIG_ID, std::strlen(ONEX_CONFIG_ID)}));
    TextWriter settings(worker::kFrameBytesMax / 4);
    TextWriter info(worker::kFrameBytesMax / 4);
    config->settings(config->ctx, &settings.abi);
    config->host_info(config->ctx, &info.abi);
    input.text(settings.text).text(info.text);
    auto told = ask(session, Method::create, input);
    if (!told) return std::unexpected(std::move(told).error());
    has_state_ = Unpacker(*told).number<std::uint8_t>() != 0;
    count_restarts();
    return {};
}

void WorkerImage::count_restarts() {
    const auto text = [](std::string_view from) { return onex_str{from.data(), from.size()}; };
    const auto* metrics =
        static_cast<const onex_metrics_v1*>(host_->get_service(host_->ctx, text(ONEX_METRICS_ID)));
    const onex_str label = text("node");
    const onex_str name = text(node_);
    onex_handle counter = 0;
    if (!metrics || metrics->define(metrics->ctx,
                                    ONEX_METRIC_COUNTER,
                                    text("onex_worker_restarts_total"),
                                    text("Worker processes that ended and were started again"),
                                    &label,
                                    1,
                                    nullptr,
                                    0,
                                    &counter,
                                    nullptr) < 0)
        return;
    double more = 0;
    {
        const std::scoped_lock lock(mutex_);
        more = static_cast<double>(restarts_ - counted_);
        counted_ = restarts_;
    }
    metrics->record(metrics->ctx, counter, &name, 1, more);
}

std::string WorkerImage::watch(const std::shared_ptr<Session>& session, pid_t pid) {
    session->channel().close();
    ::kill(-pid, SIGKILL);  // Whatever it started goes with it.
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    reader_.join();
    const auto how = how_it_ended(status);
    {
        const std::scoped_lock lock(mutex_);
        session_.reset();
        ready_ = false;
        pid_ = 0;
        last_exit_ = how;
    }
    session->give_back("node " + node_ + ": " + how);
    return how;
}

void WorkerImage::supervise() {
    auto born = SteadyClock::now();
    std::unique_lock lock(mutex_);
    while (!ending_) {
        const auto session = session_;
        const auto pid = pid_;
        if (session) {
            // Alive: ask for a sign of it now and then.
            changed_.wait_for(lock, std::chrono::milliseconds(kPingEveryMs), [&] {
                return ending_ || session->channel().closed();
            });
            if (ending_) break;
            lock.unlock();
            const bool answers =
                session->channel().call(Method::ping, {}, deadline_in(kPongMs)).has_value();
            if (!answers) {
                const auto how = watch(session, pid);
                log(LogLevel::warn,
                    how + "; it is started again",
                    {{"node", node_}, {"file", staged_.source}});
            }
            lock.lock();
            if (!answers && SteadyClock::now() - born > std::chrono::milliseconds(kSoundAfterMs))
                backoff_ms_ = kBackoffMs;
            continue;
        }
        changed_.wait_for(lock, std::chrono::milliseconds(backoff_ms_), [&] { return ending_; });
        if (ending_) break;
        ++restarts_;
        lock.unlock();
        born = SteadyClock::now();
        const bool lives = live_again();
        release_held(lives ? current() : nullptr);
        lock.lock();
        backoff_ms_ = std::min(backoff_ms_ * 2, kBackoffMaxMs);
    }
}

bool WorkerImage::live_again() {
    const auto failed = [this](const Error& error) {
        log(LogLevel::error,
            "its worker process could not be started again: " + error.message,
            {{"node", node_}});
        const auto session = current();
        if (session) (void)watch(session, pid_);
        return false;
    };
    if (auto spawned = spawn_worker(); !spawned) return failed(spawned.error());
    const auto session = current();
    bool start = false;
    {
        const std::scoped_lock lock(mutex_);
        if (!host_) return true;  // Nobody has made the node yet.
        start = started_;
    }
    if (auto made = make_node(*session); !made) return failed(made.error());
    if (!start) return true;
    if (auto started = ask(*session, Method::start, {}); !started) return failed(started.error());
    return true;
}

void WorkerImage::end() {
    {
        const std::scoped_lock lock(mutex_);
        if (ending_) return;
        ending_ = true;
        changed_.notify_all();
        if (session_) session_->channel().close();  // Wakes the supervisor from its calls.
    }
    if (supervisor_.joinable()) supervisor_.join();
    release_held(nullptr);
    if (const auto session = current()) (void)watch(session, pid_);
}

}  // namespace

Result<std::shared_ptr<PluginImage>> start_worker(const std::string& program,
                                                  const std::string& file,
                                                  const std::string& private_dir,
                                                  const std::string& expected_digest,
                                                  WorkerLimits limits) {
    auto staged = stage_plugin(file, private_dir, expected_digest);
    if (!staged) return std::unexpected(std::move(staged).error());
    auto image = std::make_shared<WorkerImage>(program, std::move(*staged), limits);
    if (auto begun = image->begin(); !begun) return std::unexpected(std::move(begun).error());
    return std::shared_ptr<PluginImage>(std::move(image));
}

}  // namespace onex::host
