// A small contract with one of everything, and the installed one.
#pragma once

#include "host/contract/yaml.hpp"
#include "plugins/lib/workflow/machine.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace onex::workflow::test {

namespace json = boost::json;

inline json::object from_yaml(const std::string& text) {
    auto document = host::parse_yaml(text);
    if (!document) throw std::runtime_error(document.error().message);
    return document->root.as_object();
}

/// Two stages of two operations, a way back from the second, every retry setting, three gates.
inline json::object sample_contract() {
    return from_yaml(R"(
schema_version: "2.0"
node_identity: {name: sample, node_type: orchestrator, version: "1.0.0"}
performance_requirements:
  throughput: {max_concurrent_deployments: 2}
  stage_targets: {first: {target_ms: 10, max_ms: 20000}}
workflow_stages:
  - stage_number: 1
    stage_name: first
    operations: [{name: dig, timeout_ms: 100}, {name: fill}]
  - stage_number: 2
    stage_name: second
    dependencies: [first]
    operations: [{name: paint, allow_failure: true}, {name: dig}, {name: dig}]
input_state:
  type: object
  required: [garden]
  properties: {garden: {type: string}, host: {type: string}, port: {type: integer}, skip_second: {type: boolean}}
output_state: {type: object, properties: {success: {type: boolean}, depth: {type: integer}}}
target: {host: host, port: port}
fsm_states:
  states:
    - {name: PENDING, transitions: [ONE, FAILED]}
    - {name: ONE, transitions: [TWO, FAILED]}
    - {name: TWO, transitions: [COMPLETED, FAILED, ROLLING_BACK]}
    - {name: ROLLING_BACK, transitions: [FAILED, ROLLBACK_COMPLETED]}
    - {name: ROLLBACK_COMPLETED, transitions: []}
    - {name: COMPLETED, transitions: []}
    - {name: FAILED, transitions: []}
  initial_state: PENDING
  final_states: [COMPLETED, FAILED, ROLLBACK_COMPLETED]
coordination:
  rollback_strategy: undo
  validation_gates: [{stage: first, validations: [is_deep]}]
error_handling:
  retry_policy:
    max_attempts: 3
    backoff_multiplier: 2.0
    initial_backoff_ms: 1000
    max_backoff_ms: 3000
    timeout_ms: 60000
    operation_retries: {dig: {max_attempts: 2, timeout_ms: 250}}
  operation_retries: {undo: {max_attempts: 2}}
  error_codes:
    - {code: NEVER, retry_allowed: false}
    - {code: AGAIN, retry_allowed: true}
quality_gates:
  - {name: is_square, threshold: 1.0, stage: second}
  - {name: is_nice, threshold: 0.5, stage: second}
  - {name: is_fast, threshold: 0.8, stage: completed, target_duration_ms: 1000}
)");
}

inline Model sample_model() {
    auto model = read_model(sample_contract());
    if (!model) throw std::runtime_error(model.error().message);
    return *model;
}

inline json::object installed_contract(const std::string& name) {
    std::ifstream file(std::string(ONEX_SOURCE_DIR) + "/contracts/workflows/" + name + ".yaml");
    return from_yaml(std::string(std::istreambuf_iterator<char>(file), {}));
}

/// Drives a run with a clock of its own: one millisecond a step, unless told otherwise.
struct Driver {
    Model model;
    RunState state;
    Facts facts;
    std::vector<StoredStep> stored;
    std::int64_t now_us = 1'000'000;

    explicit Driver(Model m, const json::object& input = {}, std::int64_t timeout_ms = 0)
        : model(std::move(m)), state(make_run(model, input, timeout_ms)) {}

    void keep(Result<Facts> more) {
        ASSERT_TRUE(more) << more.error().message;
        facts.insert(facts.end(), more->begin(), more->end());
    }
    void start() { keep(begin(model, state, now_us)); }
    Step pending() const {
        const auto decision = next(model, state);
        EXPECT_EQ(decision.kind, Decision::Kind::call);
        return decision.step;
    }
    void end(StepOutcome outcome, std::int64_t ms = 1) {
        const auto step = pending();
        outcome.started_us = now_us;
        now_us += ms * 1000;
        outcome.finished_us = now_us;
        stored.push_back({step.key, step.attempt, outcome});
        keep(step_ended(model, state, step, outcome));
    }
    void ok(Checks checks = {}, std::int64_t ms = 1) {
        StepOutcome outcome;
        outcome.ok = true;
        outcome.checks = std::move(checks);
        end(outcome, ms);
    }
    void fail(const std::string& code, std::int64_t ms = 1, bool permanent = false) {
        StepOutcome outcome;
        outcome.code = code;
        outcome.message = "it broke";
        outcome.permanent = permanent;
        end(outcome, ms);
    }
    /// The calls at the end of a failed run, and its final state.
    void close() {
        if (next(model, state).kind == Decision::Kind::collect) {
            ASSERT_TRUE(closers_found(state, {}));
        }
        while (next(model, state).kind == Decision::Kind::call)
            ok();
        keep(finish(model, state, now_us));
    }
    std::string states() const {
        std::string out = model.fsm.initial();
        for (const auto& fact : facts) {
            if (fact.kind == Fact::Kind::transition) out += ' ' + fact.to;
        }
        return out;
    }
    int count(Fact::Kind kind) const {
        int n = 0;
        for (const auto& fact : facts)
            n += fact.kind == kind ? 1 : 0;
        return n;
    }
};

}  // namespace onex::workflow::test
