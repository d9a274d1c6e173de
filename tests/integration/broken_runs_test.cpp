// Bad days in the middle: hosts that die, people who cancel. Each run ends, and something serves.
#include "tests/integration/deployment_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>

namespace onex::test {
namespace json = boost::json;
namespace {

class BrokenRuns : public DeploymentLab {
  protected:
    /// The run ended, and what it left behind fits how it ended.
    void expect_whole(const RunStatus& run, const std::string& before, const std::string& after) {
        const auto state = run.state();
        EXPECT_TRUE(state == "COMPLETED" || state == "FAILED" || state == "ROLLBACK_COMPLETED")
            << run;
        EXPECT_EQ(served(), state == "COMPLETED" ? after : before) << run;
        EXPECT_LE(containers(), state == "COMPLETED" ? 2 : 1) << run;
    }
};

/// One operation of each stage, where something goes wrong.
class InEachStage : public BrokenRuns, public testing::WithParamInterface<const char*> {};

TEST_P(InEachStage, TheLaptopIsKilledAndComesBack) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto id = begin(input("v2"));
    ASSERT_TRUE(wait_for_operation(id, GetParam())) << look(id);
    laptop_->kill();
    EXPECT_EQ(served(), "v1");  // the old one serves on, or is back at once; never nothing for long
    ASSERT_TRUE(laptop_->start()) << laptop_->log();
    expect_whole(wait_for(id), "v1", "v2");
}

TEST_P(InEachStage, SomebodyCancels) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto id = begin(input("v2"));
    ASSERT_TRUE(wait_for_operation(id, GetParam())) << look(id);
    const auto answer =
        laptop_->ask("POST", "/workflows/" + id + "/cancel", R"({"reason":"changed my mind"})");
    EXPECT_TRUE(answer.status == 202 || answer.status == 409) << answer;
    const auto run = wait_for(id);
    expect_whole(run, "v1", "v2");
    if (run.state() != "COMPLETED") {
        EXPECT_EQ(run.code(), "CANCELLED") << run;
    }
    // The name is free again.
    ASSERT_NO_FATAL_FAILURE(deploy_well("v3"));
}

INSTANTIATE_TEST_SUITE_P(Stages,
                         InEachStage,
                         testing::Values("build_docker_image",
                                         "send_deployment_request",
                                         "deploy_container",
                                         "validate_health_endpoint"),
                         [](const auto& one) { return std::string(one.param); });

TEST_F(BrokenRuns, TheReceiverIsKilledDuringTheUpload) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    auto big = input("v2");
    // Noise, so that it does not compress to nothing.
    ASSERT_EQ(
        shell("head -c 100000000 /dev/urandom > " + folder_.path() + "/context-v2/www/noise").code,
        0);
    const auto id = begin(big);
    ASSERT_TRUE(wait_for_operation(id, "send_deployment_request")) << look(id);
    studio_->kill();
    ASSERT_TRUE(studio_->start()) << studio_->log();
    expect_whole(wait_for(id), "v1", "v2");
    EXPECT_EQ(shell("ls " + studio_->data_dir() + "/tmp").output, "");
}

TEST_F(BrokenRuns, AStopInTheMiddleIsPickedUpAgain) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto id = begin(input("v1"));
    ASSERT_TRUE(wait_for_operation(id, "deploy_container")) << look(id);
    EXPECT_EQ(laptop_->stop(), 0) << laptop_->log();
    ASSERT_TRUE(laptop_->start()) << laptop_->log();
    const auto run = wait_for(id);
    EXPECT_EQ(run.state(), "COMPLETED") << run;
    EXPECT_EQ(served(), "v1");
}

}  // namespace
}  // namespace onex::test
