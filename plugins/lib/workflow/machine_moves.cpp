#include "plugins/lib/workflow/machine_moves.hpp"

#include "plugins/lib/workflow/items.hpp"
#include "plugins/lib/workflow/machine_undo.hpp"
#include "plugins/lib/workflow/retry.hpp"

#include <algorithm>

namespace onex::workflow {
namespace {

Result<void> move(const Model& model, RunState& state, std::string_view to, Facts& facts) {
    if (auto ok = model.fsm.check(state.state, to); !ok) return ok;
    const auto name = model.fsm.spelled(to);
    facts.push_back({.kind = Fact::Kind::transition, .from = state.state, .to = name});
    state.state = name;
    return {};
}

/// The states on the way to `to`, one transition each.
Result<void> walk(const Model& model, RunState& state, std::string_view to, Facts& facts) {
    const auto way = model.fsm.path(state.state, to);
    if (!way) return model.fsm.check(state.state, to);
    for (const auto& name : *way) {
        if (auto ok = move(model, state, name, facts); !ok) return ok;
    }
    return {};
}

/// Scores the gates of `stage` and warns of misses; the first that stops the run, if any.
std::optional<GateScore> score(const Model& model,
                               RunState& state,
                               const std::string& stage,
                               const Checks& checks,
                               std::int64_t duration,
                               Facts& facts,
                               const std::shared_ptr<const Item>& item = {}) {
    std::optional<GateScore> stopped;
    for (auto& gate : score_gates(model, stage, checks, duration)) {
        gate.item = item;
        facts.push_back({.kind = Fact::Kind::gate_scored, .stage = stage, .gate = gate});
        if (gate.stops() && !stopped) stopped = gate;
        if (!gate.passed && !gate.stops()) {
            state.warnings.push_back(gate_miss(gate));
            facts.push_back(warning(stage, state.warnings.back()));
        }
        state.gates.push_back(std::move(gate));
    }
    return stopped;
}

Result<void> end_stages(const Model& model, RunState& state, std::int64_t now_us, Facts& facts) {
    const auto duration = duration_ms(state.started_us, now_us);
    const auto stopped = score(model, state, "", state.checks, duration, facts);
    if (stopped) {
        return fail_run(
            model, state, {"FAILED_PRECONDITION", gate_miss(*stopped), "", ""}, now_us, facts);
    }
    state.phase = Phase::closing;
    state.closer = 0;
    fresh_attempt(state);
    return complete_if_closed(model, state, now_us, facts);
}

/// Scores the stage's gates with what was reported in its round that ends; true when the run goes
/// on.
Result<bool> end_round(const Model& model, RunState& state, std::int64_t now_us, Facts& facts) {
    const auto& record = state.stages[state.stage];
    const bool is_repeated = !model.stages[state.stage].each.in.empty();
    const auto item = is_repeated ? record.operations[state.operation - 1].item : nullptr;
    const auto stopped = score(model,
                               state,
                               record.name,
                               state.round_checks,
                               duration_ms(state.round_us, now_us),
                               facts,
                               item);
    if (!stopped) return true;
    const RunFailure failure{"FAILED_PRECONDITION", gate_miss(*stopped), record.name, ""};
    if (auto ok = fail_run(model, state, failure, now_us, facts); !ok)
        return std::unexpected(std::move(ok).error());
    return false;
}

void begin_round(RunState& state, std::int64_t now_us) {
    state.round_checks = state.earlier_checks;
    state.round_us = now_us;
}

Result<void> end_stage(const Model& model, RunState& state, std::int64_t now_us, Facts& facts) {
    auto& record = state.stages[state.stage];
    const auto goes_on = end_round(model, state, now_us, facts);
    if (!goes_on) return std::unexpected(goes_on.error());
    if (!*goes_on) return {};
    const auto duration = duration_ms(record.started_us, now_us);
    record.progress = Progress::completed;
    record.finished_us = now_us;
    facts.push_back(
        {.kind = Fact::Kind::stage_completed, .stage = record.name, .duration_ms = duration});
    ++state.stage;
    return enter_stage(model, state, now_us, facts);
}

}  // namespace

void fresh_attempt(RunState& state) {
    state.attempt = 1;
    state.waits = 0;
    state.delay_ms = 0;
    state.settle_ms = 0;
}

std::int64_t duration_ms(std::int64_t from_us, std::int64_t to_us) {
    return from_us > 0 && to_us > from_us ? (to_us - from_us) / 1000 : 0;
}

Fact warning(std::string stage, std::string text) {
    return {.kind = Fact::Kind::warning, .stage = std::move(stage), .text = std::move(text)};
}

const OperationSpec& spec_of(const Model& model, const RunState& state) {
    const auto& record = state.stages[state.stage].operations[state.operation];
    return model.stages[state.stage].operations[record.spec];
}

bool tried_again(const Model& model,
                 const RetryRule& rule,
                 std::int64_t patience_ms,
                 RunState& state,
                 const StepOutcome& outcome) {
    state.settle_ms += duration_ms(outcome.started_us, outcome.finished_us);
    const auto retry = may_settle(model,
                                  rule,
                                  {state.attempt, outcome.code, outcome.as, outcome.permanent},
                                  state.settle_ms,
                                  patience_ms);
    if (!retry.again) return false;
    state.settle_ms += retry.delay_ms;
    state.delay_ms = retry.delay_ms;
    ++state.attempt;
    return true;
}

Result<void> enter_stage(const Model& model, RunState& state, std::int64_t now_us, Facts& facts) {
    for (; state.stage < model.stages.size(); ++state.stage) {
        const auto& spec = model.stages[state.stage];
        auto& record = state.stages[state.stage];
        if (auto ok = walk(model, state, spec.state, facts); !ok) return ok;
        if (!state.skipped[state.stage]) {
            record.progress = Progress::running;
            record.started_us = now_us;
            state.operation = 0;
            state.earlier_checks = state.checks;
            begin_round(state, now_us);
            fresh_attempt(state);
            return {};
        }
        record.progress = Progress::skipped;
        for (auto& operation : record.operations)
            operation.progress = Progress::skipped;
        facts.push_back({.kind = Fact::Kind::stage_skipped, .stage = spec.name});
    }
    return end_stages(model, state, now_us, facts);
}

Result<void> next_operation(const Model& model,
                            RunState& state,
                            std::int64_t now_us,
                            Facts& facts) {
    const auto& spec = model.stages[state.stage];
    const auto& record = state.stages[state.stage];
    ++state.operation;
    fresh_attempt(state);
    if (state.operation >= record.operations.size()) return end_stage(model, state, now_us, facts);
    if (record.operations[state.operation].round != record.operations[state.operation - 1].round) {
        const auto goes_on = end_round(model, state, now_us, facts);
        if (!goes_on) return std::unexpected(goes_on.error());
        if (!*goes_on) return {};
        begin_round(state, now_us);
    }
    const auto counted = record.counted_ms;
    if (spec.max_ms > 0 && counted > spec.max_ms) {
        RunFailure failure{"TIMEOUT",
                           "the stage " + spec.name + " has taken " + std::to_string(counted) +
                               " ms without progress; its max_ms is " + std::to_string(spec.max_ms),
                           spec.name,
                           record.operations[state.operation].name};
        return fail_run(model, state, std::move(failure), now_us, facts);
    }
    return {};
}

Result<void> fail_run(
    const Model& model, RunState& state, RunFailure failure, std::int64_t now_us, Facts& facts) {
    if (state.phase == Phase::stages && state.stage < state.stages.size()) {
        state.stages[state.stage].progress = Progress::failed;
        state.stages[state.stage].finished_us = now_us;
    }
    state.failure = std::move(failure);
    if (state.rollback_on_failure && model.fsm.allows(state.state, kRollingBack))
        state.undo = plan_undo(model, state);
    if (state.undo.empty()) return end_failed(model, state, kFailed, now_us);
    if (auto ok = move(model, state, kRollingBack, facts); !ok) return ok;
    facts.push_back({.kind = Fact::Kind::rollback_initiated, .stage = state.failure->stage});
    state.phase = Phase::rolling_back;
    state.rollback_started_us = now_us;
    state.undone = 0;
    state.asked_us = now_us;
    fresh_attempt(state);
    return {};
}

Result<void> end_failed(const Model& model,
                        RunState& state,
                        std::string_view ending,
                        std::int64_t now_us) {
    // Checked here, so that a run never finds out at its very end that it can't end.
    if (auto ok = model.fsm.check(state.state, ending); !ok) return ok;
    if (state.phase == Phase::rolling_back) state.rollback_finished_us = now_us;
    state.ending = model.fsm.spelled(ending);
    state.phase = Phase::closing_failed;
    state.closer = 0;
    state.closers_known = false;
    fresh_attempt(state);
    return {};
}

Result<void> complete_if_closed(const Model& model,
                                RunState& state,
                                std::int64_t now_us,
                                Facts& facts) {
    if (state.closer < state.closers.size()) return {};
    if (auto ok = walk(model, state, kCompleted, facts); !ok) return ok;
    state.phase = Phase::ended;
    state.finished_us = now_us;
    facts.push_back(
        {.kind = Fact::Kind::completed, .duration_ms = duration_ms(state.started_us, now_us)});
    return {};
}

std::string_view name_of(Progress progress) {
    switch (progress) {
        case Progress::pending:
            return "pending";
        case Progress::running:
            return "running";
        case Progress::completed:
            return "completed";
        case Progress::failed:
            return "failed";
        case Progress::skipped:
            break;
    }
    return "skipped";
}

RunState make_run(const Model& model, const boost::json::object& input, std::int64_t timeout_ms) {
    const auto flag = [&](const std::string& name, bool fallback) {
        const auto* value = input.if_contains(name);
        return value && value->is_bool() ? value->get_bool() : fallback;
    };
    RunState state;
    state.state = model.fsm.initial();
    state.timeout_ms = timeout_ms;
    state.rollback_on_failure = model.rolls_back && flag("rollback_on_failure", true);
    for (const auto& spec : model.stages) {
        StageRecord record;
        record.name = spec.name;
        record.operations = calls_of(spec, input);
        // With an empty list there may be nothing to call.
        state.skipped.push_back(flag("skip_" + spec.name, false) || record.operations.empty());
        state.stages.push_back(std::move(record));
    }
    return state;
}

Result<Facts> cancel_queued(const Model& model, RunState& state, std::int64_t now_us) {
    if (state.phase != Phase::queued) {
        return fail("FAILED_PRECONDITION",
                    "the run has left the queue; it stands in " + state.state);
    }
    Facts facts;
    std::string message = "the run was cancelled before it began";
    if (!state.cancel_reason.empty()) message += ": " + state.cancel_reason;
    if (auto ok = move(model, state, kFailed, facts); !ok) {
        return std::unexpected(std::move(ok).error());
    }
    state.failure = RunFailure{"CANCELLED", message, "", ""};
    state.phase = Phase::ended;
    state.finished_us = now_us;
    facts.push_back({.kind = Fact::Kind::failed});
    return facts;
}

Result<void> closers_found(RunState& state, const std::vector<Closer>& more) {
    if (state.phase != Phase::closing_failed || state.closers_known) {
        return fail("FAILED_PRECONDITION", "nobody asked who took part in the run");
    }
    for (const auto& closer : more) {
        if (std::ranges::find(state.closers, closer) == state.closers.end()) {
            state.closers.push_back(closer);
        }
    }
    state.closers_known = true;
    return {};
}

Result<Facts> finish(const Model& model, RunState& state, std::int64_t now_us) {
    if (next(model, state).kind != Decision::Kind::finish) {
        return fail("FAILED_PRECONDITION", "the run can't finish; it stands in " + state.state);
    }
    Facts facts;
    if (auto ok = move(model, state, state.ending, facts); !ok) {
        return std::unexpected(std::move(ok).error());
    }
    state.phase = Phase::ended;
    state.finished_us = now_us;
    const bool back = same_name(state.ending, kRollbackCompleted);
    facts.push_back({.kind = back ? Fact::Kind::rollback_completed : Fact::Kind::failed,
                     .stage = state.failure ? state.failure->stage : std::string(),
                     .duration_ms = duration_ms(state.started_us, now_us)});
    return facts;
}

}  // namespace onex::workflow
