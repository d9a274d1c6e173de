// Two machines, as far as that goes on one: two networks, two Docker engines, a cable between them.
#include "tests/integration/deployment_lab.hpp"
#include "tests/support/network.hpp"

#include <boost/json/serialize.hpp>

namespace onex::test {
namespace json = boost::json;
namespace {

class TwoEngines : public DeploymentLab {
  protected:
    static void SetUpTestSuite() {
        DeploymentLab::SetUpTestSuite();
        if (!engine) return;
        network = Network::make(why_no_engine);
        if (network) studio_engine = DockerEngine::start(network->name(), why_no_engine);
        if (!studio_engine) engine.reset();
    }
    static void TearDownTestSuite() {
        studio_engine.reset();
        network.reset();
        DeploymentLab::TearDownTestSuite();
    }
    void SetUp() override {
        DeploymentLab::SetUp();
        if (!engine) return;
        studio_address_ = network->there();
        studio_network_ = network->name();
        studio_engine_ = studio_engine.get();
        studio_docker_ = studio_engine->socket();
    }
    static std::unique_ptr<Network> network;
    static std::unique_ptr<DockerEngine> studio_engine;
};
std::unique_ptr<Network> TwoEngines::network;
std::unique_ptr<DockerEngine> TwoEngines::studio_engine;

TEST_F(TwoEngines, DeployRedeployAndRollBack) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    ASSERT_NO_FATAL_FAILURE(deploy_well("v2"));
    const auto sick = deploy(input("v3", Service::sick));
    EXPECT_EQ(sick.state(), "ROLLBACK_COMPLETED") << sick;
    EXPECT_EQ(served(), "v2");
    const auto back = laptop_->cli("rollback " + app_ + " --to studio");
    EXPECT_EQ(back.code, 0) << back.output;
    EXPECT_EQ(served(), "v1");
    // The laptop's engine holds what was built, and runs nothing.
    EXPECT_EQ(engine->docker("ps -aq --filter name=" + app_).output, "");
}

TEST_F(TwoEngines, ACutCableEndsInAnErrorAndTheOldVersion) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    auto big = input("v2");
    ASSERT_EQ(
        shell("head -c 200000000 /dev/urandom > " + folder_.path() + "/context-v2/www/noise").code,
        0);
    const auto id = begin(big);
    ASSERT_TRUE(wait_for_operation(id, "send_deployment_request")) << look(id);
    network->cut();
    // The address of a link that was down is still there; the route comes back with it.
    network->mend();
    const auto run = wait_for(id);
    EXPECT_EQ(served(), run.state() == "COMPLETED" ? "v2" : "v1") << run;
}

TEST_F(TwoEngines, TheStudiosEngineStopsAndComesBack) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    studio_engine->stop();
    const auto run = deploy(input("v1"));
    EXPECT_EQ(run.state(), "FAILED") << run;
    EXPECT_EQ(run.code(), "DOCKER_UNAVAILABLE") << run;
    ASSERT_TRUE(studio_engine->restart());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v2"));
}

}  // namespace
}  // namespace onex::test
