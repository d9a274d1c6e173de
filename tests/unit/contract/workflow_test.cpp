#include "host/contract/contract.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace onex::host;

namespace {

constexpr const char* kGood = R"(schema_version: "2.0"
node_identity: {name: two_steps, node_type: orchestrator}
target: {host: to}
workflow_stages:
  - {stage_name: first, operations: [{name: a, on: target, node: n, with: {x: y}, as: {z: w}}], state: RUNNING}
  - {stage_name: second, dependencies: [first], operations: [{name: b}]}
input_state: {type: object, properties: {to: {type: string}}}
fsm_states:
  initial_state: PENDING
  final_states: [COMPLETED, FAILED]
  states:
    - {name: PENDING, transitions: [RUNNING, FAILED]}
    - {name: RUNNING, transitions: [COMPLETED, FAILED]}
    - {name: COMPLETED}
    - {name: FAILED}
coordination: {validation_gates: [{stage: first, validations: [ok]}]}
error_handling: {retry_policy: {operation_retries: {a: {max_attempts: 2}}}}
quality_gates: [{name: g, stage: completed, threshold: 0.8}]
)";

class WorkflowCheck : public testing::Test {
  protected:
    void SetUp() override {
        const auto* info = testing::UnitTest::GetInstance()->current_test_info();
        file_ =
            std::filesystem::temp_directory_path() /
            ("onex-workflow-" + std::string(info->name()) + std::to_string(std::rand()) + ".yaml");
    }
    void TearDown() override { std::filesystem::remove(file_); }

    std::vector<Finding> check(const std::string& text) {
        std::ofstream(file_) << text;
        return check_contract_file(file_.string());
    }

    std::filesystem::path file_;
};

std::string all(const std::vector<Finding>& findings) {
    std::string out;
    for (const auto& f : findings)
        out += std::to_string(static_cast<int>(f.level)) + ' ' + f.where + ' ' + f.message + '\n';
    return out;
}

std::size_t errors(const std::vector<Finding>& findings) {
    return static_cast<std::size_t>(
        std::ranges::count(findings, Finding::Level::error, &Finding::level));
}

TEST_F(WorkflowCheck, AcceptsAGoodOne) {
    const auto findings = check(kGood);
    EXPECT_TRUE(findings.empty()) << all(findings);
}

TEST_F(WorkflowCheck, FindsWhatIsWrong) {
    const struct {
        const char* replace;
        const char* by;
        const char* message;
        Finding::Level level = Finding::Level::error;
    } rows[] = {
        {"[first]", "[frist]", "unknown stage 'frist'; did you mean 'first'?"},
        {"{stage_name: first, ",
         "{stage_name: first, dependencies: [second], ",
         "in a circle: first, second"},
        {"stage_name: second", "stage_name: first", "declared twice"},
        {"[RUNNING, FAILED]",
         "[RUNING, FAILED]",
         "unknown state 'RUNING'; did you mean 'RUNNING'?"},
        {"[RUNNING, FAILED]", "[FAILED]", "no way leads from 'PENDING' to COMPLETED"},
        {"initial_state: PENDING", "initial_state: START", "unknown state 'START'"},
        {"final_states: [COMPLETED", "final_states: [DONE", "unknown state 'DONE'"},
        {"state: RUNNING", "state: WALKING", "unknown state 'WALKING'"},
        {"{stage: first, val", "{stage: third, val", "unknown stage 'third'"},
        {"stage: completed", "stage: ended", "unknown stage 'ended'"},
        {"threshold: 0.8", "threshold: 1.5", "1.5E0 is too large; at most 1"},
        {"{a: {max", "{c: {max", "no stage calls the operation 'c'", Finding::Level::warning},
        {"{to: {type: string}}", "{to: {pattern: '(?=x)'}}", "can't be used"},
        {"target: {host: to}", "target: {host: where}", "'where' is no property of input_state"},
        {"target: {", "subject: who\ntarget: {", "'who' is no property of input_state"},
        {"on: target", "on: moon", "expected one of source, target"},
        {"on: target", "onn: target", "unknown property 'onn'"},
        {"on: target", "foreach: {in: too}", "'too' is no property of input_state; did you mean"},
        {"on: target", "foreach: {in: to}", "'to' must have the type array in input_state"},
        {"on: target", "foreach: {as: to}", "foreach.in is missing"},
        {"target: {host: to}\nworkflow_stages:\n  - {",
         "workflow_stages:\n  - {foreach: {in: l}, ",
         "'l' is no property"},
        {"on: target",
         "compensate: undo",
         "the stage 'first' runs in 'RUNNING', which can't go to ROLLING_BACK: 'a' could not"},
        {"on: target", "compensate: {on: target}", "compensate.name is missing"},
        {"on: target",
         "reversible: false",
         "without effect here: nothing in this workflow is rolled back",
         Finding::Level::note},
        {"target: {",
         "subcontracts: {refs: [./no/such.yaml]}\ntarget: {",
         "does not exist",
         Finding::Level::warning},
        {"error_handling: {",
         "error_handling: {fallback_strategy: abbort, ",
         "'abbort' is unknown and counts as rollback_and_notify; did you mean 'abort'?",
         Finding::Level::warning},
        {"[ok]}]}\nerror_handling: {",
         "[ok]}], rollback_strategy: undo}\nerror_handling: {fallback_strategy: abort, ",
         "with abort nothing is rolled back: 'undo' is never called",
         Finding::Level::warning},
        {"coordination: {",
         "coordination: {checkpoint_stages: [first], ",
         "coordination/checkpoint_stages: declared, without effect here",
         Finding::Level::note},
        {"coordination: {",
         "coordination: {parallel_stages: [[first]], ",
         "coordination/parallel_stages: declared, without effect here",
         Finding::Level::note},
        {"coordination: {",
         "coordination: {execution_mode: parallel, ",
         "coordination/execution_mode: declared, without effect here",
         Finding::Level::note},
        {"coordination: {", "coordination: {checkpoint_stages: [one], ", "unknown stage 'one'"},
        {"target: {",
         "health_checks: [{name: h, type: http}]\ntarget: {",
         "'h': declared, without effect here: no endpoint",
         Finding::Level::note},
        {"target: {",
         "health_checks: [{name: h, type: network, endpoint: ''}]\ntarget: {",
         "'h': declared, without effect here: no endpoint",
         Finding::Level::note},
        {"target: {",
         "health_checks: [{name: h, type: system}]\ntarget: {",
         "'h': declared, without effect here: no command",
         Finding::Level::note},
        {"target: {",
         "health_checks: [{name: h, type: docker, container_name: x}]\ntarget: {",
         "'h': declared, without effect here: the type 'docker' needs an operation",
         Finding::Level::note},
        {"target: {",
         "health_checks: [{name: h, type: http, endpoint: 'ftp://{to}/'}]\ntarget: {",
         "begins with http:// or https://"},
        {"target: {",
         "health_checks: [{name: h, type: network, endpoint: here}]\ntarget: {",
         "is host:port"},
        {"target: {",
         "health_checks: [{name: h, type: http, endpoint: 'http://{too}/'}]\ntarget: {",
         "'too' is no property of input_state; did you mean 'to'?"},
        {"target: {",
         "health_checks: [{name: h, type: x, operation: look, what: '{thing}'}]\ntarget: {",
         "'thing' is no property of input_state"},
        {"target: {",
         "health_checks: [{name: h, type: x, operation: look, on: moon}]\ntarget: {",
         "expected one of source, target"},
        {"target: {",
         "health_checks: [{name: h, type: http, endpoint: 'http://a', timeout_seconds: "
         "61}]\ntarget: {",
         "61 is too large; at most 60"},
        {"target: {",
         "health_checks: [{name: h, type: system, command: a}, {name: h, type: system, command: "
         "b}]\ntarget: {",
         "'h' is declared twice",
         Finding::Level::warning},
        {"error_handling: {",
         "error_handling: {error_codes: [{code: A, action: retry_build, retry_allowed: true}], ",
         "the action 'retry_build': declared, without effect here: retry_allowed decides",
         Finding::Level::note},
        {"error_handling: {",
         "error_handling: {error_codes: [{code: A, action: abort_workflow, retry_allowed: true}], ",
         "A is never retried: its action is abort_workflow",
         Finding::Level::warning},
        {"target: {",
         "testing: {}\ntarget: {",
         "testing: declared, without effect here",
         Finding::Level::note},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.by);
        std::string text = kGood;
        const auto place = text.find(row.replace);
        ASSERT_NE(place, std::string::npos);
        text.replace(place, std::string_view(row.replace).size(), row.by);
        const auto findings = check(text);
        EXPECT_TRUE(std::ranges::any_of(findings, [&](const Finding& f) {
            return f.level == row.level && f.message.find(row.message) != std::string::npos &&
                   f.where.starts_with(file_.string());
        })) << all(findings);
        EXPECT_EQ(errors(findings) > 0, row.level == Finding::Level::error) << all(findings);
    }
}

TEST_F(WorkflowCheck, KnowsWhatCanBeRepeated) {
    const struct {
        const char* stage;
        const char* operation;
        const char* message;  ///< empty: nothing is wrong
        std::size_t errors;
    } rows[] = {
        {"", "foreach: {in: hosts, as: host, target: true}, on: target", "", 0},
        {"", "foreach: {in: hosts, target: true}, on: source", "has no target", 1},
        {"", "foreach: {in: many}", "at most 100 items", 0},
        {"foreach: {in: hosts}, ", "on: target", "", 0},
        {"foreach: {in: hosts}, ", "foreach: {in: hosts}", "the stage has foreach already", 1},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(std::string(row.stage) + row.operation);
        std::string text = kGood;
        const auto replace = [&](const std::string& from, const std::string& by) {
            text.replace(text.find(from), from.size(), by);
        };
        replace("{to: {type: string}}",
                "{to: {type: string}, hosts: {type: array}, many: {type: array, maxItems: 200}}");
        replace("on: target", row.operation);
        replace("- {stage_name: first, ", "- {stage_name: first, " + std::string(row.stage));
        const auto findings = check(text);
        EXPECT_EQ(errors(findings), row.errors) << all(findings);
        EXPECT_EQ(findings.size(), *row.message == 0 ? 0U : 1U) << all(findings);
        EXPECT_NE(all(findings).find(row.message), std::string::npos) << all(findings);
    }
}

TEST_F(WorkflowCheck, TakesActionsThatHaveAnEffect) {
    std::string text = kGood;
    const std::string place = "error_handling: {";
    text.replace(text.find(place),
                 place.size(),
                 place +
                     "error_codes: [{code: A, action: abort_workflow, retry_allowed: false}, "
                     "{code: B, action: manual_intervention_required}], ");
    const auto findings = check(text);
    EXPECT_TRUE(findings.empty()) << all(findings);
}

TEST_F(WorkflowCheck, TakesHealthChecksThatCanBeRun) {
    const auto findings = check(std::string(kGood) + R"(health_checks:
  - {name: a, type: http, endpoint: "http://{to}:80/health", interval_seconds: 30, timeout_seconds: 0.5, critical: true}
  - {name: b, type: network, endpoint: "{to}:9092"}
  - {name: c, type: system, command: "list --format {{.Name}} {workflow_id}"}
  - {name: d, type: anything, operation: look, node: n, on: target, thing: "{to}", further: {any: 1}}
)");
    EXPECT_TRUE(findings.empty()) << all(findings);
}

TEST_F(WorkflowCheck, KnowsOtherFiles) {
    EXPECT_EQ(errors(check("a: 1\n")), 1U);
    EXPECT_EQ(errors(check("a: [")), 1U);
    EXPECT_EQ(errors(check_contract_file("/nowhere/at/all.yaml")), 1U);
    EXPECT_EQ(
        errors(check(
            "schema_version: '2.0'\nnode_identity: {name: a, version: '1'}\nio_operations: []\n")),
        0U);
}

TEST(OwnContracts, HaveNoErrors) {
    for (const auto* kind : {"nodes", "workflows"}) {
        const auto folder = std::filesystem::path(ONEX_SOURCE_DIR) / "contracts" / kind;
        if (!std::filesystem::is_directory(folder)) continue;
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            if (entry.path().extension() != ".yaml") continue;
            const auto findings = check_contract_file(entry.path().string());
            EXPECT_EQ(errors(findings), 0U) << all(findings);
        }
    }
}

TEST(OriginalWorkflow, HasNoErrors) {
    const auto* folder = std::getenv("ONEX_ORIGINALS");
    if (folder == nullptr)
        GTEST_SKIP()
            << "set ONEX_ORIGINALS to the folder with the original deployment_workflow.yaml";
    const auto findings = check_contract_file(std::string(folder) + "/deployment_workflow.yaml");
    EXPECT_EQ(errors(findings), 0U) << all(findings);
    EXPECT_EQ(std::ranges::count(findings, Finding::Level::warning, &Finding::level), 4)
        << all(findings);
    for (const auto* check : {"'kafka_connectivity'", "'deployed_container'"}) {
        EXPECT_NE(all(findings).find("the health check " + std::string(check) +
                                     ": declared, without effect here"),
                  std::string::npos)
            << all(findings);
    }
    EXPECT_EQ(all(findings).find("'remote_hook_receiver'"), std::string::npos) << all(findings);
}

}  // namespace
