// A run goes on at the target's own orchestrator once the image is there: the host that began it
// may vanish, comes back, and still tells it to stop.
#include "digest/digest.hpp"
#include "host/store/ids.hpp"
#include "tests/integration/deployment_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>

#include <chrono>
#include <filesystem>

namespace onex::test {
namespace json = boost::json;
namespace {

class HandOver : public DeploymentLab {
  protected:
    /// A run whose last stage takes its time.
    std::string begin_slow(const std::string& version, Service service, int retries) {
        auto slow = watched(input(version, service));
        slow["health_check_config"].as_object()["max_retries"] = retries;
        const auto id = begin(slow);
        EXPECT_TRUE(wait_for_operation(id, "validate_health_endpoint")) << look(id);
        return id;
    }
    /// An operation of the orchestrator, called on the studio itself.
    [[nodiscard]] Answer on_studio(const std::string& operation, const json::object& input) const {
        return studio_->ask(
            "POST", "/onex/v1/nodes/orchestrator/operations/" + operation, json::serialize(input));
    }
    [[nodiscard]] std::string state_on_studio(const std::string& id) const {
        const auto answer = on_studio("workflow_status", {{"workflow_id", id}});
        return answer.status == 200 ? std::string(answer.json.at("state").as_string()) : "";
    }
    void expect_same_history(const std::string& id) const {
        for (const auto* sql :
             {"SELECT group_concat(id) FROM (SELECT id FROM events WHERE workflow_id = :id AND "
              "type "
              "IN ('DEPLOYMENT_COMPLETED', 'DEPLOYMENT_FAILED', 'DEPLOYMENT_ROLLBACK_INITIATED', "
              "'DEPLOYMENT_ROLLBACK_COMPLETED', 'DEPLOYMENT_HEALTH_CHECK') ORDER BY id)",
              "SELECT group_concat(to_state) FROM (SELECT to_state FROM fsm_transitions WHERE "
              "entity_id = :id AND to_state NOT IN ('PACKAGING', 'TRANSFERRING', 'DEPLOYING') "
              "ORDER BY created_us)",
              "SELECT group_concat(operation || state || attempt) FROM (SELECT * FROM steps WHERE "
              "workflow_id = :id ORDER BY idx, key)",
              "SELECT max(line) FROM run_logs WHERE workflow_id = :id",
              "SELECT state || context || finished_us FROM runs WHERE workflow_id = :id"}) {
            const auto there = stored(*studio_, sql, id);
            EXPECT_GT(there.size(), 1U) << sql;
            EXPECT_EQ(stored(*laptop_, sql, id), there) << sql;
        }
    }
};

TEST_F(HandOver, TheTargetEndsWhatItsOriginHasLeft) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto id = begin_slow("v2", Service::healthy, 5);
    laptop_->kill();
    EXPECT_TRUE(wait_until([&] { return state_on_studio(id) == "COMPLETED"; }, 20'000))
        << state_on_studio(id);
    EXPECT_EQ(served(), "v2");
    ASSERT_TRUE(laptop_->start()) << laptop_->log();
    const auto run = wait_for(id);
    EXPECT_EQ(run.state(), "COMPLETED") << run;
    expect_same_history(id);
    EXPECT_EQ(count(*laptop_, "SELECT count(*) FROM secrets WHERE workflow_id = :id", id), 0);
    EXPECT_EQ(count(*studio_, "SELECT count(*) FROM secrets WHERE workflow_id = :id", id), 0);
    // Both hosts tell the same log.
    const auto there =
        on_studio("workflow_logs", {{"workflow_id", id}}).json.at("lines").as_array();
    const auto here = laptop_->ask("GET", "/workflows/" + id + "/logs").json.at("lines").as_array();
    EXPECT_EQ(json::serialize(here), json::serialize(there));
    // What was made on either of them can be read where the run began.
    const auto made = laptop_->cli("artifact " + id).output;
    for (const auto* name : {"image_manifest.json", "container_id", "deployment_report.json"})
        EXPECT_NE(made.find(name), std::string::npos) << made;
    const auto file = folder_.path() + "/report.json";
    EXPECT_EQ(laptop_->cli("artifact " + id + " deployment_report.json -o " + file).code, 0);
    EXPECT_NE(read_file(file).find("health_validation"), std::string::npos) << read_file(file);
    EXPECT_EQ(laptop_->cli("artifact " + id + " nothing").code, 1);
    // The command line tells of it, too, on both.
    for (const auto* host : {laptop_.get(), studio_.get()}) {
        EXPECT_NE(host->cli("status " + id).output.find("COMPLETED"), std::string::npos);
        const auto log = host->cli("logs " + id + " -f").output;
        EXPECT_NE(log.find("handed over to studio"), std::string::npos) << log;
        EXPECT_NE(log.find("-> COMPLETED"), std::string::npos) << log;
    }
}

TEST_F(HandOver, TheTargetRevertsWhatItsOriginHasLeft) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto id = begin_slow("sick", Service::sick, 3);
    laptop_->kill();
    EXPECT_TRUE(wait_until([&] { return state_on_studio(id) == "ROLLBACK_COMPLETED"; }, 60'000))
        << state_on_studio(id);
    EXPECT_EQ(served(), "v1");
    ASSERT_TRUE(laptop_->start()) << laptop_->log();
    EXPECT_EQ(wait_for(id).state(), "ROLLBACK_COMPLETED");
    expect_same_history(id);
}

TEST_F(HandOver, ACancelTravelsToTheOwner) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto id = begin_slow("sick", Service::sick, 1'000);
    const auto answer =
        laptop_->ask("POST", "/workflows/" + id + "/cancel", R"({"reason": "changed my mind"})");
    EXPECT_EQ(answer.status, 202U) << answer;
    const auto run = wait_for(id, 20'000);
    EXPECT_EQ(run.state(), "ROLLBACK_COMPLETED") << run;
    EXPECT_EQ(run.code(), "CANCELLED");
    EXPECT_EQ(served(), "v1");
    expect_same_history(id);
}

TEST_F(HandOver, ACancelWaitsForAnOwnerThatIsDown) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto id = begin_slow("sick", Service::sick, 1'000);
    studio_->kill();
    const auto answer = laptop_->ask("POST", "/workflows/" + id + "/cancel", "{}");
    EXPECT_EQ(answer.status, 503U) << answer;
    EXPECT_NE(answer.body.find("it is told as soon as it does"), std::string::npos) << answer;
    ASSERT_TRUE(studio_->start()) << studio_->log();
    const auto run = wait_for(id, 40'000);
    EXPECT_EQ(run.state(), "ROLLBACK_COMPLETED") << run;
    EXPECT_EQ(run.code(), "CANCELLED");
}

TEST_F(HandOver, ATargetThatNobodyHasConfiguredIsRefusedBeforeTheFirstStep) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    auto lost = input("v1");
    lost["remote_host"] = "192.0.2.7";
    const auto run = deploy(lost);
    EXPECT_EQ(run.state(), "FAILED") << run;
    EXPECT_EQ(run.code(), "REMOTE_ENDPOINT_UNREACHABLE") << run;
    EXPECT_NE(run.message().find("192.0.2.7"), std::string::npos) << run;
    const auto* built =
        "SELECT count(*) FROM events WHERE workflow_id = :id AND type = 'BUILD_STARTED'";
    EXPECT_EQ(stored(*laptop_, built, run.id), "0");
}

TEST_F(HandOver, ATargetWithoutAnOrchestratorIsRefusedBeforeTheFirstByte) {
    studio_orchestrator_.clear();
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto run = deploy(input("v1"));
    EXPECT_EQ(run.state(), "FAILED") << run;
    EXPECT_NE(run.message().find("studio has no orchestrator"), std::string::npos) << run;
    EXPECT_EQ(
        stored(*laptop_,
               "SELECT group_concat(operation || ' ' || state) FROM steps WHERE workflow_id = "
               ":id AND stage <> 'FAILED'",
               run.id),
        "build_docker_image failed");
}

TEST_F(HandOver, AnOrphanIsRevertedWhereTheContractSaysSo) {
    laptop_in_host_ = "workflow_dirs = ['" + folder_.path() + "/workflows']\n";
    studio_orchestrator_ += "settings = {orphan_after_ms = 1500}\n";
    auto contract =
        read_file(std::string(ONEX_SOURCE_DIR) + "/contracts/workflows/deployment_workflow.yaml");
    const std::string strategy = "  rollback_strategy:";
    contract.insert(contract.find(strategy), "  orphan_policy: revert\n");
    std::filesystem::create_directories(folder_.path() + "/workflows");
    write_file(folder_.path() + "/workflows/deployment_workflow.yaml", contract);
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto id = begin_slow("sick", Service::sick, 1'000);
    laptop_->kill();
    EXPECT_TRUE(wait_until([&] { return state_on_studio(id) == "ROLLBACK_COMPLETED"; }, 30'000))
        << state_on_studio(id);
    EXPECT_EQ(served(), "v1");
}

TEST_F(HandOver, APeerReachesNoOperationThatIsNotForPeers) {
    // A sender on the studio, which a run of the laptop must not reach by way of its orchestrator.
    studio_toml_ = "[nodes.sender]\nplugin = 'deployment_sender'\n";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const std::string contract = R"(
node_identity: {name: intrusion, version: "1.0.0"}
input_state: {type: object, properties: {container_name: {type: string}, image_tag: {type: string}}}
workflow_stages:
  - {stage_number: 1, stage_name: look, operations: [{name: check_container_status, allow_failure: true}]}
  - {stage_number: 2, stage_name: build, operations: [{name: build_docker_image, on: target}]}
fsm_states:
  initial_state: PENDING
  final_states: [COMPLETED, FAILED]
  states:
    - {name: PENDING, transitions: [LOOKING, FAILED]}
    - {name: LOOKING, transitions: [BUILDING, FAILED]}
    - {name: BUILDING, transitions: [COMPLETED, FAILED]}
    - {name: COMPLETED, transitions: []}
    - {name: FAILED, transitions: []}
)";
    // As a peer would send it that says more than its orchestrator ever would.
    const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
    const auto id = host::new_uuid();
    const auto input = json::serialize(
        json::object{{"container_name", app_}, {"image_tag", "v1"}, {"workflow_id", id}});
    const json::object run{{"workflow_id", id},
                           {"workflow", "intrusion"},
                           {"state", "LOOKING"},
                           {"contract_text", contract},
                           {"contract_digest", digest::blake3_hex(contract)},
                           {"input", input},
                           {"context", input},
                           {"queued_us", now_us},
                           {"started_us", now_us},
                           {"timeout_ms", 60'000}};
    const auto taken = on_studio(
        "take_over_run",
        {{"run", run}, {"steps", json::array{}}, {"taker", "studio"}, {"now_us", now_us}});
    ASSERT_EQ(taken.status, 200U) << taken;
    ASSERT_TRUE(wait_until([&] { return state_on_studio(id) == "FAILED"; })) << state_on_studio(id);
    EXPECT_EQ(stored(*studio_, "SELECT error_code FROM runs WHERE workflow_id = :id", id),
              "POLICY_DENIED");
    EXPECT_EQ(
        stored(*studio_,
               "SELECT group_concat(operation) FROM steps WHERE workflow_id = :id AND state = "
               "'done'",
               id),
        "release_deployment");
    // And nobody sees or ends a run that it has not begun.
    const auto other = deploy(DeploymentLab::input("v1"));
    for (const auto* operation : {"follow_run", "cancel_taken_run"})
        EXPECT_EQ(on_studio(operation, {{"workflow_id", other.id}}).status, 404U) << operation;
}

}  // namespace
}  // namespace onex::test
