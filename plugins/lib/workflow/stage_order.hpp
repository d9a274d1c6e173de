// In which order stages run, and in which state each one does. For this folder only.
#pragma once

#include "plugins/lib/workflow/model.hpp"

#include <cstdint>
#include <vector>

namespace onex::workflow {

struct NumberedStage {
    std::int64_t number;
    StageSpec spec;
};

/// Dependencies first; among those that may run, the lowest number, then the first in the file.
/// Errors: VALIDATION_ERROR (twice the same name, an unknown dependency, a circle).
Result<std::vector<StageSpec>> order_stages(std::vector<NumberedStage> stages);

/// Gives each stage its state, and checks that the run can walk from state to state to COMPLETED
/// and from each of them to FAILED. Errors: VALIDATION_ERROR.
Result<void> assign_states(const Fsm& fsm, std::vector<StageSpec>& stages);

/// From the first stage on that has something to compensate, every stage runs in a state from which
/// the run can go to ROLLING_BACK; else a failure there would leave it undone. Errors:
/// VALIDATION_ERROR.
Result<void> check_way_back(const Fsm& fsm, const std::vector<StageSpec>& stages);

}  // namespace onex::workflow
