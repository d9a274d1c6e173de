// plugin check --level fuzz and soak: what only chance finds, what only many calls find.
#include "host/check/check.hpp"
#include "tests/support/command.hpp"
#include "tests/support/host_process.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <algorithm>

namespace onex::host::check {
namespace {

const std::string kPlugins = ONEX_BINARY_DIR "/tests/bad_plugins/";
constexpr Bounds kFuzz{.seed = 7, .rounds = 150, .round_seconds = 5};
constexpr Bounds kSoak{.seed = 7, .rounds = 24, .round_seconds = 20};

std::vector<Outcome> run(const std::string& defect, Level level, const Bounds& bounds) {
    return check_plugin(kPlugins + "bad_" + defect + ".so", level, "", bounds);
}

std::vector<Outcome> failures(std::vector<Outcome> outcomes) {
    std::erase_if(outcomes, [](const auto& outcome) { return outcome.state != State::failed; });
    return outcomes;
}

struct Row {
    const char* defect;
    const char* check;  ///< that fails, alone
    const char* why;    ///< a part of the reason
};

void expect_found_by(Level level, const Bounds& bounds, const Row& row) {
    SCOPED_TRACE(row.defect);
    for (const auto& wrong : failures(run(row.defect, Level::full, {})))
        ADD_FAILURE() << "level full finds it: " << wrong.name << ": " << wrong.detail;
    const auto found = failures(run(row.defect, level, bounds));
    ASSERT_FALSE(found.empty()) << "it is not found";
    EXPECT_EQ(found.front().name, row.check) << found.front().detail;
    EXPECT_NE(found.front().detail.find(row.why), std::string::npos) << found.front().detail;
    EXPECT_NE(found.front().detail.find("of seed 7"), std::string::npos) << found.front().detail;
}

TEST(PluginFuzz, FindsWhatOnlyChanceMeets) {
    const Row rows[] = {
        {"crashes_on_a_value", "fuzz act", "valid input `{\"count\":-"},
        {"hangs_on_a_value", "fuzz act", "longer than 5 s"},
        {"forgets_broken_streams", "fuzz act", "never answered"},
        {"answers_no_object", "fuzz act", "no JSON object"},
        {"trusts_its_state", "fuzz state", "crashed"},
    };
    for (const auto& row : rows)
        expect_found_by(Level::fuzz, kFuzz, row);
}

TEST(PluginFuzz, FindsTheSameAgain) {
    const auto first = failures(run("crashes_on_a_value", Level::fuzz, kFuzz));
    const auto second = failures(run("crashes_on_a_value", Level::fuzz, kFuzz));
    ASSERT_EQ(first.size(), 1U);
    ASSERT_EQ(second.size(), 1U);
    EXPECT_EQ(first.front().detail, second.front().detail);
    // As the finding says: the same seed, and no round more than it took.
    const auto& detail = first.front().detail;
    const auto at = detail.find("--rounds ");
    ASSERT_NE(at, std::string::npos) << detail;
    auto bounds = kFuzz;
    bounds.rounds = std::stoll(detail.substr(at + 9));
    const auto third = failures(run("crashes_on_a_value", Level::fuzz, bounds));
    ASSERT_EQ(third.size(), 1U);
    EXPECT_EQ(third.front().detail, detail);
    --bounds.rounds;
    EXPECT_TRUE(failures(run("crashes_on_a_value", Level::fuzz, bounds)).empty());
    bounds = kFuzz;
    bounds.seed = 8;
    const auto other = failures(run("crashes_on_a_value", Level::fuzz, bounds));
    ASSERT_EQ(other.size(), 1U);
    EXPECT_NE(other.front().detail, detail);
}

TEST(PluginFuzz, PassesWhatIsRight) {
    const auto outcomes = run("none", Level::fuzz, kFuzz);
    for (const auto& wrong : failures(outcomes))
        ADD_FAILURE() << wrong.name << ": " << wrong.detail;
    const auto fuzzed = std::find_if(outcomes.begin(), outcomes.end(), [](const auto& outcome) {
        return outcome.name == "fuzz act";
    });
    ASSERT_NE(fuzzed, outcomes.end());
    EXPECT_EQ(fuzzed->detail.find("150 rounds, "), 0U) << fuzzed->detail;
}

TEST(PluginFuzz, EndsWithItsTime) {
    const auto outcomes = run("none", Level::fuzz, {.seed = 1, .seconds = 1});
    EXPECT_TRUE(failures(outcomes).empty());
    for (const auto& outcome : outcomes)
        EXPECT_LT(outcome.duration_ms, 20'000) << outcome.name;
}

TEST(PluginSoak, FindsWhatOnlyManyCallsShow) {
    const Row rows[] = {
        {"leaks_files", "soak lives", "file descriptors from"},
        {"leaks_memory", "soak lives", "memory"},
        {"is_called_alone", "soak lives", "crashed"},
#ifdef __linux__
        {"leaves_threads", "soak lives", "threads from"},
#endif
    };
    for (const auto& row : rows)
        expect_found_by(Level::soak, kSoak, row);
}

TEST(PluginSoak, PassesWhatIsRight) {
    const auto outcomes = run("none", Level::soak, kSoak);
    for (const auto& wrong : failures(outcomes))
        ADD_FAILURE() << wrong.name << ": " << wrong.detail;
    ASSERT_GT(outcomes.size(), 2U);
    EXPECT_EQ(outcomes[outcomes.size() - 2].detail, "24 rounds, 768 calls");
    EXPECT_EQ(outcomes.back().name, "soak loads");
    EXPECT_EQ(outcomes.back().detail.find("24 loads"), 0U) << outcomes.back().detail;
}

test::Ran check_command(const std::string& defect, const std::string& options) {
    return test::shell(test::host_program() + " plugin check '" + kPlugins + "bad_" + defect +
                       ".so' " + options);
}

TEST(PluginCheckCommand, TellsTheSeed) {
    const auto given =
        check_command("crashes_on_a_value", "--level fuzz --seed 7 --rounds 150 --json");
    EXPECT_EQ(given.code, 1) << given.output;
    const auto told = boost::json::parse(given.output);
    EXPECT_EQ(told.at("seed"), 7);
    EXPECT_EQ(told.at("level"), "fuzz");
    EXPECT_EQ(told.at("passed"), false);
    const auto made = check_command("none", "--level soak --rounds 8");
    EXPECT_EQ(made.code, 0) << made.output;
    EXPECT_NE(made.output.find("\nseed "), std::string::npos) << made.output;
}

TEST(PluginCheckCommand, RefusesBoundsThatMeanNothing) {
    for (const auto* options : {"--seed 7",
                                "--level load --rounds 5",
                                "--level fuzz --rounds 5 --seconds 5",
                                "--level soak --rounds 0",
                                "--level fuzz --seed x"}) {
        const auto ran = check_command("none", options);
        EXPECT_EQ(ran.code, 2) << options << ": " << ran.output;
    }
}

}  // namespace
}  // namespace onex::host::check
