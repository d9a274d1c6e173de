// From stored rows to where a run stands. Pure.
#pragma once

#include "plugins/orchestrator/rows.hpp"

#include <vector>

namespace onex::orchestrator {

/// The state of a run after the attempts that have ended. Errors: those of workflow::replay.
Result<workflow::RunState> replayed(const workflow::Model& model,
                                    const RunRow& row,
                                    const json::object& input,
                                    const std::vector<StepRow>& steps);

/// The same for people: with the attempt under way, and with the end of a run that has ended.
Result<workflow::RunState> shown(const workflow::Model& model,
                                 const RunRow& row,
                                 const json::object& input,
                                 const std::vector<StepRow>& steps);

/// The operations that want to hear of the end, of all nodes that the run reached.
[[nodiscard]] std::vector<workflow::Closer> closers_of(const std::vector<StepRow>& steps);

}  // namespace onex::orchestrator
