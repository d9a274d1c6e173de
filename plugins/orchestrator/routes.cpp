// What the orchestrator offers over HTTP. The one place that knows what a deployment is called.
#include "plugins/orchestrator/cases.hpp"
#include "plugins/orchestrator/orchestrator.hpp"
#include "plugins/orchestrator/report.hpp"

#include <algorithm>
#include <utility>

namespace onex::orchestrator {
namespace {

constexpr std::string_view kDeployment = "deployment_workflow";
constexpr std::int64_t kLogWaitMsMax = 30'000;

Answer answer_of(const json::object& output, unsigned status = 0) {
    return {json::serialize(output), status};
}

std::string id_of(const json::object& input) {
    return get_text(input, "workflow_id");
}

std::unexpected<Error> no_run(const std::string& id) {
    return fail(
        "NOT_FOUND",
        "no run " + id.substr(0, 64) + "; the list of deployments names those that there are");
}

}  // namespace

void Orchestrator::add_operations() {
    const auto raw = [this](std::string name, auto method) {
        add(std::move(name), [method](Request& request) -> Result<Answer> {
            auto input = parse_object(request.input());
            if (!input) return std::unexpected(std::move(input).error());
            return method(request, std::move(*input));
        });
    };
    raw("start_workflow", [this](Request& request, json::object input) {
        auto contract = contracts_->find(get_text(input, "name"));
        input.erase("name");
        return start_run(request, std::move(contract), std::move(input), false);
    });
    raw("trigger_deployment", [this](Request& request, json::object input) {
        return start_run(request, contracts_->find(kDeployment), std::move(input), false);
    });
    raw("run_contract", [this](Request& request, json::object input) {
        auto contract = contracts_->read(get_text(input, "contract"));
        return start_run(request, std::move(contract), std::move(input), true);
    });
    raw("workflow_logs",
        [this](Request& request, const json::object& input) { return logs(request, input); });
    add_json("workflow_status",
             [this](Request&, const json::object& input) { return status(id_of(input)); });
    add_json("read_artifact",
             [this](Request&, const json::object& input) { return artifact(input); });
    add_json("list_workflows", [this](Request&, const json::object&) { return list_workflows(); });
    add_json("describe_workflow",
             [this](Request&, const json::object& input) { return describe_workflow(input); });
    add_json("list_deployments",
             [this](Request&, const json::object& input) { return list_deployments(input); });
    add_json("cancel_workflow",
             [this](Request&, const json::object& input) { return cancel(input); });
    add_json("approve_workflow", [this](Request& request, const json::object& input) {
        return approve(request, input);
    });
    add_json("resolve_workflow", [this](Request&, const json::object& input) {
        return resolve_case(
            host(), engine_->rows(), id_of(input), get_text(input, "as"), get_text(input, "note"));
    });
    add_json("workflow_health",
             [this](Request&, const json::object&) { return workflow_health(); });
    add_json("ask_health",
             [this](Request& request, const json::object& input) -> Result<json::object> {
                 if (!health_checks_) return fail("NOT_FOUND", "health_checks is false");
                 return health_checks_->answer(get_text(input, "id"), request.token());
             });
    add_peer_operations();
    add_json("health", [this](Request&, const json::object&) { return health(); });
}

Result<Answer> Orchestrator::start_run(Request& request,
                                       Result<Contract> contract,
                                       json::object input,
                                       bool is_wrapped) {
    if (!contract) return std::unexpected(std::move(contract).error());
    Engine::Submission submission;
    submission.contract = std::move(*contract);
    submission.timeout_ms = get_number(input, "timeout_ms");
    submission.correlation_id = request.correlation_id();
    const bool wait = get_bool(input, "wait");
    // `wait` and `timeout_ms` stand beside the run's input in one object, because they come in the
    // query.
    if (is_wrapped) {
        submission.input = get_object(input, "input");
    } else {
        input.erase("wait");
        input.erase("timeout_ms");
        submission.input = std::move(input);
    }
    auto ticket = engine_->submit(std::move(submission));
    if (!ticket) return std::unexpected(std::move(ticket).error());
    if (!wait) return answer_of(ticket_report(*ticket), 202);
    return wait_for_end(request, ticket->row.workflow_id);
}

Result<Answer> Orchestrator::wait_for_end(Request& request, const std::string& workflow_id) {
    // The host answers at the operation's deadline; the run goes on then.
    const auto deadline_us = host().wall_us() + request.timeout_ms() * 1000;
    waiters_->park(request.responder(),
                   workflow_id,
                   deadline_us,
                   [this, workflow_id](bool is_late) -> std::optional<Result<Answer>> {
                       if (auto answer = end_of(workflow_id)) return answer;
                       if (!is_late) return std::nullopt;
                       return fail("TIMEOUT",
                                   "the run " + workflow_id + " goes on; ask for its status");
                   });
    return Request::later();
}

std::optional<Result<Answer>> Orchestrator::end_of(const std::string& workflow_id) const {
    auto row = engine_->rows().run(workflow_id);
    if (!row || !*row || (*row)->finished_us == 0) return std::nullopt;
    const auto context = parse_object((*row)->context);
    const auto url = context ? get_text(*context, "deployed_url") : std::string();
    return answer_of({{"status", (*row)->success ? "success" : "failed"},
                      {"workflow_id", workflow_id},
                      {"deployment_id", workflow_id},
                      {"deployed_url", url},
                      {"duration_ms", run_duration_ms(**row, host().wall_us())}},
                     200);
}

Result<json::object> Orchestrator::status(const std::string& workflow_id) {
    auto row = engine_->rows().run(workflow_id);
    if (!row) return std::unexpected(std::move(row).error());
    if (!*row) return no_run(workflow_id);
    auto contract = contracts_->read((*row)->contract_text);
    if (!contract) return std::unexpected(std::move(contract).error());
    auto steps = engine_->rows().steps(workflow_id);
    if (!steps) return std::unexpected(std::move(steps).error());
    auto out = status_report(
        *contract->model, **row, *steps, engine_->live(workflow_id), host().wall_us());
    if (!out) return out;
    auto names = engine_->rows().artifact_names(workflow_id);
    json::array artifacts;
    for (const auto& name : names.value_or(std::vector<std::string>{}))
        artifacts.emplace_back(name);
    (*out)["artifacts"] = std::move(artifacts);
    if (const auto how = engine_->rows().resolved_case(workflow_id); how && *how) {
        (*out)["resolved"] = json::object{{"as", (*how)->resolved_as},
                                          {"note", (*how)->note},
                                          {"at", iso_time((*how)->resolved_us)}};
    }
    return out;
}

Result<Answer> Orchestrator::logs(Request& request, const json::object& input) {
    const auto id = id_of(input);
    const auto after = std::max<std::int64_t>(get_number(input, "after"), 0);
    const auto limit = std::clamp<std::int64_t>(get_number(input, "limit", 500), 1, 5000);
    const auto wait_ms = std::clamp<std::int64_t>(get_number(input, "wait_ms"), 0, kLogWaitMsMax);
    auto look = [this, id, after, limit](bool is_late) -> std::optional<Result<Answer>> {
        // The end is asked for first: what was written before it is read after it.
        auto row = engine_->rows().run(id);
        if (!row) return std::unexpected(std::move(row).error());
        if (!*row) return no_run(id);
        engine_->flush_log(id);
        auto lines = engine_->rows().logs(id, after, limit);
        if (!lines) return std::unexpected(std::move(lines).error());
        const bool has_ended = (*row)->finished_us > 0;
        if (lines->empty() && !has_ended && !is_late) return std::nullopt;
        const bool is_last = has_ended && static_cast<std::int64_t>(lines->size()) < limit;
        return answer_of(log_report(*lines, after, is_last));
    };
    if (wait_ms == 0) return *look(true);
    waiters_->park(request.responder(), id, host().wall_us() + wait_ms * 1000, std::move(look));
    return Request::later();
}

Result<json::object> Orchestrator::artifact(const json::object& input) {
    const auto id = id_of(input);
    const auto name = get_text(input, "name");
    auto found = engine_->rows().artifact(id, name);
    if (!found) return std::unexpected(std::move(found).error());
    if (!*found)
        return fail("NOT_FOUND", "the run " + id + " has no artifact " + name.substr(0, 64));
    return json::object{{"workflow_id", id},
                        {"name", name},
                        {"bytes", (*found)->bytes},
                        {"created_at", iso_time((*found)->created_us)},
                        {"content", (*found)->content}};
}

Result<json::object> Orchestrator::list_workflows() {
    json::array out;
    for (const auto& file : contracts_->list()) {
        json::object entry{{"name", file.name},
                           {"version", file.version},
                           {"description", file.description},
                           {"file", file.path},
                           {"valid", file.error.empty()}};
        if (!file.error.empty()) entry["error"] = file.error;
        out.push_back(std::move(entry));
    }
    return json::object{{"workflows", std::move(out)}};
}

Result<json::object> Orchestrator::describe_workflow(const json::object& input) {
    const auto contract = contracts_->find(get_text(input, "name"));
    if (!contract) return std::unexpected(contract.error());
    const auto& model = *contract->model;
    json::array stages;
    for (const auto& stage : model.stages) {
        json::array operations;
        for (const auto& operation : stage.operations)
            operations.emplace_back(operation.name);
        stages.push_back(json::object{{"name", stage.name}, {"operations", std::move(operations)}});
    }
    return json::object{{"name", model.name},
                        {"version", model.version},
                        {"description", model.description},
                        {"digest", contract->digest},
                        {"stages", std::move(stages)},
                        {"input", model.input_schema},
                        {"output", model.output_schema}};
}

Result<json::object> Orchestrator::list_deployments(const json::object& input) {
    const auto limit = std::clamp<std::int64_t>(get_number(input, "limit", 20), 1, 200);
    auto rows = engine_->rows().list(get_text(input, "name"), limit);
    if (!rows) return std::unexpected(std::move(rows).error());
    json::array out;
    for (const auto& row : *rows) {
        auto entry = list_entry(row, host().wall_us());
        const auto context = parse_object(row.context).value_or(json::object{});
        auto image = get_text(context, "image_ref");
        if (image.empty()) image = get_text(context, "image");
        if (image.empty()) image = get_text(context, "image_tag");
        entry["image"] = image;
        entry["deployed_url"] = get_text(context, "deployed_url");
        out.push_back(std::move(entry));
    }
    return json::object{{"deployments", std::move(out)}};
}

Result<json::object> Orchestrator::cancel(const json::object& input) {
    auto row = engine_->cancel(id_of(input), get_text(input, "reason"));
    if (!row) return std::unexpected(std::move(row).error());
    return json::object{
        {"workflow_id", row->workflow_id}, {"state", row->state}, {"cancel_requested", true}};
}

Result<json::object> Orchestrator::approve(const Request& request, const json::object& input) {
    auto row =
        engine_->approve(id_of(input), std::string(request.caller()), get_text(input, "note"));
    if (!row) return std::unexpected(std::move(row).error());
    return json::object{
        {"workflow_id", row->workflow_id}, {"state", row->state}, {"approved", true}};
}

Result<json::object> Orchestrator::workflow_health() {
    return json::object{{"checks", health_checks_ ? health_checks_->report() : json::array{}}};
}

Result<json::object> Orchestrator::health() {
    const auto [running, queued] = engine_->load();
    json::object out{
        {"status", "healthy"}, {"workflows_running", running}, {"workflows_queued", queued}};
    // This host is not sick when what it deployed elsewhere is: counted, not judged.
    if (health_checks_) out["health_checks"] = health_checks_->counts();
    return out;
}

}  // namespace onex::orchestrator
