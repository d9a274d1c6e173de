// The main job, by hand: a person deploys from one machine to another, with the command line.
#include "tests/e2e/machines.hpp"

#include <boost/json/serialize.hpp>

namespace onex::test {
namespace json = boost::json;
namespace {

class TwoMachines : public Machines {
  protected:
    static constexpr const char* kServes = "running unless-stopped";
    static constexpr const char* kKept = "exited no";
};

TEST_F(TwoMachines, DeployLookRedeployAndGoBack) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());

    const auto first = tell_deploy("v1");
    ASSERT_EQ(first.code, 0) << first;
    EXPECT_EQ(first.text("/status"), "success") << first;
    EXPECT_EQ(first.text("/deployed_url"), url()) << first;
    EXPECT_FALSE(first.flag("/transfer/skipped")) << first;
    EXPECT_GT(first.number("/transfer/bytes_sent"), 100'000) << first;
    EXPECT_EQ(served(), "v1");
    EXPECT_EQ(standing(), (std::map<std::string, std::string>{{app_, kServes}}));

    const auto id = first.text("/workflow_id");
    const auto status = laptop_->cli("status " + id);
    EXPECT_EQ(status.code, 0) << status.output;
    EXPECT_NE(status.output.find("COMPLETED"), std::string::npos) << status.output;
    EXPECT_NE(status.output.find(url()), std::string::npos) << status.output;
    const auto logs = laptop_->cli("logs " + id);
    EXPECT_EQ(logs.code, 0) << logs.output;
    // The build's own lines are in it.
    EXPECT_NE(logs.output.find("COPY www /www"), std::string::npos) << logs.output;

    // The next version takes its place; the one before is kept, and stays down after a reboot.
    const auto second = tell_deploy("v2");
    ASSERT_EQ(second.code, 0) << second;
    EXPECT_EQ(served(), "v2");
    EXPECT_EQ(standing()[app_], kServes);
    ASSERT_EQ(kept().size(), 1U);
    EXPECT_EQ(kept().begin()->second, kKept) << kept().begin()->first;

    // One that is not healthy goes again; what served before has its name and policy back.
    const auto sick = tell_deploy("v3", Service::sick);
    EXPECT_EQ(sick.code, 1) << sick;
    EXPECT_EQ(sick.text("/status"), "failed") << sick;
    EXPECT_EQ(sick.text("/state"), "ROLLBACK_COMPLETED") << sick;
    EXPECT_EQ(sick.text("/error/code"), "HEALTH_CHECK_FAILED") << sick;
    EXPECT_NE(sick.text("/error/correlation_id"), "") << sick;
    EXPECT_EQ(served(), "v2");
    EXPECT_EQ(standing()[app_], kServes);
    EXPECT_EQ(kept().size(), 1U);

    // Back to the version before, by hand.
    const auto back = laptop_->cli("rollback " + app_ + " --to studio");
    EXPECT_EQ(back.code, 0) << back.output;
    EXPECT_EQ(served(), "v1");
    EXPECT_EQ(standing()[app_], kServes);
    ASSERT_EQ(kept().size(), 1U);
    EXPECT_EQ(kept().begin()->second, kKept);

    // The studio has that image: nothing is sent.
    const auto again = tell_deploy("v1");
    ASSERT_EQ(again.code, 0) << again;
    EXPECT_TRUE(again.flag("/transfer/skipped")) << again;
    EXPECT_EQ(again.number("/transfer/bytes_sent"), 0) << again;
    EXPECT_EQ(served(), "v1");

    const auto history = tell("history " + app_);
    ASSERT_EQ(history.code, 0) << history;
    const auto* states = &history.report.at("deployments").as_array();
    ASSERT_EQ(states->size(), 5U) << history;
    const char* const expected[] = {
        "COMPLETED", "COMPLETED", "ROLLBACK_COMPLETED", "COMPLETED", "COMPLETED"};
    for (std::size_t i = 0; i < states->size(); ++i) {
        EXPECT_EQ((*states)[i].at("state").as_string(), expected[i]) << i << " in " << history;
    }
    EXPECT_EQ((*states)[1].at("workflow").as_string(), "rollback_workflow") << history;
    if (network) {
        // The laptop's engine has built, and runs nothing.
        EXPECT_EQ(engine->docker("ps -aq --filter name=" + app_).output, "");
    }
}

TEST_F(TwoMachines, TheTriggerAnswersWithFiveKeys) {
    write_file(folder_.path() + "/laptop.token", "a token of the laptop");
    laptop_in_host_ = "token = 'file:" + folder_.path() + "/laptop.token'";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto trigger = [&](const std::string& token) {
        const host::Headers headers{{"Authorization", "Bearer " + token}};
        return send(tcp(laptop_port_),
                    "POST",
                    "/api/v1/deployments/trigger?wait=true",
                    json::serialize(input("v1")),
                    token.empty() ? host::Headers{} : headers);
    };
    EXPECT_EQ(trigger("").status, 401U);
    EXPECT_EQ(trigger("another token").status, 401U);
    EXPECT_EQ(standing().size(), 0U);

    const auto answer = trigger("a token of the laptop");
    ASSERT_EQ(answer.status, 200U) << answer;
    const auto& body = answer.json.as_object();
    EXPECT_EQ(body.at("status"), "success") << answer;
    EXPECT_EQ(body.at("deployed_url").as_string(), url()) << answer;
    EXPECT_EQ(body.at("deployment_id"), body.at("workflow_id")) << answer;
    EXPECT_GT(body.at("duration_ms").to_number<std::int64_t>(), 0) << answer;
    EXPECT_EQ(body.size(), 5U) << answer;
    EXPECT_EQ(served(), "v1");
}

TEST_F(TwoMachines, SkippedHealthIsInTheReport) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    // Its health check would fail.
    const auto told = tell_deploy("v1", Service::sick, "--skip-health");
    ASSERT_EQ(told.code, 0) << told;
    EXPECT_EQ(told.text("/stages/3/stage_name"), "health_validation") << told;
    EXPECT_EQ(told.text("/stages/3/state"), "skipped") << told;
    EXPECT_EQ(served(), "v1");
    const auto status = laptop_->cli("status " + told.text("/workflow_id"));
    EXPECT_NE(status.output.find("skipped"), std::string::npos) << status.output;
}

TEST_F(TwoMachines, WithoutRollbackBothContainersStay) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_EQ(tell_deploy("v1").code, 0);
    const auto told = tell_deploy("v2", Service::sick, "--no-rollback");
    EXPECT_EQ(told.code, 1) << told;
    EXPECT_EQ(told.text("/state"), "FAILED") << told;
    EXPECT_EQ(told.text("/error/code"), "HEALTH_CHECK_FAILED") << told;
    EXPECT_EQ(standing().size(), 2U);
    ASSERT_EQ(kept().size(), 1U);
    EXPECT_EQ(kept().begin()->second, kKept);
    EXPECT_EQ(served(), "v2");  // to be looked at
    // The name is free, and the next good version takes over.
    const auto next = tell_deploy("v3");
    EXPECT_EQ(next.code, 0) << next;
    EXPECT_EQ(served(), "v3");
    EXPECT_EQ(standing()[app_], kServes);
}

}  // namespace
}  // namespace onex::test
