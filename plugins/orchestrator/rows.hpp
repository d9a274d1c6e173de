// What a run leaves in the store, row by row. No decision is made here.
#pragma once

#include "plugins/lib/workflow/data_flow.hpp"
#include "plugins/lib/workflow/machine.hpp"
#include "plugins/lib/workflow/secrets.hpp"

#include <onex/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onex::orchestrator {

/// How long a transaction may wait for its turn.
inline constexpr Wait kStoreWait{10'000, 0};

struct RunRow {
    std::string workflow_id;
    std::string workflow;
    std::string contract_text;  ///< empty in a list
    std::string contract_digest;
    std::string host_id;
    std::string claimed_by;
    std::string state;
    std::string context = "{}";
    std::string input = "{}";  ///< empty in a list
    std::string target;
    std::int64_t queued_us = 0;
    std::int64_t started_us = 0;
    std::int64_t finished_us = 0;
    bool success = false;
    std::string error_code;
    std::string error_message;
    std::int64_t cancel_us = 0;
    std::string cancel_reason;
    std::string subject;
    std::string correlation_id;
    std::int64_t timeout_ms = 0;
    std::string handed_to;         ///< the peer that has it, or is asked to take it; or empty
    std::int64_t handed_step = 0;  ///< attempts made before
    std::int64_t handed_us = 0;    ///< when that peer had taken it; 0: not known to have
    std::string came_from;         ///< whose run it was, as its requests name it; or empty
};

struct StepRow {
    std::string key;  ///< after the workflow's id
    std::string stage;
    std::string operation;
    std::int64_t number = 0;  ///< counts the attempts of the run
    int attempt = 1;
    std::string state;  ///< intent | done | failed | skipped
    std::string resolution;
    std::string error_code;
    std::string error_message;
    std::string checks;
    std::int64_t started_us = 0;
    std::int64_t finished_us = 0;
    std::int64_t moving_ms = 0;
};

struct LogLine {
    std::int64_t line = 0;
    std::int64_t time_us = 0;
    std::string stage;
    std::string operation;
    std::string level;
    std::string text;
};

struct TransitionRow {
    std::string id;
    std::string from_state;
    std::string to_state;
    std::string event;
    std::string data;
    std::int64_t created_us = 0;
};

struct EventRow {
    std::string id;
    std::string type;
    std::string topic;
    std::string key;
    std::string correlation_id;
    std::string source;
    std::string host_id;
    std::int64_t time_us = 0;
    std::string payload;
    std::string metadata;
};

struct ArtifactRow {
    std::int64_t bytes = 0;
    std::int64_t created_us = 0;
    std::string content;
};

/// How a person ended the case of a failed run.
struct CaseRow {
    std::string resolved_as;  ///< rolled-back or abandoned
    std::string note;
    std::int64_t resolved_us = 0;
};

/// Who has let a run go on.
struct ApprovalRow {
    std::string approved_by;
    std::string note;
};

/// Reads and writes the tables of runs. A write goes through the caller's transaction. [any
/// thread], waits.
class RunRows {
  public:
    explicit RunRows(const Host& host) : host_(host) {}

    Result<Tx> begin() const { return host_.begin(true, kStoreWait); }

    // --- each in a transaction of its own
    Result<std::optional<RunRow>> run(std::string_view workflow_id) const;
    Result<std::vector<RunRow>> list(std::string_view subject, std::int64_t limit) const;
    Result<std::vector<StepRow>> steps(std::string_view workflow_id) const;
    Result<std::vector<LogLine>> logs(std::string_view workflow_id,
                                      std::int64_t after,
                                      std::int64_t limit) const;
    Result<std::vector<TransitionRow>> transitions(std::string_view workflow_id) const;
    Result<std::vector<EventRow>> events(std::string_view workflow_id) const;
    Result<std::int64_t> last_log_line(std::string_view workflow_id) const;
    Result<std::optional<ArtifactRow>> artifact(std::string_view workflow_id,
                                                std::string_view name) const;
    Result<std::vector<std::string>> artifact_names(std::string_view workflow_id) const;
    Result<std::optional<ApprovalRow>> approval(std::string_view workflow_id,
                                                std::string_view key) const;
    Result<std::optional<CaseRow>> resolved_case(std::string_view workflow_id) const;
    Result<std::vector<workflow::Secret>> secrets(std::string_view workflow_id) const;
    /// {workflow_id, claimed_by} of this host's runs that have not ended.
    Result<std::vector<std::pair<std::string, std::string>>> open_runs(
        std::string_view host_id) const;
    /// True if the claim changed from `old_claim` to `claim`.
    Result<bool> claim(std::string_view workflow_id,
                       std::string_view old_claim,
                       std::string_view claim) const;
    /// An empty id: all that are claimed so.
    Result<void> release(std::string_view workflow_id, std::string_view claim) const;
    /// Stores handed_to, handed_step and handed_us. FAILED_PRECONDITION when the claim is
    /// another's.
    Result<void> hand(const RunRow& row) const;
    /// False when the run has ended or a cancel was stored before.
    Result<bool> request_cancel(std::string_view workflow_id,
                                std::string_view reason,
                                std::int64_t now_us) const;

    // --- within a transaction
    /// False when a run of that id exists.
    static Result<bool> insert(Tx& tx, const RunRow& row);
    /// FAILED_PRECONDITION when the claim is another's.
    static Result<void> update(Tx& tx, const RunRow& row, bool is_final);
    static Result<void> intent(Tx& tx,
                               std::string_view workflow_id,
                               const StepRow& step,
                               std::string_view input_hash);
    static Result<void> end_step(Tx& tx,
                                 std::string_view workflow_id,
                                 const StepRow& step,
                                 std::string_view output,
                                 std::int64_t bytes);
    static Result<void> transition(Tx& tx,
                                   std::string_view workflow_id,
                                   const workflow::Fact& fact,
                                   std::string_view id,
                                   std::string_view data,
                                   std::int64_t now_us);
    /// Copies of what another host has stored; one that is there already stays.
    static Result<void> copy(Tx& tx, std::string_view workflow_id, const TransitionRow& row);
    static Result<void> copy(Tx& tx, std::string_view workflow_id, const EventRow& row);
    static Result<void> log(Tx& tx, std::string_view workflow_id, const LogLine& line);
    static Result<void> artifact(Tx& tx,
                                 std::string_view workflow_id,
                                 const workflow::Artifact& artifact,
                                 std::int64_t now_us);
    static Result<void> secret(Tx& tx,
                               std::string_view workflow_id,
                               const workflow::Secret& secret,
                               std::int64_t now_us);
    /// False when it was approved before.
    static Result<bool> approve(Tx& tx,
                                std::string_view workflow_id,
                                std::string_view key,
                                const ApprovalRow& how,
                                std::int64_t now_us);
    /// False when it was resolved before.
    static Result<bool> resolve_case(Tx& tx, std::string_view workflow_id, const CaseRow& how);
    static Result<void> forget_secrets(Tx& tx, std::string_view workflow_id);

  private:
    Result<Rows> read(std::string_view sql, const std::vector<Param>& params) const {
        return host_.execute(false, sql, params, kStoreWait);
    }
    const Host& host_;
};

}  // namespace onex::orchestrator
