#include "plugins/lib/workflow/fsm.hpp"

#include "tests/unit/workflow/sample.hpp"

#include <set>

namespace onex::workflow::test {
namespace {

Fsm deployment_fsm() {
    auto fsm = Fsm::read(installed_contract("deployment_workflow").at("fsm_states").as_object());
    return *fsm;
}

// The whole table of the original: 9 × 9 pairs, 13 of them legal.
TEST(Fsm, AllowsExactlyTheTransitionsOfTheDeploymentContract) {
    const std::set<std::pair<std::string, std::string>> legal{
        {"PENDING", "PACKAGING"},
        {"PENDING", "FAILED"},
        {"PACKAGING", "TRANSFERRING"},
        {"PACKAGING", "FAILED"},
        {"TRANSFERRING", "DEPLOYING"},
        {"TRANSFERRING", "FAILED"},
        {"DEPLOYING", "VALIDATING"},
        {"DEPLOYING", "FAILED"},
        {"DEPLOYING", "ROLLING_BACK"},
        {"VALIDATING", "COMPLETED"},
        {"VALIDATING", "FAILED"},
        {"VALIDATING", "ROLLING_BACK"},
        {"ROLLING_BACK", "FAILED"},
        {"ROLLING_BACK", "ROLLBACK_COMPLETED"}};
    const auto fsm = deployment_fsm();
    ASSERT_EQ(fsm.states().size(), 9u);
    for (const auto& from : fsm.states()) {
        for (const auto& to : fsm.states()) {
            SCOPED_TRACE(from.name + " -> " + to.name);
            const auto checked = fsm.check(from.name, to.name);
            EXPECT_EQ(checked.has_value(), legal.contains({from.name, to.name}));
            if (checked) continue;
            EXPECT_NE(checked.error().message.find(from.name), std::string::npos);
            EXPECT_NE(checked.error().message.find(to.name), std::string::npos);
        }
    }
    EXPECT_FALSE(fsm.check("PENDING", "NOWHERE"));
    EXPECT_FALSE(fsm.check("NOWHERE", "PENDING"));
}

TEST(Fsm, FindsTheShortestWayThatTouchesNoEnd) {
    const auto fsm = deployment_fsm();
    const auto way = fsm.path("PENDING", "COMPLETED");
    ASSERT_TRUE(way);
    EXPECT_EQ(*way,
              (std::vector<std::string>{
                  "PACKAGING", "TRANSFERRING", "DEPLOYING", "VALIDATING", "COMPLETED"}));
    EXPECT_TRUE(fsm.path("DEPLOYING", "DEPLOYING")->empty());
    EXPECT_FALSE(fsm.path("VALIDATING", "PACKAGING"));
    EXPECT_FALSE(fsm.path("FAILED", "COMPLETED"));
    EXPECT_FALSE(fsm.path("DEPLOYING", "ROLLBACK_COMPLETED")) << "only through ROLLING_BACK";
}

TEST(Fsm, ComparesNamesWithoutCaseAndKeepsTheSpelling) {
    const auto fsm = Fsm::read(from_yaml(R"(
states: [{name: pending, transitions: [Busy, failed]}, {name: Busy, transitions: [completed, failed]},
         {name: completed}, {name: failed}]
initial_state: PENDING
final_states: [completed, failed])"));
    ASSERT_TRUE(fsm) << fsm.error().message;
    EXPECT_EQ(fsm->initial(), "pending");
    EXPECT_EQ(fsm->spelled(kCompleted), "completed");
    EXPECT_TRUE(fsm->allows("BUSY", "Completed"));
    EXPECT_TRUE(fsm->is_final("FAILED"));
}

TEST(Fsm, RefusesWhatARunCouldNotLive) {
    const std::string states =
        "{name: P, transitions: [COMPLETED, FAILED]}, {name: COMPLETED}, {name: FAILED}";
    struct Case {
        const char* name;
        std::string yaml;
        const char* says;
    };
    const Case cases[] = {
        {"a state twice", "states: [{name: P}, {name: p}]\ninitial_state: P", "declared twice"},
        {"an unknown target", "states: [{name: P, transitions: [Q]}]\ninitial_state: P", "Q"},
        {"an unknown start",
         "states: [" + states + "]\ninitial_state: Z\nfinal_states: [COMPLETED, FAILED]",
         "Z"},
        {"an unknown end", "states: [" + states + "]\ninitial_state: P\nfinal_states: [X]", "X"},
        {"a final state that goes on",
         "states: [{name: P, transitions: [P]}]\ninitial_state: P\nfinal_states: [P]",
         "has transitions"},
        {"no COMPLETED",
         "states: [{name: P}, {name: FAILED}]\ninitial_state: P\nfinal_states: [FAILED]",
         "COMPLETED"},
        {"COMPLETED is not final",
         "states: [" + states + "]\ninitial_state: P\nfinal_states: [FAILED]",
         "final_states"},
        {"no way to COMPLETED",
         "states: [{name: P, transitions: [FAILED]}, {name: COMPLETED}, {name: FAILED}]\n"
         "initial_state: P\nfinal_states: [COMPLETED, FAILED]",
         "no way"},
        {"a dead ROLLING_BACK",
         "states: [" + states +
             ", {name: ROLLING_BACK, transitions: [FAILED]}]\n"
             "initial_state: P\nfinal_states: [COMPLETED, FAILED]",
         "ROLLBACK_COMPLETED"},
        {"states of a wrong type", "states: 7\ninitial_state: P", "list"},
        {"a state without a name", "states: [{}]\ninitial_state: P", "name"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto fsm = Fsm::read(from_yaml(c.yaml));
        ASSERT_FALSE(fsm);
        EXPECT_EQ(fsm.error().code, "VALIDATION_ERROR");
        EXPECT_NE(fsm.error().message.find(c.says), std::string::npos) << fsm.error().message;
    }
}

}  // namespace
}  // namespace onex::workflow::test
