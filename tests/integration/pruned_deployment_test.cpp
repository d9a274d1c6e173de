// The way of a person: two hosts, the studio's engine is pruned, and onex-host rollback.
#include "tests/integration/deployment_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/parse.hpp>

namespace onex::test {
namespace json = boost::json;
namespace {

using PrunedStudio = WithOwnEngine<DeploymentLab>;

TEST_F(PrunedStudio, GoesBackToAVersionWhoseContainerAndImageAreGone) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    for (const auto* version : {"v1", "v2", "v3"})
        ASSERT_NO_FATAL_FAILURE(deploy_well(version));
    const auto pruned = own->docker("system prune -a -f");
    ASSERT_EQ(pruned.code, 0) << pruned.output;
    ASSERT_EQ(containers(), 1);

    const auto plan = laptop_->cli("rollback " + app_ + " --plan --json");
    ASSERT_EQ(plan.code, 0) << plan.output;
    const auto told = json::parse(plan.output).at("plan").as_array();
    ASSERT_EQ(told.size(), 3U) << plan.output;
    for (std::size_t steps = 1; steps < told.size(); ++steps) {
        EXPECT_EQ(told[steps].at("version").as_string(), "v" + std::to_string(3 - steps));
        EXPECT_EQ(told[steps].at("comes_from"), "package");
        EXPECT_EQ(told[steps].at("depends_on"), "package");
    }
    const auto back = laptop_->cli("rollback " + app_ + " --version v1");
    EXPECT_EQ(back.code, 0) << back.output;
    EXPECT_TRUE(wait_until([&] { return served() == "v1"; })) << back.output;
}

TEST_F(PrunedStudio, AFailedDeploymentIsRolledBackToWhatWasPrunedMeanwhile) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    auto sick = input("v2", Service::sick);
    sick["health_check_config"].as_object()["max_retries"] = 20;
    const auto id = begin(sick);
    ASSERT_TRUE(wait_for_operation(id, "validate_health_endpoint")) << look(id);
    const auto pruned = own->docker("system prune -a -f");
    ASSERT_EQ(pruned.code, 0) << pruned.output;
    ASSERT_EQ(containers(), 1);
    const auto run = wait_for(id);
    EXPECT_EQ(run.state(), "ROLLBACK_COMPLETED") << run;
    EXPECT_EQ(run.status.at("output").at("rollback_result").at("made_anew"), true) << run;
    EXPECT_TRUE(wait_until([&] { return served() == "v1"; })) << run;
    EXPECT_EQ(containers(), 1);
}

}  // namespace
}  // namespace onex::test
