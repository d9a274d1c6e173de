// The way back of a run that failed. For this folder only.
#pragma once

#include "plugins/lib/workflow/machine.hpp"

#include <cstdint>
#include <vector>

namespace onex::workflow {

/// What a rollback of this run consists of: for every call that was made, the last first, its
/// compensation, before it a question if it can't be taken back; at the end the contract's rollback
/// operation. Questions that nothing would follow are left out. Empty: there is no way back.
[[nodiscard]] std::vector<Undo> plan_undo(const Model& model, const RunState& state);

/// The pending step of the rollback.
[[nodiscard]] Step undo_step(const Model& model, const RunState& state);

/// That step has ended, or its question was answered.
Result<void> undo_ended(const Model& model,
                        RunState& state,
                        const StepOutcome& outcome,
                        Facts& facts);

/// Does the pending step ask instead of calling?
[[nodiscard]] bool asks(const RunState& state);

}  // namespace onex::workflow
