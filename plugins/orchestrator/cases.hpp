// Runs that could not end whole by themselves, and how a person ends their cases.
#pragma once

#include "plugins/orchestrator/rows.hpp"

#include <string>

namespace onex::orchestrator {

/// Stores how the case of a failed run was ended, with its event, and then tells the nodes that
/// took part that the run is over: what they still keep for it (the lease of a name, a package)
/// goes. Answers {"workflow_id","resolved_as","note","resolved_at","not_told":[who…]}. The same
/// again gives the same answer, and tells them again. Errors: NOT_FOUND, FAILED_PRECONDITION (it
/// goes on, or ended well), CONFLICT (resolved otherwise). [worker]
Result<json::object> resolve_case(const Host& host,
                                  const RunRows& rows,
                                  const std::string& workflow_id,
                                  const std::string& resolved_as,
                                  const std::string& note);

}  // namespace onex::orchestrator
