// Operations that are skipped, and such that wait for somebody to agree.
#include "tests/integration/orchestrator/steps_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>

namespace onex::test {
namespace {

namespace json = boost::json;

class Steps : public StepsLab {
  protected:
    /// "paint: completed, dig: skipped" of the second stage.
    static std::string second_stage(const json::object& status) {
        std::string out;
        for (const auto& one : status.at("stages").as_array().at(1).at("operations").as_array()) {
            out += (out.empty() ? "" : ", ") + std::string(one.at("operation_name").as_string()) +
                   ": " + std::string(one.at("state").as_string());
        }
        return out;
    }
    [[nodiscard]] bool waits_for_approval(const std::string& id) const {
        return wait_until([&] {
            return json::serialize(status(id)).find("waits for approval: paint it") !=
                   std::string::npos;
        });
    }
    [[nodiscard]] Answer approve(const std::string& id) const {
        return host_->ask("POST", "/workflows/" + id + "/approve", R"({"note":"go"})");
    }
};

TEST_F(Steps, AreSkippedWhenTheContextSaysSo) {
    const auto end =
        wait_for(begin_with("[{name: paint, when: {rollback_on_failure: true}}, {name: dig, when: "
                            "{plan.dig: deeper}}]"));
    EXPECT_EQ(text(end, "state"), "COMPLETED") << json::serialize(end);
    EXPECT_EQ(second_stage(end), "paint: completed, dig: skipped");
    EXPECT_EQ(query("SELECT state FROM steps WHERE workflow_id = ? AND key = 'colour/dig'",
                    text(end, "workflow_id")),
              "skipped");
}

TEST_F(Steps, OfTwoNodesThatOfferThemNeedANode) {
    ASSERT_EQ(host_->stop(), 0);
    more_toml_ = "[nodes.allotment]\nplugin = 'garden'\n";
    start_host();
    auto yaml = contract("[{name: paint, node: allotment}, {name: dig, node: garden}]");
    const auto refused = wait_for(begin_contract(yaml, input()));
    EXPECT_EQ(text(refused, "state"), "FAILED") << json::serialize(refused);
    const auto& error = refused.at("error").as_object();
    EXPECT_EQ(text(error, "code"), "OPERATION_AMBIGUOUS") << json::serialize(refused);
    EXPECT_NE(text(error, "message").find("dig is offered by 2 nodes"), std::string::npos)
        << json::serialize(refused);
    EXPECT_EQ(journal(), "") << "neither is asked";

    const std::string ground = "[{name: dig, timeout_ms: 20000}, {name: fill, timeout_ms: 1500}]";
    const auto at = yaml.find(ground);
    ASSERT_NE(at, std::string::npos);
    yaml.replace(at, ground.size(), "[{name: dig, node: allotment}, {name: fill, node: garden}]");
    const auto end = wait_for(begin_contract(yaml, input()));
    EXPECT_EQ(text(end, "state"), "COMPLETED") << json::serialize(end);
    EXPECT_EQ(
        query("SELECT key || '=' || json_extract(resolution, '$.node') FROM steps WHERE "
              "workflow_id = ? AND stage IN ('ground', 'colour') ORDER BY started_us, attempt",
              text(end, "workflow_id")),
        "ground/dig=allotment ground/fill=garden colour/paint=allotment colour/dig=garden");
}

TEST_F(Steps, WaitForSomebodyToAgreeAlsoOverARestart) {
    const auto id = begin_with("[{name: paint, approve: paint it}, {name: dig}]");
    ASSERT_TRUE(waits_for_approval(id)) << json::serialize(status(id));
    EXPECT_EQ(
        query("SELECT count(*) FROM steps WHERE workflow_id = ? AND key = 'colour/paint'", id), "0")
        << "nothing is begun before";
    host_->kill();
    ASSERT_TRUE(host_->start()) << host_->log();
    ASSERT_TRUE(waits_for_approval(id)) << json::serialize(status(id));
    EXPECT_EQ(host_->cli("approve " + id + " --note go").code, 0);
    const auto end = wait_for(id);
    EXPECT_EQ(text(end, "state"), "COMPLETED") << json::serialize(end);
    EXPECT_EQ(query("SELECT count(*) FROM events WHERE workflow_id = ? AND type = "
                    "'WORKFLOW_APPROVED'",
                    id),
              "1");
    EXPECT_EQ(approve(id).status, 409U) << "it waits no more";
    EXPECT_EQ(approve("00000000-0000-4000-8000-000000000000").status, 404U);
}

TEST_F(Steps, ThatWaitForSomebodyCanBeCancelled) {
    const auto id = begin_with("[{name: paint, approve: paint it}, {name: dig}]");
    ASSERT_TRUE(waits_for_approval(id));
    EXPECT_EQ(cancel(id).status, 202U);
    const auto end = wait_for(id);
    EXPECT_EQ(text(end.at("error").as_object(), "code"), "CANCELLED") << json::serialize(end);
}

}  // namespace
}  // namespace onex::test
