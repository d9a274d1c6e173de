#include "plugins/orchestrator/report.hpp"

#include "plugins/lib/workflow/outputs.hpp"
#include "plugins/orchestrator/replayed.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace onex::orchestrator {
namespace {

json::value current_of(const workflow::Model& model,
                       const workflow::RunState& state,
                       const std::optional<LiveRun>& live) {
    const auto decision = workflow::next(model, state);
    if (decision.kind != workflow::Decision::Kind::call) return nullptr;
    json::object progress{{"done", 0}, {"total", 0}, {"text", ""}};
    if (live) {
        progress = {{"done", live->progress.done},
                    {"total", live->progress.total},
                    {"text", live->progress.text}};
    }
    json::object current{{"stage", decision.step.stage},
                         {"operation", decision.step.operation},
                         {"attempt", decision.step.attempt},
                         {"progress", std::move(progress)}};
    if (decision.step.item) current["item"] = decision.step.item->value;
    return current;
}

json::value error_of(const RunRow& row, const workflow::RunState& state) {
    if (!state.failure) return nullptr;
    return json::object{{"code", state.failure->code},
                        {"message", state.failure->message},
                        {"stage", state.failure->stage},
                        {"correlation_id", row.correlation_id}};
}

std::string hint_of(const workflow::Model& model,
                    const RunRow& row,
                    const workflow::RunState& state,
                    const std::optional<LiveRun>& live) {
    if (live && live->queue_place > 0) {
        return std::to_string(model.concurrent_max) +
               " runs of this workflow run already; this one has place " +
               std::to_string(live->queue_place) + " in the queue";
    }
    if (row.finished_us == 0) {
        const auto decision = workflow::next(model, state);
        if (!decision.step.question.empty()) {
            return "needs somebody to agree: " + decision.step.question + "; onex-host approve " +
                   row.workflow_id + ", or onex-host cancel to undo nothing more";
        }
    }
    if (row.finished_us == 0 && row.cancel_us > 0)
        return "the cancel takes effect when the step in hand ends";
    if (row.finished_us > 0 && state.failure && state.rollback_started_us > 0) {
        const bool was_asked = std::ranges::any_of(state.undo, [](const auto& undo) {
            return undo.kind == workflow::Undo::Kind::question;
        });
        if (state.rolled_back && was_asked)
            return "rolled back, but for what can't be taken back: see the warnings";
        if (state.rolled_back) return "rolled back: everything is as it was before";
        // It may have ended well with nothing to put back: its own words say so.
        return state.failure->code == "ROLLBACK_FAILED" || state.warnings.empty()
                   ? "the rollback did not restore everything; look at the target host"
                   : state.warnings.back();
    }
    return {};
}

}  // namespace

json::value iso_time(std::int64_t time_us) {
    if (time_us <= 0) return nullptr;
    const std::time_t seconds = time_us / 1'000'000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    std::snprintf(text.data(),
                  text.size(),
                  "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                  parts.tm_year + 1900,
                  parts.tm_mon + 1,
                  parts.tm_mday,
                  parts.tm_hour,
                  parts.tm_min,
                  parts.tm_sec,
                  static_cast<int>(time_us / 1000 % 1000));
    return json::string(text.data());
}

std::int64_t run_duration_ms(const RunRow& row, std::int64_t now_us) {
    if (row.started_us == 0) return 0;
    const auto end = row.finished_us > 0 ? row.finished_us : now_us;
    return end > row.started_us ? (end - row.started_us) / 1000 : 0;
}

json::object ticket_report(const Ticket& ticket) {
    const auto& id = ticket.row.workflow_id;
    json::object out{{"workflow_id", id},
                     {"deployment_id", id},
                     {"workflow", ticket.row.workflow},
                     {"state", ticket.row.state},
                     {"status_url", "/workflows/" + id + "/status"},
                     {"logs_url", "/workflows/" + id + "/logs"}};
    if (ticket.queue_place > 0) out["queue_place"] = ticket.queue_place;
    return out;
}

Result<json::object> status_report(const workflow::Model& model,
                                   const RunRow& row,
                                   const std::vector<StepRow>& steps,
                                   const std::optional<LiveRun>& live,
                                   std::int64_t now_us) {
    auto input = parse_object(row.input);
    if (!input) return input;
    auto context = parse_object(row.context);
    if (!context) return context;
    auto state = shown(model, row, *input, steps);
    if (!state) return std::unexpected(std::move(state).error());
    const bool is_final = row.finished_us > 0;
    if (!is_final) {
        auto so_far = workflow::engine_outputs(*state, row.workflow_id, now_us);
        so_far["success"] = false;  // Nothing has succeeded before its end.
        workflow::merge_output(*context, so_far);
    }
    json::object out{
        {"workflow_id", row.workflow_id},
        {"deployment_id", row.workflow_id},
        {"workflow", row.workflow},
        {"state", row.state},
        {"final", is_final},
        {"success", is_final && row.success},
        {"subject", row.subject},
        {"target", row.target},
        {"queue_place", live ? live->queue_place : 0},
        {"created_at", iso_time(row.queued_us)},
        {"started_at", iso_time(row.started_us)},
        {"finished_at", iso_time(row.finished_us)},
        {"duration_ms", run_duration_ms(row, now_us)},
        {"current", is_final ? json::value(nullptr) : current_of(model, *state, live)},
        {"stages", workflow::stage_report(*state, is_final ? row.finished_us : now_us)},
        {"gates", workflow::gate_report(*state)},
        {"error", error_of(row, *state)},
        {"output", workflow::fill_output(model, *context)},
        {"cancel_requested", row.cancel_us > 0}};
    json::array warnings;
    for (const auto& warning : state->warnings)
        warnings.emplace_back(warning);
    out["warnings"] = std::move(warnings);
    if (const auto hint = hint_of(model, row, *state, live); !hint.empty()) out["hint"] = hint;
    return out;
}

json::object log_report(const std::vector<LogLine>& lines, std::int64_t after, bool is_final) {
    json::array out;
    for (const auto& line : lines) {
        out.push_back({{"line", line.line},
                       {"time", iso_time(line.time_us)},
                       {"stage", line.stage},
                       {"operation", line.operation},
                       {"level", line.level},
                       {"text", line.text}});
    }
    return {{"lines", std::move(out)},
            {"next", lines.empty() ? after : lines.back().line},
            {"final", is_final}};
}

json::object list_entry(const RunRow& row, std::int64_t now_us) {
    return {{"workflow_id", row.workflow_id},
            {"workflow", row.workflow},
            {"subject", row.subject},
            {"target", row.target},
            {"state", row.state},
            {"final", row.finished_us > 0},
            {"success", row.finished_us > 0 && row.success},
            {"created_at", iso_time(row.queued_us)},
            {"started_at", iso_time(row.started_us)},
            {"duration_ms", run_duration_ms(row, now_us)},
            {"error_code", row.error_code}};
}

}  // namespace onex::orchestrator
