// A workflow contract as the engine needs it: read once, checked, then plain values. Pure: no I/O,
// no clock.
#pragma once

#include "plugins/lib/workflow/fsm.hpp"
#include "plugins/lib/workflow/health_plan.hpp"

#include <onex/error.hpp>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace onex::workflow {

/// How often, and after which pauses, an operation is tried.
struct RetryRule {
    int attempts_max = 3;
    double multiplier = 2.0;
    std::int64_t initial_ms = 1'000;
    std::int64_t delay_max_ms = 30'000;
    std::int64_t timeout_ms = 0;  ///< per attempt, wins over the operation's own; 0: none given
};

/// At most so many items are accepted of a list that something is repeated for.
inline constexpr std::int64_t kItemsMax = 100;

/// `foreach`: repeats an operation, or a whole stage, for each item of a list of the run's input.
struct ForEach {
    std::string in;           ///< the input property; empty: not repeated
    std::string as = "item";  ///< the context property under which the operations see the item
    bool target = false;      ///< the item names the host that the calls are aimed at
};

/// What a repeated operation is called for.
struct Item {
    std::string name;  ///< the context property under which the operation sees it
    boost::json::value value;
    bool is_target = false;  ///< it names the host that the call is aimed at
};

struct OperationSpec {
    std::string name;
    std::string description;
    std::int64_t timeout_ms = 0;  ///< per attempt; 0: as the node's contract says
    bool allow_failure = false;
    std::string node;                         ///< which node, when several offer it; or empty
    std::string on;                           ///< "source", "target", or empty: as the node says
    std::map<std::string, std::string> with;  ///< its input property → property of the context
    std::map<std::string, std::string> as;    ///< its output property → property of the context
    boost::json::object when;  ///< path in the context → value; another value: it is skipped
    std::string approve;       ///< what somebody has to agree to before it is called; or empty
    ForEach each;
    bool reversible = true;  ///< false: a rollback that would go back past it asks first
    std::shared_ptr<const OperationSpec> compensate;  ///< what undoes it; or empty
    RetryRule retry;
};

struct StageSpec {
    std::string name;
    std::string description;
    std::string state;  ///< where the run stands while the stage runs
    std::int64_t target_ms = 0;
    std::int64_t max_ms = 0;  ///< of retry and idle time; 0: none
    std::vector<std::string> dependencies;
    ForEach each;
    std::vector<OperationSpec> operations;
    std::vector<std::string> artifacts;
};

/// A quality gate, or (threshold 1, no settings) a validation of coordination.validation_gates.
struct Gate {
    std::string name;
    std::string stage;  ///< empty: the end of the run
    double threshold = 1.0;
    std::int64_t target_ms = 0;  ///< scored by duration when no operation reports it; 0: not
    bool quality = true;
    boost::json::object settings;  ///< every key that the contract gives it
};

/// One of error_handling.error_codes.
struct CodeRule {
    std::string code;
    std::string action;
    bool retry_allowed = false;
};

struct MetricSpec {
    std::string name;
    std::string kind;  ///< counter | gauge | histogram
    std::string description;
    std::vector<std::string> labels;
    std::vector<double> buckets;
};

struct Model {
    std::string name;
    std::string version;
    std::string description;
    std::string subject;      ///< the input property that says what the run is about; may be empty
    std::string target_host;  ///< the input property that names the target host
    std::string target_port;
    std::vector<StageSpec> stages;  ///< in the order in which they run
    Fsm fsm;
    std::vector<Gate> gates;
    RetryRule retry;
    std::map<std::string, RetryRule> operation_retries;
    std::int64_t retry_total_ms = 0;  ///< what all retries of a run may take together; 0: no limit
    std::vector<CodeRule> codes;
    std::string rollback_operation;  ///< empty: only compensations are a way back
    bool rolls_back = true;          ///< false: fallback_strategy is `abort`
    bool orphans_revert = false;     ///< a run whose origin vanished is cancelled, not ended
    /// Its runs end on the host that began them: they compensate or repeat something, and only that
    /// host is sure to reach all that they call.
    bool stays = false;
    int concurrent_max = 5;
    boost::json::object input_schema;
    boost::json::object output_schema;
    std::vector<std::string> event_types;
    std::vector<std::string> topics;
    std::vector<MetricSpec> metrics;
    std::vector<std::string> redact_fields;
    std::vector<HealthCheck> health_checks;

    [[nodiscard]] const CodeRule* code(std::string_view name) const;
    [[nodiscard]] const RetryRule& retry_of(const std::string& operation) const;
};

/// Reads a contract (its YAML as JSON). Stages are put in order: dependencies first, then by
/// stage_number. Stage n belongs to the nth state after the initial one on the shortest way to
/// COMPLETED, or to its own `state:`. Errors: VALIDATION_ERROR, saying what to change: a missing or
/// wrong key, a circle of stages, a stage without a state, a state that the run could not leave.
Result<Model> read_model(const boost::json::object& contract);

}  // namespace onex::workflow
