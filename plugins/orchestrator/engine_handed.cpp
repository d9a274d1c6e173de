// Runs that go on at another host: they are offered to it, and followed from then on; and runs that
// came from another host.
#include "plugins/lib/workflow/facts.hpp"
#include "plugins/orchestrator/engine.hpp"

#include <algorithm>
#include <utility>

namespace onex::orchestrator {
namespace {

// The pause between two questions: short while something happens, longer when nothing does.
constexpr std::int64_t kAskAtOnceMs = 20;
constexpr std::int64_t kAskSoonMs = 50;
constexpr std::int64_t kAskIdleMs = 250;
constexpr std::int64_t kAskAgainMs = 1'000;
constexpr std::int64_t kAskAgainMaxMs = 5'000;
/// How long an offer without an answer, or an owner that is silent beyond the run's hard end, is
/// waited for.
constexpr std::int64_t kSilenceUs = 10LL * 60 * 1'000'000;
/// The same after a cancel.
constexpr std::int64_t kSilenceCancelledUs = 60LL * 1'000'000;

}  // namespace

bool Engine::hands_over(const RunPtr& run, const workflow::Step& step) {
    if (!step.spec || step.attempt != 1) return false;
    if (workflow::interruption(run->state, host_.wall_us())) return false;
    auto peer = handover_.destination(*run);
    if (peer.empty()) return false;
    // Its line is the last one of this host.
    recorder_.line(*run, "info", step.stage, "", "handed over to " + peer);
    recorder_.flush(*run);
    run->row.handed_to = std::move(peer);
    run->row.handed_step = run->attempts_made;
    if (auto ok = rows_.hand(run->row); !ok) {
        drop(run, ok.error());
    } else {
        offer(run);
    }
    return true;
}

bool Engine::may_begin(const RunPtr& run, const workflow::Step& step, CallResult& refusal) {
    if (run->target_checked || !step.spec) return true;
    auto settled = handover_.check_target(*run);
    if (settled) {
        run->target_checked = *settled;
        return true;
    }
    refusal.outcome.code = settled.error().code;
    refusal.outcome.message = settled.error().message;
    refusal.outcome.permanent = true;
    return false;
}

void Engine::offer(const RunPtr& run) {
    auto secrets = caller_.secrets(*run);
    const auto taken = secrets ? handover_.offer(*run, std::move(*secrets))
                               : Result<void>(std::unexpected(secrets.error()));
    if (taken) return handed(run);
    if (!secrets || Handover::is_refusal(taken.error())) return refused(run, taken.error());
    unheard(run, taken.error());
}

void Engine::handed(const RunPtr& run) {
    auto row = run->row;
    row.handed_us = host_.wall_us();
    if (auto ok = rows_.hand(row); !ok) return drop(run, ok.error());
    run->row.handed_us = row.handed_us;
    run->is_elsewhere = true;
    run->followed = {};
    const auto last = rows_.last_log_line(run->row.workflow_id);
    run->followed.line = last.value_or(0);
    const workflow::Fact fact{.kind = workflow::Fact::Kind::handed_over};
    metrics_.move(
        *run->model,
        workflow::movements(*run->model,
                            run->state,
                            fact,
                            {run->context, run->row.workflow_id, running_of(run->row.workflow)}));
    follow_in(run, kAskAtOnceMs);
}

void Engine::refused(const RunPtr& run, const Error& why) {
    run->row.handed_to.clear();
    if (auto ok = rows_.hand(run->row); !ok) return drop(run, ok.error());
    const auto decision = workflow::next(*run->model, run->state);
    EndedStep ended_step{decision.step, {}};
    auto& outcome = ended_step.result.outcome;
    outcome.code = why.code;
    outcome.message = "the target would not take the run over: " + why.message;
    outcome.permanent = true;
    outcome.started_us = outcome.finished_us = host_.wall_us();
    ++run->attempts_made;
    auto facts = workflow::step_ended(*run->model, run->state, decision.step, outcome);
    if (!facts) return drop(run, facts.error());
    if (write(run, *facts, &ended_step)) drive(run);
}

void Engine::follow(const RunPtr& run) {
    auto news = handover_.ask(*run);
    // Also "no such run" is no end: it may only not know us by this key.
    if (!news) return unheard(run, news.error());
    auto& followed = run->followed;
    followed.asked_us = 0;
    const bool is_final = news->changed && news->run.finished_us > 0 && !news->more_lines;
    if (is_final && !std::exchange(followed.own_nodes_told, true))
        handover_.tell_own_nodes(*run, news->run);
    if (news->changed) {
        if (auto ok = handover_.store(*run, *news); !ok) return drop(run, ok.error());
    }
    bool cancel_waits = false;
    std::string reason;
    {
        const std::scoped_lock lock(run->mutex);
        run->live = {news->done, news->total, std::move(news->text)};
        if (news->changed) followed.cancel_known = news->run.cancel_us > 0;
        cancel_waits = run->cancel_us > 0 && !followed.cancel_known;
        reason = run->cancel_reason;
    }
    if (news->changed) waiters_.notify(run->row.workflow_id);
    if (is_final) return ended(run);
    if (cancel_waits) (void)handover_.pass_cancel(run->row, reason);
    if (news->changed)
        followed.pause_ms = news->more_lines ? kAskAtOnceMs : kAskSoonMs;
    else
        followed.pause_ms = std::min(followed.pause_ms * 3 / 2 + 1, kAskIdleMs);
    follow_in(run, followed.pause_ms);
}

void Engine::follow_in(const RunPtr& run, std::int64_t delay_ms) {
    {
        const std::scoped_lock lock(run->mutex);
        run->waiting = true;
    }
    go_on_after(run, delay_ms);
}

void Engine::unheard(const RunPtr& run, const Error& why) {
    auto& followed = run->followed;
    const auto now_us = host_.wall_us();
    if (followed.asked_us == 0) {
        followed.asked_us = now_us;
        followed.pause_ms = 0;
        host_.log(LogLevel::warn,
                  "the run " + run->row.workflow_id + " waits for " + run->row.handed_to + ": " +
                      why.message,
                  run->row.correlation_id);
    }
    const bool is_offer = run->row.handed_us == 0;
    std::int64_t cancel_us = 0;
    {
        const std::scoped_lock lock(run->mutex);
        cancel_us = run->cancel_us;
        run->live = {
            0,
            0,
            run->row.handed_to +
                (is_offer ? ", which is to take the run over," : ", where the run goes on,") +
                " does not answer: " + why.message};
    }
    auto end_us = followed.asked_us + kSilenceUs;
    const auto hard_us = run->state.deadline_us();
    if (hard_us > 0) end_us = is_offer ? std::min(end_us, hard_us) : std::max(end_us, hard_us);
    if (cancel_us > 0)
        end_us = std::min(end_us, std::max(cancel_us, followed.asked_us) + kSilenceCancelledUs);
    if (now_us >= end_us) {
        return end_unheard(run,
                           "the host " + run->row.handed_to + " has not answered for " +
                               std::to_string((now_us - followed.asked_us) / 1'000'000) + " s; " +
                               (is_offer ? "whether it has taken the run over is not known: "
                                         : "how the run ended is told there: ") +
                               "onex-host status " + run->row.workflow_id);
    }
    followed.pause_ms = std::clamp(followed.pause_ms * 3 / 2, kAskAgainMs, kAskAgainMaxMs);
    follow_in(run, followed.pause_ms);
}

void Engine::end_unheard(const RunPtr& run, const std::string& message) {
    // Neither a rollback nor an end call may come from here: the other host may be at it.
    auto& state = run->state;
    workflow::Facts facts;
    facts.push_back({.kind = workflow::Fact::Kind::transition,
                     .from = run->row.state,
                     .to = run->model->fsm.spelled(workflow::kFailed)});
    facts.push_back({.kind = workflow::Fact::Kind::failed});
    const auto now_us = host_.wall_us();
    state.failure = workflow::RunFailure{"REMOTE_ENDPOINT_UNREACHABLE", message, "", ""};
    state.phase = workflow::Phase::ended;
    state.state = facts.front().to;
    state.finished_us = now_us;
    const auto last = rows_.last_log_line(run->row.workflow_id);
    if (last) run->log.resume(*last);
    if (write(run, facts, nullptr)) ended(run);
}

Result<void> Engine::take_over(Parcel parcel, const std::string& asker) {
    auto contract = contracts_.read(parcel.run.contract_text);
    if (!contract) return std::unexpected(std::move(contract).error());
    auto& row = parcel.run;
    if (contract->digest != row.contract_digest)
        return fail("VALIDATION_ERROR", "the contract's text and its digest do not fit");
    row.host_id = config_.host_id;
    // What a generation that goes is given, its successor takes up.
    const bool goes = quiescing_;
    row.claimed_by = goes ? "" : config_.claim;
    row.came_from = asker;
    const auto id = row.workflow_id;
    const auto is_new = handover_.take(std::move(parcel), *contract->model);
    if (!is_new) return std::unexpected(is_new.error());
    if (*is_new && !goes) adopt(id, config_.claim);
    return {};
}

Result<void> Engine::check_origin(const std::string& workflow_id, const std::string& asker) const {
    const auto row = rows_.run(workflow_id);
    if (!row) return std::unexpected(row.error());
    if (*row && !asker.empty() && (*row)->came_from == asker) return {};
    return fail("NOT_FOUND", "no run " + workflow_id.substr(0, 64) + " came from " + asker);
}

Result<News> Engine::news(const std::string& workflow_id,
                          std::int64_t after_line,
                          const std::string& revision,
                          const std::string& asker) {
    if (auto ok = check_origin(workflow_id, asker); !ok)
        return std::unexpected(std::move(ok).error());
    const auto run = find(workflow_id);
    if (run) {
        recorder_.flush(*run);
        const std::scoped_lock lock(run->mutex);
        run->heard_us = host_.monotonic_us();
    }
    // The row is read first: what is told beside it is at least as new.
    auto row = rows_.run(workflow_id);
    if (!row) return std::unexpected(std::move(row).error());
    if (!*row) return fail("NOT_FOUND", "no run " + workflow_id);
    auto news = handover_.news(**row, after_line, revision);
    if (!news || !run) return news;
    const std::scoped_lock lock(run->mutex);
    news->done = run->live.done;
    news->total = run->live.total;
    news->text = run->live.text;
    return news;
}

void Engine::look_for_orphans() {
    std::vector<std::string> lost;
    {
        const auto now_us = host_.monotonic_us();
        const std::scoped_lock lock(mutex_);
        for (const auto& [id, run] : active_) {
            if (run->row.came_from.empty() || !run->model->orphans_revert) continue;
            const std::scoped_lock run_lock(run->mutex);
            if (run->cancel_us == 0 && now_us - run->heard_us > config_.orphan_after_ms * 1000)
                lost.push_back(id);
        }
    }
    for (const auto& id : lost) {
        (void)cancel(id,
                     "the host that began it has not asked for it for " +
                         std::to_string(config_.orphan_after_ms) + " ms");
    }
}

}  // namespace onex::orchestrator
