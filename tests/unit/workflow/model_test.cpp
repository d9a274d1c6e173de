#include "plugins/lib/workflow/model.hpp"

#include "tests/unit/workflow/sample.hpp"

#include <boost/json/serialize.hpp>

#include <functional>

namespace onex::workflow::test {
namespace {

TEST(Model, ReadsTheInstalledDeploymentContract) {
    const auto model = read_model(installed_contract("deployment_workflow"));
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->name, "deployment_workflow");
    EXPECT_EQ(model->subject, "container_name");
    EXPECT_EQ(model->concurrent_max, 5);
    EXPECT_EQ(model->rollback_operation, "restore_previous_container");
    EXPECT_EQ(model->retry_total_ms, 180'000);
    EXPECT_EQ(model->codes.size(), 7u);
    EXPECT_FALSE(model->code("REMOTE_ENDPOINT_UNREACHABLE")->retry_allowed);
    std::string shape;
    for (const auto& stage : model->stages) {
        shape += stage.name + ' ' + stage.state + ' ' + std::to_string(stage.max_ms);
        for (const auto& operation : stage.operations) {
            shape += ' ' + operation.name + ' ' + std::to_string(operation.timeout_ms) +
                     (operation.allow_failure ? "? " : " ") +
                     std::to_string(operation.retry.attempts_max);
        }
        shape += '\n';
    }
    EXPECT_EQ(
        shape,
        "package_preparation PACKAGING 60000 build_docker_image 60000 2 gather_metadata 2000 3 "
        "validate_image 3000 3\n"
        "transfer_initiation TRANSFERRING 30000 establish_connection 5000 5 "
        "send_deployment_request 15000 3 verify_transfer 5000 3\n"
        "deployment_execution DEPLOYING 60000 stop_existing_container 10000? 3 deploy_container "
        "30000 3 start_container 15000 3\n"
        "health_validation VALIDATING 30000 check_container_status 3000 3 "
        "validate_health_endpoint 5000 5 verify_service_registration 3000? 3\n");
    EXPECT_EQ(model->gates.size(), 6u + 9u);
    EXPECT_EQ(model->gates[1].settings.at("max_size_bytes").to_number<std::int64_t>(), 2147483648);
    EXPECT_EQ(model->gates[5].stage, "");
    EXPECT_EQ(model->retry_of("establish_connection").multiplier, 1.5);
    EXPECT_EQ(model->retry_of("establish_connection").initial_ms, 1000);
    EXPECT_EQ(model->redact_fields.size(), 2u);
}

TEST(Model, ReadsTheRollbackContract) {
    const auto model = read_model(installed_contract("rollback_workflow"));
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->stages[0].state, "RESTORING");
    EXPECT_EQ(model->rollback_operation, "");
}

TEST(Model, TakesRetriesFromBothPlacesAndNumbersRepeatedOperations) {
    const auto model = sample_model();
    EXPECT_EQ(model.stages[0].operations[0].timeout_ms, 250) << "operation_retries wins";
    EXPECT_EQ(model.stages[0].operations[0].retry.attempts_max, 2);
    EXPECT_EQ(model.stages[0].operations[1].timeout_ms, 0);
    EXPECT_EQ(model.retry_of("undo").attempts_max, 2) << "beside retry_policy";
    EXPECT_EQ(model.retry_of("undo").delay_max_ms, 3000);
    EXPECT_EQ(model.subject, "garden") << "the first required input";
}

using Change = std::function<void(json::object&)>;

json::object& stage_at(json::object& contract, std::size_t n) {
    return contract["workflow_stages"].as_array()[n].as_object();
}

TEST(Model, PutsStagesInOrder) {
    struct Case {
        const char* name;
        Change change;
        const char* order;
    };
    const Case cases[] = {
        {"as written", [](json::object&) {}, "first second"},
        {"by dependency, against the numbers",
         [](json::object& c) {
             stage_at(c, 1).erase("dependencies");
             stage_at(c, 0)["dependencies"] = json::array{"second"};
         },
         "second first"},
        {"by number",
         [](json::object& c) {
             stage_at(c, 1).erase("dependencies");
             stage_at(c, 0)["stage_number"] = 5;
         },
         "second first"},
        {"by place where numbers are the same",
         [](json::object& c) {
             stage_at(c, 1).erase("dependencies");
             stage_at(c, 1)["stage_number"] = 1;
         },
         "first second"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        auto contract = sample_contract();
        c.change(contract);
        const auto model = read_model(contract);
        ASSERT_TRUE(model) << model.error().message;
        EXPECT_EQ(model->stages[0].name + ' ' + model->stages[1].name, c.order);
        EXPECT_EQ(model->stages[0].state, "ONE") << "the state belongs to the place in the order";
    }
}

TEST(Model, GivesStagesTheirOwnState) {
    auto contract = sample_contract();
    stage_at(contract, 0)["state"] = "two";
    stage_at(contract, 1)["state"] = "TWO";
    const auto model = read_model(contract);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->stages[0].state, "TWO");
    EXPECT_EQ(model->stages[1].state, "TWO");
}

TEST(Model, RefusesWhatTheEngineCouldNotRun) {
    struct Case {
        const char* name;
        Change change;
        const char* says;
    };
    const Case cases[] = {
        {"no name", [](json::object& c) { c["node_identity"].as_object().erase("name"); }, "name"},
        {"no states", [](json::object& c) { c.erase("fsm_states"); }, "fsm_states"},
        {"no stages",
         [](json::object& c) { c["workflow_stages"].as_array().clear(); },
         "at least one stage"},
        {"stages are no list", [](json::object& c) { c["workflow_stages"] = "x"; }, "list"},
        {"no operations",
         [](json::object& c) { stage_at(c, 0)["operations"].as_array().clear(); },
         "at least one operation"},
        {"a stage twice",
         [](json::object& c) { stage_at(c, 1)["stage_name"] = "first"; },
         "declared twice"},
        {"an unknown dependency",
         [](json::object& c) { stage_at(c, 0)["dependencies"] = json::array{"zero"}; },
         "zero"},
        {"a circle",
         [](json::object& c) { stage_at(c, 0)["dependencies"] = json::array{"second"}; },
         "circle: first, second"},
        {"more stages than states",
         [](json::object& c) {
             auto third = stage_at(c, 1);
             third["stage_name"] = "third";
             c["workflow_stages"].as_array().push_back(third);
         },
         "give it `state:`"},
        {"a state that is none", [](json::object& c) { stage_at(c, 0)["state"] = "MOON"; }, "MOON"},
        {"a final state", [](json::object& c) { stage_at(c, 0)["state"] = "FAILED"; }, "FAILED"},
        {"the state of rolling back",
         [](json::object& c) { stage_at(c, 1)["state"] = "ROLLING_BACK"; },
         "ROLLING_BACK"},
        {"back in time",
         [](json::object& c) {
             stage_at(c, 0)["state"] = "TWO";
             stage_at(c, 1)["state"] = "ONE";
         },
         "no way leads from TWO to ONE"},
        {"a state that can't fail",
         [](json::object& c) {
             c["fsm_states"].as_object()["states"].as_array()[1].as_object()["transitions"] =
                 json::array{"TWO"};
         },
         "could not fail"},
        {"a gate of no stage",
         [](json::object& c) { c["quality_gates"].as_array()[0].as_object()["stage"] = "third"; },
         "third"},
        {"a threshold above 1",
         [](json::object& c) { c["quality_gates"].as_array()[0].as_object()["threshold"] = 2; },
         "at most 1"},
        {"validations of no stage",
         [](json::object& c) {
             c["coordination"].as_object()["validation_gates"].as_array()[0].as_object()["stage"] =
                 "x";
         },
         "validation_gates"},
        {"an odd place",
         [](json::object& c) {
             stage_at(c, 0)["operations"].as_array()[0].as_object()["on"] = "moon";
         },
         "source or target"},
        {"a negative timeout",
         [](json::object& c) {
             stage_at(c, 0)["operations"].as_array()[0].as_object()["timeout_ms"] = -1;
         },
         "timeout_ms"},
        {"attempts that are no number",
         [](json::object& c) {
             c["error_handling"].as_object()["retry_policy"].as_object()["max_attempts"] = "many";
         },
         "max_attempts"},
        {"a code without name",
         [](json::object& c) {
             c["error_handling"].as_object()["error_codes"].as_array()[0].as_object().erase("code");
         },
         "code"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        auto contract = sample_contract();
        c.change(contract);
        const auto model = read_model(contract);
        ASSERT_FALSE(model);
        EXPECT_EQ(model.error().code, "VALIDATION_ERROR");
        EXPECT_NE(model.error().message.find(c.says), std::string::npos) << model.error().message;
    }
}

}  // namespace
}  // namespace onex::workflow::test
