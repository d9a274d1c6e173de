// A deployment goes on while the nodes that make it are replaced in its middle.
#include "tests/integration/deployment_lab.hpp"
#include "tests/integration/engine_gate.hpp"
#include "tests/support/wait.hpp"

#include <string>

namespace onex::test {
namespace {

class ReloadedDeployment : public DeploymentLab {
  protected:
    static void reload(const HostProcess& host, const std::string& node) {
        const auto answer = host.ask("POST", "/onex/v1/plugins/" + node + "/reload");
        EXPECT_EQ(answer.status, 200U) << node << ": " << answer;
    }
    void reload_all() const {
        reload(*laptop_, "orchestrator");
        reload(*laptop_, "sender");
        reload(*studio_, "receiver");
        reload(*studio_, "orchestrator");
    }
    /// A number that the host tells of a node.
    [[nodiscard]] static std::int64_t told(const HostProcess& host,
                                           std::string_view node,
                                           const char* what) {
        const auto answer = host.ask("GET", "/onex/v1/plugins");
        for (const auto& one : answer.json.at("nodes").as_array()) {
            if (one.at("name").as_string() == node) return one.at(what).to_number<std::int64_t>();
        }
        return -1;
    }
    /// The number of earlier generations that are still there, of all four.
    [[nodiscard]] std::int64_t left_over() const {
        std::int64_t out = 0;
        for (const auto* host : {laptop_.get(), studio_.get()}) {
            const auto answer = host->ask("GET", "/onex/v1/plugins");
            for (const auto& node : answer.json.at("nodes").as_array())
                out += node.at("retiring").to_number<std::int64_t>() +
                       node.at("images_mapped").to_number<std::int64_t>();
        }
        return out;
    }
};

class ReloadedInEachStage : public ReloadedDeployment,
                            public testing::WithParamInterface<const char*> {};

TEST_P(ReloadedInEachStage, GoesOn) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    auto wanted = input("v2");
    // Noise that no cache has seen, so that the transfer takes its time.
    ASSERT_EQ(
        shell("head -c 100000000 /dev/urandom > " + folder_.path() + "/context-v2/www/noise").code,
        0);
    const auto id = begin(watched(wanted));
    ASSERT_TRUE(wait_for_operation(id, GetParam())) << look(id);
    reload_all();
    const auto run = wait_for(id);
    ASSERT_EQ(run.state(), "COMPLETED") << run << laptop_->log();
    EXPECT_EQ(served(), "v2");
    EXPECT_EQ(containers(), 2);  // The one before is kept for a rollback.
    // Each change of state once, with its event.
    EXPECT_EQ(count(*laptop_,
                    "SELECT count(*) - count(DISTINCT to_state) FROM fsm_transitions"
                    " WHERE entity_id = ?",
                    id),
              0);
    EXPECT_EQ(count(*laptop_,
                    "SELECT count(*) FROM events WHERE workflow_id = ?"
                    " AND type IN ('DEPLOYMENT_STARTED', 'DEPLOYMENT_COMPLETED')",
                    id),
              2);
    // What ended its work has gone, and its image with it.
    EXPECT_TRUE(wait_until([&] { return left_over() == 0; }, 20'000))
        << laptop_->ask("GET", "/onex/v1/plugins") << studio_->ask("GET", "/onex/v1/plugins");
    // And the next deployment finds everything in order.
    ASSERT_NO_FATAL_FAILURE(deploy_well("v3"));
}

INSTANTIATE_TEST_SUITE_P(Stages,
                         ReloadedInEachStage,
                         testing::Values("build_docker_image",
                                         "send_deployment_request",
                                         "deploy_container",
                                         "validate_health_endpoint"),
                         [](const auto& instance) { return std::string(instance.param); });

/// Sender and receiver have the package half-way in hand, and the orchestrator waits for it.
TEST_F(ReloadedDeployment, GoesOnInTheMiddleOfItsTransfer) {
    EngineGate gate(folder_.path() + "/laptop.sock", engine->socket());
    laptop_docker_ = folder_.path() + "/laptop.sock";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    auto wanted = input("v2");
    ASSERT_EQ(
        shell("head -c 20000000 /dev/urandom > " + folder_.path() + "/context-v2/www/noise").code,
        0);
    gate.hold_answer("/get HTTP/1.1");
    const auto id = begin(watched(wanted));
    ASSERT_TRUE(gate.holds()) << look(id);
    ASSERT_TRUE(wait_until([&] { return told(*studio_, "receiver", "in_flight") > 0; }));
    reload_all();
    EXPECT_EQ(look(id).state(), "TRANSFERRING") << look(id);
    EXPECT_EQ(told(*laptop_, "orchestrator", "retiring"), 1);
    EXPECT_EQ(told(*laptop_, "sender", "retiring"), 1);
    EXPECT_EQ(told(*studio_, "receiver", "retiring"), 1);
    gate.release();
    const auto run = wait_for(id);
    ASSERT_EQ(run.state(), "COMPLETED") << run << laptop_->log();
    EXPECT_EQ(served(), "v2");
    EXPECT_EQ(count(*laptop_,
                    "SELECT count(*) FROM events WHERE workflow_id = ? AND type = "
                    "'TRANSFER_STARTED'",
                    id),
              1)
        << "the transfer was not begun again";
    EXPECT_TRUE(wait_until([&] { return left_over() == 0; }, 20'000));
}

/// A cancel asked of the new generation reaches the step that the old one has in hand.
TEST_F(ReloadedDeployment, IsCancelledByTheNewGeneration) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    auto wanted = input("v2", Service::sick);
    wanted["health_check_config"].as_object()["max_retries"] = 10;
    wanted["health_check_config"].as_object()["retry_interval_ms"] = 5'000;
    const auto id = begin(wanted);
    ASSERT_TRUE(wait_for_operation(id, "validate_health_endpoint")) << look(id);
    // The run goes on at the studio by now.
    reload(*laptop_, "orchestrator");
    reload(*studio_, "orchestrator");
    const auto asked = laptop_->ask("POST", "/workflows/" + id + "/cancel", "{}");
    EXPECT_EQ(asked.status / 100, 2U) << asked;
    const auto run = wait_for(id, 30'000);
    EXPECT_EQ(run.code(), "CANCELLED") << run;
    EXPECT_EQ(served(), "v1");
}

}  // namespace
}  // namespace onex::test
