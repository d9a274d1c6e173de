// Step after step of one run. No thread is held while a run waits.
#include "plugins/lib/workflow/items.hpp"
#include "plugins/orchestrator/engine.hpp"

#include <algorithm>
#include <utility>

namespace onex::orchestrator {
namespace {

constexpr std::int64_t kApprovalLookMs = 1'000;

}  // namespace

void Engine::drive(const RunPtr& run) {
    if (!host_.post([this, run] { go_on(run); })) stall(run);
}

void Engine::stall(const RunPtr& run) {
    {
        const std::scoped_lock lock(mutex_);
        if (!quiescing_) {
            stalled_.push_back(run);
            return;
        }
    }
    let_go(run);
}

void Engine::go_on(const RunPtr& run) {
    try {
        take_steps(run);
    } catch (const std::exception& error) {
        // Nobody above knows the run: it would keep its claim, and stand still for ever.
        drop(run,
             {"INTERNAL", std::string("a step ended in an exception: ") + error.what(), {}, {}});
    }
}

void Engine::take_steps(const RunPtr& run) {
    using Kind = workflow::Decision::Kind;
    while (true) {
        if (quiescing_) return let_go(run);
        {
            const std::scoped_lock lock(run->mutex);
            run->state.cancel_us = run->cancel_us;
            run->state.cancel_reason = run->cancel_reason;
        }
        if (run->row.handed_us > 0) return follow(run);
        if (!run->row.handed_to.empty()) return offer(run);
        const auto decision = workflow::next(*run->model, run->state);
        Result<workflow::Facts> facts;
        switch (decision.kind) {
            case Kind::none:
                return ended(run);
            case Kind::call:
                if (!run->model->stays && hands_over(run, decision.step)) return;
                if (awaits_approval(run, decision.step)) return;
                if (pause_before(run, decision.step)) return;
                if (!make_call(run, decision.step)) return;
                if (!run->state.ended()) return drive(run);
                continue;
            case Kind::collect:
                if (auto ok = workflow::closers_found(run->state, caller_.closers(*run)); !ok) {
                    return drop(run, ok.error());
                }
                continue;
            case Kind::begin:
                host_.log(LogLevel::info,
                          "the run " + run->row.workflow_id + " of " + run->row.workflow +
                              " begins" +
                              (run->row.target.empty() ? "" : ", to " + run->row.target),
                          run->row.correlation_id);
                facts = workflow::begin(*run->model, run->state, host_.wall_us());
                break;
            case Kind::finish:
                facts = workflow::finish(*run->model, run->state, host_.wall_us());
                break;
        }
        if (!facts) return drop(run, facts.error());
        if (!write(run, *facts, nullptr)) return;
    }
}

bool Engine::pause_before(const RunPtr& run, const workflow::Step& step) {
    if (step.delay_ms <= 0 || run->waited) return false;
    if (workflow::interruption(run->state, host_.wall_us())) return false;
    auto delay_ms = step.delay_ms;
    if (const auto end_us = run->state.deadline_us(); end_us > 0 && step.cancellable) {
        // The hard end does not wait for a pause to be over.
        delay_ms = std::clamp<std::int64_t>((end_us - host_.wall_us()) / 1000 + 1, 1, delay_ms);
    }
    run->waited = true;
    {
        const std::scoped_lock lock(run->mutex);
        // A cancel that came since found nobody who waits.
        if (run->cancel_us > 0 && step.cancellable) return false;
        run->waiting = true;
        run->live = {0, 0, "again in " + std::to_string(delay_ms) + " ms"};
    }
    go_on_after(run, delay_ms);
    return true;
}

void Engine::go_on_after(const RunPtr& run, std::int64_t delay_ms) {
    // quiesce() has looked for those who wait before this one did; the timers of a generation that
    // goes are dropped, and nobody would ever give the claim back.
    if (quiescing_) {
        if (wake(*run)) let_go(run);
        return;
    }
    auto task = host_.after(delay_ms, [this, run] {
        if (wake(*run)) go_on(run);
    });
    if (task) {
        const std::scoped_lock lock(run->mutex);
        run->timer = *task;
    } else if (wake(*run)) {
        stall(run);
    }
}

bool Engine::awaits_approval(const RunPtr& run, const workflow::Step& step) {
    const auto wanted = !step.question.empty() ? step.question
                        : step.spec            ? step.spec->approve
                                               : std::string();
    if (wanted.empty() || run->approved_key == step.key) return false;
    if (!workflow::is_wanted(step, run->context)) return false;
    // The store is what counts: it has the answer also after a restart.
    const auto given = rows_.approval(run->row.workflow_id, step.key);
    if (given && *given) {
        run->approved_key = step.key;
        recorder_.line(*run,
                       "info",
                       step.stage,
                       step.operation,
                       "approved by " + (*given)->approved_by +
                           ((*given)->note.empty() ? "" : ": " + (*given)->note));
        const std::scoped_lock lock(run->mutex);
        run->approval_key.clear();
        run->live = {};
        return false;
    }
    if (workflow::interruption(run->state, host_.wall_us())) {
        const std::scoped_lock lock(run->mutex);
        run->approval_key.clear();
        return false;
    }
    bool is_first = false;
    {
        const std::scoped_lock lock(run->mutex);
        if (run->cancel_us != run->state.cancel_us) {
            // A cancel that came since found nobody who waits.
            run->state.cancel_us = run->cancel_us;
            run->state.cancel_reason = run->cancel_reason;
            return false;
        }
        is_first = std::exchange(run->approval_key, step.key) != step.key;
        run->waiting = true;
        run->live = {0, 0, "waits for approval: " + wanted};
    }
    if (is_first) {
        recorder_.line(
            *run,
            "warn",
            step.stage,
            step.operation,
            "waits for approval: " + wanted + " (onex-host approve " + run->row.workflow_id + ")");
    }
    auto delay_ms = kApprovalLookMs;
    if (const auto end_us = run->state.deadline_us(); end_us > 0 && step.question.empty())
        delay_ms = std::clamp<std::int64_t>((end_us - host_.wall_us()) / 1000 + 1, 1, delay_ms);
    go_on_after(run, delay_ms);
    return true;
}

bool Engine::wake(Run& run) {
    const std::scoped_lock lock(run.mutex);
    return std::exchange(run.waiting, false);
}

bool Engine::make_call(const RunPtr& run, const workflow::Step& step) {
    EndedStep ended_step{step, {}};
    auto& outcome = ended_step.result.outcome;
    const auto started_us = host_.wall_us();
    if (!step.question.empty() && run->approved_key == step.key) {
        outcome.ok = true;
        outcome.started_us = outcome.finished_us = started_us;
    } else if (auto stop = workflow::interruption(run->state, started_us)) {
        outcome = std::move(*stop);
        // An attempt that was begun before a crash may have reached its node.
        if (const auto begun = run->resolutions.find(step.key); begun != run->resolutions.end())
            ended_step.result.resolution = begun->second;
    } else if (!workflow::is_wanted(step, run->context)) {
        outcome.ok = true;
        outcome.skipped = true;
        outcome.started_us = outcome.finished_us = started_us;
    } else if (!run->model->stays && !may_begin(run, step, ended_step.result)) {
        outcome.started_us = outcome.finished_us = started_us;
    } else {
        recorder_.line(
            *run,
            "info",
            step.stage,
            step.operation,
            (step.item ? "for " + workflow::item_text(*step.item) + ": begins" : "begins") +
                (step.attempt == 1 ? "" : ", attempt " + std::to_string(step.attempt)));
        ended_step.result = caller_.call(*run, step, started_us);
        outcome.started_us = started_us;
        const std::scoped_lock lock(run->mutex);
        outcome.finished_us = std::max(host_.wall_us(), started_us);
        run->running_key.clear();
        run->live = {};
        run->state.cancel_us = run->cancel_us;
        run->state.cancel_reason = run->cancel_reason;
    }
    if (quiescing_ && !outcome.ok && run->state.cancel_us == 0) {
        // It may have failed only because this host stops: the intent stays, the successor repeats
        // it.
        let_go(run);
        return false;
    }
    outcome.called = !ended_step.result.resolution.empty();
    run->waited = false;
    ++run->attempts_made;
    auto facts = workflow::step_ended(*run->model, run->state, step, outcome);
    if (!facts) {
        drop(run, facts.error());
        return false;
    }
    recorder_.line(
        *run,
        outcome.ok ? "info" : "warn",
        step.stage,
        step.operation,
        outcome.skipped                        ? "skipped: its `when` does not hold"
        : outcome.ok && !step.question.empty() ? "the rollback goes on"
        : outcome.ok
            ? "done in " + std::to_string((outcome.finished_us - outcome.started_us) / 1000) + " ms"
            : "failed: " + outcome.code + ": " + outcome.message);
    return write(run, *facts, &ended_step);
}

bool Engine::write(const RunPtr& run, const workflow::Facts& facts, const EndedStep* ended) {
    const auto running =
        running_of(run->row.workflow) - (run->state.ended() && run->counts ? 1 : 0);
    if (auto ok = recorder_.write(*run, facts, ended, running); !ok) {
        drop(run, ok.error());
        return false;
    }
    waiters_.notify(run->row.workflow_id);
    return true;
}

std::int64_t Engine::running_of(const std::string& workflow) {
    const std::scoped_lock lock(mutex_);
    return std::ranges::count_if(active_, [&](const auto& entry) {
        const auto& run = *entry.second;
        return run.counts && !run.is_elsewhere && run.row.workflow == workflow;
    });
}

void Engine::ended(const RunPtr& run) {
    recorder_.flush(*run);
    const auto& row = run->row;
    host_.log(row.success ? LogLevel::info : LogLevel::warn,
              "the run " + row.workflow_id + " ended in " + row.state +
                  (row.error_code.empty() ? "" : ": " + row.error_code + ": " + row.error_message),
              row.correlation_id);
    {
        const std::scoped_lock lock(mutex_);
        refused_.erase(run->row.workflow_id);
        leave(*run);
    }
    waiters_.notify(run->row.workflow_id);
    begin_queued(run->row.workflow);
}

void Engine::begin_queued(const std::string& workflow) {
    RunPtr next;
    {
        const std::scoped_lock lock(mutex_);
        const auto found = std::ranges::find_if(
            queue_, [&](const auto& run) { return run->row.workflow == workflow; });
        if (found == queue_.end() || running_[workflow] >= (*found)->model->concurrent_max) return;
        next = *found;
        queue_.erase(found);
        ++running_[workflow];
        next->counts = true;
    }
    drive(next);
}

void Engine::leave(Run& run) {
    active_.erase(run.row.workflow_id);
    if (std::exchange(run.counts, false)) --running_[run.row.workflow];
}

void Engine::let_go(const RunPtr& run) {
    recorder_.flush(*run);
    if (auto ok = rows_.release(run->row.workflow_id, config_.claim); !ok) {
        host_.log(LogLevel::warn,
                  "the claim on the run " + run->row.workflow_id +
                      " could not be given back: " + ok.error().message);
    }
    const std::scoped_lock lock(mutex_);
    leave(*run);
}

void Engine::drop(const RunPtr& run, const Error& why) {
    // What is stored is the truth: the next tick takes the run up from there, under the same keys.
    host_.log(
        LogLevel::error,
        "the run " + run->row.workflow_id + " is taken up again from the store: " + why.message,
        run->row.correlation_id);
    // A store that fails for a while is waited for; what it refuses, it would refuse for ever.
    const auto status = why.status();
    const bool passes =
        status == Status::unavailable || status == Status::timeout || status == Status::exhausted;
    {
        const std::scoped_lock lock(mutex_);
        if (!passes) ++refused_[run->row.workflow_id];
    }
    if (quiescing_) return let_go(run);  // This generation takes nothing up again.
    {
        const std::scoped_lock lock(mutex_);
        leave(*run);
    }
    begin_queued(run->row.workflow);
}

}  // namespace onex::orchestrator
