// May an operation that failed be tried again, and when? Pure.
#pragma once

#include "plugins/lib/workflow/model.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace onex::workflow {

/// initial × multiplier^(attempt − 1), at most the rule's cap. `attempt` (from 1) is the one that
/// failed.
[[nodiscard]] std::int64_t backoff_ms(const RetryRule& rule, int attempt);

/// What is known after an attempt failed.
struct FailedAttempt {
    int attempt = 1;  ///< from 1
    std::string code;
    std::string as;          ///< the workflow's code for it, by the node's contract; or empty
    bool permanent = false;  ///< by the node's contract
};

/// What retries have taken so far: time in which nothing moved, and pauses (semantics 1.9).
struct RetryBudget {
    std::int64_t run_ms = 0;
    std::int64_t stage_ms = 0;
    std::int64_t stage_max_ms = 0;  ///< 0: no limit
};

struct RetryAnswer {
    bool again = false;
    std::int64_t delay_ms = 0;
    std::string why_not;  ///< for the log
};

/// The code by which the contract judges an error: `as`, when the node's contract names one.
[[nodiscard]] std::string_view policy_code(std::string_view code, std::string_view as);
/// The code that people see: the operation's own if the table or the contract knows it, else `as`.
[[nodiscard]] std::string shown_code(const Model& model,
                                     std::string_view code,
                                     std::string_view as);

/// Never: CANCELLED, a permanent error, a code whose retry_allowed is false or whose action is
/// abort_workflow or manual_intervention_required (or, when the contract does not list it, that
/// api/onex/error.hpp calls not retryable), the last attempt, an exhausted budget.
[[nodiscard]] RetryAnswer may_retry(const Model& model,
                                    const RetryRule& rule,
                                    const FailedAttempt& failed,
                                    const RetryBudget& spent);

/// The same for what has to happen so that a run ends whole: its rollback, and the calls at its
/// end. Who is not there just now (unavailable, timeout, queue full) is waited for, whatever the
/// contract says of the code, until the attempts have taken `patience_ms` together; `spent_ms` is
/// what they took so far. Other errors: by the contract, as above.
[[nodiscard]] RetryAnswer may_settle(const Model& model,
                                     const RetryRule& rule,
                                     const FailedAttempt& failed,
                                     std::int64_t spent_ms,
                                     std::int64_t patience_ms);

}  // namespace onex::workflow
