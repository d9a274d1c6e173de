// Where a run stands. Plain values; rebuilt at any time by replaying the rows that were stored.
#pragma once

#include "plugins/lib/workflow/gates.hpp"
#include "plugins/lib/workflow/model.hpp"

#include <cstddef>
#include <cstdint>
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
    rolling_back,    ///< the rollback operation
    closing_failed,  ///< the run_end operations, as well as they go, then the final state
    ended,
};

enum class Progress { pending, running, completed, failed, skipped };
[[nodiscard]] std::string_view name_of(Progress progress);

struct OperationRecord {
    std::string name;
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

struct RunState {
    Phase phase = Phase::queued;
    std::string state;
    std::size_t stage = 0;      ///< index into Model::stages
    std::size_t operation = 0;  ///< index into the stage's operations
    int attempt = 1;            ///< of the next or running call
    int waits = 0;              ///< of the attempts, those that only waited
    std::int64_t delay_ms = 0;  ///< before that call
    std::vector<StageRecord> stages;
    Checks checks;
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

    [[nodiscard]] bool ended() const { return phase == Phase::ended; }
    [[nodiscard]] std::int64_t deadline_us() const {
        return timeout_ms > 0 && started_us > 0 ? started_us + timeout_ms * 1000 : 0;
    }
};

}  // namespace onex::workflow
