// The way back of a run: what compensates operations, and what is only undone when somebody agrees.
#include "tests/integration/orchestrator/steps_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>

namespace onex::test {
namespace {

namespace json = boost::json;

class UndoSteps : public StepsLab {
  protected:
    /// What was called after the failure, of the journal.
    [[nodiscard]] std::string undone() const {
        std::string out;
        auto rest = journal();
        for (auto at = rest.find(", "); at != std::string::npos; at = rest.find(", ")) {
            const auto line = rest.substr(0, at);
            rest = rest.substr(at + 2);
            const auto place = line.find(" ROLLING_BACK/");
            if (place != std::string::npos)
                out += (out.empty() ? "" : ", ") + line.substr(place + 1);
        }
        return out;
    }
    [[nodiscard]] bool waits(const std::string& id) const {
        return wait_until([&] {
            return json::serialize(status(id)).find("waits for approval: the rollback goes on") !=
                   std::string::npos;
        });
    }
    static std::string error_of(const json::object& status) {
        return status.at("error").is_object() ? text(status.at("error").as_object(), "code") : "";
    }
};

constexpr const char* kCompensated =
    "[{name: paint, compensate: fill}, {name: dig, compensate: "
    "{name: dig, node: garden}}]";
constexpr const char* kIrreversible = "[{name: paint, reversible: false}, {name: dig}]";
const json::object kFails{{"colour/dig", "fail:NEVER"}};

TEST_F(UndoSteps, CompensatesTheLastFirstAndThenRollsBack) {
    const auto end = wait_for(begin_with(kCompensated, kFails));
    EXPECT_EQ(text(end, "state"), "ROLLBACK_COMPLETED") << json::serialize(end);
    EXPECT_EQ(error_of(end), "NEVER");
    EXPECT_EQ(undone(), "ROLLING_BACK/dig/0 , ROLLING_BACK/fill/1 , ROLLING_BACK/undo ");
    EXPECT_EQ(query("SELECT state FROM steps WHERE workflow_id = ? AND stage = 'ROLLING_BACK'",
                    text(end, "workflow_id")),
              "done done done");
}

TEST_F(UndoSteps, CompensateAlsoWithoutARollbackOperation) {
    const auto end = wait_for(begin_with(kCompensated, kFails, "  rollback_strategy: undo\n"));
    EXPECT_EQ(text(end, "state"), "ROLLBACK_COMPLETED") << json::serialize(end);
    EXPECT_EQ(undone(), "ROLLING_BACK/dig/0 , ROLLING_BACK/fill/1 ");
}

TEST_F(UndoSteps, CompensateOnceMoreAfterACrash) {
    auto plan = kFails;
    plan["ROLLING_BACK/fill"] = "wait_for:" + folder_.path() + "/go";
    const auto id = begin_with(kCompensated, plan);
    ASSERT_TRUE(
        wait_until([&] { return undone().find("ROLLING_BACK/fill/1") != std::string::npos; }));
    host_->kill();
    touch("go");
    ASSERT_TRUE(host_->start()) << host_->log();
    const auto end = wait_for(id);
    EXPECT_EQ(text(end, "state"), "ROLLBACK_COMPLETED") << json::serialize(end);
    EXPECT_EQ(
        undone(),
        "ROLLING_BACK/dig/0 , ROLLING_BACK/fill/1 , ROLLING_BACK/fill/1 , ROLLING_BACK/undo ");
}

TEST_F(UndoSteps, GoPastWhatCannotBeTakenBackWhenSomebodyAgreesAlsoOverARestart) {
    const auto id = begin_with(kIrreversible, kFails);
    ASSERT_TRUE(waits(id)) << json::serialize(status(id));
    EXPECT_EQ(text(status(id), "state"), "ROLLING_BACK");
    EXPECT_NE(text(status(id), "hint").find("onex-host approve " + id), std::string::npos);
    EXPECT_EQ(undone(), "");
    host_->kill();
    ASSERT_TRUE(host_->start()) << host_->log();
    ASSERT_TRUE(waits(id)) << json::serialize(status(id));
    EXPECT_EQ(undone(), "");
    EXPECT_EQ(host_->cli("approve " + id + " --note go").code, 0);
    const auto end = wait_for(id);
    EXPECT_EQ(text(end, "state"), "ROLLBACK_COMPLETED") << json::serialize(end);
    EXPECT_EQ(undone(), "ROLLING_BACK/undo ");
    EXPECT_NE(text(end, "hint").find("taken back"), std::string::npos) << text(end, "hint");
}

TEST_F(UndoSteps, EndFailedWhenSomebodyCancelsInsteadOfAgreeing) {
    const auto id = begin_with(kIrreversible, kFails);
    ASSERT_TRUE(waits(id));
    EXPECT_EQ(host_->cli("cancel " + id).code, 0);
    const auto end = wait_for(id);
    EXPECT_EQ(text(end, "state"), "FAILED") << json::serialize(end);
    EXPECT_EQ(error_of(end), "ROLLBACK_FAILED");
    EXPECT_EQ(undone(), "");
    EXPECT_NE(json::serialize(end).find("put back by hand"), std::string::npos);
    host_->kill();
    ASSERT_TRUE(host_->start()) << host_->log();
    EXPECT_EQ(json::serialize(status(id).at("error")), json::serialize(end.at("error")));
}

TEST_F(UndoSteps, EndFailedWhenNobodyAnswers) {
    const auto end = wait_for(begin_contract(contract(kIrreversible), input(kFails), 1'500));
    EXPECT_EQ(text(end, "state"), "FAILED") << json::serialize(end);
    EXPECT_EQ(error_of(end), "ROLLBACK_FAILED");
    EXPECT_NE(json::serialize(end).find("nobody answered"), std::string::npos);
    EXPECT_EQ(undone(), "");
}

TEST_F(UndoSteps, AreNotNeededForWhatNobodyHeardOf) {
    const auto id =
        begin_with("[{name: paint, approve: paint it, reversible: false, compensate: fill}]");
    ASSERT_TRUE(wait_until([&] {
        return json::serialize(status(id)).find("waits for approval: paint it") !=
               std::string::npos;
    }));
    EXPECT_EQ(cancel(id).status, 202U);
    const auto end = wait_for(id);
    EXPECT_EQ(text(end, "state"), "ROLLBACK_COMPLETED") << json::serialize(end);
    EXPECT_EQ(error_of(end), "CANCELLED");
    EXPECT_EQ(undone(), "ROLLING_BACK/undo ");
}

TEST_F(UndoSteps, AreLeftOutWhenTheContractAborts) {
    auto yaml = contract(kCompensated);
    const std::string handling = "error_handling:\n";
    const auto at = yaml.find(handling);
    ASSERT_NE(at, std::string::npos);
    yaml.insert(at + handling.size(), "  fallback_strategy: abort\n");
    const auto end = wait_for(begin_contract(yaml, input(kFails)));
    EXPECT_EQ(text(end, "state"), "FAILED") << json::serialize(end);
    EXPECT_EQ(error_of(end), "NEVER");
    EXPECT_EQ(undone(), "");
}

}  // namespace
}  // namespace onex::test
