// The rows of a run that travel between hosts.
#include "orchestrator_sql.hpp"
#include "plugins/orchestrator/rows.hpp"

namespace onex::orchestrator {
namespace {

Result<void> done(Result<Rows> result) {
    if (!result) return std::unexpected(std::move(result).error());
    return {};
}

}  // namespace

Result<std::vector<TransitionRow>> RunRows::transitions(std::string_view workflow_id) const {
    const auto found = read(sql::read_transitions, {{"workflow_id", std::string(workflow_id)}});
    if (!found) return std::unexpected(found.error());
    std::vector<TransitionRow> out;
    for (const auto& row : found->rows) {
        out.push_back(
            {text(row, 0), text(row, 1), text(row, 2), text(row, 3), text(row, 4), number(row, 5)});
    }
    return out;
}

Result<std::vector<EventRow>> RunRows::events(std::string_view workflow_id) const {
    const auto found = read(sql::read_run_events, {{"workflow_id", std::string(workflow_id)}});
    if (!found) return std::unexpected(found.error());
    std::vector<EventRow> out;
    for (const auto& row : found->rows) {
        out.push_back({text(row, 0),
                       text(row, 1),
                       text(row, 2),
                       text(row, 3),
                       text(row, 4),
                       text(row, 5),
                       text(row, 6),
                       number(row, 7),
                       text(row, 8),
                       text(row, 9)});
    }
    return out;
}

Result<void> RunRows::hand(const RunRow& row) const {
    const auto changed = host_.execute(true,
                                       sql::hand_run,
                                       {{"workflow_id", row.workflow_id},
                                        {"claim", row.claimed_by},
                                        {"handed_to", row.handed_to},
                                        {"handed_step", row.handed_step},
                                        {"handed_us", row.handed_us}},
                                       kStoreWait);
    if (!changed) return std::unexpected(changed.error());
    if (changed->affected == 1) return {};
    return fail(
        "FAILED_PRECONDITION",
        "the run " + row.workflow_id + " is not claimed by " + row.claimed_by + " any more");
}

Result<void> RunRows::copy(Tx& tx, std::string_view workflow_id, const TransitionRow& row) {
    return done(tx.execute(sql::copy_transition,
                           {{"id", row.id},
                            {"workflow_id", std::string(workflow_id)},
                            {"from_state", row.from_state},
                            {"to_state", row.to_state},
                            {"event", row.event},
                            {"data", row.data},
                            {"now_us", row.created_us}}));
}

Result<void> RunRows::copy(Tx& tx, std::string_view workflow_id, const EventRow& row) {
    return done(tx.execute(sql::copy_event,
                           {{"id", row.id},
                            {"type", row.type},
                            {"topic", row.topic},
                            {"partition_key", row.key},
                            {"correlation_id", row.correlation_id},
                            {"workflow_id", std::string(workflow_id)},
                            {"source", row.source},
                            {"host_id", row.host_id},
                            {"time_us", row.time_us},
                            {"payload", row.payload},
                            {"metadata", row.metadata}}));
}

}  // namespace onex::orchestrator
