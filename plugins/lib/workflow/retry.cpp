#include "plugins/lib/workflow/retry.hpp"

#include <algorithm>
#include <cmath>

namespace onex::workflow {
namespace {

constexpr std::int64_t kSettlePauseMaxMs = 5'000;

bool code_allows_retry(const Model& model, const FailedAttempt& failed) {
    const auto code = policy_code(failed.code, failed.as);
    if (const auto* rule = model.code(code)) {
        const bool ends =
            rule->action == "abort_workflow" || rule->action == "manual_intervention_required";
        return rule->retry_allowed && !ends;
    }
    return code_info(code).retryable;
}

/// Somebody does not answer just now, who may a moment later.
bool may_pass(std::string_view code) {
    const auto status = code_info(code).status;
    return status == Status::unavailable || status == Status::timeout ||
           status == Status::exhausted;
}

RetryAnswer no(std::string why) {
    return {false, 0, std::move(why)};
}

}  // namespace

std::int64_t backoff_ms(const RetryRule& rule, int attempt) {
    const double delay =
        static_cast<double>(rule.initial_ms) * std::pow(rule.multiplier, std::max(attempt - 1, 0));
    return std::llround(std::min(delay, static_cast<double>(rule.delay_max_ms)));
}

std::string_view policy_code(std::string_view code, std::string_view as) {
    return as.empty() ? code : as;
}

std::string shown_code(const Model& model, std::string_view code, std::string_view as) {
    const bool known =
        as.empty() || model.code(code) ||
        std::ranges::any_of(kCodes, [&](const auto& row) { return row.code == code; });
    return std::string(known ? code : as);
}

RetryAnswer may_retry(const Model& model,
                      const RetryRule& rule,
                      const FailedAttempt& failed,
                      const RetryBudget& spent) {
    if (failed.code == "CANCELLED") return no("it was cancelled");
    if (failed.permanent) return no(failed.code + " is permanent");
    if (!code_allows_retry(model, failed)) {
        return no(std::string(policy_code(failed.code, failed.as)) + " is not retried");
    }
    if (failed.attempt >= rule.attempts_max) {
        return no("all " + std::to_string(rule.attempts_max) + " attempts are used up");
    }
    const auto delay = backoff_ms(rule, failed.attempt);
    if (model.retry_total_ms > 0 && spent.run_ms + delay > model.retry_total_ms) {
        return no("the retries of the run have used up their " +
                  std::to_string(model.retry_total_ms) + " ms");
    }
    if (spent.stage_max_ms > 0 && spent.stage_ms + delay > spent.stage_max_ms) {
        return no("the stage has used up its " + std::to_string(spent.stage_max_ms) + " ms");
    }
    return {true, delay, {}};
}

RetryAnswer may_settle(const Model& model,
                       const RetryRule& rule,
                       const FailedAttempt& failed,
                       std::int64_t spent_ms,
                       std::int64_t patience_ms) {
    if (failed.permanent || !may_pass(failed.code)) return may_retry(model, rule, failed, {});
    const auto delay = std::min(backoff_ms(rule, failed.attempt), kSettlePauseMaxMs);
    if (spent_ms + delay > patience_ms) {
        return no("it has been tried for " + std::to_string(spent_ms) + " ms");
    }
    return {true, delay, {}};
}

}  // namespace onex::workflow
