// What may be submitted, joined, listed and followed.
#include "tests/integration/orchestrator/garden_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>

#include <future>

namespace onex::test {
namespace {

namespace json = boost::json;

TEST_F(GardenLab, RefusesWhatCannotRun) {
    const std::string path = "/api/v1/workflows/garden_workflow";
    struct Case {
        const char* name;
        std::string path;
        std::string body;
        unsigned status;
        const char* code;
        const char* says;
    };
    const Case cases[] = {
        {"nothing", path, "{}", 400, "VALIDATION_ERROR", "garden"},
        {"a wrong type", path, R"({"garden":7,"journal":"x"})", 400, "VALIDATION_ERROR", "garden"},
        {"a misspelt name",
         path,
         R"({"gardne":"x","journal":"x"})",
         400,
         "VALIDATION_ERROR",
         "did you mean 'garden'"},
        {"too long",
         path,
         R"({"journal":"x","garden":")" + std::string(1 << 19, 'x') + "\"}",
         400,
         "VALIDATION_ERROR",
         "garden"},
        {"an id that is none",
         path,
         R"({"garden":"x","journal":"x","workflow_id":"../x"})",
         400,
         "VALIDATION_ERROR",
         "UUID"},
        {"a flag that is none",
         path,
         R"({"garden":"x","journal":"x","skip_ground":1})",
         400,
         "VALIDATION_ERROR",
         "skip_ground"},
        {"a negative time",
         path + "?timeout_ms=-1",
         R"({"garden":"x","journal":"x"})",
         400,
         "VALIDATION_ERROR",
         "timeout_ms"},
        {"no JSON", path, "{", 400, "VALIDATION_ERROR", "JSON"},
        {"an unknown workflow",
         "/api/v1/workflows/moon",
         "{}",
         404,
         "NOT_FOUND",
         "garden_workflow"},
        {"no contract",
         "/api/v1/workflows",
         R"({"input":{}})",
         400,
         "VALIDATION_ERROR",
         "contract"},
        {"a contract that is none",
         "/api/v1/workflows",
         R"({"contract":"- 1"})",
         400,
         "VALIDATION_ERROR",
         ""},
        {"a contract without states",
         "/api/v1/workflows",
         R"({"contract":"node_identity: {name: x}"})",
         400,
         "VALIDATION_ERROR",
         "fsm_states"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto answer = host_->ask("POST", c.path, c.body);
        EXPECT_EQ(answer.status, c.status) << answer;
        EXPECT_EQ(answer.code, c.code);
        EXPECT_NE(answer.message.find(c.says), std::string::npos) << answer.message;
    }
    EXPECT_EQ(query("SELECT count(*) FROM runs", ""), "0");
    for (const auto* what : {"status", "logs", "artifacts/x"}) {
        const auto answer = host_->ask(
            "GET", std::string("/workflows/00000000-0000-4000-8000-000000000000/") + what);
        EXPECT_EQ(answer.status, 404U) << what << answer;
    }
}

TEST_F(GardenLab, TellsWhatAWorkflowTakes) {
    const auto told = host_->ask("GET", "/api/v1/workflows/garden_workflow");
    ASSERT_EQ(told.status, 200U) << told;
    EXPECT_TRUE(told.json.at("input").at("properties").as_object().contains("garden")) << told;
    EXPECT_EQ(told.json.at("stages").at(0).at("name"), "ground") << told;
    EXPECT_EQ(host_->ask("GET", "/api/v1/workflows/nothing").status, 404U);
}

TEST_F(GardenLab, JoinsTheSameSubmission) {
    auto asked = input();
    asked["workflow_id"] = "6F1D2C3B-0000-4000-8000-000000000001";
    asked["config"] = {{"env", {{"KEY", "secret-value"}}}};
    const auto first = start(asked, "?wait=true");
    ASSERT_EQ(first.status, 200U) << first;
    const auto again = start(asked, "?wait=true");
    ASSERT_EQ(again.status, 200U) << again;
    EXPECT_EQ(first.json.at("workflow_id"), again.json.at("workflow_id"));
    EXPECT_EQ(query("SELECT count(*) FROM runs", ""), "1");
    asked["garden"] = "tulip";
    const auto other = start(asked);
    EXPECT_EQ(other.status, 409U) << other;
    EXPECT_EQ(other.code, "CONFLICT");
}

TEST_F(GardenLab, DoesNotJoinOtherSecretsWhileARunHasItsOwn) {
    auto asked = input({{"ground/dig", "wait_for:" + folder_.path() + "/go"}});
    asked["workflow_id"] = "6f1d2c3b-0000-4000-8000-000000000002";
    asked["config"] = {{"env", {{"KEY", "secret-value"}}}};
    const auto id = begin(asked);
    EXPECT_EQ(start(asked).status, 202U);
    asked["config"] = {{"env", {{"KEY", "another-value"}}}};
    const auto other = start(asked);
    EXPECT_EQ(other.status, 409U) << other;
    EXPECT_EQ(other.code, "CONFLICT");
    EXPECT_EQ(other.message.find("value"), std::string::npos) << other;
    touch("go");
    EXPECT_EQ(text(wait_for(id), "state"), "COMPLETED");
}

TEST_F(GardenLab, ReadsContractsAnewEachTime) {
    auto contract = read_file(std::string(ONEX_SOURCE_DIR) +
                              "/tests/integration/orchestrator/garden_workflow.yaml");
    const auto replace = [&](const std::string& from, const std::string& to) {
        contract.replace(contract.find(from), from.size(), to);
    };
    replace("name: garden_workflow", "name: meadow_workflow");
    EXPECT_EQ(host_->ask("POST", "/api/v1/workflows/meadow_workflow", "{}").status, 404U);
    write_file(folder_.path() + "/meadow.yaml", contract);
    write_file(folder_.path() + "/broken.yaml",
               "node_identity: {name: broken}\nworkflow_stages: []");
    const auto run =
        host_->ask("POST", "/api/v1/workflows/meadow_workflow?wait=true", json::serialize(input()));
    ASSERT_EQ(run.status, 200U) << run;
    EXPECT_EQ(run.json.at("status"), "success");
    EXPECT_EQ(host_->ask("POST", "/api/v1/workflows/broken", "{}").status, 400U);
    const auto list = json::serialize(host_->ask("GET", "/api/v1/workflows").json);
    EXPECT_NE(list.find(R"("name":"meadow_workflow")"), std::string::npos) << list;
    EXPECT_NE(list.find(R"("name":"broken","version":"","description":"","file":")" +
                        folder_.path() + R"(/broken.yaml","valid":false,"error":")"),
              std::string::npos)
        << list;
    replace("name: meadow_workflow", "name: nowhere_workflow");
    const json::object body{{"contract", contract}, {"input", input()}, {"wait", true}};
    const auto wrapped = host_->ask("POST", "/api/v1/workflows", json::serialize(body));
    ASSERT_EQ(wrapped.status, 200U) << wrapped;
    EXPECT_EQ(wrapped.json.at("status"), "success");
}

TEST_F(GardenLab, TellsLinesAsTheyCome) {
    const auto go = folder_.path() + "/go";
    const auto id = begin(
        input({{"ground/dig", "lines:700"}, {"fill", "lines:5"}, {"paint", "wait_for:" + go}}));
    ASSERT_TRUE(in_operation(id, "paint"));
    const std::string path = "/workflows/" + id + "/logs";
    const auto page = host_->ask("GET", path + "?after=0&limit=100");
    ASSERT_EQ(page.status, 200U) << page;
    EXPECT_EQ(page.json.at("lines").as_array().size(), 100U);
    EXPECT_EQ(page.json.at("next"), 100);
    EXPECT_EQ(page.json.at("final"), false);
    const auto rest = host_->ask("GET", path + "?after=0&limit=5000");
    EXPECT_NE(rest.body.find("\"line 700\""), std::string::npos);
    EXPECT_NE(rest.body.find("PENDING -> DIGGING"), std::string::npos);
    const auto next = rest.json.at("next").as_int64();
    auto held = std::async(std::launch::async, [&] {
        return host_->ask("GET", path + "?wait_ms=20000&after=" + std::to_string(next));
    });
    touch("go");
    const auto more = held.get();
    ASSERT_EQ(more.status, 200U) << more;
    EXPECT_GT(more.json.at("next").as_int64(), next);
    (void)wait_for(id);
    const auto last = host_->ask("GET", path + "?limit=5000&wait_ms=20000");
    EXPECT_EQ(last.json.at("final"), true);
    const auto none = host_->ask(
        "GET", path + "?wait_ms=20000&after=" + std::to_string(last.json.at("next").as_int64()));
    EXPECT_EQ(none.json.at("final"), true) << "nothing more will come, so nobody waits";
}

}  // namespace
}  // namespace onex::test
