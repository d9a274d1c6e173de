#include "plugins/orchestrator/rows.hpp"

#include "orchestrator_sql.hpp"

namespace onex::orchestrator {
namespace {

/// For statements whose rows and counts say nothing.
Result<void> done(Result<Rows> result) {
    if (!result) return std::unexpected(std::move(result).error());
    return {};
}

Value text_value(std::string_view text) {
    return std::string(text);
}

RunRow to_run(const Row& row) {
    RunRow run;
    run.workflow_id = text(row, 0);
    run.workflow = text(row, 1);
    run.contract_text = text(row, 2);
    run.contract_digest = text(row, 3);
    run.host_id = text(row, 4);
    run.claimed_by = text(row, 5);
    run.state = text(row, 6);
    run.context = text(row, 7);
    run.input = text(row, 8);
    run.target = text(row, 9);
    run.queued_us = number(row, 10);
    run.started_us = number(row, 11);
    run.finished_us = number(row, 12);
    run.success = number(row, 13) == 1;
    run.error_code = text(row, 14);
    run.error_message = text(row, 15);
    run.cancel_us = number(row, 16);
    run.cancel_reason = text(row, 17);
    run.subject = text(row, 18);
    run.correlation_id = text(row, 19);
    run.timeout_ms = number(row, 20);
    run.handed_to = text(row, 21);
    run.handed_step = number(row, 22);
    run.handed_us = number(row, 23);
    run.came_from = text(row, 24);
    return run;
}

}  // namespace

Result<std::optional<RunRow>> RunRows::run(std::string_view workflow_id) const {
    auto found = read(sql::read_run, {{"workflow_id", text_value(workflow_id)}});
    if (!found) return std::unexpected(std::move(found).error());
    if (found->rows.empty()) return std::nullopt;
    return to_run(found->rows.front());
}

Result<std::vector<RunRow>> RunRows::list(std::string_view subject, std::int64_t limit) const {
    auto found = read(sql::list_runs, {{"subject", text_value(subject)}, {"limit", limit}});
    if (!found) return std::unexpected(std::move(found).error());
    std::vector<RunRow> out;
    for (const auto& row : found->rows)
        out.push_back(to_run(row));
    return out;
}

Result<std::vector<StepRow>> RunRows::steps(std::string_view workflow_id) const {
    auto found = read(sql::read_steps, {{"workflow_id", text_value(workflow_id)}});
    if (!found) return std::unexpected(std::move(found).error());
    std::vector<StepRow> out;
    for (const auto& row : found->rows) {
        out.push_back({text(row, 0),
                       text(row, 1),
                       text(row, 2),
                       number(row, 3),
                       static_cast<int>(number(row, 4)),
                       text(row, 5),
                       text(row, 6),
                       text(row, 7),
                       text(row, 8),
                       text(row, 9),
                       number(row, 10),
                       number(row, 11),
                       number(row, 12)});
    }
    return out;
}

Result<std::vector<LogLine>> RunRows::logs(std::string_view workflow_id,
                                           std::int64_t after,
                                           std::int64_t limit) const {
    auto found =
        read(sql::read_logs,
             {{"workflow_id", text_value(workflow_id)}, {"after", after}, {"limit", limit}});
    if (!found) return std::unexpected(std::move(found).error());
    std::vector<LogLine> out;
    for (const auto& row : found->rows) {
        out.push_back({number(row, 0),
                       number(row, 1),
                       text(row, 2),
                       text(row, 3),
                       text(row, 4),
                       text(row, 5)});
    }
    return out;
}

Result<std::int64_t> RunRows::last_log_line(std::string_view workflow_id) const {
    auto found = read(sql::last_log_line, {{"workflow_id", text_value(workflow_id)}});
    if (!found) return std::unexpected(std::move(found).error());
    return found->rows.empty() ? 0 : number(found->rows.front(), 0);
}

Result<std::optional<ArtifactRow>> RunRows::artifact(std::string_view workflow_id,
                                                     std::string_view name) const {
    auto found = read(sql::read_artifact,
                      {{"workflow_id", text_value(workflow_id)}, {"name", text_value(name)}});
    if (!found) return std::unexpected(std::move(found).error());
    if (found->rows.empty()) return std::nullopt;
    const auto& row = found->rows.front();
    return ArtifactRow{number(row, 0), number(row, 1), text(row, 2)};
}

Result<std::vector<std::string>> RunRows::artifact_names(std::string_view workflow_id) const {
    auto found = read(sql::artifact_names, {{"workflow_id", text_value(workflow_id)}});
    if (!found) return std::unexpected(std::move(found).error());
    std::vector<std::string> out;
    for (const auto& row : found->rows)
        out.push_back(text(row, 0));
    return out;
}

Result<std::vector<workflow::Secret>> RunRows::secrets(std::string_view workflow_id) const {
    auto found = read(sql::read_secrets, {{"workflow_id", text_value(workflow_id)}});
    if (!found) return std::unexpected(std::move(found).error());
    std::vector<workflow::Secret> out;
    for (const auto& row : found->rows)
        out.push_back({text(row, 0), text(row, 1)});
    return out;
}

Result<std::vector<std::pair<std::string, std::string>>> RunRows::open_runs(
    std::string_view host_id) const {
    auto found = read(sql::open_runs, {{"host_id", text_value(host_id)}});
    if (!found) return std::unexpected(std::move(found).error());
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& row : found->rows)
        out.emplace_back(text(row, 0), text(row, 1));
    return out;
}

Result<bool> RunRows::claim(std::string_view workflow_id,
                            std::string_view old_claim,
                            std::string_view claim) const {
    auto changed = host_.execute(true,
                                 sql::claim_run,
                                 {{"workflow_id", text_value(workflow_id)},
                                  {"old_claim", text_value(old_claim)},
                                  {"claim", text_value(claim)}},
                                 kStoreWait);
    if (!changed) return std::unexpected(std::move(changed).error());
    return changed->affected == 1;
}

Result<void> RunRows::release(std::string_view workflow_id, std::string_view claim) const {
    return done(
        host_.execute(true,
                      sql::release_claims,
                      {{"workflow_id", text_value(workflow_id)}, {"claim", text_value(claim)}},
                      kStoreWait));
}

Result<std::optional<ApprovalRow>> RunRows::approval(std::string_view workflow_id,
                                                     std::string_view key) const {
    const auto found = read(sql::read_approval,
                            {{"workflow_id", text_value(workflow_id)}, {"key", text_value(key)}});
    if (!found) return std::unexpected(found.error());
    if (found->rows.empty()) return std::nullopt;
    return ApprovalRow{text(found->rows.front(), 0), text(found->rows.front(), 1)};
}

Result<bool> RunRows::approve(Tx& tx,
                              std::string_view workflow_id,
                              std::string_view key,
                              const ApprovalRow& how,
                              std::int64_t now_us) {
    const auto changed = tx.execute(sql::put_approval,
                                    {{"workflow_id", text_value(workflow_id)},
                                     {"key", text_value(key)},
                                     {"approved_by", how.approved_by},
                                     {"note", how.note},
                                     {"now_us", now_us}});
    if (!changed) return std::unexpected(changed.error());
    return changed->affected == 1;
}

Result<std::optional<CaseRow>> RunRows::resolved_case(std::string_view workflow_id) const {
    const auto found = read(sql::read_case, {{"workflow_id", text_value(workflow_id)}});
    if (!found) return std::unexpected(found.error());
    if (found->rows.empty()) return std::nullopt;
    const auto& row = found->rows.front();
    return CaseRow{text(row, 0), text(row, 1), number(row, 2)};
}

Result<bool> RunRows::resolve_case(Tx& tx, std::string_view workflow_id, const CaseRow& how) {
    const auto changed = tx.execute(sql::put_case,
                                    {{"workflow_id", text_value(workflow_id)},
                                     {"resolved_as", how.resolved_as},
                                     {"note", how.note},
                                     {"now_us", how.resolved_us}});
    if (!changed) return std::unexpected(changed.error());
    return changed->affected == 1;
}

Result<bool> RunRows::request_cancel(std::string_view workflow_id,
                                     std::string_view reason,
                                     std::int64_t now_us) const {
    auto changed = host_.execute(true,
                                 sql::request_cancel,
                                 {{"workflow_id", text_value(workflow_id)},
                                  {"reason", text_value(reason)},
                                  {"now_us", now_us}},
                                 kStoreWait);
    if (!changed) return std::unexpected(std::move(changed).error());
    return changed->affected == 1;
}

Result<bool> RunRows::insert(Tx& tx, const RunRow& row) {
    auto changed = tx.execute(sql::insert_run,
                              {{"workflow_id", row.workflow_id},
                               {"workflow", row.workflow},
                               {"contract_text", row.contract_text},
                               {"contract_digest", row.contract_digest},
                               {"host_id", row.host_id},
                               {"claimed_by", row.claimed_by},
                               {"state", row.state},
                               {"context", row.context},
                               {"input", row.input},
                               {"target", row.target},
                               {"queued_us", row.queued_us},
                               {"started_us", row.started_us},
                               {"subject", row.subject},
                               {"correlation_id", row.correlation_id},
                               {"timeout_ms", row.timeout_ms},
                               {"cancel_us", row.cancel_us},
                               {"cancel_reason", row.cancel_reason},
                               {"handed_step", row.handed_step},
                               {"came_from", row.came_from}});
    if (!changed) return std::unexpected(std::move(changed).error());
    return changed->affected == 1;
}

Result<void> RunRows::update(Tx& tx, const RunRow& row, bool is_final) {
    auto changed =
        tx.execute(sql::update_run,
                   {{"workflow_id", row.workflow_id},
                    {"claim", row.claimed_by},
                    {"state", row.state},
                    {"context", row.context},
                    {"started_us", row.started_us},
                    {"finished_us", is_final ? row.finished_us : std::int64_t{0}},
                    {"success", is_final ? std::int64_t{row.success ? 1 : 0} : std::int64_t{-1}},
                    {"error_code", row.error_code},
                    {"error_message", row.error_message}});
    if (!changed) return std::unexpected(std::move(changed).error());
    if (changed->affected != 1) {
        return fail(
            "FAILED_PRECONDITION",
            "the run " + row.workflow_id + " is not claimed by " + row.claimed_by + " any more");
    }
    return {};
}

Result<void> RunRows::intent(Tx& tx,
                             std::string_view workflow_id,
                             const StepRow& step,
                             std::string_view input_hash) {
    return done(tx.execute(sql::insert_intent,
                           {{"workflow_id", text_value(workflow_id)},
                            {"key", step.key},
                            {"stage", step.stage},
                            {"operation", step.operation},
                            {"number", step.number},
                            {"attempt", std::int64_t{step.attempt}},
                            {"resolution", step.resolution},
                            {"input_hash", text_value(input_hash)},
                            {"now_us", step.started_us}}));
}

Result<void> RunRows::end_step(Tx& tx,
                               std::string_view workflow_id,
                               const StepRow& step,
                               std::string_view output,
                               std::int64_t bytes) {
    return done(tx.execute(sql::end_step,
                           {{"workflow_id", text_value(workflow_id)},
                            {"key", step.key},
                            {"stage", step.stage},
                            {"operation", step.operation},
                            {"number", step.number},
                            {"attempt", std::int64_t{step.attempt}},
                            {"state", step.state},
                            {"resolution", step.resolution},
                            {"output", text_value(output)},
                            {"error_code", step.error_code},
                            {"error_message", step.error_message},
                            {"checks", step.checks},
                            {"started_us", step.started_us},
                            {"finished_us", step.finished_us},
                            {"bytes", bytes},
                            {"moving_ms", step.moving_ms}}));
}

Result<void> RunRows::transition(Tx& tx,
                                 std::string_view workflow_id,
                                 const workflow::Fact& fact,
                                 std::string_view id,
                                 std::string_view data,
                                 std::int64_t now_us) {
    std::string event = "stage_started";
    for (const auto landmark :
         {workflow::kCompleted, workflow::kFailed, workflow::kRollbackCompleted}) {
        if (workflow::same_name(fact.to, landmark)) event = fact.to;
    }
    if (workflow::same_name(fact.to, workflow::kRollingBack)) event = "rollback_initiated";
    for (char& c : event) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return done(tx.execute(sql::insert_transition,
                           {{"id", text_value(id)},
                            {"workflow_id", text_value(workflow_id)},
                            {"from_state", fact.from},
                            {"to_state", fact.to},
                            {"event", event},
                            {"data", text_value(data)},
                            {"now_us", now_us}}));
}

Result<void> RunRows::log(Tx& tx, std::string_view workflow_id, const LogLine& line) {
    return done(tx.execute(sql::insert_log,
                           {{"workflow_id", text_value(workflow_id)},
                            {"line", line.line},
                            {"time_us", line.time_us},
                            {"stage", line.stage},
                            {"operation", line.operation},
                            {"level", line.level},
                            {"text", line.text}}));
}

Result<void> RunRows::artifact(Tx& tx,
                               std::string_view workflow_id,
                               const workflow::Artifact& artifact,
                               std::int64_t now_us) {
    return done(tx.execute(sql::put_artifact,
                           {{"workflow_id", text_value(workflow_id)},
                            {"name", artifact.name},
                            {"bytes", static_cast<std::int64_t>(artifact.content.size())},
                            {"now_us", now_us},
                            {"content", artifact.content}}));
}

Result<void> RunRows::secret(Tx& tx,
                             std::string_view workflow_id,
                             const workflow::Secret& secret,
                             std::int64_t now_us) {
    return done(tx.execute(sql::put_secret,
                           {{"id", secret.id},
                            {"workflow_id", text_value(workflow_id)},
                            {"value", secret.value},
                            {"now_us", now_us}}));
}

Result<void> RunRows::forget_secrets(Tx& tx, std::string_view workflow_id) {
    return done(tx.execute(sql::delete_secrets, {{"workflow_id", text_value(workflow_id)}}));
}

}  // namespace onex::orchestrator
