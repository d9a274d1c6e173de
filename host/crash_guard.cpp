#include "host/crash_guard.hpp"

#include "host/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

namespace onex::host {

namespace {

constexpr std::array<int, 5> kSignals{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr std::int64_t kTwiceWithinUs = 60LL * 1'000'000;
constexpr std::size_t kRecordsMax = 100;
constexpr std::size_t kSignalStackBytes = std::size_t{64} * 1024;

thread_local const CrashScope::Frame* innermost = nullptr;
int crash_fd = -1;
std::atomic<bool> installed{false};

/// A handler needs a stack of its own when the thread's has overflowed, and each thread needs one.
class SignalStack {
  public:
    SignalStack() {
        stack_t now{};
        // A sanitizer may have given the thread one already.
        if (::sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0) return;
        room_ = std::make_unique_for_overwrite<char[]>(kSignalStackBytes);
        now.ss_sp = room_.get();
        now.ss_size = kSignalStackBytes;
        now.ss_flags = 0;
        ::sigaltstack(&now, nullptr);
    }
    ~SignalStack() {
        if (!room_) return;
        stack_t none{};
        none.ss_flags = SS_DISABLE;
        none.ss_size = kSignalStackBytes;  // macOS looks at it also now.
        ::sigaltstack(&none, nullptr);
    }
    SignalStack(const SignalStack&) = delete;
    SignalStack& operator=(const SignalStack&) = delete;

  private:
    std::unique_ptr<char[]> room_;
};

void need_signal_stack() {
    if (installed.load(std::memory_order_relaxed)) static const thread_local SignalStack kStack;
}
std::array<struct sigaction, 65> before{};  // What a sanitizer had installed, by signal.

/// Text without allocation: only what a signal handler may do.
struct Line {
    char text[512];
    std::size_t size = 0;
    void add(const char* from) {
        for (; *from != '\0' && size < sizeof(text) - 1; ++from)
            text[size++] = *from == ' ' || *from == '\n' ? '_' : *from;
    }
    void add(std::uint64_t number) {
        char digits[20];
        std::size_t count = 0;
        do {
            digits[count++] = static_cast<char>('0' + number % 10);
            number /= 10;
        } while (number > 0);
        while (count > 0 && size < sizeof(text) - 1)
            text[size++] = digits[--count];
    }
    void space() {
        if (size < sizeof(text) - 1) text[size++] = ' ';
    }
};

void write_all(int fd, const char* from, std::size_t size) {
    while (fd >= 0 && size > 0) {
        const auto done = ::write(fd, from, size);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return;
        from += done;
        size -= static_cast<std::size_t>(done);
    }
}

void on_crash(int signal, siginfo_t* info, void* context) {
    const auto* frame = innermost;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    Line line;
    line.add(static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
             static_cast<std::uint64_t>(now.tv_nsec) / 1'000);
    line.space();
    line.add(frame ? frame->node : "-");
    line.space();
    line.add(std::uint64_t{frame ? frame->generation : 0});
    line.space();
    line.add(frame ? frame->operation : "-");
    line.space();
    line.add(static_cast<std::uint64_t>(signal));
    line.space();
    line.add(frame ? frame->plugin : "-");
    line.text[line.size++] = '\n';
    write_all(crash_fd, line.text, line.size);
    static constexpr char kWords[] =
        "onex-host: crashed (time, node, generation, operation, signal, plugin): ";
    write_all(STDERR_FILENO, kWords, sizeof(kWords) - 1);
    write_all(STDERR_FILENO, line.text, line.size);
    // Then what would have happened without this handler: a sanitizer's report, a core, the end.
    const auto& other = before.at(static_cast<std::size_t>(signal));
    if ((other.sa_flags & SA_SIGINFO) != 0 && other.sa_sigaction != nullptr)
        return other.sa_sigaction(signal, info, context);
    ::signal(signal, SIG_DFL);
    ::raise(signal);
}

}  // namespace

void install_crash_guard(const std::string& file) {
    crash_fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (crash_fd < 0)
        log(LogLevel::warn, "cannot open " + file + ": crashes of nodes go to stderr only");
    installed = true;
    need_signal_stack();
    for (const int signal : kSignals) {
        struct sigaction action{};
        action.sa_sigaction = on_crash;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        ::sigemptyset(&action.sa_mask);
        ::sigaction(signal, &action, &before.at(static_cast<std::size_t>(signal)));
    }
}

CrashScope::CrashScope(const char* node,
                       const char* plugin,
                       std::uint32_t generation,
                       const char* operation)
    : frame_{node, plugin, generation, operation, innermost} {
    innermost = &frame_;
    need_signal_stack();
}

CrashScope::~CrashScope() {
    innermost = frame_.outer;
}

std::vector<CrashRecord> read_crashes(const std::string& file) {
    std::deque<CrashRecord> out;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        CrashRecord record;
        if (!(words >> record.time_us >> record.node >> record.generation >> record.operation >>
              record.signal)) {
            continue;
        }
        words >> record.plugin;
        out.push_back(std::move(record));
        if (out.size() > kRecordsMax) out.pop_front();
    }
    return {out.begin(), out.end()};
}

bool crashed_twice(const std::vector<CrashRecord>& records, std::string_view node) {
    std::int64_t last = 0;
    std::int64_t before_last = 0;
    for (const auto& record : records) {
        if (record.node != node) continue;
        before_last = last;
        last = record.time_us;
    }
    return before_last > 0 && last - before_last <= kTwiceWithinUs;
}

void forget_crashes(const std::string& file, std::string_view node) {
    auto records = read_crashes(file);
    std::erase_if(records, [&](const auto& record) { return record.node == node; });
    // In place: the handler of this process writes to the same open file, at its end.
    std::ofstream out(file, std::ios::trunc);
    for (const auto& record : records) {
        out << record.time_us << ' ' << record.node << ' ' << record.generation << ' '
            << record.operation << ' ' << record.signal << ' ' << record.plugin << '\n';
    }
}

}  // namespace onex::host
