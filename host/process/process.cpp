#include "host/process/process.hpp"

#include "host/process/spawn.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>

namespace onex::host {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kTermGrace{2000};
constexpr milliseconds kDrain{200};  // for output that a process left behind when it ended
constexpr milliseconds kTick{50};    // how often the end of a silent process is looked for

/// Splits what comes into lines.
class Lines {
  public:
    Lines(int stream, const std::function<void(int, std::string_view)>& on_line)
        : stream_(stream), on_line_(on_line) {}

    void add(std::string_view text) {
        while (!text.empty()) {
            const auto end = text.find('\n');
            const auto room = kProcessLineBytesMax - line_.size();
            const auto part = text.substr(0, std::min(end, room));
            line_ += part;
            text.remove_prefix(part.size());
            const bool ended = !text.empty() && text[0] == '\n';
            if (ended) text.remove_prefix(1);
            if (ended || line_.size() == kProcessLineBytesMax) emit();
        }
    }
    void finish() {
        if (!line_.empty()) emit();
    }

  private:
    void emit() {
        if (line_.ends_with('\r')) line_.pop_back();
        if (on_line_) on_line_(stream_, line_);
        line_.clear();
    }
    int stream_;
    const std::function<void(int, std::string_view)>& on_line_;
    std::string line_;
};

/// Moves `input` into the process's stdin on a thread of its own, since both the pipe and the
/// process may block. Ends when the input does, when the process closes its stdin, or when
/// destroyed.
class Feeder {
  public:
    Feeder(PipePtr input, Fd to)
        : input_(std::move(input)), thread_([this, to = std::move(to)]() mutable { run(to); }) {}
    ~Feeder() {
        stop_->cancel();
        thread_.join();
    }
    Feeder(const Feeder&) = delete;  // The thread refers to it.
    Feeder& operator=(const Feeder&) = delete;

  private:
    void run(Fd& to) {
        // A process that ends early breaks the pipe; that must not end the host.
        sigset_t broken_pipe{};
        sigemptyset(&broken_pipe);
        sigaddset(&broken_pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
        set_nonblocking(to);
        const Wait wait{SteadyClock::time_point::max(), stop_};
        for (;;) {
            const auto chunk = input_->pop(wait);
            if (!chunk || !*chunk || !write_all(to, **chunk)) break;
        }
        input_->close_reader();
        to.reset();
    }
    bool write_all(const Fd& to, std::string_view bytes) {
        while (!bytes.empty()) {
            if (stop_->cancelled()) return false;
            const auto written = ::write(to.get(), bytes.data(), bytes.size());
            if (written >= 0) {
                bytes.remove_prefix(static_cast<std::size_t>(written));
            } else if (errno == EAGAIN) {
                pollfd ready{to.get(), POLLOUT, 0};
                ::poll(&ready, 1, static_cast<int>(kTick.count()));
            } else if (errno != EINTR) {
                return false;
            }
        }
        return true;
    }

    PipePtr input_;
    CancelPtr stop_ = std::make_shared<Cancel>();
    std::thread thread_;
};

/// A running group and its output. Destroying it leaves no process and no zombie.
class Child {
  public:
    explicit Child(pid_t pid) : pid_(pid) {}
    ~Child() { reap(); }
    Child(const Child&) = delete;  // Owns a process.
    Child& operator=(const Child&) = delete;

    void signal(int number) const { ::kill(-pid_, number); }

    /// Has the leader ended? It stays a zombie, so that the group's id can't be given away
    /// meanwhile.
    [[nodiscard]] bool ended() const {
        siginfo_t info{};
        return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
               info.si_pid == pid_;
    }
    /// Kills what is left of the group and takes the leader's exit code.
    int reap() {
        if (pid_ <= 0) return code_;
        signal(SIGKILL);
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = 0;
        code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return code_;
    }

  private:
    pid_t pid_;
    int code_ = -1;
};

Result<SpawnPlan> make_plan(const ProcessPolicy& policy, const ProcessRequest& request) {
    if (request.args.empty()) return fail("VALIDATION_ERROR", "a process needs a program to run");
    SpawnPlan plan;
    auto path = policy.resolve(request.args[0]);
    if (!path) return std::unexpected(std::move(path).error());
    plan.path = std::move(*path);
    plan.args = request.args;
    plan.folder = request.folder.empty() ? "/" : request.folder;
    for (const auto* name : {"PATH", "HOME", "LANG"}) {
        const auto given = std::ranges::any_of(
            request.environment, [&](const auto& item) { return item.first == name; });
        const auto* value = std::getenv(name);
        if (!given && value != nullptr) plan.environment.push_back(std::string(name) + "=" + value);
    }
    for (const auto& [name, value] : request.environment) {
        if (name.empty() || name.find('=') != std::string::npos) {
            return fail("VALIDATION_ERROR", "'" + name + "' can't be the name of a variable");
        }
        plan.environment.push_back(name + "=" + value);
    }
    const auto has_nul = [](const std::string& text) { return text.find('\0') != text.npos; };
    if (std::ranges::any_of(plan.args, has_nul) || std::ranges::any_of(plan.environment, has_nul) ||
        has_nul(plan.folder)) {
        return fail("VALIDATION_ERROR",
                    "an argument, variable or folder for '" + plan.path + "' contains a NUL byte");
    }
    return plan;
}

/// Reads both outputs until they end, the process ends, or `wait` is over.
class Supervision {
  public:
    Supervision(Child& child, const ProcessRequest& request, Fd out, Fd err, Fd wake)
        : child_(child),
          outputs_{Output{std::move(out), {1, request.on_line}},
                   Output{std::move(err), {2, request.on_line}}},
          wake_(std::move(wake)) {
        for (auto& output : outputs_)
            set_nonblocking(output.fd);
    }

    /// True when the process ended by itself.
    bool run(const Wait& wait) {
        bool by_itself = true;
        auto deadline = wait.deadline;
        while (!child_.ended()) {
            if (by_itself && wait.over()) {
                by_itself = false;
                child_.signal(SIGTERM);
                deadline = SteadyClock::now() + kTermGrace;
            } else if (!by_itself && SteadyClock::now() >= deadline) {
                break;  // reap() kills it
            }
            read_some(deadline);
        }
        const auto drained = SteadyClock::now() + kDrain;
        while (by_itself && any_open() && SteadyClock::now() < drained) {
            if (!read_some(drained)) break;
        }
        for (auto& output : outputs_)
            output.lines.finish();
        return by_itself;
    }

  private:
    struct Output {
        Fd fd;
        Lines lines;
    };
    [[nodiscard]] bool any_open() const {
        return std::ranges::any_of(outputs_, [](const auto& output) { return output.fd.open(); });
    }

    /// Waits for output, a wake-up or a tick; false when nothing came.
    bool read_some(SteadyClock::time_point until) {
        const auto left = std::chrono::ceil<milliseconds>(until - SteadyClock::now());
        const auto timeout = std::clamp(left, milliseconds(0), kTick);
        std::array<pollfd, 3> fds{pollfd{outputs_[0].fd.get(), POLLIN, 0},
                                  pollfd{outputs_[1].fd.get(), POLLIN, 0},
                                  pollfd{wake_.get(), POLLIN, 0}};
        if (::poll(fds.data(), fds.size(), static_cast<int>(timeout.count())) <= 0) return false;
        // One wake-up is all that ever comes; an open end would be readable from then on.
        if (fds[2].revents != 0) wake_.reset();
        for (std::size_t i = 0; i < outputs_.size(); ++i) {
            if (fds[i].revents != 0) read_output(outputs_[i]);
        }
        return true;
    }
    static void read_output(Output& output) {
        std::array<char, 16 * 1024> bytes{};
        const auto count = ::read(output.fd.get(), bytes.data(), bytes.size());
        if (count > 0) {
            output.lines.add({bytes.data(), static_cast<std::size_t>(count)});
        } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
            output.fd.reset();
        }
    }

    Child& child_;
    std::array<Output, 2> outputs_;
    Fd wake_;
};

}  // namespace

Result<std::string> ProcessPolicy::resolve(std::string_view program) const {
    namespace fs = std::filesystem;
    if (program.empty()) return fail("VALIDATION_ERROR", "a process needs a program to run");
    const bool is_path = program.find('/') != std::string_view::npos;
    std::vector<std::string> matches;
    for (const auto& allowed : allowed_) {
        const bool match = is_path ? program == allowed : fs::path(allowed).filename() == program;
        if (match) matches.push_back(allowed);
    }
    if (matches.size() == 1) return matches[0];
    const auto name = "'" + std::string(program.substr(0, 200)) + "'";
    if (matches.empty()) {
        return fail("POLICY_DENIED",
                    "the program " + name +
                        " may not be started; add its absolute path to [process] allow");
    }
    return fail("POLICY_DENIED",
                "the program " + name + " stands twice in [process] allow; call it by its path");
}

Result<int> run_process(const ProcessPolicy& policy, ProcessRequest request, Wait wait) {
    // The pipes end with this call in any case: whoever feeds a failed start must not wait for it.
    const auto abandon_input = [](Pipe* pipe) { pipe->close_reader(); };
    const std::unique_ptr<Pipe, decltype(abandon_input)> input(request.input.get(), abandon_input);

    auto plan = make_plan(policy, request);
    if (!plan) return std::unexpected(std::move(plan).error());
    auto out = make_pipe();
    auto err = make_pipe();
    auto wake = make_pipe();
    auto in = make_pipe();
    for (auto* pipe : {&out, &err, &wake, &in}) {
        if (!*pipe) return std::unexpected(std::move(*pipe).error());
    }
    plan->in = request.input ? in->read.get() : -1;
    plan->out = out->write.get();
    plan->err = err->write.get();
    auto pid = spawn(*plan);
    if (!pid) return std::unexpected(std::move(pid).error());

    Child child(*pid);
    in->read.reset();
    out->write.reset();
    err->write.reset();
    std::optional<Feeder> feeder;
    if (request.input) feeder.emplace(request.input, std::move(in->write));

    Supervision supervision(
        child, request, std::move(out->read), std::move(err->read), std::move(wake->read));
    Cancel::Registration registration;
    if (wait.cancel) {
        registration = wait.cancel->on_cancel([fd = std::make_shared<Fd>(std::move(wake->write))] {
            [[maybe_unused]] const auto written = ::write(fd->get(), "x", 1);
        });
    }
    const bool by_itself = supervision.run(wait);
    const int code = child.reap();
    if (by_itself) return code;
    if (wait.cancel && wait.cancel->cancelled()) {
        return fail("CANCELLED",
                    "'" + plan->path + "' was stopped because its caller was cancelled");
    }
    return fail("TIMEOUT", "'" + plan->path + "' was stopped because its time was up");
}

}  // namespace onex::host
