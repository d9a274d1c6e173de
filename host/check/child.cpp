#include "host/check/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <filesystem>
#include <system_error>
#include <vector>

namespace onex::host::check {

namespace {

constexpr std::size_t kDetailMax = 4000;

constexpr auto kGrace = std::chrono::milliseconds(500);  ///< the alarm's, before the kill
constexpr int kTickMs = 20;
constexpr char kGoesOn = '.';

using Clock = std::chrono::steady_clock;

/// In the child: where its parent listens, and how long one of its steps may take.
int parent_fd = -1;
unsigned step_seconds = 0;

/// The child's end: tells its verdict and is gone, without destructors or exit handlers.
[[noreturn]] void tell(const Verdict& verdict) {
    auto text = std::string(1, static_cast<char>('0' + static_cast<int>(verdict.state))) +
                verdict.detail.substr(0, kDetailMax);
    std::size_t sent = 0;
    while (sent < text.size()) {
        const auto count = ::write(parent_fd, text.data() + sent, text.size() - sent);
        if (count <= 0) break;
        sent += static_cast<std::size_t>(count);
    }
    ::_exit(0);
}

[[noreturn]] void be_child(int fd, unsigned seconds, const std::function<Verdict()>& work) {
    ::setpgid(0, 0);
#ifdef __linux__
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // An interrupt from the terminal no longer reaches it.
#endif
    parent_fd = fd;
    step_seconds = seconds;
    std::signal(SIGALRM, SIG_DFL);
    ::alarm(seconds);
    try {
        tell(work());
    } catch (const std::exception& e) {
        tell(failed(std::string("an exception crossed the ABI: ") + e.what()));
    } catch (...) {
        tell(failed("an exception crossed the ABI"));
    }
}

/// How a child ended, and what it told before.
struct End {
    std::string told;
    int status = 0;
    bool late = false;
};

/// Takes what there is; the pipe doesn't block. False at its end.
bool take(int fd, std::string& told, Clock::time_point& last_sign) {
    char buffer[1024];
    for (;;) {
        const auto count = ::read(fd, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno == EAGAIN;
        if (count == 0) return false;
        last_sign = Clock::now();
        told.append(buffer, static_cast<std::size_t>(count));
        told.erase(0, told.find_first_not_of(kGoesOn));
    }
}

/// Until the child has ended, whoever else holds the pipe; kills it when the alarm didn't.
End wait_for_end(pid_t child, int fd, unsigned seconds) {
    End out;
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    auto last_sign = Clock::now();
    bool open = true;
    for (;;) {
        pollfd wanted{fd, POLLIN, 0};
        ::poll(&wanted, open ? 1 : 0, open ? kTickMs : 1);
        if (open) open = take(fd, out.told, last_sign);
        siginfo_t ended{};
        const auto asked =
            ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT);
        if (asked == 0 && ended.si_pid == child) break;
        if (Clock::now() < last_sign + std::chrono::seconds(seconds) + kGrace) continue;
        out.late = true;
        break;
    }
    // Not reaped yet, its number is nobody else's: this ends the child and what it started.
    ::kill(-child, SIGKILL);
    ::kill(child, SIGKILL);  // It may have left the group.
    while (::waitpid(child, &out.status, 0) < 0 && errno == EINTR) {
    }
    if (open) take(fd, out.told, last_sign);
    return out;
}

Verdict judge(const End& end, unsigned seconds) {
    const auto signal = WIFSIGNALED(end.status) ? WTERMSIG(end.status) : 0;
    if (end.late || signal == SIGALRM)
        return failed("took longer than " + std::to_string(seconds) + " s");
    if (signal != 0)
        return failed("crashed with signal " + std::to_string(signal) + " (" + ::strsignal(signal) +
                      ")");
    if (end.told.empty())
        return failed("ended the process with exit code " +
                      std::to_string(WEXITSTATUS(end.status)));
    return {static_cast<State>(end.told.front() - '0'), end.told.substr(1)};
}

/// What a child left that had no time to clean up.
void remove_folders(long child) {
    namespace fs = std::filesystem;
    const fs::path prefix = folder_prefix(child);
    std::error_code ec;
    std::vector<fs::path> left;
    for (const auto& entry : fs::directory_iterator(prefix.parent_path(), ec)) {
        if (entry.path().filename().string().starts_with(prefix.filename().string()))
            left.push_back(entry.path());
    }
    for (const auto& folder : left)
        fs::remove_all(folder, ec);
}

}  // namespace

std::string folder_prefix(long process) {
    const char* base = ::getenv("TMPDIR");
    return std::string(base != nullptr ? base : "/tmp") + "/onex-check-" + std::to_string(process) +
           "-";
}

void go_on() {
    ::alarm(step_seconds);
    (void)!::write(parent_fd, &kGoesOn, 1);
}

Outcome in_child(std::string name, unsigned seconds, const std::function<Verdict()>& work) {
    Outcome out;
    out.name = std::move(name);
    const auto begin = std::chrono::steady_clock::now();
    int ends[2];
    if (::pipe(ends) != 0) {
        out.state = State::failed;
        out.detail = std::string("no pipe: ") + std::strerror(errno);
        return out;
    }
    const auto child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        be_child(ends[1], seconds, work);
    }
    ::close(ends[1]);
    Verdict verdict;
    if (child < 0) {
        verdict = failed(std::string("no process: ") + std::strerror(errno));
    } else {
        ::setpgid(child, child);  // Both do it, so that it is done whoever comes first.
        const auto end = wait_for_end(child, ends[0], seconds);
        verdict = judge(end, seconds);
        if (WIFSIGNALED(end.status) || end.told.empty()) remove_folders(child);
    }
    ::close(ends[0]);
    out.state = verdict.state;
    out.detail = std::move(verdict.detail);
    out.duration_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::steady_clock::now() - begin)
                          .count();
    return out;
}

}  // namespace onex::host::check
