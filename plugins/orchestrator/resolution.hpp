// Who runs an operation, as it is kept with the step (semantics 2.3). Pure.
#pragma once

#include "plugins/lib/workflow/machine.hpp"

#include <onex/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace onex::orchestrator {

struct Resolution {
    std::string target;  ///< as a call takes it; empty: this host
    std::string node;
    std::string operation;
    std::int64_t timeout_ms = 0;
    bool progress = false;  ///< its timeout counts time without progress
    bool remote = false;    ///< a peer may call it
    std::string run_end;    ///< the node's operation that wants to hear of the end, or empty
    std::string run_renew;  ///< the node's operation that hears that a run goes on, or empty
    json::object input;     ///< the schema
    json::array errors;

    /// The part of a resolve answer that is kept. Errors: VALIDATION_ERROR.
    static Result<Resolution> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::optional<workflow::Closer> closer() const;
    /// A run that came from a peer (`came_from` is not empty) is that peer's call, also here.
    /// Errors: POLICY_DENIED.
    [[nodiscard]] Result<void> allowed_for(std::string_view came_from) const;
    /// Fills `as`, `permanent` and `wait` of a failed outcome from the node's list of errors.
    void judge(workflow::StepOutcome& outcome) const;
};

}  // namespace onex::orchestrator
