// What the engine itself adds to a run's result. Pure.
#pragma once

#include "plugins/lib/workflow/run_state.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <cstdint>
#include <string_view>

namespace onex::workflow {

/// workflow_id, success, total_duration_ms, stages_completed, stages_failed, stage_results,
/// rollback_performed, rollback_result, error_message (semantics 1.5). `now_us` counts while the
/// run has not ended.
[[nodiscard]] boost::json::object engine_outputs(const RunState& state,
                                                 std::string_view workflow_id,
                                                 std::int64_t now_us);

/// The properties of the context that output_state names.
[[nodiscard]] boost::json::object fill_output(const Model& model,
                                              const boost::json::object& context);

/// [{stage_name, state, duration_ms, operations: [{operation_name, state, attempt, duration_ms,
/// error_code, error_message, item}]}], for status and report. `now_us` as above.
[[nodiscard]] boost::json::array stage_report(const RunState& state, std::int64_t now_us);

/// [{name, stage, threshold, score, passed, item}]; `item` only in a repeated stage
[[nodiscard]] boost::json::array gate_report(const RunState& state);

}  // namespace onex::workflow
