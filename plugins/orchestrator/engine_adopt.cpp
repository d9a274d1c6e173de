// Takes up the runs of this host that nobody drives: after a crash, a reload, or a store that
// failed for a while.
#include "plugins/orchestrator/engine.hpp"
#include "plugins/orchestrator/replayed.hpp"

#include <algorithm>
#include <utility>

namespace onex::orchestrator {
namespace {

/// Every how many ticks the store is asked for runs that were left.
constexpr unsigned kAdoptEvery = 4;
/// How often a run is tried again that the store refuses.
constexpr int kRefusedMax = 5;

}  // namespace

void Engine::tick() {
    waiters_.tick();
    std::vector<RunPtr> going;
    {
        const std::scoped_lock lock(mutex_);
        for (const auto& [id, run] : active_)
            // Its owner renews what it holds.
            if (!run->is_elsewhere && std::ranges::find(queue_, run) == queue_.end())
                going.push_back(run);
    }
    renewals_.tick(going);
    if (quiescing_) return look_for_cancels();
    std::vector<RunPtr> stalled;
    std::vector<std::string> cancelled;
    {
        const std::scoped_lock lock(mutex_);
        stalled.swap(stalled_);
        for (const auto& [id, run] : active_) {
            // A cancel may have come between the decision to call and the call.
            const std::scoped_lock run_lock(run->mutex);
            if (run->cancel_us > 0 && !run->running_key.empty())
                cancelled.push_back(run->running_key);
        }
    }
    for (const auto& key : cancelled)
        host_.cancel_call(key);
    for (const auto& run : stalled)
        drive(run);
    if (++ticks_ % kAdoptEvery != 0) return;
    adopt_left_runs();
    look_for_orphans();
}

void Engine::look_for_cancels() {
    // The steps in hand end here, but who asks to cancel them asks the generation that serves.
    std::vector<RunPtr> running;
    {
        const std::scoped_lock lock(mutex_);
        for (const auto& [id, run] : active_)
            running.push_back(run);
    }
    for (const auto& run : running) {
        const auto row = rows_.run(run->row.workflow_id);
        if (!row || !*row || (*row)->cancel_us == 0) continue;
        std::string key;
        {
            const std::scoped_lock lock(run->mutex);
            run->cancel_us = (*row)->cancel_us;
            run->cancel_reason = (*row)->cancel_reason;
            key = run->running_key;
        }
        if (!key.empty()) host_.cancel_call(key);
    }
}

void Engine::adopt_left_runs() {
    if (quiescing_ || adopting_.exchange(true)) return;
    const std::unique_ptr<std::atomic<bool>, void (*)(std::atomic<bool>*)> done(
        &adopting_, [](auto* adopting) { *adopting = false; });
    const auto boot = config_.host_id + '/' + config_.boot_id + '/';
    auto open = rows_.open_runs(config_.host_id);
    if (!open)
        host_.log(LogLevel::warn, "can't look for runs that were left: " + open.error().message);
    for (const auto& [id, claim] :
         open.value_or(std::vector<std::pair<std::string, std::string>>{})) {
        if (quiescing_) break;
        // A claim of this boot is somebody's who lives; one of an earlier boot is void.
        const bool others = claim != config_.claim && claim.starts_with(boot);
        if (!others && !find(id)) adopt(id, claim);
    }
}

void Engine::adopt(const std::string& workflow_id, const std::string& old_claim) {
    if (old_claim != config_.claim) {
        const auto claimed = rows_.claim(workflow_id, old_claim, config_.claim);
        if (!claimed || !*claimed) return;
    }
    bool run_is_refused = false;
    auto row = rows_.run(workflow_id);
    if (!row || !*row || (*row)->finished_us > 0 || (*row)->claimed_by != config_.claim) return;
    {
        const std::scoped_lock lock(mutex_);
        if (refused_[workflow_id] >= kRefusedMax) {
            run_is_refused = true;
            refused_.erase(workflow_id);
        }
    }
    if (run_is_refused) {
        return give_up(
            std::move(**row),
            {"FAILED_PRECONDITION", "its steps could not be stored; see the host's log", {}, {}});
    }
    auto run = rebuild(**row);
    if (!run) return give_up(std::move(**row), run.error());
    {
        const std::scoped_lock lock(mutex_);
        if (!active_.emplace(workflow_id, *run).second) return;
    }
    // A cancel that came while the row was read found nobody to tell.
    if (const auto now = rows_.run(workflow_id); now && *now && (*now)->cancel_us > 0)
        hear_cancel(**run, (*now)->cancel_us, (*now)->cancel_reason);
    host_.log(LogLevel::info,
              "takes up the run " + workflow_id + " in " + (*run)->row.state,
              (*run)->row.correlation_id);
    const bool has_begun = (*run)->state.started_us > 0;
    if (!has_begun && (*run)->cancel_us > 0) return cancel_in_queue(*run);
    admit(*run, has_begun);
}

Result<RunPtr> Engine::rebuild(RunRow row) {
    auto run = std::make_shared<Run>();
    auto contract = contracts_.read(row.contract_text);
    if (!contract) return std::unexpected(std::move(contract).error());
    run->model = contract->model;
    auto input = parse_object(row.input);
    if (!input) return std::unexpected(std::move(input).error());
    run->input = std::move(*input);
    auto context = parse_object(row.context);
    if (!context) return std::unexpected(std::move(context).error());
    run->context = std::move(*context);
    auto steps = rows_.steps(row.workflow_id);
    if (!steps) return std::unexpected(std::move(steps).error());
    for (const auto& step : *steps) {
        // What another host resolved before the hand-over is resolved anew here, when needed.
        const bool is_ours = row.came_from.empty() || step.number > row.handed_step;
        if (is_ours && !step.resolution.empty()) run->resolutions[step.key] = step.resolution;
        if (step.state != "intent")
            ++run->attempts_made;  // An intent is made again, under the same key.
    }
    auto state = replayed(*run->model, row, run->input, *steps);
    if (!state) return std::unexpected(std::move(state).error());
    run->state = std::move(*state);
    run->cancel_us = row.cancel_us;
    run->cancel_reason = row.cancel_reason;
    auto last_line = rows_.last_log_line(row.workflow_id);
    if (!last_line) return std::unexpected(std::move(last_line).error());
    run->log.resume(*last_line);
    run->heard_us = host_.monotonic_us();
    run->row = std::move(row);
    // The log of a run that another host drives, or may drive, is that host's.
    if (!run->row.handed_to.empty()) {
        run->is_elsewhere = run->row.handed_us > 0;
        run->followed.line = *last_line;
        return run;
    }
    recorder_.line(*run,
                   "info",
                   "",
                   "",
                   run->row.came_from.empty() ? "taken up again in " + run->row.state
                                              : "goes on here in " + run->row.state);
    return run;
}

void Engine::give_up(RunRow row, const Error& why) {
    // Only what no later try could read better ends a run; a store that fails does not.
    if (why.status() != Status::invalid_input && why.status() != Status::failed_precondition) {
        host_.log(LogLevel::warn,
                  "the run " + row.workflow_id + " can't be read yet: " + why.message);
        return;
    }
    const std::string from = row.state;
    row.state = workflow::kFailed;
    row.finished_us = host_.wall_us();
    if (row.started_us == 0) row.started_us = row.queued_us;
    row.success = false;
    row.error_code = "INTERNAL";
    row.error_message = "the run can't be taken up: " + why.message;
    auto tx = rows_.begin();
    if (!tx) return;
    workflow::Fact fact;
    fact.kind = workflow::Fact::Kind::transition;
    fact.from = from;
    fact.to = row.state;
    if (!RunRows::transition(*tx, row.workflow_id, fact, host_.uuid(), "{}", row.finished_us))
        return;
    if (!RunRows::update(*tx, row, true) || !RunRows::forget_secrets(*tx, row.workflow_id)) return;
    if (!tx->commit()) return;
    host_.log(LogLevel::error,
              "the run " + row.workflow_id + ": " + row.error_message,
              row.correlation_id);
    waiters_.notify(row.workflow_id);
}

}  // namespace onex::orchestrator
