#include "plugins/orchestrator/handover.hpp"

#include "plugins/lib/workflow/data_flow.hpp"
#include "plugins/orchestrator/replayed.hpp"
#include "plugins/orchestrator/resolution.hpp"

#include <algorithm>

namespace onex::orchestrator {
namespace {

constexpr Wait kResolveWait{5'000, 0};
constexpr std::int64_t kOfferMs = 20'000;
constexpr std::int64_t kAskMs = 10'000;
constexpr std::int64_t kPassMs = 5'000;
constexpr std::int64_t kTellMs = 15'000;
constexpr std::int64_t kLinesAlong = 500;
constexpr std::int64_t kLinesAtOnce = 500;
constexpr std::size_t kArtifactsBytesMax = 16 << 20;

}  // namespace

std::string Handover::peer_of(const Run& run, const workflow::OperationSpec& spec) const {
    const auto answer = host_.resolve(run.row.target, spec.node, spec.on, spec.name, kResolveWait);
    const auto who =
        answer ? Resolution::parse(*answer) : Result<Resolution>(std::unexpected(answer.error()));
    return who ? who->target : std::string();
}

std::string Handover::destination(const Run& run) const {
    const auto& model = *run.model;
    if (run.row.target.empty() || run.state.phase != workflow::Phase::stages) return {};
    std::string peer;
    const auto belongs = [&](const workflow::OperationSpec& spec) {
        const auto here = peer_of(run, spec);
        if (here.empty() || (!peer.empty() && here != peer)) return false;
        peer = here;
        return true;
    };
    for (auto stage = run.state.stage; stage < model.stages.size(); ++stage) {
        if (run.state.skipped[stage]) continue;
        const auto& records = run.state.stages[stage].operations;
        for (auto i = stage == run.state.stage ? run.state.operation : 0; i < records.size(); ++i)
            if (!belongs(model.stages[stage].operations[records[i].spec])) return {};
    }
    if (model.rollback_operation.empty()) return peer;
    workflow::OperationSpec rollback;
    rollback.name = model.rollback_operation;
    return peer_of(run, rollback) == peer ? peer : std::string();
}

Result<bool> Handover::check_target(const Run& run) const {
    const auto& model = *run.model;
    const workflow::OperationSpec* last = nullptr;
    for (std::size_t i = 0; i < model.stages.size(); ++i) {
        if (!run.state.skipped[i] && !model.stages[i].operations.empty())
            last = &model.stages[i].operations.back();
    }
    if (run.row.target.empty() || !last) return true;
    const auto answer =
        host_.resolve(run.row.target, last->node, last->on, last->name, kResolveWait);
    if (!answer) {
        // A host that nobody has configured will not appear while the run waits; one that is down
        // may.
        if (answer.error().details.contains("unknown_peer")) return std::unexpected(answer.error());
        return false;
    }
    const auto who = Resolution::parse(*answer);
    if (!who || who->target.empty()) return true;
    const auto taker = host_.resolve(run.row.target, "", "target", "take_over_run", kResolveWait);
    if (taker) return true;
    if (taker.error().code != "OPERATION_NOT_FOUND") return false;
    return fail("FAILED_PRECONDITION",
                "the host " + who->target +
                    " has no orchestrator, which would end this run there; give it a node with "
                    "plugin = \"orchestrator\"");
}

Result<std::string> Handover::ask_owner(const RunRow& row,
                                        const char* operation,
                                        const json::object& input,
                                        std::int64_t timeout_ms) const {
    Call call;
    call.target = row.handed_to;
    call.operation = operation;
    call.input = json::serialize(input);
    call.correlation_id = row.correlation_id;
    call.timeout_ms = timeout_ms;
    return host_.call(std::move(call), {timeout_ms, 0});
}

Result<void> Handover::offer(const Run& run, std::vector<workflow::Secret> secrets) const {
    const auto& id = run.row.workflow_id;
    Parcel parcel;
    auto steps = rows_.steps(id);
    if (!steps) return std::unexpected(std::move(steps).error());
    const auto last = rows_.last_log_line(id);
    if (!last) return std::unexpected(last.error());
    auto lines = rows_.logs(id, std::max<std::int64_t>(0, *last - kLinesAlong), kLinesAlong);
    if (!lines) return std::unexpected(std::move(lines).error());
    parcel.run = run.row;
    parcel.run.context = json::serialize(run.context);
    parcel.run.started_us = run.state.started_us;
    parcel.run.cancel_us = run.state.cancel_us;
    parcel.run.cancel_reason = run.state.cancel_reason;
    parcel.steps = std::move(*steps);
    parcel.lines = std::move(*lines);
    parcel.secrets = std::move(secrets);
    parcel.taker = run.row.handed_to;
    parcel.now_us = host_.wall_us();
    const auto answer = ask_owner(run.row, "take_over_run", to_json(parcel), kOfferMs);
    if (!answer) return std::unexpected(answer.error());
    return {};
}

bool Handover::is_refusal(const Error& error) {
    switch (error.status()) {
        case Status::unavailable:
        case Status::timeout:
        case Status::cancelled:
        case Status::internal:
        case Status::exhausted:
            return false;
        default:
            return true;
    }
}

Result<News> Handover::ask(const Run& run) const {
    const auto answer = ask_owner(run.row,
                                  "follow_run",
                                  {{"workflow_id", run.row.workflow_id},
                                   {"after_line", run.followed.line},
                                   {"revision", run.followed.revision}},
                                  kAskMs);
    if (!answer) return std::unexpected(answer.error());
    const auto message = parse_object(*answer);
    if (!message) return std::unexpected(message.error());
    return read_news(*message, run.row.handed_to);
}

Result<void> Handover::store(Run& run, const News& news) const {
    const auto& id = run.row.workflow_id;
    auto row = run.row;
    row.state = news.run.state;
    row.context = news.run.context;
    row.error_code = news.run.error_code;
    row.error_message = news.run.error_message;
    const bool is_final = news.run.finished_us > 0 && !news.more_lines;
    row.finished_us = is_final ? news.run.finished_us : 0;
    row.success = is_final && news.run.success;
    auto tx = rows_.begin();
    if (!tx) return std::unexpected(std::move(tx).error());
    const auto written = [&]() -> Result<void> {
        for (const auto& step : news.steps) {
            const auto ok = step.state == "intent" ? RunRows::intent(*tx, id, step, "")
                                                   : RunRows::end_step(*tx, id, step, "", 0);
            if (!ok) return ok;
        }
        for (const auto& one : news.transitions)
            if (auto ok = RunRows::copy(*tx, id, one); !ok) return ok;
        for (const auto& one : news.events)
            if (auto ok = RunRows::copy(*tx, id, one); !ok) return ok;
        for (const auto& line : news.lines)
            if (auto ok = RunRows::log(*tx, id, line); !ok) return ok;
        for (const auto& one : news.artifacts)
            if (auto ok = RunRows::artifact(*tx, id, one, news.run.finished_us); !ok) return ok;
        if (is_final)
            if (auto ok = RunRows::forget_secrets(*tx, id); !ok) return ok;
        if (auto ok = RunRows::update(*tx, row, is_final); !ok) return ok;
        return tx->commit();
    };
    if (auto ok = written(); !ok) return ok;
    run.row.state = std::move(row.state);
    run.row.context = std::move(row.context);
    run.row.error_code = std::move(row.error_code);
    run.row.error_message = std::move(row.error_message);
    run.row.finished_us = row.finished_us;
    run.row.success = row.success;
    run.followed.revision = news.revision;
    if (!news.lines.empty()) run.followed.line = news.lines.back().line;
    return {};
}

Result<void> Handover::pass_cancel(const RunRow& row, const std::string& reason) const {
    const auto answer = ask_owner(
        row, "cancel_taken_run", {{"workflow_id", row.workflow_id}, {"reason", reason}}, kPassMs);
    if (!answer) return std::unexpected(answer.error());
    return {};
}

Result<void> Handover::pass_approval(const RunRow& row,
                                     const std::string& approved_by,
                                     const std::string& note) const {
    const auto answer =
        ask_owner(row,
                  "approve_taken_run",
                  {{"workflow_id", row.workflow_id}, {"approved_by", approved_by}, {"note", note}},
                  kPassMs);
    if (!answer) return std::unexpected(answer.error());
    return {};
}

void Handover::tell_own_nodes(const Run& run, const RunRow& end) const {
    const auto context = parse_object(end.context);
    const auto steps = rows_.steps(run.row.workflow_id);
    if (!steps) return;
    for (const auto& closer : closers_of(*steps)) {
        if (!closer.target.empty()) continue;
        const auto answer = host_.resolve("", closer.node, "", closer.operation, kResolveWait);
        const auto who = answer ? Resolution::parse(*answer)
                                : Result<Resolution>(std::unexpected(answer.error()));
        if (!who) continue;
        auto told = context.value_or(json::object{});
        told["workflow_id"] = end.workflow_id;
        told["success"] = end.success;
        told["state"] = end.state;
        auto input = workflow::project(told, who->input, {});
        input["run"] = json::object{{"workflow_id", end.workflow_id}};
        Call call;
        call.node = who->node;
        call.operation = who->operation;
        call.input = json::serialize(input);
        call.correlation_id = end.correlation_id;
        call.timeout_ms = kTellMs;
        if (const auto ok = host_.call(std::move(call), {kTellMs, 0}); !ok) {
            host_.log(
                LogLevel::warn,
                closer.operation + " after the run " + end.workflow_id + ": " + ok.error().message,
                end.correlation_id);
        }
    }
}

Result<bool> Handover::take(Parcel parcel, const workflow::Model& model) const {
    auto& row = parcel.run;
    const auto before = rows_.run(row.workflow_id);
    if (!before) return std::unexpected(before.error());
    if (*before) {
        if ((*before)->came_from == row.came_from) return false;
        return fail("CONFLICT", "the workflow_id " + row.workflow_id + " belongs to another run");
    }
    const auto input = parse_object(row.input);
    if (!input) return std::unexpected(input.error());
    row.target.clear();  // It is this host.
    row.handed_step = 0;
    for (auto& step : parcel.steps) {
        if (step.state != "intent") row.handed_step = std::max(row.handed_step, step.number);
    }
    if (const auto state = replayed(model, row, *input, parcel.steps); !state)
        return fail("VALIDATION_ERROR",
                    "the steps do not belong to the contract: " + state.error().message);
    auto tx = rows_.begin();
    if (!tx) return std::unexpected(std::move(tx).error());
    const auto inserted = RunRows::insert(*tx, row);
    if (!inserted) return std::unexpected(inserted.error());
    if (!*inserted) return fail("UNAVAILABLE", "the run is being taken over; ask again");
    const auto written = [&]() -> Result<void> {
        for (const auto& step : parcel.steps) {
            // What was only begun is begun again here, and resolved here.
            if (step.state == "intent") continue;
            if (auto ok = RunRows::end_step(*tx, row.workflow_id, step, "", 0); !ok) return ok;
        }
        for (const auto& line : parcel.lines)
            if (auto ok = RunRows::log(*tx, row.workflow_id, line); !ok) return ok;
        for (const auto& secret : parcel.secrets)
            if (auto ok = RunRows::secret(*tx, row.workflow_id, secret, row.queued_us); !ok)
                return ok;
        return tx->commit();
    };
    if (auto ok = written(); !ok) return std::unexpected(std::move(ok).error());
    return true;
}

Result<News> Handover::news(const RunRow& run,
                            std::int64_t after_line,
                            const std::string& revision) const {
    const auto& id = run.workflow_id;
    News news;
    auto steps = rows_.steps(id);
    if (!steps) return std::unexpected(std::move(steps).error());
    const auto last_line = rows_.last_log_line(id);
    if (!last_line) return std::unexpected(last_line.error());
    news.revision = std::to_string(*last_line) + '/' + std::to_string(steps->size()) + '/' +
                    (steps->empty() ? "" : steps->back().state) + '/' + run.state + '/' +
                    std::to_string(run.finished_us) + '/' + std::to_string(run.cancel_us);
    news.changed = news.revision != revision || after_line < *last_line;
    if (!news.changed) return news;
    news.run = run;
    std::erase_if(*steps, [&](const auto& step) { return step.number <= run.handed_step; });
    news.steps = std::move(*steps);
    auto transitions = rows_.transitions(id);
    if (!transitions) return std::unexpected(std::move(transitions).error());
    news.transitions = std::move(*transitions);
    auto events = rows_.events(id);
    if (!events) return std::unexpected(std::move(events).error());
    news.events = std::move(*events);
    auto lines = rows_.logs(id, after_line, kLinesAtOnce);
    if (!lines) return std::unexpected(std::move(lines).error());
    news.lines = std::move(*lines);
    news.more_lines = !news.lines.empty() && news.lines.back().line < *last_line;
    if (run.finished_us == 0 || news.more_lines) return news;
    const auto names = rows_.artifact_names(id);
    if (!names) return std::unexpected(names.error());
    std::size_t bytes = 0;
    for (const auto& name : *names) {
        auto one = rows_.artifact(id, name);
        if (!one) return std::unexpected(std::move(one).error());
        if (!*one || (bytes += (*one)->content.size()) > kArtifactsBytesMax) continue;
        news.artifacts.push_back({name, std::move((*one)->content)});
    }
    return news;
}

}  // namespace onex::orchestrator
