#include "plugins/lib/workflow/outputs.hpp"

#include "plugins/lib/workflow/data_flow.hpp"
#include "plugins/lib/workflow/machine_moves.hpp"

#include <boost/json/string.hpp>

namespace json = boost::json;

namespace onex::workflow {
namespace {

std::int64_t lasted_ms(std::int64_t from_us, std::int64_t to_us, std::int64_t now_us) {
    return duration_ms(from_us, to_us > 0 ? to_us : now_us);
}

json::array stage_results(const RunState& state, std::int64_t now_us) {
    json::array out;
    for (const auto& stage : state.stages) {
        if (stage.progress == Progress::pending || stage.progress == Progress::skipped) continue;
        json::array operations;
        for (const auto& operation : stage.operations) {
            if (operation.attempt == 0) continue;
            json::object entry{
                {"operation_name", operation.name},
                {"success", operation.progress == Progress::completed},
                {"duration_ms", lasted_ms(operation.started_us, operation.finished_us, now_us)}};
            if (operation.item) entry["item"] = operation.item->value;
            if (!operation.error_message.empty()) entry["error_message"] = operation.error_message;
            operations.push_back(std::move(entry));
        }
        out.push_back({{"stage_name", stage.name},
                       {"success", stage.progress == Progress::completed},
                       {"duration_ms", lasted_ms(stage.started_us, stage.finished_us, now_us)},
                       {"operations", std::move(operations)}});
    }
    return out;
}

}  // namespace

json::object engine_outputs(const RunState& state,
                            std::string_view workflow_id,
                            std::int64_t now_us) {
    json::array completed;
    json::array failed;
    for (const auto& stage : state.stages) {
        if (stage.progress == Progress::completed) completed.emplace_back(stage.name);
        if (stage.progress == Progress::failed) failed.emplace_back(stage.name);
    }
    const bool rolled = state.rollback_started_us > 0;
    json::object out{{"workflow_id", workflow_id},
                     {"success", !state.failure && state.started_us > 0},
                     {"total_duration_ms", lasted_ms(state.started_us, state.finished_us, now_us)},
                     {"stages_completed", std::move(completed)},
                     {"stages_failed", std::move(failed)},
                     {"stage_results", stage_results(state, now_us)},
                     {"rollback_performed", rolled}};
    if (rolled) {
        out["rollback_result"] = {
            {"success", state.rolled_back},
            {"rollback_duration_ms",
             lasted_ms(state.rollback_started_us, state.rollback_finished_us, now_us)}};
    }
    if (state.failure) out["error_message"] = state.failure->message;
    return out;
}

json::object fill_output(const Model& model, const json::object& context) {
    return project(context, model.output_schema, {});
}

json::array stage_report(const RunState& state, std::int64_t now_us) {
    json::array out;
    for (const auto& stage : state.stages) {
        json::array operations;
        for (const auto& operation : stage.operations) {
            const bool over = operation.progress != Progress::running;
            json::object entry{
                {"operation_name", operation.name},
                {"state", name_of(operation.progress)},
                {"attempt", operation.attempt},
                {"duration_ms",
                 lasted_ms(operation.started_us, over ? operation.finished_us : 0, now_us)}};
            if (operation.item) entry["item"] = operation.item->value;
            if (!operation.error_code.empty()) {
                entry["error_code"] = operation.error_code;
                entry["error_message"] = operation.error_message;
            }
            operations.push_back(std::move(entry));
        }
        out.push_back({{"stage_name", stage.name},
                       {"state", name_of(stage.progress)},
                       {"duration_ms", lasted_ms(stage.started_us, stage.finished_us, now_us)},
                       {"operations", std::move(operations)}});
    }
    return out;
}

json::array gate_report(const RunState& state) {
    json::array out;
    for (const auto& gate : state.gates) {
        json::object entry{{"name", gate.name},
                           {"stage", gate.stage.empty() ? std::string("completed") : gate.stage},
                           {"threshold", gate.threshold},
                           {"score", gate.score},
                           {"passed", gate.passed}};
        if (gate.item) entry["item"] = gate.item->value;
        out.push_back(std::move(entry));
    }
    return out;
}

}  // namespace onex::workflow
