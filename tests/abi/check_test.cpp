// plugin check finds what is wrong, says so, and outlives it.
#include "host/check/check.hpp"

#include "host/check/child.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

namespace onex::host::check {
namespace {

const std::string kPlugins = ONEX_BINARY_DIR "/tests/bad_plugins/";

const Outcome* find(const std::vector<Outcome>& outcomes, const std::string& name) {
    const auto found = std::find_if(outcomes.begin(), outcomes.end(), [&](const auto& outcome) {
        return outcome.name == name;
    });
    return found == outcomes.end() ? nullptr : &*found;
}

std::string all(const std::vector<Outcome>& outcomes) {
    std::string out;
    for (const auto& outcome : outcomes)
        out += outcome.name + ": " + std::to_string(static_cast<int>(outcome.state)) + " " +
               outcome.detail + "\n";
    return out;
}

TEST(PluginCheck, PassesWhatIsRight) {
    const auto outcomes = check_plugin(kPlugins + "bad_none.so", Level::full);
    for (const auto& outcome : outcomes)
        EXPECT_NE(outcome.state, State::failed) << outcome.name << ": " << outcome.detail;
    EXPECT_NE(find(outcomes, "operation act"), nullptr) << all(outcomes);
    EXPECT_EQ(find(outcomes, "unloads")->name, outcomes.back().name);
    EXPECT_LT(check_plugin(kPlugins + "bad_none.so", Level::load).size(), outcomes.size());
}

TEST(PluginCheck, FindsEachDefect) {
    struct Row {
        const char* defect;
        const char* check;  ///< that fails
        const char* why;    ///< a part of the reason
        State state = State::failed;
    };
    const Row rows[] = {
        {"crashes_in_create", "create", "signal 6"},
        {"exits_in_create", "create", "ended the process"},
        {"keeps_a_buffer", "create", "leaves buffers"},
        {"never_answers", "operation act", "never answered"},
        {"answers_twice", "operation act", "answered 2 times"},
        {"crashes_on_input", "operation act", "crashed"},
        {"any_interface", "interfaces", "unknown id"},
        {"believes_any_state", "state", "newer schema"},
        {"ignores_missing_service", "missing services", "onex.call/1"},
        {"other_abi", "loads", "needs ABI 9.0"},
        {"odd_version", "entry", "semantic version"},
        {"more_exports", "exports", "must export"},
        {"pins_itself", "unloads", "stays mapped"},
        {"needs_a_library", "libraries", "onex_bad_foreign", State::warned},
        {"opens_at_load", "loads", "file descriptor"},
        {"moves_at_load", "loads", "working folder"},
        {"masks_at_load", "loads", "umask"},
        {"sets_at_load", "loads", "environment"},
        {"handles_at_load", "loads", "signal handler"},
        {"fears_newer_hosts", "newer host", "create"},
        {"expects_newer_hosts", "older host", ""},  // A signal; a sanitizer makes an exit of it.
        {"expects_settings", "bad settings", "crashed with signal"},
        {"refuses_without_a_word", "bad settings", "without a reason"},
        {"lives_alone", "many instances", "create fails"},
        {"never_resumes", "life", "resume"},
        {"starts_once_and_for_all", "start half-way", "crashed with signal"},
        {"forgets_what_is_refused", "refusing host", "never answered"},
        {"forgets_its_work", "state", "after work"},
        {"trusts_its_writer", "state", "its writer was full"},
#ifdef __linux__
        {"threads_at_load", "loads", "starts a thread"},
        {"has_a_unique_symbol", "exports", "UNIQUE"},
        {"never_unloads", "exports", "nodelete"},
        {"patches_its_code", "exports", "relocations in its code"},
#endif
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.defect);
        const auto outcomes = check_plugin(kPlugins + "bad_" + row.defect + ".so", Level::full);
        const auto* outcome = find(outcomes, row.check);
        ASSERT_NE(outcome, nullptr) << all(outcomes);
        EXPECT_EQ(outcome->state, row.state) << all(outcomes);
        EXPECT_NE(outcome->detail.find(row.why), std::string::npos) << outcome->detail;
    }
}

TEST(PluginCheck, LeavesNothingOfAChildThatCrashes) {
    const test::TempDir folder;
    const auto* before = ::getenv("TMPDIR");
    const std::string old = before == nullptr ? "/tmp" : before;
    ::setenv("TMPDIR", folder.path().c_str(), 1);
    const auto outcomes = check_plugin(kPlugins + "bad_crashes_in_create.so", Level::full);
    ::setenv("TMPDIR", old.c_str(), 1);
    EXPECT_EQ(outcomes.back().state, State::failed) << all(outcomes);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(InChild, KillsWhatHearsNoAlarm) {
    const auto outcome = in_child("deaf", 1, [] {
        std::signal(SIGALRM, SIG_IGN);
        for (;;)
            ::pause();
        return passed();
    });
    EXPECT_EQ(outcome.state, State::failed);
    EXPECT_EQ(outcome.detail, "took longer than 1 s");
}

TEST(InChild, WaitsForNoProcessThatAPluginStarts) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const auto outcome = in_child("parent", 30, [] {
        if (::fork() > 0) return warned("as it is");
        for (;;)  // It holds every descriptor of its parent.
            ::pause();
    });
    EXPECT_EQ(outcome.state, State::warned);
    EXPECT_EQ(outcome.detail, "as it is");
    ::close(ends[1]);
    char byte = 0;
    EXPECT_EQ(::read(ends[0], &byte, 1), 0) << "until the last of them has gone";
    ::close(ends[0]);
}

TEST(PluginCheck, RefusesWhatIsNoLibrary) {
    const test::TempDir folder;
    const auto whole = test::read_file(kPlugins + "bad_none.so");
    const std::pair<const char*, std::string> files[] = {
        {"empty.so", ""},
        {"text.so", "this is no library"},
        {"half.so", whole.substr(0, whole.size() / 2)},
        {"head.so", whole.substr(0, 40)},
    };
    for (const auto& [name, bytes] : files) {
        SCOPED_TRACE(name);
        const auto file = folder.path() + "/" + name;
        test::write_file(file, bytes);
        const auto outcomes = check_plugin(file, Level::full);
        EXPECT_EQ(outcomes.front().state, State::failed) << all(outcomes);
    }
    EXPECT_EQ(check_plugin(folder.path() + "/missing.so", Level::full).front().state,
              State::failed);
}

}  // namespace
}  // namespace onex::host::check
