// The events of a deployment: which, in which order, on which topics, and each once.
#include "tests/integration/deployment_lab.hpp"
#include "tests/integration/engine_gate.hpp"

#include <string>

namespace onex::test {
namespace {

class Events : public DeploymentLab {
  protected:
    /// "TYPE topic" of each event of a run in that host's table, without what all topics begin and
    /// end with.
    [[nodiscard]] static std::string told(const HostProcess& host, const std::string& id) {
        return stored(host,
                      "SELECT coalesce(group_concat(type || ' ' || replace(replace(topic, "
                      "'dev.omninode-bridge.deployment.', ''), '.v1', ''), ', '), '') FROM (SELECT "
                      "type, topic "
                      "FROM events WHERE workflow_id = :id ORDER BY sequence)",
                      id);
    }
};

TEST_F(Events, OfAGoodDeployment) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto run = deploy(input("v1"));
    ASSERT_EQ(run.state(), "COMPLETED") << run;
    // What the studio did is told there first, and copied from there.
    const std::string at_the_studio =
        "IMAGE_LOADED image-loaded, CONTAINER_STARTED container-started, "
        "DEPLOYMENT_STAGE_COMPLETED stage-completed, DEPLOYMENT_HEALTH_CHECK health-check, "
        "DEPLOYMENT_STAGE_COMPLETED stage-completed, DEPLOYMENT_COMPLETED completed";
    EXPECT_EQ(told(*studio_, run.id), at_the_studio);
    const auto at_the_laptop =
        "DEPLOYMENT_STARTED started, BUILD_STARTED build-started, BUILD_COMPLETED "
        "build-completed, DEPLOYMENT_STAGE_COMPLETED stage-completed, TRANSFER_STARTED "
        "transfer-started, TRANSFER_COMPLETED transfer-completed, "
        "DEPLOYMENT_STAGE_COMPLETED stage-completed, " +
        at_the_studio;
    EXPECT_EQ(told(*laptop_, run.id), at_the_laptop);
}

TEST_F(Events, OfADeploymentThatFails) {
    receiver_settings_ = "package_bytes_max = 1000\n";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const struct {
        Service service;
        std::string code, events;
    } cases[] = {
        {Service::does_not_build,
         "BUILD_FAILED",
         "DEPLOYMENT_STARTED started, BUILD_STARTED build-started, DEPLOYMENT_FAILED failed"},
        {Service::healthy,
         "PACKAGE_TOO_LARGE",
         "DEPLOYMENT_STARTED started, BUILD_STARTED build-started, BUILD_COMPLETED "
         "build-completed, DEPLOYMENT_STAGE_COMPLETED stage-completed, TRANSFER_STARTED "
         "transfer-started, DEPLOYMENT_FAILED failed"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.code);
        const auto run = deploy(input("v1", c.service));
        EXPECT_EQ(run.state(), "FAILED") << run;
        EXPECT_EQ(run.code(), c.code) << run;
        EXPECT_EQ(told(*laptop_, run.id), c.events);
        EXPECT_EQ(told(*studio_, run.id), "");
    }
}

TEST_F(Events, OfAStepThatIsTriedAgainTellOneFailure) {
    laptop_docker_ = folder_.path() + "/gate.sock";
    EngineGate gate(laptop_docker_, engine->socket());
    gate.refuse("/get HTTP");  // No image leaves this engine.
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto run = deploy(input("v1"));
    EXPECT_EQ(run.state(), "FAILED") << run;
    EXPECT_EQ(run.code(), "DOCKER_UNAVAILABLE") << run;
    EXPECT_EQ(told(*laptop_, run.id),
              "DEPLOYMENT_STARTED started, BUILD_STARTED build-started, BUILD_COMPLETED "
              "build-completed, DEPLOYMENT_STAGE_COMPLETED stage-completed, TRANSFER_STARTED "
              "transfer-started, TRANSFER_STARTED transfer-started, TRANSFER_STARTED "
              "transfer-started, DEPLOYMENT_FAILED failed");
}

TEST_F(Events, HaveTheEnvironmentsTopicsWhateverNodeTells) {
    laptop_in_host_ = "environment = 'trial'\n";
    studio_in_host_ = "environment = 'trial'\n";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto run = deploy(input("v1"));
    ASSERT_EQ(run.state(), "COMPLETED") << run;
    // Those of the engine are called as the workflow's contract says.
    EXPECT_EQ(stored(*laptop_,
                     "SELECT group_concat(topic, ' ') FROM (SELECT topic FROM events WHERE "
                     "workflow_id = :id AND topic NOT LIKE 'dev.%' ORDER BY sequence)",
                     run.id),
              "trial.omninode-bridge.deployment.build-started.v1 "
              "trial.omninode-bridge.deployment.build-completed.v1 "
              "trial.omninode-bridge.deployment.transfer-started.v1 "
              "trial.omninode-bridge.deployment.transfer-completed.v1 "
              "trial.omninode-bridge.deployment.image-loaded.v1 "
              "trial.omninode-bridge.deployment.container-started.v1 "
              "trial.omninode-bridge.deployment.health-check.v1");
    EXPECT_EQ(stored(*laptop_,
                     "SELECT DISTINCT json_extract(metadata, '$.namespace') FROM events WHERE "
                     "workflow_id = :id AND type = 'BUILD_STARTED'",
                     run.id),
              "trial.omninode-bridge");
}

}  // namespace
}  // namespace onex::test
