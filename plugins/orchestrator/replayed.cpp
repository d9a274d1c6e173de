#include "plugins/orchestrator/replayed.hpp"

#include "plugins/orchestrator/resolution.hpp"

#include <algorithm>

namespace onex::orchestrator {
namespace {

/// `run` for what its host does after a hand-over: its own nodes hear of the end from it, beside
/// the steps of the run.
workflow::StoredStep to_stored(const RunRow& run, const StepRow& row) {
    workflow::StoredStep out{row.key, row.attempt, {}};
    auto& outcome = out.outcome;
    outcome.skipped = row.state == "skipped";
    outcome.ok = outcome.skipped || row.state == "done";
    // Who was to be called is known before anybody is.
    outcome.called = !row.resolution.empty();
    outcome.code = row.error_code;
    outcome.message = row.error_message;
    outcome.started_us = row.started_us;
    outcome.finished_us = row.finished_us;
    outcome.moving_ms = row.moving_ms;
    if (auto checks = parse_object(row.checks); checks)
        outcome.checks = workflow::read_checks(*checks);
    if (row.resolution.empty()) return out;
    if (auto resolution = Resolution::parse(row.resolution); resolution) {
        const bool is_ours = run.handed_us > 0 && resolution->target.empty();
        if (!is_ours) outcome.closer = resolution->closer();
        if (!outcome.ok) resolution->judge(outcome);
    }
    return out;
}

void show_running(workflow::RunState& state, const StepRow& row) {
    if (state.phase != workflow::Phase::stages || state.stage >= state.stages.size()) return;
    auto& stage = state.stages[state.stage];
    if (stage.name != row.stage || state.operation >= stage.operations.size()) return;
    auto& operation = stage.operations[state.operation];
    operation.progress = workflow::Progress::running;
    operation.attempt = row.attempt;
    if (operation.started_us == 0) operation.started_us = row.started_us;
}

void show_end(workflow::RunState& state, const RunRow& row) {
    state.phase = workflow::Phase::ended;
    state.state = row.state;
    state.finished_us = row.finished_us;
    if (!row.success) {
        if (!state.failure) state.failure.emplace();
        state.failure->code = row.error_code;
        state.failure->message = row.error_message;
    }
    for (auto& stage : state.stages) {
        if (stage.progress != workflow::Progress::running) continue;
        stage.progress = workflow::Progress::failed;
        stage.finished_us = row.finished_us;
    }
}

}  // namespace

Result<workflow::RunState> replayed(const workflow::Model& model,
                                    const RunRow& row,
                                    const json::object& input,
                                    const std::vector<StepRow>& steps) {
    auto fresh = workflow::make_run(model, input, row.timeout_ms);
    fresh.cancel_us = row.cancel_us;
    fresh.cancel_reason = row.cancel_reason;
    std::vector<workflow::StoredStep> stored;
    for (const auto& step : steps) {
        if (step.state != "intent") stored.push_back(to_stored(row, step));
    }
    return workflow::replay(model, std::move(fresh), row.started_us, stored);
}

Result<workflow::RunState> shown(const workflow::Model& model,
                                 const RunRow& row,
                                 const json::object& input,
                                 const std::vector<StepRow>& steps) {
    auto state = replayed(model, row, input, steps);
    if (!state) return state;
    if (!steps.empty() && steps.back().state == "intent") show_running(*state, steps.back());
    if (row.finished_us > 0) show_end(*state, row);
    return state;
}

std::vector<workflow::Closer> closers_of(const std::vector<StepRow>& steps) {
    std::vector<workflow::Closer> out;
    for (const auto& step : steps) {
        const auto who = Resolution::parse(step.resolution.empty() ? "{}" : step.resolution);
        const auto closer = who ? who->closer() : std::nullopt;
        if (closer && std::ranges::find(out, *closer) == out.end()) out.push_back(*closer);
    }
    return out;
}

}  // namespace onex::orchestrator
