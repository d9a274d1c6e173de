#include "host/crash_guard.hpp"

#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

namespace onex::host {
namespace {

/// Runs it in a child that has the guard; the signal that ended the child.
int crash(const std::string& file, const std::function<void()>& work) {
    const auto child = ::fork();
    if (child == 0) {
        if (::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(2);
        install_crash_guard(file);
        const CrashScope scope("garden", "plants", 3, "water plants");
        work();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

// NOLINTNEXTLINE(misc-no-recursion): that is what it is for
int climb(int step) {
    volatile char room[4096];
    room[0] = static_cast<char>(step);
    const int above = step > 0 ? climb(step + (room[0] == 0 ? 2 : 1)) : 0;
    return above + room[0];
}

TEST(CrashGuard, TellsWhoWasAtWork) {
    const test::TempDir folder;
    const auto file = folder.path() + "/crashes";
    struct Case {
        const char* name;
        int signal;
        std::function<void()> work;
        const char* operation;
    };
    const Case cases[] = {
        {"a segmentation fault", SIGSEGV, [] { ::raise(SIGSEGV); }, "water_plants"},
        {"an abort", SIGABRT, [] { std::abort(); }, "water_plants"},
        {"a stack that overflows on another thread",
         SIGSEGV,
         [] {
             std::thread([] {
                 const CrashScope scope("garden", "plants", 3, "climb");
                 (void)climb(1);
             }).join();
         },
         "climb"},
        {"inside another",
         SIGBUS,
         [] {
             const CrashScope inner("garden", "plants", 3, "inner");
             ::raise(SIGBUS);
         },
         "inner"},
    };
    std::size_t count = 0;
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        // A sanitizer ends the process in its own way after the record.
        EXPECT_NE(crash(file, c.work), 0);
        const auto records = read_crashes(file);
        ASSERT_EQ(records.size(), ++count);
        EXPECT_EQ(records.back().node, "garden");
        EXPECT_EQ(records.back().plugin, "plants");
        EXPECT_EQ(records.back().generation, 3U);
        EXPECT_EQ(records.back().operation, c.operation);
        EXPECT_EQ(records.back().signal, c.signal);
        EXPECT_GT(records.back().time_us, 1'700'000'000'000'000);
    }
    EXPECT_EQ(crash(file, [] {}), 0);
    EXPECT_EQ(read_crashes(file).size(), count);
    EXPECT_TRUE(crashed_twice(read_crashes(file), "garden"));
    forget_crashes(file, "garden");
    EXPECT_TRUE(read_crashes(file).empty());
}

TEST(CrashGuard, TwiceIsTwiceWithinAMinute) {
    constexpr std::int64_t kSecond = 1'000'000;
    struct Case {
        const char* name;
        std::vector<CrashRecord> records;
        bool twice;
    };
    const Case cases[] = {
        {"never", {}, false},
        {"once", {{1 * kSecond, "n", 1, "o", 11}}, false},
        {"twice", {{1 * kSecond, "n", 1, "o", 11}, {60 * kSecond, "n", 1, "o", 11}}, true},
        {"far apart", {{1 * kSecond, "n", 1, "o", 11}, {62 * kSecond, "n", 1, "o", 11}}, false},
        {"two nodes", {{1 * kSecond, "n", 1, "o", 11}, {2 * kSecond, "m", 1, "o", 11}}, false},
        {"the last two count",
         {{1 * kSecond, "n", 1, "o", 11},
          {2 * kSecond, "n", 1, "o", 11},
          {500 * kSecond, "n", 1, "o", 11}},
         false},
    };
    for (const auto& c : cases)
        EXPECT_EQ(crashed_twice(c.records, "n"), c.twice) << c.name;
}

TEST(CrashGuard, SkipsWhatIsNoRecord) {
    const test::TempDir folder;
    const auto file = folder.path() + "/crashes";
    EXPECT_TRUE(read_crashes(file).empty());
    test::write_file(file, "12 n 1 o 11\nhalf a li\n\n13 n 1 o 6\n");
    ASSERT_EQ(read_crashes(file).size(), 2U);
    EXPECT_EQ(read_crashes(file).back().signal, 6);
    EXPECT_EQ(read_crashes(file).back().plugin, "") << "as earlier versions wrote it";
}

}  // namespace
}  // namespace onex::host
