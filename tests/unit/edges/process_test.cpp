#include "host/process/process.hpp"

#include "host/process/spawn.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

namespace onex::host {
namespace {

struct Ran {
    Result<int> code;
    std::vector<std::string> out;
    std::vector<std::string> err;
};

const ProcessPolicy& policy() {
    static const ProcessPolicy value({"/bin/sh", "/bin/cat", "/nowhere/tool", "/etc/passwd"});
    return value;
}

Ran run(ProcessRequest request, Wait wait = Wait::for_ms(20'000)) {
    Ran ran{0, {}, {}};
    request.on_line = [&](int stream, std::string_view line) {
        (stream == 1 ? ran.out : ran.err).emplace_back(line);
    };
    ran.code = run_process(policy(), std::move(request), std::move(wait));
    return ran;
}

Ran shell(const std::string& script, Wait wait = Wait::for_ms(20'000)) {
    return run({.args = {"sh", "-c", script}}, std::move(wait));
}

TEST(Process, GivesLinesAndExitCodes) {
    const auto ran = shell("printf 'one\\r\\n\\ntwo'; echo oops >&2; exit 7");
    EXPECT_EQ(ran.code, 7);
    EXPECT_EQ(ran.out, (std::vector<std::string>{"one", "", "two"}));
    EXPECT_EQ(ran.err, std::vector<std::string>{"oops"});
    EXPECT_EQ(shell("kill -9 $$").code, 128 + 9);
}

TEST(Process, CutsEndlessLines) {
    const auto ran = shell("head -c 200000 /dev/zero | tr '\\0' x");
    ASSERT_EQ(ran.out.size(), 4U);
    EXPECT_EQ(ran.out[0].size(), kProcessLineBytesMax);
    EXPECT_EQ(ran.out[3].size(), 200'000 - 3 * kProcessLineBytesMax);
}

TEST(Process, SeesOnlyTheEnvironmentItWasGiven) {
    ::setenv("ONEX_TEST_HIDDEN", "secret", 1);
    const auto ran =
        run({.args = {"sh", "-c", "echo \"$A|$ONEX_TEST_HIDDEN|$(pwd)|${PATH:+path}\""},
             .folder = "/tmp",
             .environment = {{"A", "b c"}}});
    EXPECT_EQ(ran.out, std::vector<std::string>{"b c||/tmp|path"});
}

TEST(Process, ReadsItsInputFromAPipe) {
    auto input = std::make_shared<Pipe>();
    auto writer = std::async(std::launch::async, [&] {
        for (int i = 0; i < 64; ++i) {
            auto chunk = std::make_shared<const std::string>(std::string(65'535, 'y') + "\n");
            if (!input->push(std::move(chunk), Wait::for_ms(20'000))) return false;
        }
        input->finish();
        return true;
    });
    const auto ran = run({.args = {"cat"}, .input = input});
    EXPECT_TRUE(writer.get());
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.out.size(), 64U);
    EXPECT_EQ(shell("cat").code, 0);  // without a pipe stdin is empty
}

TEST(Process, AProcessThatDoesNotReadEndsTheWriter) {
    auto input = std::make_shared<Pipe>();
    auto writer = std::async(std::launch::async, [&] {
        const auto chunk = std::make_shared<const std::string>(1 << 20, 'y');
        for (;;) {
            auto pushed = input->push(chunk, Wait::for_ms(20'000));
            if (!pushed) return pushed.error().code;
        }
    });
    EXPECT_EQ(run({.args = {"sh", "-c", "exit 3"}, .input = input}).code, 3);
    EXPECT_EQ(writer.get(), "CANCELLED");
}

TEST(Process, KillsTheWholeGroup) {
    auto cancel = std::make_shared<Cancel>();
    const struct {
        const char* name;
        std::string script;
        std::int64_t timeout_ms;
        CancelPtr cancel;
        std::string code;
    } cases[] = {
        {"deadline", "tail -f /dev/null", 200, {}, "TIMEOUT"},
        {"cancel", "echo go; tail -f /dev/null", 20'000, cancel, "CANCELLED"},
        {"ignores TERM", "trap '' TERM; tail -f /dev/null", 200, {}, "TIMEOUT"},
    };
    // Each member of the group holds this fifo open; when nobody does any more, all are dead.
    const auto fifo = testing::TempDir() + "onex-process-" + std::to_string(::getpid());
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    const Fd alive(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        bool started = false;
        ProcessRequest request{.args = {"sh", "-c", "exec 5>" + fifo + "; echo on; " + c.script}};
        request.on_line = [&](int, std::string_view line) {
            started = started || line == "on";
            if (line == "go") cancel->cancel();
        };
        const auto before = SteadyClock::now();
        const auto wait = Wait::for_ms(c.timeout_ms, c.cancel);
        const auto code = run_process(policy(), std::move(request), wait);
        EXPECT_LT(SteadyClock::now() - before, std::chrono::seconds(10));
        ASSERT_FALSE(code);
        EXPECT_EQ(code.error().code, c.code);
        EXPECT_TRUE(started);
        pollfd hung_up{alive.get(), 0, 0};
        EXPECT_EQ(::poll(&hung_up, 1, 5'000), 1);
        EXPECT_TRUE((hung_up.revents & POLLHUP) != 0);
    }
    ::unlink(fifo.c_str());
}

TEST(Process, ABackgroundChildDoesNotHoldItUp) {
    const auto started = SteadyClock::now();
    EXPECT_EQ(shell("tail -f /dev/null & echo done").code, 0);
    EXPECT_LT(SteadyClock::now() - started, std::chrono::seconds(5));
}

TEST(Process, RefusesWithAReason) {
    const struct {
        const char* name;
        ProcessRequest request;
        std::string code, word;
    } cases[] = {
        {"nothing", {}, "VALIDATION_ERROR", "program"},
        {"empty", {.args = {""}}, "VALIDATION_ERROR", "program"},
        {"not allowed", {.args = {"/bin/ls"}}, "POLICY_DENIED", "[process] allow"},
        {"name not allowed", {.args = {"ls"}}, "POLICY_DENIED", "[process] allow"},
        {"another way to an allowed path", {.args = {"/bin/../bin/sh"}}, "POLICY_DENIED", "allow"},
        {"relative", {.args = {"./sh"}}, "POLICY_DENIED", "allow"},
        {"missing", {.args = {"tool"}}, "NOT_FOUND", "/nowhere/tool"},
        {"not executable", {.args = {"passwd"}}, "POLICY_DENIED", "execute"},
        {"no folder", {.args = {"sh"}, .folder = "/nowhere"}, "NOT_FOUND", "/nowhere"},
        {"NUL", {.args = {"sh", std::string("a\0b", 3)}}, "VALIDATION_ERROR", "NUL"},
        {"variable", {.args = {"sh"}, .environment = {{"A=B", "c"}}}, "VALIDATION_ERROR", "A=B"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto code = run(c.request).code;
        ASSERT_FALSE(code);
        EXPECT_EQ(code.error().code, c.code);
        EXPECT_NE(code.error().message.find(c.word), std::string::npos) << code.error().message;
    }
}

#ifdef __linux__
TEST(Process, LeaksNoDescriptorEitherWay) {
    const auto count = [] {
        const std::filesystem::directory_iterator open("/proc/self/fd");
        return std::distance(begin(open), end(open));
    };
    const auto before = count();
    const auto ran = shell("ls /proc/self/fd | wc -l");
    EXPECT_EQ(ran.out, std::vector<std::string>{"4"});  // 0, 1, 2 and the folder itself
    EXPECT_EQ(count(), before);
}
#endif

}  // namespace
}  // namespace onex::host
