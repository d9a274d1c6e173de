// The way of a person: two hosts, the studio's engine is pruned, and onex-host rollback.
#include "tests/integration/deployment_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/parse.hpp>

namespace onex::test {
namespace json = boost::json;
namespace {

class PrunedStudio : public DeploymentLab {
  protected:
    static void SetUpTestSuite() {
        DeploymentLab::SetUpTestSuite();
        if (engine) own = DockerEngine::start("", why_no_engine);
        if (!own) engine.reset();
    }
    static void TearDownTestSuite() {
        own.reset();
        DeploymentLab::TearDownTestSuite();
    }
    void SetUp() override {
        DeploymentLab::SetUp();
        if (!engine) return;
        studio_engine_ = own.get();
        studio_docker_ = own->socket();
    }
    static inline std::unique_ptr<DockerEngine> own;
};

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
    // And a deployment on top of it, which fails while the one that came back is there.
    auto failing = input("v4", Service::sick);
    const auto run = deploy(failing);
    EXPECT_EQ(run.state(), "ROLLBACK_COMPLETED") << run;
    EXPECT_EQ(served(), "v1");
}

}  // namespace
}  // namespace onex::test
