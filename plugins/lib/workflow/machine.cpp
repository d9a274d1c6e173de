#include "plugins/lib/workflow/machine.hpp"

#include "plugins/lib/workflow/machine_moves.hpp"
#include "plugins/lib/workflow/machine_undo.hpp"
#include "plugins/lib/workflow/retry.hpp"

#include <algorithm>

namespace onex::workflow {
namespace {

// How long the calls that tell a failed run's nodes of its end are tried.
constexpr std::int64_t kTellMs = 30'000;
constexpr std::int64_t kWaitPauseMs = 5'000;

std::unexpected<Error> out_of_order(const std::string& what, const RunState& state) {
    return fail("FAILED_PRECONDITION", what + " does not follow the run's state " + state.state);
}

Step stage_step(const Model& model, const RunState& state) {
    const auto& record = state.stages[state.stage].operations[state.operation];
    Step step;
    step.stage = model.stages[state.stage].name;
    step.operation = record.name;
    step.key = record.key;
    step.spec = &spec_of(model, state);
    step.timeout_ms = step.spec->timeout_ms;
    step.item = record.item;
    return step;
}

Step closing_step(const RunState& state) {
    const auto& closer = state.closers[state.closer];
    Step step;
    step.stage = state.phase == Phase::closing ? kCompleted : kFailed;
    step.operation = closer.operation;
    step.key = step.stage + '/' + closer.operation + '/' + std::to_string(state.closer);
    step.closer = closer;
    step.cancellable = false;
    return step;
}

/// Time of an attempt that counts as retry or idle time.
std::int64_t counted_ms(const StepOutcome& outcome) {
    return std::max<std::int64_t>(
        0, duration_ms(outcome.started_us, outcome.finished_us) - outcome.moving_ms);
}

void record(const Model& model, RunState& state, const StepOutcome& outcome) {
    auto& stage = state.stages[state.stage];
    auto& operation = stage.operations[state.operation];
    operation.attempt = state.attempt;
    operation.called = operation.called || (outcome.called && !outcome.skipped);
    if (operation.started_us == 0) operation.started_us = outcome.started_us;
    operation.finished_us = outcome.finished_us;
    operation.progress = outcome.skipped ? Progress::skipped
                         : outcome.ok    ? Progress::completed
                                         : Progress::running;
    operation.error_code = outcome.ok ? "" : shown_code(model, outcome.code, outcome.as);
    operation.error_message = outcome.ok ? "" : outcome.message;
    if (!outcome.ok && outcome.wait) return;
    stage.counted_ms += counted_ms(outcome);
    if (!outcome.ok) state.retry_ms += counted_ms(outcome);
}

/// A cancel or the hard end that came while the step ran, and that the step itself did not notice.
std::optional<StepOutcome> overtaken(const RunState& state, const StepOutcome& outcome) {
    // A cancel in the very microsecond of the end is later than it, live as in a replay.
    if (state.cancel_us > 0 && state.cancel_us == outcome.finished_us) return std::nullopt;
    auto stop = interruption(state, outcome.finished_us);
    if (stop) stop->started_us = outcome.started_us;
    return stop;
}

Result<void> stage_step_ended(const Model& model,
                              RunState& state,
                              const StepOutcome& outcome,
                              Facts& facts) {
    record(model, state, outcome);
    const auto& stage = model.stages[state.stage];
    const auto& spec = spec_of(model, state);
    auto& operation = state.stages[state.stage].operations[state.operation];
    const auto now = outcome.finished_us;
    if (const auto stop = overtaken(state, outcome)) {
        if (!outcome.ok) operation.progress = Progress::failed;
        return fail_run(
            model, state, {stop->code, stop->message, stage.name, spec.name}, now, facts);
    }
    if (outcome.ok) {
        merge_checks(state.checks, outcome.checks);
        merge_checks(state.round_checks, outcome.checks);
    }
    if (!outcome.ok && outcome.wait) {
        if (state.waits++ == 0)
            facts.push_back(warning(stage.name, spec.name + " waits: " + outcome.message));
        state.delay_ms = kWaitPauseMs;
        ++state.attempt;
        return {};
    }
    if (!outcome.ok) {
        const auto retry =
            may_retry(model,
                      spec.retry,
                      {state.attempt - state.waits, outcome.code, outcome.as, outcome.permanent},
                      {state.retry_ms, state.stages[state.stage].counted_ms, stage.max_ms});
        if (retry.again) {
            facts.push_back(warning(stage.name,
                                    spec.name + ": attempt " + std::to_string(state.attempt) +
                                        " failed (" + operation.error_code + ": " +
                                        outcome.message + "); again in " +
                                        std::to_string(retry.delay_ms) + " ms"));
            state.retry_ms += retry.delay_ms;
            state.stages[state.stage].counted_ms += retry.delay_ms;
            state.delay_ms = retry.delay_ms;
            ++state.attempt;
            return {};
        }
        operation.progress = Progress::failed;
        if (outcome.code == "CANCELLED" || !spec.allow_failure) {
            const RunFailure failure{operation.error_code, outcome.message, stage.name, spec.name};
            return fail_run(model, state, failure, now, facts);
        }
        state.warnings.push_back(spec.name + " failed and may: " + outcome.message);
        facts.push_back(warning(stage.name, state.warnings.back()));
    }
    return next_operation(model, state, now, facts);
}

Result<void> closing_ended(const Model& model,
                           RunState& state,
                           const StepOutcome& outcome,
                           Facts& facts) {
    if (outcome.ok) {
        ++state.closer;
        fresh_attempt(state);
        return state.phase == Phase::closing
                   ? complete_if_closed(model, state, outcome.finished_us, facts)
                   : Result<void>{};
    }
    const auto& name = state.closers[state.closer].operation;
    const auto patience = state.phase == Phase::closing ? kPatienceMs : kTellMs;
    if (tried_again(model, model.retry_of(name), patience, state, outcome)) return {};
    if (state.phase == Phase::closing) {
        const RunFailure failure{
            shown_code(model, outcome.code, outcome.as), outcome.message, "", name};
        return fail_run(model, state, failure, outcome.finished_us, facts);
    }
    state.warnings.push_back(name + " failed: " + outcome.message);
    facts.push_back(warning("", state.warnings.back()));
    ++state.closer;
    fresh_attempt(state);
    return {};
}

}  // namespace

Decision next(const Model& model, const RunState& state) {
    Decision decision{Decision::Kind::call, {}};
    switch (state.phase) {
        case Phase::queued:
            return {Decision::Kind::begin, {}};
        case Phase::ended:
            return {Decision::Kind::none, {}};
        case Phase::stages:
            decision.step = stage_step(model, state);
            break;
        case Phase::rolling_back:
            decision.step = undo_step(model, state);
            break;
        case Phase::closing:
            decision.step = closing_step(state);
            break;
        case Phase::closing_failed:
            if (!state.closers_known) return {Decision::Kind::collect, {}};
            if (state.closer >= state.closers.size()) return {Decision::Kind::finish, {}};
            decision.step = closing_step(state);
            break;
    }
    decision.step.attempt = state.attempt;
    decision.step.delay_ms = state.delay_ms;
    return decision;
}

Result<Facts> begin(const Model& model, RunState& state, std::int64_t now_us) {
    if (state.phase != Phase::queued) return out_of_order("begin", state);
    auto after = state;
    Facts facts;
    after.phase = Phase::stages;
    after.started_us = now_us;
    facts.push_back({.kind = Fact::Kind::started});
    if (auto ok = enter_stage(model, after, now_us, facts); !ok) {
        return std::unexpected(std::move(ok).error());
    }
    state = std::move(after);
    return facts;
}

namespace {

/// step_ended() in place: after an error the state is good for nothing.
Result<Facts> advance(const Model& model,
                      RunState& after,
                      const Step& step,
                      const StepOutcome& outcome) {
    const auto expected = next(model, after);
    if (expected.kind != Decision::Kind::call || !expected.step.same(step)) {
        return out_of_order(step.key + ", attempt " + std::to_string(step.attempt) + ",", after);
    }
    Facts facts;
    if (outcome.closer &&
        std::ranges::find(after.closers, *outcome.closer) == after.closers.end()) {
        after.closers.push_back(*outcome.closer);
    }
    Result<void> ok;
    if (after.phase == Phase::stages) {
        ok = stage_step_ended(model, after, outcome, facts);
    } else if (after.phase == Phase::rolling_back) {
        ok = undo_ended(model, after, outcome, facts);
    } else {
        ok = closing_ended(model, after, outcome, facts);
    }
    if (!ok) return std::unexpected(std::move(ok).error());
    return facts;
}

}  // namespace

Result<Facts> step_ended(const Model& model,
                         RunState& state,
                         const Step& step,
                         const StepOutcome& outcome) {
    auto after = state;  // An error leaves the caller's state as it was.
    auto facts = advance(model, after, step, outcome);
    if (facts) state = std::move(after);
    return facts;
}

std::optional<StepOutcome> interruption(const RunState& state, std::int64_t now_us) {
    const bool is_question = asks(state);
    if (state.phase != Phase::stages && !is_question) return std::nullopt;
    StepOutcome outcome;
    outcome.called = false;
    outcome.started_us = now_us;
    outcome.finished_us = now_us;
    // The cancel that a rollback came from does not answer its questions.
    const auto since_us = is_question ? state.asked_us : 0;
    if (state.cancel_us > since_us && state.cancel_us <= now_us) {
        outcome.code = "CANCELLED";
        outcome.message = "the run was cancelled";
        if (!state.cancel_reason.empty()) outcome.message += ": " + state.cancel_reason;
        return outcome;
    }
    if (is_question) {
        if (state.timeout_ms <= 0 || now_us < since_us + state.timeout_ms * 1000)
            return std::nullopt;
        outcome.code = "TIMEOUT";
        outcome.message =
            "nobody answered within the run's " + std::to_string(state.timeout_ms) + " ms";
        return outcome;
    }
    if (state.deadline_us() > 0 && now_us >= state.deadline_us()) {
        outcome.code = "TIMEOUT";
        outcome.message = "the run took longer than its timeout_ms of " +
                          std::to_string(state.timeout_ms) +
                          "; give it more or look at the slow stage";
        return outcome;
    }
    return std::nullopt;
}

Result<RunState> replay(const Model& model,
                        RunState fresh,
                        std::int64_t started_us,
                        const std::vector<StoredStep>& steps) {
    if (started_us == 0) return fresh;
    if (auto ok = begin(model, fresh, started_us); !ok) {
        return std::unexpected(std::move(ok).error());
    }
    for (const auto& stored : steps) {
        if (fresh.phase == Phase::closing_failed) break;
        Step step;
        step.key = stored.key;
        step.attempt = stored.attempt;
        if (auto ok = advance(model, fresh, step, stored.outcome); !ok) {
            return std::unexpected(std::move(ok).error());
        }
    }
    return fresh;
}

}  // namespace onex::workflow
