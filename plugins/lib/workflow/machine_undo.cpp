#include "plugins/lib/workflow/machine_undo.hpp"

#include "plugins/lib/workflow/machine_moves.hpp"

#include <string>
#include <utility>

namespace onex::workflow {
namespace {

const OperationRecord& record_of(const RunState& state, const Undo& undo) {
    return state.stages[undo.stage].operations[undo.operation];
}

const OperationSpec& spec_of(const Model& model, const RunState& state, const Undo& undo) {
    return model.stages[undo.stage].operations[record_of(state, undo).spec];
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
    std::string out;
    for (const auto& part : parts)
        out += (out.empty() ? "" : between) + part;
    return out;
}

/// Names each operation once, however many items it was called for.
void add_name(std::string& names, const std::string& name) {
    const auto list = ", " + names + ", ";
    if (list.find(", " + name + ", ") != std::string::npos) return;
    names += (names.empty() ? "" : ", ") + name;
}

/// What was called, can't be taken back, and was not asked about since nothing came after it.
std::string kept(const Model& model, const RunState& state) {
    const bool goes_past_all = !model.rollback_operation.empty();
    std::string names;
    for (std::size_t s = 0; !goes_past_all && s < state.stages.size(); ++s) {
        for (const auto& record : state.stages[s].operations) {
            const auto& spec = model.stages[s].operations[record.spec];
            if (!record.called) continue;
            if (spec.compensate) return names;  // What was called later was asked about.
            if (!spec.reversible) add_name(names, record.name);
        }
    }
    return names;
}

Result<void> end_undo(const Model& model, RunState& state, std::int64_t now_us, Facts& facts) {
    if (!state.undo_failed.empty()) {
        const auto first = state.failure ? state.failure->message : std::string();
        const auto stage = state.failure ? state.failure->stage : std::string();
        state.failure = RunFailure{"ROLLBACK_FAILED",
                                   "rollback failed: " + joined(state.undo_failed, "; ") +
                                       " (it was needed because: " + first + ")",
                                   stage,
                                   undo_step(model, state).operation};
        return end_failed(model, state, kFailed, now_us);
    }
    if (const auto names = kept(model, state); !names.empty())
        state.undo_missed.push_back(names + " can't be taken back");
    state.rolled_back = state.undo_missed.empty();
    if (!state.rolled_back) {
        state.warnings.push_back("rolled back as far as possible; not reached: " +
                                 joined(state.undo_missed, ", "));
        facts.push_back(warning("", state.warnings.back()));
    }
    return end_failed(model, state, state.rolled_back ? kRollbackCompleted : kFailed, now_us);
}

Result<void> next_undo(const Model& model, RunState& state, std::int64_t now_us, Facts& facts) {
    if (state.undone + 1 >= state.undo.size()) return end_undo(model, state, now_us, facts);
    ++state.undone;
    state.asked_us = now_us;
    fresh_attempt(state);
    return {};
}

Result<void> answered(const Model& model,
                      RunState& state,
                      const StepOutcome& outcome,
                      Facts& facts) {
    const auto& names = state.undo[state.undone].names;
    if (outcome.ok) {
        state.warnings.push_back("the rollback went on past " + names +
                                 ", which can't be taken back");
        facts.push_back(warning("", state.warnings.back()));
        return next_undo(model, state, outcome.finished_us, facts);
    }
    state.undo_failed.push_back("it stopped at " + names +
                                ", which can't be taken back, and nobody agreed to go on (" +
                                outcome.message + "); put back by hand what is needed");
    return end_undo(model, state, outcome.finished_us, facts);
}

}  // namespace

bool asks(const RunState& state) {
    return state.phase == Phase::rolling_back && state.undone < state.undo.size() &&
           state.undo[state.undone].kind == Undo::Kind::question;
}

std::vector<Undo> plan_undo(const Model& model, const RunState& state) {
    std::vector<Undo> plan;
    std::size_t useful = 0;  // up to and with the last step that undoes something
    for (auto s = state.stages.size(); s-- > 0;) {
        const auto& records = state.stages[s].operations;
        for (auto o = records.size(); o-- > 0;) {
            if (!records[o].called) continue;
            const auto& spec = model.stages[s].operations[records[o].spec];
            if (!spec.reversible) {
                // Nothing is undone between two questions: one answer is enough.
                if (plan.empty() || plan.back().kind != Undo::Kind::question)
                    plan.push_back({Undo::Kind::question, s, o, {}});
                add_name(plan.back().names, records[o].name);
            }
            if (!spec.compensate) continue;
            plan.push_back({Undo::Kind::compensation, s, o, {}});
            useful = plan.size();
        }
    }
    if (!model.rollback_operation.empty()) {
        plan.push_back({});
        useful = plan.size();
    }
    plan.resize(useful);
    return plan;
}

Step undo_step(const Model& model, const RunState& state) {
    const auto& undo = state.undo[state.undone];
    Step step;
    step.stage = kRollingBack;
    step.cancellable = false;
    if (undo.kind == Undo::Kind::rollback) {
        step.operation = model.rollback_operation;
        step.key = step.stage + '/' + step.operation;
        step.timeout_ms = model.retry_of(step.operation).timeout_ms;
        return step;
    }
    step.item = record_of(state, undo).item;
    if (undo.kind == Undo::Kind::question) {
        step.operation = record_of(state, undo).name;
        step.question = "the rollback goes on past " + undo.names + ", which can't be taken back";
        step.cancellable = true;
    } else {
        step.spec = spec_of(model, state, undo).compensate.get();
        step.operation = step.spec->name;
        step.timeout_ms = step.spec->timeout_ms;
    }
    step.key = step.stage + '/' + step.operation + '/' + std::to_string(state.undone);
    return step;
}

Result<void> undo_ended(const Model& model,
                        RunState& state,
                        const StepOutcome& outcome,
                        Facts& facts) {
    if (asks(state)) return answered(model, state, outcome, facts);
    const auto step = undo_step(model, state);
    const auto name = step.spec ? step.operation + ": " : std::string();
    if (!outcome.ok) {
        if (tried_again(model, model.retry_of(step.operation), kPatienceMs, state, outcome)) {
            facts.push_back(warning("", "rollback failed: " + name + outcome.message + "; again"));
            return {};
        }
        state.undo_failed.push_back(name + outcome.message);
        return next_undo(model, state, outcome.finished_us, facts);
    }
    for (const auto& [check, score] : outcome.checks) {
        if (score < 1.0) state.undo_missed.push_back(check);
    }
    return next_undo(model, state, outcome.finished_us, facts);
}

}  // namespace onex::workflow
