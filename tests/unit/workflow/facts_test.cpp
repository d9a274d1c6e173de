#include "plugins/lib/workflow/facts.hpp"

#include "tests/unit/workflow/sample.hpp"

#include <boost/json/serialize.hpp>

namespace onex::workflow::test {
namespace {

TEST(Facts, FindTheirEventAndTopicBySuffix) {
    const auto model = read_model(installed_contract("deployment_workflow"));
    struct Case {
        Fact::Kind kind;
        const char* type;
        const char* slug;
    };
    const Case cases[] = {
        {Fact::Kind::started, "DEPLOYMENT_STARTED", "started"},
        {Fact::Kind::stage_completed, "DEPLOYMENT_STAGE_COMPLETED", "stage-completed"},
        {Fact::Kind::completed, "DEPLOYMENT_COMPLETED", "completed"},
        {Fact::Kind::failed, "DEPLOYMENT_FAILED", "failed"},
        {Fact::Kind::rollback_initiated, "DEPLOYMENT_ROLLBACK_INITIATED", "rollback-initiated"},
        {Fact::Kind::rollback_completed, "DEPLOYMENT_ROLLBACK_COMPLETED", "rollback-completed"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.type);
        const auto event = event_for(*model, c.kind);
        EXPECT_EQ(event.type, c.type);
        EXPECT_EQ(event.topic, "dev.omninode-bridge.deployment." + std::string(c.slug) + ".v1");
    }
    EXPECT_EQ(event_for(*model, Fact::Kind::transition).type, "");
}

TEST(Facts, DoNotTakeALongerSuffixForTheirs) {
    auto model = sample_model();
    model.event_types = {"X_STAGE_COMPLETED", "x_rollback_completed", "BUILD_STARTED_LATE"};
    model.topics = {"a.b.stage-completed", "noslug"};
    EXPECT_EQ(event_for(model, Fact::Kind::completed).type, "");
    EXPECT_EQ(event_for(model, Fact::Kind::started).type, "");
    EXPECT_EQ(event_for(model, Fact::Kind::rollback_completed).type, "x_rollback_completed");
    EXPECT_EQ(event_for(model, Fact::Kind::rollback_completed).topic, "");
    EXPECT_EQ(event_for(model, Fact::Kind::stage_completed).topic, "a.b.stage-completed");
}

std::string moved(const Model& model,
                  const RunState& state,
                  const Fact& fact,
                  const json::object& context) {
    std::ostringstream out;
    for (const auto& movement : movements(model, state, fact, {context, "w", 2})) {
        out << movement.metric << '{';
        for (const auto& label : movement.labels)
            out << label << ',';
        out << '}' << (movement.forget ? "forget" : "") << movement.value << ' ';
    }
    return out.str();
}

TEST(Facts, MoveTheContractsMetrics) {
    const auto model = read_model(installed_contract("deployment_workflow"));
    const json::object context{{"container_name", "web"},
                               {"method", "node_based"},
                               {"remote_host", "far"},
                               {"image_metadata", {{"image_size_bytes", 5000}}}};
    auto state = make_run(*model, {}, 0);
    auto failed = state;
    failed.failure = RunFailure{"X", "y", "health_validation", ""};
    failed.phase = Phase::ended;
    failed.state = "FAILED";
    Fact gate{.kind = Fact::Kind::gate_scored};
    gate.gate.name = "health_check_pass";
    gate.gate.score = 0.5;
    struct Case {
        const char* name;
        const RunState& state;
        Fact fact;
        const char* moves;
    };
    const Case cases[] = {
        {"started",
         state,
         {.kind = Fact::Kind::started},
         "deployments_started_total{web,far,}1 concurrent_deployments{}2 "},
        {"stage",
         state,
         {.kind = Fact::Kind::stage_completed, .stage = "s", .duration_ms = 1500},
         "stage_duration_seconds{s,web,}1.5 "},
        {"completed",
         state,
         {.kind = Fact::Kind::completed, .duration_ms = 2000},
         "deployments_completed_total{web,far,}1 deployment_duration_seconds{web,node_based,}2 "
         "image_size_bytes{web,}5000 concurrent_deployments{}2 "},
        {"failed",
         failed,
         {.kind = Fact::Kind::failed, .duration_ms = 2000},
         "deployments_failed_total{web,far,health_validation,}1 "
         "deployment_duration_seconds{web,node_based,}2 "
         "image_size_bytes{web,}5000 concurrent_deployments{}2 "},
        {"rolled back",
         failed,
         {.kind = Fact::Kind::rollback_completed, .duration_ms = 0},
         "deployments_rolled_back_total{web,far,}1 deployment_duration_seconds{web,node_based,}0 "
         "image_size_bytes{web,}5000 concurrent_deployments{}2 "},
        {"rollback begins", failed, {.kind = Fact::Kind::rollback_initiated}, ""},
        {"state",
         state,
         {.kind = Fact::Kind::transition, .from = "A", .to = "B"},
         "current_deployment_state{w,web,A,}forget0 current_deployment_state{w,web,B,}1 "},
        {"final state",
         failed,
         {.kind = Fact::Kind::transition, .from = "A", .to = "FAILED"},
         "current_deployment_state{w,web,A,}forget0 "},
        {"gate", state, gate, "health_check_success_rate{web,far,}0.5 "},
        {"warning", state, {.kind = Fact::Kind::warning}, ""},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        EXPECT_EQ(moved(*model, c.state, c.fact, context), c.moves);
    }
}

TEST(Facts, TellWhatHappenedButNoStructureAndNoSecret) {
    auto state = make_run(sample_model(), {}, 0);
    state.failure = RunFailure{"CODE", "why", "first", ""};
    const json::object input{{"garden", "rose"},
                             {"port", 5},
                             {"config", {{"env", "x"}}},
                             {"n", nullptr},
                             {"novel", std::string(2000, 'x')}};
    EXPECT_EQ(
        json::serialize(
            payload_of(state, {.kind = Fact::Kind::failed, .duration_ms = 9}, input, "w")),
        R"({"garden":"rose","port":5,"workflow_id":"w","deployment_id":"w","error_code":"CODE",)"
        R"("error_message":"why","failure_stage":"first","total_duration_ms":9})");
    EXPECT_EQ(
        json::serialize(payload_of(
            state, {.kind = Fact::Kind::stage_completed, .stage = "s", .duration_ms = 4}, {}, "w")),
        R"({"workflow_id":"w","deployment_id":"w","stage_name":"s","duration_ms":4})");
}

}  // namespace
}  // namespace onex::workflow::test
