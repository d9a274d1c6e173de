#include "plugins/orchestrator/resolution.hpp"

#include <gtest/gtest.h>

namespace onex::orchestrator::test {
namespace {

constexpr const char* kOffer =
    R"({"host":"h","target":"far:1","node":"n","operation":"o","timeout_ms":5,"progress":true,)"
    R"("run_end":"bye","input":{"type":"object"},"errors":[{"code":"A","as":"B","permanent":true},{"code":"C"}]})";

TEST(Resolution, SurvivesTheStore) {
    const auto first = Resolution::parse(kOffer);
    ASSERT_TRUE(first);
    const auto again = Resolution::parse(first->text());
    ASSERT_TRUE(again);
    EXPECT_EQ(again->text(), first->text());
    EXPECT_EQ(again->target, "far:1");
    EXPECT_EQ(again->timeout_ms, 5);
    EXPECT_TRUE(again->progress);
    EXPECT_EQ(*again->closer(), (workflow::Closer{"far:1", "n", "bye"}));
    EXPECT_FALSE(Resolution::parse("[]"));
    EXPECT_FALSE(Resolution::parse("{}")->closer());
}

TEST(Resolution, JudgesErrorsByTheNodesList) {
    const auto who = Resolution::parse(kOffer);
    struct Case {
        const char* code;
        const char* as;
        bool permanent;
    };
    for (const auto& c : {Case{"A", "B", true}, Case{"C", "", false}, Case{"X", "", false}}) {
        SCOPED_TRACE(c.code);
        workflow::StepOutcome outcome;
        outcome.code = c.code;
        who->judge(outcome);
        EXPECT_EQ(outcome.as, c.as);
        EXPECT_EQ(outcome.permanent, c.permanent);
    }
}

}  // namespace
}  // namespace onex::orchestrator::test
