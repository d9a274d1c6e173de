#include "plugins/orchestrator/engine.hpp"

#include <algorithm>
#include <utility>

namespace onex::orchestrator {
namespace {

constexpr std::int64_t kTimeoutDefaultMs = 30 * 60'000;
constexpr std::int64_t kTimeoutMaxMs = 24 * 3'600'000;
constexpr std::int64_t kTickMs = 500;

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = text[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex) return false;
    }
    return true;
}

/// The inputs that the engine itself understands, whether a contract declares them or not.
bool is_reserved(const workflow::Model& model, std::string_view name) {
    if (name == "workflow_id" || name == "rollback_on_failure") return true;
    return std::ranges::any_of(model.stages,
                               [&](const auto& stage) { return name == "skip_" + stage.name; });
}

Result<void> check_reserved(const std::string& name, const json::value& value) {
    if (name == "workflow_id") {
        if (value.is_string() && is_uuid(std::string_view(value.get_string()))) return {};
        return fail("VALIDATION_ERROR", "workflow_id must be a UUID");
    }
    if (value.is_bool()) return {};
    return fail("VALIDATION_ERROR", name + " must be true or false");
}

}  // namespace

Engine::Engine(const Host& host, EngineConfig config, Contracts& contracts, Waiters& waiters)
    : host_(host),
      config_(std::move(config)),
      contracts_(contracts),
      waiters_(waiters),
      rows_(host),
      metrics_(host),
      recorder_(host, rows_, metrics_),
      caller_(host,
              rows_,
              [this](Run& run, auto level, const workflow::Step& step, auto text) {
                  recorder_.line(run, level, step.stage, step.operation, text);
              }),
      renewals_(host,
                [this](const std::string& id, const std::string& why) { (void)cancel(id, why); }),
      handover_(host, rows_) {
    recorder_.on_first_line = [this](Run& run) {
        constexpr std::int64_t kFlushMs = 150;
        const auto id = run.row.workflow_id;
        // Without a task the lines wait for the next write; none is lost.
        (void)host_.after(kFlushMs, [this, id] {
            flush_log(id);
            waiters_.notify(id);
        });
    };
}

Result<void> Engine::start() {
    auto task = host_.every(kTickMs, [this] { tick(); });
    if (!task) return std::unexpected(std::move(task).error());
    tick_task_ = *task;
    auto first = host_.post([this] { adopt_left_runs(); });
    if (!first) return std::unexpected(std::move(first).error());
    return {};
}

void Engine::quiesce() {
    quiescing_ = true;
    std::vector<RunPtr> idle;
    {
        const std::scoped_lock lock(mutex_);
        idle.assign(queue_.begin(), queue_.end());
        queue_.clear();
        idle.insert(idle.end(), stalled_.begin(), stalled_.end());
        stalled_.clear();
        for (const auto& [id, run] : active_) {
            if (wake(*run)) idle.push_back(run);
        }
    }
    for (const auto& run : idle)
        let_go(run);
}

void Engine::resume() {
    quiescing_ = false;
}

void Engine::stop() {
    quiescing_ = true;
    if (tick_task_) host_.cancel(tick_task_);
    waiters_.close();
    // Whatever could not be given back before, a successor is not to take for somebody's.
    if (auto ok = rows_.release("", config_.claim); !ok)
        host_.log(LogLevel::warn, "claims could not be given back: " + ok.error().message);
}

RunPtr Engine::find(std::string_view workflow_id) {
    const std::scoped_lock lock(mutex_);
    const auto found = active_.find(workflow_id);
    return found == active_.end() ? nullptr : found->second;
}

Result<json::object> Engine::check_input(const workflow::Model& model, json::object input) const {
    // What a contract does not declare is kept from its schema, which may refuse further
    // properties.
    json::object reserved;
    for (const auto& member : json::object(input)) {
        const std::string name(member.key());
        if (!is_reserved(model, name)) continue;
        if (auto ok = check_reserved(name, member.value()); !ok)
            return std::unexpected(std::move(ok).error());
        if (workflow::names_property(model.input_schema, name)) continue;
        reserved[name] = member.value();
        input.erase(name);
    }
    if (auto ok = workflow::check_names(model, input); !ok)
        return std::unexpected(std::move(ok).error());
    auto checked = host_.check(json::serialize(model.input_schema), json::serialize(input));
    if (!checked) return std::unexpected(std::move(checked).error());
    auto filled = parse_object(*checked);
    if (!filled) return filled;
    for (auto& member : reserved)
        (*filled)[member.key()] = member.value();
    return filled;
}

Result<std::optional<Ticket>> Engine::joined(const Submission& submission,
                                             const std::string& id,
                                             const json::object& input,
                                             std::vector<workflow::Secret> secrets) {
    auto row = rows_.run(id);
    if (!row) return std::unexpected(std::move(row).error());
    if (!*row) return std::nullopt;
    const auto stored = rows_.secrets(id);
    if (!stored) return std::unexpected(stored.error());
    if (stored->empty()) secrets.clear();  // Forgotten with the run's end: nothing to compare with.
    const auto before = parse_object((*row)->input);
    const bool same =
        before && (*row)->workflow == submission.contract.model->name &&
        workflow::without_ids(*before, *stored) == workflow::without_ids(input, secrets);
    if (!same) {
        return fail("CONFLICT",
                    "the workflow_id " + id + " belongs to a run with another input; leave it out");
    }
    return Ticket{std::move(**row), place_in_queue(id)};
}

Result<Ticket> Engine::submit(Submission submission) {
    const auto& model = *submission.contract.model;
    if (submission.timeout_ms < 0 || submission.timeout_ms > kTimeoutMaxMs) {
        return fail(
            "VALIDATION_ERROR",
            "timeout_ms is " + std::to_string(submission.timeout_ms) + "; expected 0..86400000");
    }
    auto checked = check_input(model, std::move(submission.input));
    if (!checked) return std::unexpected(std::move(checked).error());
    auto input = std::move(*checked);
    auto id = get_text(input, "workflow_id");
    const bool id_given = !id.empty();
    if (!id_given) id = host_.uuid();
    for (char& c : id) {
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    }
    input["workflow_id"] = id;
    const auto secrets =
        workflow::take_secrets(input, model.redact_fields, [&] { return host_.uuid(); });
    if (id_given) {
        auto earlier = joined(submission, id, input, secrets);
        if (!earlier) return std::unexpected(std::move(earlier).error());
        if (*earlier) return std::move(**earlier);
    }

    auto run = std::make_shared<Run>();
    run->model = submission.contract.model;
    run->input = input;
    run->context = input;
    run->context["deployment_id"] = id;
    auto& row = run->row;
    row.workflow_id = id;
    row.workflow = model.name;
    row.contract_text = submission.contract.text;
    row.contract_digest = submission.contract.digest;
    row.host_id = config_.host_id;
    row.state = model.fsm.initial();
    row.context = json::serialize(run->context);
    row.input = json::serialize(input);
    row.target = workflow::target_of(model, input);
    row.subject = workflow::subject_of(model, input);
    row.queued_us = host_.wall_us();
    row.correlation_id = submission.correlation_id;
    row.timeout_ms = submission.timeout_ms > 0 ? submission.timeout_ms : kTimeoutDefaultMs;
    run->state = workflow::make_run(model, input, row.timeout_ms);
    {
        const std::scoped_lock lock(mutex_);
        if (running_[model.name] >= model.concurrent_max && queue_.size() >= config_.queue_max) {
            return fail("QUEUE_FULL",
                        std::to_string(queue_.size()) + " runs wait already; try again later");
        }
        // Known before it is stored, so that nobody takes it for one that was left. A generation
        // that goes claims no more runs: its successor takes up what is nobody's.
        if (!quiescing_) {
            row.claimed_by = config_.claim;
            if (!active_.emplace(id, run).second)
                return fail("CONFLICT", "the run " + id + " is being started");
        }
    }
    if (auto ok = store_new(run, secrets); !ok) {
        const std::scoped_lock lock(mutex_);
        active_.erase(id);
        return std::unexpected(std::move(ok).error());
    }
    const auto stored = row;  // The driver may write to it from now on.
    if (!stored.claimed_by.empty()) admit(run, false);
    return Ticket{stored, place_in_queue(id)};
}

Result<void> Engine::store_new(const RunPtr& run, const std::vector<workflow::Secret>& secrets) {
    auto tx = rows_.begin();
    if (!tx) return std::unexpected(std::move(tx).error());
    auto inserted = RunRows::insert(*tx, run->row);
    if (!inserted) return std::unexpected(std::move(inserted).error());
    if (!*inserted)
        return fail("CONFLICT", "the workflow_id " + run->row.workflow_id + " exists already");
    for (const auto& secret : secrets) {
        if (auto ok = RunRows::secret(*tx, run->row.workflow_id, secret, run->row.queued_us); !ok)
            return ok;
    }
    return tx->commit();
}

void Engine::admit(const RunPtr& run, bool has_begun) {
    bool goes = false;
    {
        const std::scoped_lock lock(mutex_);
        auto& running = running_[run->row.workflow];
        goes = quiescing_;  // quiesce() has looked into the queue already.
        if (!goes && !has_begun && running >= run->model->concurrent_max) {
            queue_.push_back(run);
            return;
        }
        if (!goes) ++running;
        run->counts = !goes;
    }
    if (goes) return let_go(run);
    drive(run);
}

std::size_t Engine::place_in_queue(std::string_view workflow_id) {
    const std::scoped_lock lock(mutex_);
    const auto found = std::ranges::find_if(
        queue_, [&](const auto& run) { return run->row.workflow_id == workflow_id; });
    if (found == queue_.end()) return 0;
    return 1 + static_cast<std::size_t>(std::count_if(queue_.begin(), found, [&](const auto& run) {
               return run->row.workflow == (*found)->row.workflow;
           }));
}

Result<RunRow> Engine::cancel(std::string_view workflow_id, std::string reason) {
    auto stored = rows_.run(workflow_id);
    if (!stored) return std::unexpected(std::move(stored).error());
    if (!*stored) return fail("NOT_FOUND", "no run " + std::string(workflow_id.substr(0, 64)));
    auto& row = **stored;
    if (row.finished_us > 0) {
        return fail("CONFLICT", "the run " + row.workflow_id + " has ended already: " + row.state);
    }
    if (row.host_id != config_.host_id) {
        return fail("FAILED_PRECONDITION",
                    "the run " + row.workflow_id + " belongs to the host " + row.host_id +
                        "; cancel it there");
    }
    auto run = find(workflow_id);
    auto now_us = host_.wall_us();
    if (run) hear_cancel(*run, now_us, reason);
    auto requested = rows_.request_cancel(workflow_id, reason, now_us);
    if (!requested) return std::unexpected(std::move(requested).error());
    // Whoever takes it up after this finds the request; who did just now may not have.
    if (!run && (run = find(workflow_id))) hear_cancel(*run, now_us, reason);
    if (row.cancel_us == 0) row.cancel_us = now_us;
    if (row.handed_us > 0) {
        if (auto told = handover_.pass_cancel(row, reason); !told) {
            return fail(
                "UNAVAILABLE",
                "the host " + row.handed_to +
                    ", which has the run, does not answer; it is told as soon as it does: " +
                    told.error().message);
        }
    }
    if (!run) return row;
    bool queued = false;
    {
        const std::scoped_lock lock(mutex_);
        queued = std::erase(queue_, run) > 0;
    }
    if (queued) {
        cancel_in_queue(run);
        return row;
    }
    std::string running_key;
    {
        const std::scoped_lock lock(run->mutex);
        running_key = run->running_key;
    }
    if (!running_key.empty()) host_.cancel_call(running_key);
    if (wake(*run)) drive(run);
    return row;
}

Result<RunRow> Engine::approve(const std::string& workflow_id,
                               const std::string& approved_by,
                               const std::string& note) {
    auto stored = rows_.run(workflow_id);
    if (!stored) return std::unexpected(std::move(stored).error());
    if (!*stored) return fail("NOT_FOUND", "no run " + workflow_id.substr(0, 64));
    if ((*stored)->handed_us > 0 && (*stored)->finished_us == 0) {
        if (auto told = handover_.pass_approval(**stored, approved_by, note); !told)
            return std::unexpected(std::move(told).error());
        return std::move(**stored);
    }
    std::string key;
    if (const auto run = find(workflow_id)) {
        const std::scoped_lock lock(run->mutex);
        key = run->approval_key;
    }
    if (key.empty()) {
        return fail("FAILED_PRECONDITION",
                    "the run " + workflow_id + " waits for no approval; it is " + (*stored)->state);
    }
    auto tx = rows_.begin();
    if (!tx) return std::unexpected(std::move(tx).error());
    const auto now_us = host_.wall_us();
    const auto is_first = RunRows::approve(*tx, workflow_id, key, {approved_by, note}, now_us);
    if (!is_first) return std::unexpected(is_first.error());
    if (*is_first) {
        Event event;
        event.type = "WORKFLOW_APPROVED";
        event.key = (*stored)->subject;
        event.correlation_id = (*stored)->correlation_id;
        event.workflow_id = workflow_id;
        event.payload = json::serialize(json::object{{"workflow_id", workflow_id},
                                                     {"workflow", (*stored)->workflow},
                                                     {"step", key},
                                                     {"approved_by", approved_by},
                                                     {"note", note}});
        if (auto published = host_.publish(event, &*tx); !published)
            return std::unexpected(std::move(published).error());
    }
    if (auto done = tx->commit(); !done) return std::unexpected(std::move(done).error());
    return std::move(**stored);
}

void Engine::hear_cancel(Run& run, std::int64_t now_us, const std::string& reason) {
    const std::scoped_lock lock(run.mutex);
    if (run.cancel_us > 0) return;
    run.cancel_us = now_us;
    run.cancel_reason = reason;
}

void Engine::cancel_in_queue(const RunPtr& run) {
    {
        const std::scoped_lock lock(run->mutex);
        run->state.cancel_us = run->cancel_us;
        run->state.cancel_reason = run->cancel_reason;
    }
    auto facts = workflow::cancel_queued(*run->model, run->state, host_.wall_us());
    if (!facts) return drop(run, facts.error());
    if (write(run, *facts, nullptr)) ended(run);
}

std::optional<LiveRun> Engine::live(std::string_view workflow_id) {
    const auto run = find(workflow_id);
    if (!run) return std::nullopt;
    LiveRun out;
    out.queue_place = place_in_queue(workflow_id);
    const std::scoped_lock lock(run->mutex);
    out.progress = run->live;
    return out;
}

std::pair<std::size_t, std::size_t> Engine::load() {
    const std::scoped_lock lock(mutex_);
    return {active_.size() - std::min(active_.size(), queue_.size()), queue_.size()};
}

void Engine::flush_log(std::string_view workflow_id) {
    if (const auto run = find(workflow_id)) recorder_.flush(*run);
}

}  // namespace onex::orchestrator
