#include "plugins/orchestrator/recorder.hpp"

#include "plugins/lib/workflow/facts.hpp"
#include "plugins/lib/workflow/outputs.hpp"

#include <algorithm>

namespace onex::orchestrator {
namespace {

constexpr int kTriesMax = 3;
constexpr std::size_t kLinesAtOnce = 500;

std::string checks_text(const workflow::Checks& checks) {
    json::object out;
    for (const auto& [name, score] : checks)
        out[name] = score;
    return json::serialize(out);
}

}  // namespace

Result<void> Recorder::write(Run& run,
                             const workflow::Facts& facts,
                             const EndedStep* ended,
                             std::int64_t running) {
    if (ended && ended->result.outcome.ok) {
        static const std::map<std::string, std::string> kNoRenames;
        const auto* spec = ended->step.spec;
        workflow::merge_output(run.context, ended->result.output, spec ? spec->as : kNoRenames);
    }
    tell(run, facts);
    Result<void> done;
    for (int i = 0; i < kTriesMax; ++i) {
        done = write_once(run, facts, ended);
        if (done || done.error().code == "FAILED_PRECONDITION") break;
    }
    if (!done) return done;
    for (const auto& fact : facts) {
        metrics_.move(
            *run.model,
            workflow::movements(
                *run.model, run.state, fact, {run.context, run.row.workflow_id, running}));
    }
    return {};
}

Result<void> Recorder::write_once(Run& run, const workflow::Facts& facts, const EndedStep* ended) {
    auto tx = rows_.begin();
    if (!tx) return std::unexpected(std::move(tx).error());
    if (ended) {
        if (auto ok = write_step(*tx, run, *ended); !ok) return ok;
    }
    if (auto ok = write_facts(*tx, run, facts); !ok) return ok;
    if (run.state.ended()) {
        if (auto ok = write_end(*tx, run); !ok) return ok;
    }
    run.row.state = run.state.state;
    run.row.context = json::serialize(run.context);
    run.row.started_us = run.state.started_us;
    run.row.finished_us = run.state.finished_us;
    run.row.success = run.state.ended() && !run.state.failure;
    if (run.state.failure) {
        run.row.error_code = run.state.failure->code;
        run.row.error_message = run.state.failure->message;
    }
    if (auto ok = RunRows::update(*tx, run.row, run.state.ended()); !ok) return ok;
    auto lines = run.log.take();
    const auto store = [&]() -> Result<void> {
        for (std::size_t i = 0; i < lines.size(); ++i) {
            if (auto ok = RunRows::log(*tx, run.row.workflow_id, lines[i]); !ok) return ok;
        }
        return tx->commit();
    };
    auto done = store();
    if (!done) run.log.put_back(std::move(lines));
    return done;
}

Result<void> Recorder::write_step(Tx& tx, const Run& run, const EndedStep& ended) const {
    const auto& outcome = ended.result.outcome;
    StepRow row;
    row.key = ended.step.key;
    row.stage = ended.step.stage;
    row.operation = ended.step.operation;
    row.number = run.attempts_made;
    row.attempt = ended.step.attempt;
    row.state = outcome.skipped ? "skipped" : outcome.ok ? "done" : "failed";
    row.resolution = ended.result.resolution;
    row.error_code = outcome.code;
    row.error_message = outcome.message;
    row.checks = checks_text(outcome.checks);
    row.started_us = outcome.started_us;
    row.finished_us = outcome.finished_us;
    row.moving_ms = outcome.moving_ms;
    const auto output = json::serialize(ended.result.output);
    const auto bytes = static_cast<std::int64_t>(ended.result.bytes);
    if (auto ok = RunRows::end_step(tx, run.row.workflow_id, row, output, bytes); !ok) return ok;
    for (const auto& artifact : ended.result.artifacts) {
        if (auto ok = RunRows::artifact(tx, run.row.workflow_id, artifact, outcome.finished_us);
            !ok)
            return ok;
    }
    return {};
}

Result<void> Recorder::write_facts(Tx& tx, const Run& run, const workflow::Facts& facts) const {
    const auto now_us = host_.wall_us();
    std::int64_t place = 0;
    for (const auto& fact : facts) {
        if (fact.kind == workflow::Fact::Kind::transition) {
            json::object data{{"workflow", run.row.workflow}};
            if (run.state.failure) data["error_code"] = run.state.failure->code;
            // Several transitions of one moment keep their order by the microsecond.
            if (auto ok = RunRows::transition(tx,
                                              run.row.workflow_id,
                                              fact,
                                              host_.uuid(),
                                              json::serialize(data),
                                              now_us + place++);
                !ok) {
                return ok;
            }
        }
        const auto name = workflow::event_for(*run.model, fact.kind);
        if (name.type.empty()) continue;
        Event event;
        event.type = name.type;
        event.topic = name.topic;
        event.key = run.row.workflow_id;
        event.correlation_id = run.row.correlation_id;
        event.workflow_id = run.row.workflow_id;
        event.payload =
            json::serialize(workflow::payload_of(run.state, fact, run.input, run.row.workflow_id));
        if (auto id = host_.publish(event, &tx); !id) return std::unexpected(std::move(id).error());
    }
    return {};
}

Result<void> Recorder::write_end(Tx& tx, Run& run) const {
    const auto& id = run.row.workflow_id;
    workflow::merge_output(run.context,
                           workflow::engine_outputs(run.state, id, run.state.finished_us));
    const json::object report{{"workflow", run.row.workflow},
                              {"workflow_id", id},
                              {"state", run.state.state},
                              {"output", workflow::fill_output(*run.model, run.context)},
                              {"stages", workflow::stage_report(run.state, run.state.finished_us)},
                              {"gates", workflow::gate_report(run.state)}};
    // The engine writes the artifacts that are called a report; they tell what no single operation
    // knows.
    for (const auto& stage : run.model->stages) {
        for (const auto& name : stage.artifacts) {
            if (!name.ends_with("_report.json")) continue;
            if (auto ok = RunRows::artifact(
                    tx, id, {name, json::serialize(report)}, run.state.finished_us);
                !ok) {
                return ok;
            }
        }
    }
    return RunRows::forget_secrets(tx, id);
}

void Recorder::tell(Run& run, const workflow::Facts& facts) const {
    using Kind = workflow::Fact::Kind;
    for (const auto& fact : facts) {
        switch (fact.kind) {
            case Kind::transition:
                line(run, "info", "", "", fact.from + " -> " + fact.to);
                break;
            case Kind::stage_completed:
                line(run,
                     "info",
                     fact.stage,
                     "",
                     "stage completed in " + std::to_string(fact.duration_ms) + " ms");
                break;
            case Kind::stage_skipped:
                line(run, "info", fact.stage, "", "stage skipped");
                break;
            case Kind::gate_scored:
                if (!fact.gate.passed)
                    line(run,
                         fact.gate.stops() ? "error" : "warn",
                         fact.stage,
                         "",
                         gate_miss(fact.gate));
                break;
            case Kind::warning:
                line(run, "warn", fact.stage, "", fact.text);
                break;
            case Kind::rollback_initiated:
            case Kind::failed:
                if (run.state.failure) {
                    line(run,
                         "error",
                         run.state.failure->stage,
                         run.state.failure->operation,
                         run.state.failure->code + ": " + run.state.failure->message);
                }
                break;
            case Kind::started:
            case Kind::completed:
            case Kind::rollback_completed:
            case Kind::handed_over:
                break;
        }
    }
}

void Recorder::line(Run& run,
                    std::string_view level,
                    std::string_view stage,
                    std::string_view operation,
                    std::string_view text) const {
    const bool first = run.log.add({0,
                                    host_.wall_us(),
                                    std::string(stage),
                                    std::string(operation),
                                    std::string(level),
                                    std::string(text)});
    if (first && on_first_line) on_first_line(run);
}

void Recorder::flush(Run& run) const {
    // Lines are taken inside of the transaction that stores them: a reader who goes on after the
    // last line it saw must never find an earlier one that was committed later.
    while (run.log.has_lines()) {
        auto tx = rows_.begin();
        if (!tx) return;
        auto lines = run.log.take(kLinesAtOnce);
        bool stored = true;
        for (std::size_t i = 0; stored && i < lines.size(); ++i)
            stored = RunRows::log(*tx, run.row.workflow_id, lines[i]).has_value();
        if (stored) stored = tx->commit().has_value();
        if (!stored) return run.log.put_back(std::move(lines));
    }
}

}  // namespace onex::orchestrator
