#include "plugins/orchestrator/resolution.hpp"

namespace onex::orchestrator {

Result<Resolution> Resolution::parse(std::string_view text) {
    auto object = parse_object(text);
    if (!object) return std::unexpected(std::move(object).error());
    Resolution out;
    out.target = get_text(*object, "target");
    out.node = get_text(*object, "node");
    out.operation = get_text(*object, "operation");
    out.timeout_ms = get_number(*object, "timeout_ms");
    out.progress = get_bool(*object, "progress");
    out.run_end = get_text(*object, "run_end");
    out.run_renew = get_text(*object, "run_renew");
    out.input = get_object(*object, "input");
    if (const auto* errors = object->if_contains("errors"); errors && errors->is_array()) {
        out.errors = errors->get_array();
    }
    return out;
}

std::string Resolution::text() const {
    const json::object out{{"target", target},
                           {"node", node},
                           {"operation", operation},
                           {"timeout_ms", timeout_ms},
                           {"progress", progress},
                           {"run_end", run_end},
                           {"run_renew", run_renew},
                           {"input", input},
                           {"errors", errors}};
    return json::serialize(out);
}

std::optional<workflow::Closer> Resolution::closer() const {
    if (run_end.empty()) return std::nullopt;
    return workflow::Closer{target, node, run_end};
}

void Resolution::judge(workflow::StepOutcome& outcome) const {
    for (const auto& item : errors) {
        if (!item.is_object() || get_text(item.get_object(), "code") != outcome.code) continue;
        outcome.as = get_text(item.get_object(), "as");
        outcome.permanent = get_bool(item.get_object(), "permanent");
        outcome.wait = get_bool(item.get_object(), "wait");
        return;
    }
}

}  // namespace onex::orchestrator
