// Drives runs: takes them in, queues them, makes step after step, cancels them, and takes up what
// an earlier process left. Knows no operation, stage or gate by name: all of that is the
// contract's.
#pragma once

#include "plugins/orchestrator/contracts.hpp"
#include "plugins/orchestrator/handover.hpp"
#include "plugins/orchestrator/recorder.hpp"
#include "plugins/orchestrator/renewals.hpp"
#include "plugins/orchestrator/step_call.hpp"
#include "plugins/orchestrator/waiters.hpp"

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onex::orchestrator {

struct EngineConfig {
    std::string host_id;
    std::string boot_id;
    std::string claim;  ///< "host_id/boot_id/node/generation"
    std::size_t queue_max = 100;
    /// A run that came from a peer which has not asked for it for so long is an orphan.
    std::int64_t orphan_after_ms = 60'000;
};

/// What a submission is answered with.
struct Ticket {
    RunRow row;
    std::size_t queue_place = 0;  ///< 0: it runs, or has ended
};

/// What only the driving process knows about a run.
struct LiveRun {
    LiveProgress progress;
    std::size_t queue_place = 0;
};

/// [any thread] unless said otherwise; what reads or writes runs waits for the store.
class Engine {
  public:
    Engine(const Host& host, EngineConfig config, Contracts& contracts, Waiters& waiters);
    Engine(const Engine&) = delete;  // Tasks refer to it.
    Engine& operator=(const Engine&) = delete;

    /// Begins to look after runs, first those that were left. [control]
    Result<void> start();
    /// Takes no step any more; the one in hand ends, and the claims are given back. [control]
    void quiesce();
    /// Undoes quiesce. [control]
    void resume();
    /// No task begins after this. [control]
    void stop();

    struct Submission {
        Contract contract;
        json::object input;
        std::int64_t timeout_ms = 0;  ///< the hard end; 0: the default
        std::string correlation_id;
    };
    /// A `workflow_id` that exists with the same workflow and input joins that run. Errors:
    /// VALIDATION_ERROR, CONFLICT, QUEUE_FULL.
    Result<Ticket> submit(Submission submission);

    /// A run that was handed over is cancelled where it is. Errors: NOT_FOUND, CONFLICT (it has
    /// ended), FAILED_PRECONDITION (another host began it), UNAVAILABLE (its owner does not answer;
    /// it will be told).
    Result<RunRow> cancel(std::string_view workflow_id, std::string reason);

    /// Lets a run go on that waits for that. Errors: NOT_FOUND, FAILED_PRECONDITION (it waits for
    /// no approval).
    Result<RunRow> approve(const std::string& workflow_id,
                           const std::string& approved_by,
                           const std::string& note);

    // --- for the host that began a run which goes on here; `asker` is that host (semantics 1.2)
    /// Takes the run over; the same again changes nothing. Errors: VALIDATION_ERROR, CONFLICT.
    Result<void> take_over(Parcel parcel, const std::string& asker);
    /// Errors: NOT_FOUND, also for a run that `asker` has not begun.
    Result<News> news(const std::string& workflow_id,
                      std::int64_t after_line,
                      const std::string& revision,
                      const std::string& asker);
    /// NOT_FOUND unless `asker` has begun that run.
    Result<void> check_origin(const std::string& workflow_id, const std::string& asker) const;

    [[nodiscard]] std::optional<LiveRun> live(std::string_view workflow_id);
    /// {running, queued} runs of this process.
    [[nodiscard]] std::pair<std::size_t, std::size_t> load();
    /// Stores the lines of the run that wait, so that a reader sees them. [worker]
    void flush_log(std::string_view workflow_id);
    [[nodiscard]] const RunRows& rows() const { return rows_; }

  private:
    // engine_drive.cpp
    void drive(const RunPtr& run);
    void go_on(const RunPtr& run);
    void take_steps(const RunPtr& run);
    void stall(const RunPtr& run);
    bool make_call(const RunPtr& run, const workflow::Step& step);
    bool awaits_approval(const RunPtr& run, const workflow::Step& step);
    void go_on_after(const RunPtr& run, std::int64_t delay_ms);
    bool pause_before(const RunPtr& run, const workflow::Step& step);
    bool wake(Run& run);
    bool write(const RunPtr& run, const workflow::Facts& facts, const EndedStep* ended);
    void ended(const RunPtr& run);
    void let_go(const RunPtr& run);
    void leave(Run& run);
    void drop(const RunPtr& run, const Error& why);
    void begin_queued(const std::string& workflow);
    /// Runs of the workflow that are driven here now.
    std::int64_t running_of(const std::string& workflow);

    // engine_handed.cpp
    bool hands_over(const RunPtr& run, const workflow::Step& step);
    bool may_begin(const RunPtr& run, const workflow::Step& step, CallResult& refusal);
    void offer(const RunPtr& run);
    void handed(const RunPtr& run);
    void refused(const RunPtr& run, const Error& why);
    void follow(const RunPtr& run);
    void follow_in(const RunPtr& run, std::int64_t delay_ms);
    void unheard(const RunPtr& run, const Error& why);
    void end_unheard(const RunPtr& run, const std::string& message);
    void look_for_orphans();

    // engine_adopt.cpp
    void tick();
    void adopt_left_runs();
    void look_for_cancels();
    void adopt(const std::string& workflow_id, const std::string& old_claim);
    Result<RunPtr> rebuild(RunRow row);
    void give_up(RunRow row, const Error& why);

    // engine.cpp
    Result<json::object> check_input(const workflow::Model& model, json::object input) const;
    Result<std::optional<Ticket>> joined(const Submission& submission,
                                         const std::string& id,
                                         const json::object& input,
                                         std::vector<workflow::Secret> secrets);
    Result<void> store_new(const RunPtr& run, const std::vector<workflow::Secret>& secrets);
    void admit(const RunPtr& run, bool has_begun);
    static void hear_cancel(Run& run, std::int64_t now_us, const std::string& reason);
    void cancel_in_queue(const RunPtr& run);
    RunPtr find(std::string_view workflow_id);
    std::size_t place_in_queue(std::string_view workflow_id);

    const Host& host_;
    EngineConfig config_;
    Contracts& contracts_;
    Waiters& waiters_;
    RunRows rows_;
    MetricBook metrics_;
    Recorder recorder_;
    StepCaller caller_;
    Renewals renewals_;
    Handover handover_;
    std::atomic<bool> quiescing_{false};
    std::atomic<bool> adopting_{false};
    onex_handle tick_task_ = 0;
    unsigned ticks_ = 0;

    std::mutex mutex_;
    std::map<std::string, RunPtr, std::less<>> active_;  ///< also those in the queue
    std::map<std::string, std::int64_t> running_;        ///< by workflow
    std::deque<RunPtr> queue_;
    std::map<std::string, int> refused_;  ///< how often the store refused a run
    std::vector<RunPtr> stalled_;  ///< no task could be had for them; the next tick tries again
};

}  // namespace onex::orchestrator
