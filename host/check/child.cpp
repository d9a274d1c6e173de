#include "host/check/child.hpp"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

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

/// The child's end: tells its verdict and is gone, without destructors or exit handlers.
[[noreturn]] void tell(int fd, const Verdict& verdict) {
    auto text = std::string(1, static_cast<char>('0' + static_cast<int>(verdict.state))) +
                verdict.detail.substr(0, kDetailMax);
    std::size_t sent = 0;
    while (sent < text.size()) {
        const auto count = ::write(fd, text.data() + sent, text.size() - sent);
        if (count <= 0) break;
        sent += static_cast<std::size_t>(count);
    }
    ::_exit(0);
}

std::string read_all(int fd) {
    std::string out;
    char buffer[1024];
    for (;;) {
        const auto count = ::read(fd, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return out;
        out.append(buffer, static_cast<std::size_t>(count));
    }
}

Verdict judge(const std::string& told, int status, unsigned seconds) {
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return failed("took longer than " + std::to_string(seconds) + " s");
    if (WIFSIGNALED(status))
        return failed("crashed with signal " + std::to_string(WTERMSIG(status)) + " (" +
                      ::strsignal(WTERMSIG(status)) + ")");
    if (told.empty())
        return failed("ended the process with exit code " + std::to_string(WEXITSTATUS(status)));
    return {static_cast<State>(told.front() - '0'), told.substr(1)};
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
        std::signal(SIGALRM, SIG_DFL);
        ::alarm(seconds);
        try {
            tell(ends[1], work());
        } catch (const std::exception& e) {
            tell(ends[1], failed(std::string("an exception crossed the ABI: ") + e.what()));
        } catch (...) {
            tell(ends[1], failed("an exception crossed the ABI"));
        }
    }
    ::close(ends[1]);
    Verdict verdict;
    if (child < 0) {
        verdict = failed(std::string("no process: ") + std::strerror(errno));
    } else {
        const auto told = read_all(ends[0]);
        int status = 0;
        while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        verdict = judge(told, status, seconds);
        if (WIFSIGNALED(status) || told.empty()) remove_folders(child);
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
