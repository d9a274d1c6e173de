#include "host/cli/report.hpp"

#include "host/cli/output.hpp"
#include "host/cli/view.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace onex::host::cli {

namespace json = boost::json;

namespace {

constexpr std::size_t kShortIdChars = 12;

void row(std::string& out, std::string_view name, const std::string& value) {
    if (value.empty()) return;
    std::string label = "  " + std::string(name);
    label.resize(15, ' ');
    out += label + printable(value) + "\n";
}

std::string stages_text(const json::object& status) {
    std::string out;
    for (const auto& value : list(status, "stages")) {
        if (!value.is_object()) continue;
        const auto& stage = value.get_object();
        if (!out.empty()) out += " · ";
        out += text(stage, "stage_name") + " ";
        out += text(stage, "state") == "completed" || text(stage, "state") == "failed"
                   ? std::to_string(number(stage, "duration_ms")) + " ms"
                   : text(stage, "state");
    }
    return out;
}

std::string transfer_text(const json::object& status) {
    const auto& transfer = members(status, "output.transfer");
    if (transfer.empty()) return "";
    if (flag(transfer, "skipped")) return "image already there, nothing sent";
    std::string out = human_bytes(number(transfer, "bytes_sent"));
    const auto raw = number(transfer, "bytes_raw");
    if (raw > 0) out += " (" + text(transfer, "compression") + ", from " + human_bytes(raw) + ")";
    return out;
}

std::string target_text(const json::object& status) {
    const auto* target = find(status, "target");
    if (!target) return "";
    if (!target->is_object()) return text(status, "target");
    const auto& place = target->get_object();
    return text(place, "host") + ":" + text(place, "port");
}

std::string missed_gates(const json::object& status) {
    std::string out;
    for (const auto& value : list(status, "gates")) {
        if (!value.is_object() || flag(value.get_object(), "passed", true)) continue;
        const auto& gate = value.get_object();
        out += (out.empty() ? "" : ", ") + text(gate, "name") + " " + text(gate, "score") + " of " +
               text(gate, "threshold");
    }
    return out;
}

bool rolled_back(const json::object& status) {
    return text(status, "state") == "ROLLBACK_COMPLETED" ||
           flag(status, "output.rollback_performed");
}

/// The rollback ended well, and there was nothing to put back: the first deployment of a name.
bool nothing_before(const json::object& status) {
    const auto* restored = find(status, "output.rollback_result.previous_container_restored");
    return restored && restored->is_bool() && !restored->get_bool() &&
           text(status, "error.code") != "ROLLBACK_FAILED";
}

std::string rollback_text(const json::object& status) {
    if (text(status, "state") == "ROLLBACK_COMPLETED") {
        // Also where the failure came before anything was touched, and in runs without containers.
        const auto* restored = find(status, "output.rollback_result.previous_container_restored");
        return restored && restored->is_bool() && restored->get_bool()
                   ? "yes, the container of that name is the one from before"
                   : "yes, everything is as it was before";
    }
    if (!rolled_back(status)) return "no";
    return nothing_before(status)
               ? "the new container was removed; there was none of that name before"
               : "tried, see the log";
}

/// Each text once, with how often it came; without the error itself, which was told already.
std::string lines_text(const std::deque<LogLine>& lines, const Error& error) {
    std::vector<std::pair<std::string, int>> told;
    for (const auto& line : lines) {
        if (!error.message.empty() && line.text.find(error.message) != std::string::npos) continue;
        const auto same = std::find_if(
            told.begin(), told.end(), [&](const auto& one) { return one.first == line.text; });
        if (same == told.end()) {
            told.emplace_back(line.text, 1);
        } else {
            ++same->second;
        }
    }
    std::string out;
    for (const auto& [text, times] : told) {
        out += "    " + printable(text);
        out += times > 1 ? " (" + std::to_string(times) + " times)\n" : "\n";
    }
    return out.empty() ? out : "the latest log lines:\n" + out;
}

std::string look_further(const json::object& status) {
    const auto id = text(status, "workflow_id");
    return "look further: onex-host logs " + id + " · onex-host status " + id + "\n";
}

}  // namespace

std::string success_report(const json::object& status) {
    std::string out = "\n";
    const auto url = text(status, "output.deployed_url");
    if (!url.empty()) out += printable(url) + "\n";
    out += text(status, "subject", text(status, "workflow")) + " is done, in " +
           human_duration(number(status, "duration_ms")) + "\n";
    row(out, "target", target_text(status));
    row(out, "workflow", text(status, "workflow_id"));
    row(out, "container", text(status, "output.container_id").substr(0, kShortIdChars));
    row(out, "stages", stages_text(status));
    row(out, "sent", transfer_text(status));
    row(out, "missed", missed_gates(status));
    row(out, "rolled back", rolled_back(status) ? "yes" : "no");
    return out + look_further(status);
}

std::string failure_report(const json::object& status, const std::deque<LogLine>& last_lines) {
    auto out = lines_text(last_lines, error_of(status));
    const auto hint = text(status, "hint");
    if (!hint.empty() && !nothing_before(status)) out += "hint: " + printable(hint) + "\n";
    row(out, "workflow", text(status, "workflow_id"));
    row(out, "state", text(status, "state"));
    row(out, "stages", stages_text(status));
    row(out, "missed", missed_gates(status));
    row(out, "rolled back", rollback_text(status));
    return out + look_further(status);
}

Error error_of(const json::object& status) {
    Error error;
    error.code = text(status, "error.code", "INTERNAL");
    error.message = text(status, "error.message", "the run ended as " + text(status, "state"));
    error.correlation_id = text(status, "error.correlation_id");
    return error;
}

std::string failed_operation(const json::object& status) {
    for (const auto& value : list(status, "stages")) {
        if (!value.is_object()) continue;
        for (const auto& inside : list(value.get_object(), "operations")) {
            if (!inside.is_object()) continue;
            const auto& operation = inside.get_object();
            if (text(operation, "state") == "failed") return text(operation, "operation_name");
        }
    }
    return "";
}

json::object report_document(const json::object& status) {
    json::object document{{"status", flag(status, "success") ? "success" : "failed"}};
    for (const auto* name : {"deployed_url", "container_id", "transfer"}) {
        if (const auto* value = find(status, "output." + std::string(name)))
            document[name] = *value;
    }
    for (const auto& [key, value] : status)
        document[key] = value;
    return document;
}

std::string describe_run(const json::object& status) {
    std::string out =
        text(status, "subject", text(status, "workflow")) + ": " + text(status, "state") + "\n";
    row(out, "workflow", text(status, "workflow_id") + " (" + text(status, "workflow") + ")");
    row(out, "target", target_text(status));
    row(out, "started", text(status, "started_at"));
    row(out, "took", human_duration(number(status, "duration_ms")));
    if (number(status, "queue_place") > 0) row(out, "queue place", text(status, "queue_place"));
    const auto& current = members(status, "current");
    if (!current.empty()) {
        row(out,
            "now",
            text(current, "stage") + " / " + text(current, "operation") + ", attempt " +
                text(current, "attempt"));
    }
    if (flag(status, "cancel_requested")) row(out, "cancel", "requested");
    if (const auto as = text(status, "resolved.as"); !as.empty()) {
        const auto note = text(status, "resolved.note");
        row(out, "resolved", "as " + as + (note.empty() ? "" : ": " + printable(note)));
    }
    if (flag(status, "success")) row(out, "url", text(status, "output.deployed_url"));
    row(out, "sent", transfer_text(status));
    row(out, "missed", missed_gates(status));
    if (find(status, "error.code")) {
        row(out, "error", text(status, "error.code") + ": " + text(status, "error.message"));
        row(out, "", "correlation id: " + text(status, "error.correlation_id"));
    }
    std::vector<std::vector<std::string>> rows{{"STAGE", "OPERATION", "STATE", "ATTEMPT", "TIME"}};
    for (const auto& value : list(status, "stages")) {
        if (!value.is_object()) continue;
        const auto& stage = value.get_object();
        for (const auto& inside : list(stage, "operations")) {
            if (!inside.is_object()) continue;
            const auto& operation = inside.get_object();
            rows.push_back({text(stage, "stage_name"),
                            text(operation, "operation_name"),
                            text(operation, "state"),
                            text(operation, "attempt"),
                            human_duration(number(operation, "duration_ms"))});
        }
    }
    if (rows.size() > 1) out += "\n" + table(rows);
    return out;
}

}  // namespace onex::host::cli
