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
    out.remote = get_bool(*object, "remote");
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
                           {"remote", remote},
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

Result<void> Resolution::allowed_for(std::string_view came_from) const {
    if (came_from.empty()) return {};
    if (!target.empty()) {
        return fail("POLICY_DENIED",
                    operation + " is on another host; a run that came from a peer stays here");
    }
    if (remote) return {};
    return fail("POLICY_DENIED",
                operation + " of " + node + " is not for peers; its contract says remote: false");
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
