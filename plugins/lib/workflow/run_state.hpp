// Where a run stands. Plain values; rebuilt at any time by replaying the rows that were stored.
#pragma once

#include "plugins/lib/workflow/gates.hpp"
#include "plugins/lib/workflow/model.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onex::workflow {

/// What the engine is busy with; beside the FSM state, which is the contract's.
enum class Phase {
    queued,          ///< not begun
    stages,          ///< operations of the stages
    closing,         ///< all stages ended well: the run_end operations, then COMPLETED
    rolling_back,    ///< compensations, the rollback operation, and questions between them
    closing_failed,  ///< the run_end operations, as well as they go, then the final state
    ended,
};

enum class Progress { pending, running, completed, failed, skipped };
[[nodiscard]] std::string_view name_of(Progress progress);

/// One call that a stage makes; a repeated operation has one for each item.
struct OperationRecord {
    std::string name;
    std::size_t spec = 0;              ///< index into the stage's operations in the model
    std::string key;                   ///< after the workflow's id: "stage/operation[/index]"
    std::shared_ptr<const Item> item;  ///< empty: it is not repeated
    std::size_t round = 0;             ///< of a stage that is repeated
    bool called = false;               ///< its node may have heard of it
    Progress progress = Progress::pending;
    int attempt = 0;
    std::int64_t started_us = 0;  ///< of its first attempt
    std::int64_t finished_us = 0;
    std::string error_code;
    std::string error_message;
};

struct StageRecord {
    std::string name;
    Progress progress = Progress::pending;
    std::int64_t started_us = 0;
    std::int64_t finished_us = 0;
    std::int64_t counted_ms = 0;  ///< time without movement, and pauses
    std::vector<OperationRecord> operations;
};

struct RunFailure {
    std::string code;
    std::string message;
    std::string stage;  ///< empty: at the end of the run
    std::string operation;
};

/// A run_end operation that a node which took part wants to be called.
struct Closer {
    std::string target;  ///< as onex_call takes it; empty: this host
    std::string node;
    std::string operation;
    bool operator==(const Closer&) const = default;
};

/// One step of a rollback.
struct Undo {
    enum class Kind {
        question,      ///< the way back passes what can't be taken back
        compensation,  ///< of one call
        rollback,      ///< the contract's rollback operation
    } kind = Kind::rollback;
    std::size_t stage = 0;      ///< index into RunState::stages
    std::size_t operation = 0;  ///< index into that stage's records
    std::string names;          ///< of a question: what can't be taken back
};

struct RunState {
    Phase phase = Phase::queued;
    std::string state;
    std::size_t stage = 0;      ///< index into Model::stages
    std::size_t operation = 0;  ///< index into the stage's records
    int attempt = 1;            ///< of the next or running call
    int waits = 0;              ///< of the attempts, those that only waited
    std::int64_t delay_ms = 0;  ///< before that call
    std::vector<StageRecord> stages;
    Checks checks;
    Checks earlier_checks;      ///< reported before the stage in hand
    Checks round_checks;        ///< these, and those of the stage's round in hand
    std::int64_t round_us = 0;  ///< when that round began
    std::vector<GateScore> gates;
    std::vector<std::string> warnings;
    std::optional<RunFailure> failure;
    std::vector<Closer> closers;
    std::size_t closer = 0;
    bool closers_known = false;  ///< the failed run's list is complete
    std::string ending;          ///< the final state that closing_failed leads to

    std::vector<bool> skipped;  ///< by stage
    bool rollback_on_failure = true;
    std::int64_t timeout_ms = 0;  ///< the hard end of the run; 0: none
    std::int64_t started_us = 0;
    std::int64_t finished_us = 0;
    std::int64_t cancel_us = 0;  ///< when a cancel was asked for; 0: not
    std::string cancel_reason;
    std::int64_t retry_ms = 0;  ///< of the run's retry budget
    std::int64_t settle_ms =
        0;  ///< what the failed attempts of the pending rollback or end call took
    std::int64_t rollback_started_us = 0;
    std::int64_t rollback_finished_us = 0;
    bool rolled_back = false;
    std::vector<Undo> undo;                ///< the rollback's steps, in order
    std::size_t undone = 0;                ///< index into undo
    std::int64_t asked_us = 0;             ///< when the pending step of the rollback had its turn
    std::vector<std::string> undo_missed;  ///< checks of the rollback that were below 1
    std::vector<std::string> undo_failed;  ///< "operation: why"

    [[nodiscard]] bool ended() const { return phase == Phase::ended; }
    [[nodiscard]] std::int64_t deadline_us() const {
        return timeout_ms > 0 && started_us > 0 ? started_us + timeout_ms * 1000 : 0;
    }
};

}  // namespace onex::workflow
