// The good day: deploy, deploy again, go back.
#include "tests/integration/deployment_lab.hpp"
#include "tests/integration/engine_gate.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <cstdlib>

namespace onex::test {
namespace json = boost::json;
namespace {

class Deployment : public DeploymentLab {};

TEST_F(Deployment, RunsReplacesAndGoesBack) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto second = deploy(input("v2"));
    ASSERT_EQ(second.state(), "COMPLETED") << second;
    EXPECT_EQ(served(), "v2");
    EXPECT_EQ(containers(), 2);  // the one before is kept for a rollback
    const auto& output = second.status.at("output").as_object();
    EXPECT_EQ(output.at("deployed_url").as_string(),
              "http://127.0.0.1:" + std::to_string(app_port_))
        << second;
    EXPECT_FALSE(output.at("transfer").at("skipped").as_bool()) << second;

    const auto answer = laptop_->ask("POST",
                                     "/api/v1/workflows/rollback_workflow?wait=true",
                                     json::serialize(json::object{{"container_name", app_},
                                                                  {"remote_host", "127.0.0.1"},
                                                                  {"remote_port", studio_port_}}));
    EXPECT_EQ(answer.status, 200U) << answer;
    EXPECT_EQ(answer.json.at("status"), "success") << answer;
    EXPECT_EQ(served(), "v1");
}

TEST_F(Deployment, SendsNothingWhenTheImageIsThere) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto again = deploy(input("v1"));
    ASSERT_EQ(again.state(), "COMPLETED") << again;
    EXPECT_TRUE(again.status.at("output").at("transfer").at("skipped").as_bool()) << again;
}

TEST_F(Deployment, AnswersTheTriggerWithItsResult) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto answer =
        laptop_->ask("POST", "/api/v1/deployments/trigger?wait=true", json::serialize(input("v1")));
    ASSERT_EQ(answer.status, 200U) << answer;
    const auto& body = answer.json.as_object();
    EXPECT_EQ(body.at("status"), "success");
    for (const auto* name : {"workflow_id", "deployment_id", "deployed_url", "duration_ms"}) {
        EXPECT_TRUE(body.contains(name)) << name;
    }
    EXPECT_EQ(body.size(), 5U) << answer;
}

TEST_F(Deployment, RunsAContractThatIsNotInstalled) {
    // The original's, where it is at hand; it names only operations, and runs as it is.
    const auto* originals = std::getenv("ONEX_ORIGINALS");
    if (originals == nullptr) GTEST_SKIP() << "ONEX_ORIGINALS does not name the originals' folder";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto contract = read_file(std::string(originals) + "/deployment_workflow.yaml");
    const json::object body{{"contract", contract}, {"input", input("v1")}};
    const auto answer = laptop_->ask("POST", "/api/v1/workflows", json::serialize(body));
    ASSERT_EQ(answer.status, 202U) << answer;
    const auto run = wait_for(std::string(answer.json.at("workflow_id").as_string()));
    EXPECT_EQ(run.state(), "COMPLETED") << run;
    EXPECT_EQ(served(), "v1");
}

TEST_F(Deployment, SkipsTheHealthStageWhenAsked) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    auto sick = input("v1", Service::sick);
    sick["skip_health_validation"] = true;
    const auto run = deploy(sick);
    ASSERT_EQ(run.state(), "COMPLETED") << run;
    EXPECT_EQ(run.status.at("stages").at(3).at("state"), "skipped") << run;
}

TEST_F(Deployment, BuildsWithTheLoginsOfTheUser) {
    const auto config = folder_.path() + "/docker-config";
    ASSERT_EQ(shell("mkdir " + config).code, 0);
    // "bob:pa:ss"
    write_file(config + "/config.json", R"({"auths": {"r.example": {"auth": "Ym9iOnBhOnNz"}}})");
    laptop_environment_ = {{"DOCKER_CONFIG", config}};
    laptop_docker_ = folder_.path() + "/gate.sock";
    EngineGate gate(laptop_docker_, engine->socket());
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto heard = gate.heard();
    const auto build = heard.find("/build?");
    ASSERT_NE(build, std::string::npos);
    const auto head = heard.substr(build, heard.find("\r\n\r\n", build) - build);
    // {"r.example":{"username":"bob","password":"pa:ss"}}
    EXPECT_NE(head.find("\r\nX-Registry-Config: "
                        "eyJyLmV4YW1wbGUiOnsidXNlcm5hbWUiOiJib2IiLCJwYXNzd29yZCI6InBhOnNzIn19\r\n"),
              std::string::npos)
        << head;
    EXPECT_EQ((laptop_->log() + studio_->log()).find("eyJyLmV4YW1wbGUi"), std::string::npos);
}

TEST_F(Deployment, EachOutputArtifactCanBeRead) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto run = deploy(input("v1"));
    ASSERT_EQ(run.state(), "COMPLETED") << run;
    const auto content = [&](const std::string& name) {
        const auto answer = laptop_->ask("GET", "/workflows/" + run.id + "/artifacts/" + name);
        EXPECT_EQ(answer.status, 200U) << answer;
        return answer.status == 200 ? std::string(answer.json.at("content").as_string()) : "";
    };
    const auto line = [](const std::string& output) { return output.substr(0, output.find('\n')); };
    const auto container = line(engine->docker("inspect -f '{{.Id}}' " + app_).output);
    const struct {
        std::string name, part;
        bool is_json;
    } cases[] = {
        {"docker_image", "sha256:", false},
        {"deployment_metadata.json", "image_metadata", true},
        {"image_manifest.json", "Architecture", true},
        {"transfer_receipt.json", "remote_checksum", true},
        {"remote_deployment_id", run.id, false},
        {"container_id", container, false},
        {"deployment_logs.txt", "container " + container.substr(0, 12) + " made from", false},
        {"health_check_results.json", "", true},
        {"deployment_report.json", "stages", true},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto text = content(c.name);
        EXPECT_FALSE(text.empty());
        EXPECT_NE(text.find(c.part), std::string::npos) << text;
        boost::system::error_code ec;
        const auto value = json::parse(text, ec);
        EXPECT_EQ(!ec && value.is_structured(), c.is_json) << text;
    }
    // All that the contract names, and no other.
    EXPECT_EQ(run.status.at("artifacts").as_array().size(), std::size(cases)) << run;
    EXPECT_EQ(laptop_->ask("GET", "/workflows/" + run.id + "/artifacts/other").status, 404U);
}

TEST_F(Deployment, GoesBackToAVersionThatIsKept) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    for (const auto* version : {"v1", "v2", "v3"})
        ASSERT_NO_FATAL_FAILURE(deploy_well(version));
    const auto plan = laptop_->cli("rollback " + app_ + " --plan --json");
    ASSERT_EQ(plan.code, 0) << plan.output;
    const auto told = json::parse(plan.output).at("plan").as_array();
    ASSERT_EQ(told.size(), 3U) << plan.output;
    for (std::size_t steps = 0; steps < told.size(); ++steps) {
        EXPECT_EQ(told[steps].at("steps"), steps);
        EXPECT_EQ(told[steps].at("version").as_string(), "v" + std::to_string(3 - steps));
    }
    EXPECT_NE(laptop_->cli("rollback " + app_ + " --plan").output.find("runs now"),
              std::string::npos);
    EXPECT_EQ(served(), "v3") << "a plan changes nothing";
    const auto unknown = laptop_->cli("rollback " + app_ + " --version v9");
    EXPECT_EQ(unknown.code, 1);
    EXPECT_NE(unknown.output.find("there are v2, v1"), std::string::npos) << unknown.output;
    const auto back = laptop_->cli("rollback " + app_ + " --version v1");
    EXPECT_EQ(back.code, 0) << back.output;
    EXPECT_EQ(served(), "v1");
}

}  // namespace
}  // namespace onex::test
