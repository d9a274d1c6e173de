// What a host offers to its peers: the description of each operation.
#include "host/plugin/dispatcher.hpp"

#include <string>
#include <vector>

namespace onex::host {

namespace json = boost::json;

json::object Dispatcher::offer(const NodeInstance& node, const OperationContract& operation) {
    json::array errors;
    for (const auto& mapping : operation.errors) {
        errors.push_back({{"code", mapping.code},
                          {"as", mapping.as},
                          {"permanent", mapping.permanent},
                          {"wait", mapping.wait}});
    }
    const auto texts = [](const std::vector<std::string>& from) {
        json::array out;
        for (const auto& text : from)
            out.emplace_back(text);
        return out;
    };
    std::string run_end;
    std::string run_renew;
    for (const auto& other : node.contract().operations) {
        if (other.run_end) run_end = other.name;
        if (other.run_renew) run_renew = other.name;
    }
    return {{"node", node.name()},
            {"operation", operation.name},
            {"placement", operation.placement == Placement::target ? "target" : "source"},
            {"remote", operation.remote},
            {"timeout_ms", operation.timeout_ms},
            {"progress", operation.progress},
            {"stream_in", operation.stream_in},
            {"stream_out", operation.stream_out},
            {"errors", std::move(errors)},
            {"gates", texts(operation.gates)},
            {"redact", texts(operation.redact)},
            {"run_end", run_end},
            {"run_renew", run_renew},
            {"input", operation.input.source()},
            {"output", operation.output.source()},
            {"input_digest", operation.input_digest},
            {"output_digest", operation.output_digest}};
}

json::array Dispatcher::offers(bool all) const {
    json::array out;
    const auto now = nodes();
    for (const auto& node : *now) {
        for (const auto& operation : node->contract().operations) {
            if (all || operation.remote) out.push_back(offer(*node, operation));
        }
    }
    return out;
}

}  // namespace onex::host
