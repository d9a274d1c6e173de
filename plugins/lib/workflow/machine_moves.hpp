// The moves between phases, states and stages that the machine is made of. For this folder only.
#pragma once

#include "plugins/lib/workflow/machine.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace onex::workflow {

/// Whole milliseconds, never negative: a wall clock may go back.
[[nodiscard]] std::int64_t duration_ms(std::int64_t from_us, std::int64_t to_us);
/// The next call is the first attempt of its kind.
void fresh_attempt(RunState& state);
[[nodiscard]] Fact warning(std::string stage, std::string text);
/// Of the operation in hand.
[[nodiscard]] const OperationSpec& spec_of(const Model& model, const RunState& state);

/// How long a rollback or the commit of a run is tried.
inline constexpr std::int64_t kPatienceMs = 180'000;
/// After a failed attempt of a rollback or an end call: true when it will be made again.
bool tried_again(const Model& model,
                 const RetryRule& rule,
                 std::int64_t patience_ms,
                 RunState& state,
                 const StepOutcome& outcome);

/// Enters the stage that state.stage names (past skipped ones), or begins the end of the run.
Result<void> enter_stage(const Model& model, RunState& state, std::int64_t now_us, Facts& facts);
/// The operation in hand is over: the next one, or the end of its stage with its gates.
Result<void> next_operation(const Model& model, RunState& state, std::int64_t now_us, Facts& facts);
/// To ROLLING_BACK if the state, the contract and the input allow it, else towards FAILED.
Result<void> fail_run(
    const Model& model, RunState& state, RunFailure failure, std::int64_t now_us, Facts& facts);
/// Only the calls at the end and the final state `ending` are left.
Result<void> end_failed(const Model& model,
                        RunState& state,
                        std::string_view ending,
                        std::int64_t now_us);
/// COMPLETED, once every run_end operation has answered.
Result<void> complete_if_closed(const Model& model,
                                RunState& state,
                                std::int64_t now_us,
                                Facts& facts);

}  // namespace onex::workflow
