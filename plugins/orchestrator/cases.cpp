#include "plugins/orchestrator/cases.hpp"

#include "plugins/lib/workflow/data_flow.hpp"
#include "plugins/orchestrator/replayed.hpp"
#include "plugins/orchestrator/report.hpp"
#include "plugins/orchestrator/resolution.hpp"

#include <algorithm>
#include <vector>

namespace onex::orchestrator {
namespace {

constexpr std::int64_t kTellMs = 15'000;
constexpr Wait kResolveWait{5'000, 0};

Result<CaseRow> store(const Host& host,
                      const RunRows& rows,
                      const RunRow& run,
                      const std::string& resolved_as,
                      const std::string& note) {
    const auto before = rows.resolved_case(run.workflow_id);
    if (!before) return std::unexpected(before.error());
    if (*before && (*before)->resolved_as == resolved_as) return **before;
    const auto conflict = [&] {
        return fail("CONFLICT",
                    "the case of the run " + run.workflow_id + " was resolved before" +
                        (*before ? ", as " + (*before)->resolved_as : std::string()));
    };
    if (*before) return conflict();
    CaseRow how{resolved_as, note, host.wall_us()};
    auto tx = rows.begin();
    if (!tx) return std::unexpected(std::move(tx).error());
    const auto is_first = RunRows::resolve_case(*tx, run.workflow_id, how);
    if (!is_first) return std::unexpected(is_first.error());
    if (!*is_first) return conflict();  // By somebody else, just now.
    Event event;
    event.type = "WORKFLOW_RESOLVED";
    event.key = run.subject;
    event.correlation_id = run.correlation_id;
    event.workflow_id = run.workflow_id;
    event.payload = json::serialize(json::object{{"workflow_id", run.workflow_id},
                                                 {"workflow", run.workflow},
                                                 {"error_code", run.error_code},
                                                 {"resolved_as", resolved_as},
                                                 {"note", note}});
    if (auto published = host.publish(event, &*tx); !published)
        return std::unexpected(std::move(published).error());
    if (auto done = tx->commit(); !done) return std::unexpected(std::move(done).error());
    return how;
}

/// Empty, or who could not be told and why.
std::string tell(const Host& host,
                 const RunRow& run,
                 const workflow::Closer& closer,
                 const std::string& resolved_as) {
    const auto name = closer.node + (closer.target.empty() ? "" : " on " + closer.target);
    const auto answer = host.resolve(closer.target,
                                     closer.node,
                                     closer.target.empty() ? "source" : "target",
                                     closer.operation,
                                     kResolveWait);
    const auto who =
        answer ? Resolution::parse(*answer) : Result<Resolution>(std::unexpected(answer.error()));
    if (!who) return name + ": " + who.error().message;
    auto context = parse_object(run.context).value_or(json::object{});
    context["workflow_id"] = run.workflow_id;
    context["success"] = false;
    context["state"] = run.state;
    context["resolved_as"] = resolved_as;
    auto input = workflow::project(context, who->input, {});
    input["run"] = json::object{{"workflow_id", run.workflow_id}};
    Call call;
    call.target = who->target;
    call.node = who->node;
    call.operation = who->operation;
    call.input = json::serialize(input);
    call.correlation_id = run.correlation_id;
    call.timeout_ms = kTellMs;
    const auto told = host.call(std::move(call), {kTellMs, 0});
    return told ? std::string() : name + ": " + told.error().message;
}

}  // namespace

Result<json::object> resolve_case(const Host& host,
                                  const RunRows& rows,
                                  const std::string& workflow_id,
                                  const std::string& resolved_as,
                                  const std::string& note) {
    const auto run = rows.run(workflow_id);
    if (!run) return std::unexpected(run.error());
    if (!*run) return fail("NOT_FOUND", "no run " + workflow_id.substr(0, 64));
    if ((*run)->finished_us == 0) {
        return fail("FAILED_PRECONDITION",
                    "the run " + workflow_id + " goes on; cancel it, or wait for its end");
    }
    if ((*run)->success) {
        return fail("FAILED_PRECONDITION",
                    "the run " + workflow_id + " ended well; there is nothing to resolve");
    }
    const auto how = store(host, rows, **run, resolved_as, note);
    if (!how) return std::unexpected(how.error());
    const auto steps = rows.steps(workflow_id);
    if (!steps) return std::unexpected(steps.error());
    json::array not_told;
    for (const auto& closer : closers_of(*steps))
        if (const auto why = tell(host, **run, closer, how->resolved_as); !why.empty())
            not_told.emplace_back(why);
    return json::object{{"workflow_id", workflow_id},
                        {"resolved_as", how->resolved_as},
                        {"note", how->note},
                        {"resolved_at", iso_time(how->resolved_us)},
                        {"not_told", std::move(not_told)}};
}

}  // namespace onex::orchestrator
