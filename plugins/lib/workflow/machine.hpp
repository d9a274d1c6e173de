// Decides what a run does next. Pure: no I/O, no clock, no logger. The engine asks next(), does it,
// tells the outcome with step_ended(), and stores the facts that come back; replaying stored
// outcomes gives the same state.
#pragma once

#include "plugins/lib/workflow/run_state.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace onex::workflow {

/// One call of an operation.
struct Step {
    std::string
        stage;  ///< the stage's name; ROLLING_BACK, COMPLETED or FAILED for calls beyond stages
    std::string operation;
    std::string key;  ///< after the workflow's id: "stage/operation[/index]"
    int attempt = 1;
    std::int64_t delay_ms = 0;    ///< to wait before it
    std::int64_t timeout_ms = 0;  ///< 0: as the node's contract says
    /// Of an operation of a stage, or of what compensates it; into the model.
    const OperationSpec* spec = nullptr;
    std::shared_ptr<const Item> item;  ///< what a repeated operation is called for; or empty
    std::string question;  ///< not empty: nothing is called, somebody has to agree to this
    std::optional<Closer> closer;
    bool cancellable = true;
    [[nodiscard]] bool same(const Step& other) const {
        return key == other.key && attempt == other.attempt;
    }
};

struct Decision {
    enum class Kind {
        begin,    ///< call begin()
        call,     ///< call `step` (or ask its question), then step_ended()
        collect,  ///< find who still wants to be told of the end, then closers_found()
        finish,   ///< call finish()
        none,     ///< the run has ended
    } kind = Kind::none;
    Step step;
};

struct StepOutcome {
    bool ok = false;
    std::string code;  ///< of the error
    std::string message;
    std::string as;
    bool permanent = false;
    bool wait = false;     ///< no failure: not yet
    bool skipped = false;  ///< it was not called, because of its `when`
    bool called = true;    ///< false: it was given up before its node could hear of it
    Checks checks;
    std::int64_t started_us = 0;
    std::int64_t finished_us = 0;
    std::int64_t moving_ms = 0;    ///< of that time, in which bytes or lines moved
    std::optional<Closer> closer;  ///< what the node that was called wants at the end
};

/// Something that became true; the engine stores, publishes, counts or logs it.
struct Fact {
    enum class Kind {
        transition,  ///< from → to
        started,
        stage_completed,
        stage_skipped,
        gate_scored,
        warning,
        completed,
        failed,
        rollback_initiated,
        rollback_completed,
        handed_over,  ///< another host goes on with it
    } kind = Kind::warning;
    std::string from{};
    std::string to{};
    std::string stage{};
    std::string text{};
    std::int64_t duration_ms = 0;
    GateScore gate{};
};
using Facts = std::vector<Fact>;

/// A run that has not begun. `input` is the valid input with its defaults: of it the machine reads
/// only rollback_on_failure and skip_<stage_name>.
[[nodiscard]] RunState make_run(const Model& model,
                                const boost::json::object& input,
                                std::int64_t timeout_ms);

[[nodiscard]] Decision next(const Model& model, const RunState& state);

/// The run leaves the queue. FAILED_PRECONDITION when it has begun already.
Result<Facts> begin(const Model& model, RunState& state, std::int64_t now_us);

/// The call that next() named has ended (or was given up before it was made). Errors:
/// FAILED_PRECONDITION when `step` is not the one that next() names; the state is unchanged then.
Result<Facts> step_ended(const Model& model,
                         RunState& state,
                         const Step& step,
                         const StepOutcome& outcome);

/// A run that still waits in the queue ends. FAILED_PRECONDITION when it has begun.
Result<Facts> cancel_queued(const Model& model, RunState& state, std::int64_t now_us);

/// Answers Decision::collect.
Result<void> closers_found(RunState& state, const std::vector<Closer>& more);

/// Answers Decision::finish: the final state of a run that failed.
Result<Facts> finish(const Model& model, RunState& state, std::int64_t now_us);

/// Must the pending step be given up (a cancel, the hard end)? Then step_ended() with this outcome.
/// A question is given up by a cancel that came after it was put, and when it has stood for the
/// run's timeout; other steps of a rollback never are. The outcome says `called = false`: whoever
/// made an earlier attempt knows better.
[[nodiscard]] std::optional<StepOutcome> interruption(const RunState& state, std::int64_t now_us);

/// One stored attempt that has ended.
struct StoredStep {
    std::string key;
    int attempt = 1;
    StepOutcome outcome;
};
/// The state after these stored attempts, in the order in which they were made. A failed run's
/// run_end calls are left out: they are made again. Errors: those of step_ended().
Result<RunState> replay(const Model& model,
                        RunState fresh,
                        std::int64_t started_us,
                        const std::vector<StoredStep>& steps);

}  // namespace onex::workflow
