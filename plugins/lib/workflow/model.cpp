#include "plugins/lib/workflow/model.hpp"

#include "plugins/lib/workflow/json_read.hpp"
#include "plugins/lib/workflow/stage_order.hpp"

#include <algorithm>

namespace onex::workflow {
namespace {

RetryRule read_retry(Reader& read, const json::object& from, RetryRule rule) {
    rule.attempts_max = static_cast<int>(
        std::min<std::int64_t>(read.number(from, "max_attempts", rule.attempts_max, 1), 100));
    rule.multiplier = read.real(from, "backoff_multiplier", rule.multiplier, 1);
    rule.initial_ms = read.number(from, "initial_backoff_ms", rule.initial_ms, 0);
    rule.delay_max_ms = read.number(from, "max_backoff_ms", rule.delay_max_ms, 0);
    return rule;
}

Result<void> read_retries(Model& model, const json::object& handling) {
    Reader read("error_handling");
    const auto& policy = read.object(handling, "retry_policy");
    model.retry = read_retry(read, policy, {});
    // Here timeout_ms is what all retries may take together, not a limit of one attempt.
    model.retry_total_ms = read.number(policy, "timeout_ms", 0, 0);
    // The original nests operation_retries in retry_policy, its guide shows it beside: both count.
    for (const auto* place : {&policy, &handling}) {
        for (const auto& member : read.object(*place, "operation_retries")) {
            if (!member.value().is_object()) continue;
            const auto& own = member.value().get_object();
            auto rule = read_retry(read, own, model.retry);
            rule.timeout_ms = read.number(own, "timeout_ms", 0, 0);
            model.operation_retries[std::string(member.key())] = rule;
        }
    }
    // Other words roll back, too; the facts that they want to be told of are published anyway.
    model.rolls_back = read.text(handling, "fallback_strategy") != "abort";
    return read.done();
}

Result<void> read_codes(Model& model, const json::object& handling) {
    Reader read("error_handling.error_codes");
    for (const auto* item : read.objects(handling, "error_codes")) {
        const auto name = read.text(*item, "code", true);
        model.codes.push_back({name,
                               read.text(*item, "action"),
                               read.flag(*item, "retry_allowed", code_info(name).retryable)});
    }
    return read.done();
}

ForEach read_each(Reader& read, const json::object& from) {
    ForEach each;
    if (!from.contains("foreach")) return each;
    const auto& own = read.object(from, "foreach");
    each.in = read.text(own, "in", true);
    if (const auto as = read.text(own, "as"); !as.empty()) each.as = as;
    each.target = read.flag(own, "target", false);
    return each;
}

/// The list is an input, which the contract's own schema keeps short from now on.
void bound_items(Reader& read, Model& model, const ForEach& each) {
    if (each.in.empty()) return;
    auto* properties = model.input_schema.if_contains("properties");
    auto* list = properties && properties->is_object()
                     ? properties->get_object().if_contains(each.in)
                     : nullptr;
    const auto* type = list && list->is_object() ? list->get_object().if_contains("type") : nullptr;
    if (!type || *type != "array")
        return read.wrong("foreach", "in: a property of input_state with type array");
    auto& schema = list->get_object();
    if (read.number(schema, "maxItems", kItemsMax, 0) >= kItemsMax) schema["maxItems"] = kItemsMax;
}

void read_repeats(Reader& read, Model& model) {
    for (const auto& stage : model.stages) {
        bound_items(read, model, stage.each);
        if (!stage.each.in.empty()) model.stays = true;
        for (const auto& operation : stage.operations) {
            if (operation.compensate || !operation.each.in.empty()) model.stays = true;
            bound_items(read, model, operation.each);
            if (operation.each.in.empty()) continue;
            if (!stage.each.in.empty())
                read.wrong("foreach", "on the stage " + stage.name + " or in it, not both");
            if (operation.each.target && operation.on == "source")
                read.wrong("foreach", "without target for an operation on the source");
        }
    }
}

/// What undoes an operation: its name, or an object that also says where and with what.
std::shared_ptr<const OperationSpec> read_compensation(Reader& read,
                                                       const Model& model,
                                                       const json::object& from) {
    const auto* value = from.if_contains("compensate");
    if (!value || value->is_null()) return nullptr;
    auto operation = std::make_shared<OperationSpec>();
    if (value->is_string()) {
        operation->name = read.text(from, "compensate");
    } else {
        const auto& own = read.object(from, "compensate");
        operation->name = read.text(own, "name", true);
        operation->node = read.text(own, "node");
        operation->on = read.text(own, "on");
        operation->with = read.pairs(own, "with");
    }
    if (operation->name.empty()) read.wrong("compensate", "the name of an operation");
    operation->retry = model.retry_of(operation->name);
    operation->timeout_ms = operation->retry.timeout_ms;
    return operation;
}

void check_place(Reader& read, const std::string& on) {
    if (!on.empty() && on != "source" && on != "target") read.wrong("on", "source or target");
}

StageSpec read_stage(Reader& read, Model& model, const json::object& from) {
    StageSpec stage;
    stage.name = read.text(from, "stage_name", true);
    stage.description = read.text(from, "description");
    stage.state = read.text(from, "state");
    stage.each = read_each(read, from);
    stage.target_ms = read.number(from, "target_duration_ms", 0, 0);
    stage.dependencies = read.texts(from, "dependencies");
    stage.artifacts = read.texts(from, "output_artifacts");
    for (const auto* item : read.objects(from, "operations")) {
        OperationSpec operation;
        operation.name = read.text(*item, "name", true);
        operation.description = read.text(*item, "description");
        operation.timeout_ms = read.number(*item, "timeout_ms", 0, 1);
        operation.allow_failure = read.flag(*item, "allow_failure", false);
        operation.node = read.text(*item, "node");
        operation.on = read.text(*item, "on");
        operation.with = read.pairs(*item, "with");
        operation.as = read.pairs(*item, "as");
        operation.when = read.object(*item, "when");
        operation.approve = read.text(*item, "approve");
        operation.each = read_each(read, *item);
        operation.reversible = read.flag(*item, "reversible", true);
        operation.compensate = read_compensation(read, model, *item);
        operation.retry = model.retry_of(operation.name);
        if (operation.retry.timeout_ms > 0) operation.timeout_ms = operation.retry.timeout_ms;
        check_place(read, operation.on);
        if (operation.compensate) check_place(read, operation.compensate->on);
        stage.operations.push_back(std::move(operation));
    }
    if (stage.operations.empty()) read.wrong("operations", "a list with at least one operation");
    return stage;
}

Result<void> read_stages(Model& model, const json::object& contract) {
    Reader read("workflow_stages");
    std::vector<NumberedStage> stages;
    for (const auto* item : read.objects(contract, "workflow_stages")) {
        const auto number =
            read.number(*item, "stage_number", static_cast<std::int64_t>(stages.size()) + 1, 1);
        stages.push_back({number, read_stage(read, model, *item)});
    }
    if (stages.empty()) read.wrong("workflow_stages", "a list with at least one stage");
    if (auto ok = read.done(); !ok) return ok;
    auto ordered = order_stages(std::move(stages));
    if (!ordered) return std::unexpected(std::move(ordered).error());
    model.stages = std::move(*ordered);
    const auto& targets =
        read.object(read.object(contract, "performance_requirements"), "stage_targets");
    for (auto& stage : model.stages) {
        stage.max_ms = read.number(read.object(targets, stage.name), "max_ms", 0, 0);
    }
    read_repeats(read, model);
    if (auto ok = read.done(); !ok) return ok;
    if (auto ok = assign_states(model.fsm, model.stages); !ok) return ok;
    return check_way_back(model.fsm, model.stages);
}

Result<void> read_gates(Model& model, const json::object& contract) {
    Reader read("quality_gates");
    const auto known = [&](const std::string& stage) {
        return std::ranges::any_of(model.stages, [&](const auto& s) { return s.name == stage; });
    };
    for (const auto* item : read.objects(contract, "quality_gates")) {
        Gate gate;
        gate.name = read.text(*item, "name", true);
        gate.stage = read.text(*item, "stage", true);
        gate.threshold = read.real(*item, "threshold", 1.0, 0);
        gate.target_ms = read.number(*item, "target_duration_ms", 0, 0);
        gate.settings = *item;
        // A stage of that very name would mean itself; else `completed` is the end of the run.
        if (!known(gate.stage)) {
            if (!same_name(gate.stage, kCompleted)) read.wrong("stage " + gate.stage, "a stage");
            gate.stage.clear();
        }
        if (gate.threshold > 1) read.wrong("threshold of " + gate.name, "at most 1");
        model.gates.push_back(std::move(gate));
    }
    const auto& coordination = read.object(contract, "coordination");
    for (const auto* item : read.objects(coordination, "validation_gates")) {
        const auto stage = read.text(*item, "stage", true);
        if (!known(stage)) read.wrong("stage " + stage + " of validation_gates", "a stage");
        for (const auto& name : read.texts(*item, "validations")) {
            model.gates.push_back(
                {name, stage, 1.0, 0, false, {{"name", name}, {"threshold", 1.0}}});
        }
    }
    return read.done();
}

Result<void> read_facts(Model& model, const json::object& contract) {
    Reader read("kafka, monitoring");
    const auto& kafka = read.object(contract, "kafka");
    model.topics = read.texts(kafka, "producer_topics");
    for (const auto* item : read.objects(kafka, "event_types")) {
        model.event_types.push_back(read.text(*item, "event_type", true));
    }
    const auto& monitoring = read.object(contract, "monitoring");
    for (const auto* item : read.objects(monitoring, "metrics")) {
        model.metrics.push_back({read.text(*item, "name", true),
                                 read.text(*item, "type", true),
                                 read.text(*item, "description"),
                                 read.texts(*item, "labels"),
                                 read.reals(*item, "buckets")});
    }
    model.redact_fields = read.texts(read.object(monitoring, "logs"), "redact_fields");
    return read.done();
}

Result<void> read_head(Model& model, const json::object& contract) {
    Reader read("the contract");
    const auto& identity = read.object(contract, "node_identity");
    model.name = read.text(identity, "name", true);
    model.version = read.text(identity, "version");
    model.description = read.text(identity, "description");
    model.input_schema = read.object(contract, "input_state");
    model.output_schema = read.object(contract, "output_state");
    const auto& target = read.object(contract, "target");
    model.target_host = read.text(target, "host");
    if (model.target_host.empty()) model.target_host = "remote_host";
    model.target_port = read.text(target, "port");
    if (model.target_port.empty()) model.target_port = "remote_port";
    model.subject = read.text(contract, "subject");
    if (model.subject.empty()) {
        const auto required = read.texts(model.input_schema, "required");
        if (!required.empty()) model.subject = required.front();
    }
    const auto& throughput =
        read.object(read.object(contract, "performance_requirements"), "throughput");
    model.concurrent_max = static_cast<int>(
        std::min<std::int64_t>(read.number(throughput, "max_concurrent_deployments", 5, 1), 1000));
    const auto& coordination = read.object(contract, "coordination");
    model.rollback_operation = read.text(coordination, "rollback_strategy");
    const auto orphans = read.text(coordination, "orphan_policy");
    model.orphans_revert = orphans == "revert";
    if (!orphans.empty() && orphans != "finish" && orphans != "revert")
        read.wrong("coordination.orphan_policy", "finish or revert");
    if (!contract.contains("fsm_states")) read.wrong("fsm_states", "given");
    return read.done();
}

}  // namespace

const CodeRule* Model::code(std::string_view name) const {
    const auto found = std::ranges::find(codes, name, &CodeRule::code);
    return found == codes.end() ? nullptr : &*found;
}

const RetryRule& Model::retry_of(const std::string& operation) const {
    const auto found = operation_retries.find(operation);
    return found == operation_retries.end() ? retry : found->second;
}

Result<Model> read_model(const json::object& contract) {
    Model model;
    if (auto ok = read_head(model, contract); !ok) return std::unexpected(std::move(ok).error());
    Reader read("the contract");
    auto fsm = Fsm::read(read.object(contract, "fsm_states"));
    if (!fsm) return std::unexpected(std::move(fsm).error());
    model.fsm = std::move(*fsm);
    const auto& handling = read.object(contract, "error_handling");
    if (auto ok = read.done(); !ok) return std::unexpected(std::move(ok).error());
    for (const auto part : {read_retries, read_codes}) {
        if (auto ok = part(model, handling); !ok) return std::unexpected(std::move(ok).error());
    }
    for (const auto part : {read_stages, read_gates, read_facts}) {
        if (auto ok = part(model, contract); !ok) return std::unexpected(std::move(ok).error());
    }
    model.health_checks = read_health_checks(contract);
    return model;
}

}  // namespace onex::workflow
