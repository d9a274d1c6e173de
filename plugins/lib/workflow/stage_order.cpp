#include "plugins/lib/workflow/stage_order.hpp"

#include <algorithm>
#include <set>
#include <string>

namespace onex::workflow {

Result<std::vector<StageSpec>> order_stages(std::vector<NumberedStage> stages) {
    std::set<std::string> names;
    for (const auto& stage : stages) {
        if (!names.insert(stage.spec.name).second) {
            return fail("VALIDATION_ERROR",
                        "workflow_stages: the stage " + stage.spec.name + " is declared twice");
        }
    }
    for (const auto& stage : stages) {
        for (const auto& dependency : stage.spec.dependencies) {
            if (!names.contains(dependency)) {
                return fail("VALIDATION_ERROR",
                            "workflow_stages: " + stage.spec.name + " depends on " + dependency +
                                ", which is no stage");
            }
        }
    }
    std::vector<StageSpec> ordered;
    std::set<std::string> ended;
    while (!stages.empty()) {
        auto ready = stages.end();
        for (auto it = stages.begin(); it != stages.end(); ++it) {
            const bool waits = std::ranges::any_of(
                it->spec.dependencies, [&](const auto& name) { return !ended.contains(name); });
            if (!waits && (ready == stages.end() || it->number < ready->number)) ready = it;
        }
        if (ready == stages.end()) {
            std::string waiting;
            for (const auto& stage : stages) {
                waiting += (waiting.empty() ? "" : ", ") + stage.spec.name;
            }
            return fail("VALIDATION_ERROR",
                        "workflow_stages: these wait for each other in a circle: " + waiting);
        }
        ended.insert(ready->spec.name);
        ordered.push_back(std::move(ready->spec));
        stages.erase(ready);
    }
    return ordered;
}

Result<void> assign_states(const Fsm& fsm, std::vector<StageSpec>& stages) {
    auto main = fsm.path(fsm.initial(), kCompleted).value_or(std::vector<std::string>{});
    if (!main.empty()) main.pop_back();  // COMPLETED itself
    std::string at = fsm.initial();
    const auto leavable = [&](const std::string& state) -> Result<void> {
        if (fsm.allows(state, kFailed)) return {};
        return fail(
            "VALIDATION_ERROR",
            "fsm_states: a run in " + state + " could not fail; add FAILED to its transitions");
    };
    if (auto ok = leavable(at); !ok) return ok;
    for (std::size_t n = 0; n < stages.size(); ++n) {
        auto& stage = stages[n];
        if (stage.state.empty() && n >= main.size()) {
            return fail("VALIDATION_ERROR",
                        "the stage " + stage.name + " has no state: the way from " + fsm.initial() +
                            " to COMPLETED has " + std::to_string(main.size()) +
                            " between; give it `state:`");
        }
        const auto wanted = stage.state.empty() ? main[n] : stage.state;
        stage.state = fsm.spelled(wanted);
        if (stage.state.empty() || fsm.is_final(stage.state) ||
            same_name(stage.state, kRollingBack)) {
            return fail("VALIDATION_ERROR",
                        "the stage " + stage.name + " can't run in the state " + wanted);
        }
        const auto way = fsm.path(at, stage.state);
        if (!way) {
            return fail("VALIDATION_ERROR",
                        "no way leads from " + at + " to " + stage.state + ", where the stage " +
                            stage.name + " runs");
        }
        for (const auto& state : *way) {
            if (auto ok = leavable(state); !ok) return ok;
        }
        at = stage.state;
    }
    if (!fsm.path(at, kCompleted)) {
        return fail("VALIDATION_ERROR",
                    "no way leads from " + at + ", where the last stage runs, to COMPLETED");
    }
    return {};
}

Result<void> check_way_back(const Fsm& fsm, const std::vector<StageSpec>& stages) {
    std::string first;  // what would not be compensated
    for (const auto& stage : stages) {
        for (const auto& operation : stage.operations) {
            if (first.empty() && operation.compensate) first = operation.name;
        }
        if (first.empty() || fsm.allows(stage.state, kRollingBack)) continue;
        return fail("VALIDATION_ERROR",
                    "the stage " + stage.name + " runs in " + stage.state +
                        ", which can't go to ROLLING_BACK, so " + first +
                        " could not be compensated when it fails there; add the transition");
    }
    return {};
}

}  // namespace onex::workflow
