// The image of a plugin that runs in a worker process: starts it, watches it, starts it again.
#include "host/worker/image.hpp"

#include "host/log.hpp"
#include "host/plugin/abi_values.hpp"
#include "host/plugin/services.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace onex::host::worker {

namespace {

constexpr std::int64_t kLoadMs = 30'000;
constexpr std::int64_t kPingEveryMs = 5'000;
constexpr std::int64_t kPongMs = 30'000;
constexpr std::int64_t kBackoffMaxMs = 30'000;
constexpr std::int64_t kSoundAfterMs = 60'000;  // a life that long forgets the back-off

/// "worker process ended by signal 11 (Segmentation fault)".
std::string how_it_ended(int status) {
    if (WIFSIGNALED(status))
        return "its worker process ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
               ::strsignal(WTERMSIG(status)) + ")";
    return "its worker process ended with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Result<void> WorkerImage::begin() {
    if (auto started = spawn_worker(); !started) return started;
    supervisor_ = std::thread([this] { supervise(); });
    return {};
}

onex_status WorkerImage::create(const onex_host& host,
                                const onex_create_args& args,
                                const onex_node*& out,
                                onex_error& error) {
    {
        const std::scoped_lock lock(mutex_);
        host_ = &host;
        node_ = std::string(args.node.data, args.node.size);
        generation_ = args.generation;
    }
    const auto session = current();
    if (!session) return report({"UNAVAILABLE", "the worker process has ended", {}, {}}, &error);
    if (auto made = make_node(*session); !made) return report(made.error(), &error);
    out = &table_;
    return ONEX_OK;
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
    TextWriter settings(kFrameBytesMax / 4);
    TextWriter info(kFrameBytesMax / 4);
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
                lost(how);
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
        lost("its worker process could not be started again: " + error.message);
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
    if (auto ready = make_ready(*session); !ready) return failed(ready.error());
    return true;
}

Result<void> WorkerImage::make_ready(Session& session) {
    bool quiet = false;
    std::unique_lock lock(mutex_);
    while (quiet != quiesced_) {
        quiet = quiesced_;
        lock.unlock();
        const auto told = ask(session, quiet ? Method::quiesce : Method::resume, {});
        if (!told) return std::unexpected(told.error());
        lock.lock();
    }
    ready_ = true;
    return {};
}

void WorkerImage::lost(const std::string& how) {
    {
        const std::scoped_lock lock(mutex_);
        if (ending_ || !host_) return;
    }
    if (tell_ended_) tell_ended_(how);
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

}  // namespace onex::host::worker

namespace onex::host {

Result<std::shared_ptr<PluginImage>> start_worker(const std::string& program,
                                                  const StagedFile& staged,
                                                  WorkerLimits limits,
                                                  WorkerEnded ended) {
    auto image = std::make_shared<worker::WorkerImage>(program, staged, limits, std::move(ended));
    if (auto begun = image->begin(); !begun) return std::unexpected(std::move(begun).error());
    return std::shared_ptr<PluginImage>(std::move(image));
}

}  // namespace onex::host
