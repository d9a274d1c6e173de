// status, logs, artifact, cancel, history, workflow list and health: looking at runs.
#include "host/cli/commands.hpp"
#include "host/cli/follow.hpp"
#include "host/cli/output.hpp"
#include "host/cli/report.hpp"
#include "host/cli/view.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <fstream>
#include <utility>

namespace onex::host::cli {

namespace json = boost::json;

namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr std::int64_t kCallMs = 60'000;

std::string target_of(const json::object& run) {
    const auto* target = find(run, "target");
    if (!target || !target->is_object()) return text(run, "target");
    return text(target->get_object(), "host") + ":" + text(target->get_object(), "port");
}

std::string deployments_table(const json::object& answer) {
    Rows rows{{"STARTED", "NAME", "TARGET", "STATE", "TIME", "ERROR", "WORKFLOW ID"}};
    for (const auto& value : list(answer, "deployments")) {
        if (!value.is_object()) continue;
        const auto& run = value.get_object();
        rows.push_back({text(run, "started_at"),
                        text(run, "subject"),
                        target_of(run),
                        text(run, "state"),
                        human_duration(number(run, "duration_ms")),
                        text(run, "error_code"),
                        text(run, "workflow_id")});
    }
    return rows.size() == 1 ? "no deployment yet\n" : table(rows);
}

/// "a, b": the names in an array of names or of objects with a name.
std::string names(const json::object& object, std::string_view key) {
    std::string out;
    for (const auto& value : list(object, key)) {
        if (!out.empty()) out += ", ";
        if (value.is_string()) out += std::string(value.get_string());
        if (value.is_object()) {
            const auto& item = value.get_object();
            out += text(item, "name", text(item, "address", text(item, "url")));
            const auto state = text(item, "state", "serving");
            if (state != "serving") out += " (" + state + ")";
        }
    }
    return out.empty() ? "none" : out;
}

int host_status(Session& session) {
    json::object host;
    if (session.local()) {
        auto answer = session.get("/onex/v1/host");
        if (!answer) return session.exit_code();
        host = std::move(*answer);
    }
    auto* api = session.client();
    if (!api) return session.exit_code();
    auto deployments = api->get("/api/v1/deployments?limit=10", Wait::for_ms(kCallMs));
    if (!deployments) return session.fail_unreachable(deployments.error());
    // A host without an orchestrator has no runs, and is no worse for it.
    const bool orchestrates = deployments->status != 404;
    if (orchestrates && !deployments->ok()) return session.fail_with(deployments->error(), kFailed);
    if (session.json()) {
        print_json(
            json::object{{"host", host}, {"deployments", list(deployments->body, "deployments")}});
        return kOk;
    }
    if (!host.empty()) {
        print(table({{"host", text(host, "name") + " (" + text(host, "host_id") + ")"},
                     {"version", text(host, "version") + ", pid " + text(host, "pid")},
                     {"listeners", names(host, "listeners")},
                     {"nodes", names(host, "nodes")},
                     {"peers", names(host, "peers")},
                     {"data", text(host, "data_dir")}}) +
              "\n");
    }
    print(orchestrates ? deployments_table(deployments->body)
                       : "no orchestrator runs on this host\n");
    return kOk;
}

}  // namespace

int status(Session& session, const std::string& workflow_id) {
    if (workflow_id.empty()) return host_status(session);
    auto answer = session.get("/workflows/" + url_encode(workflow_id) + "/status");
    if (!answer) return session.exit_code();
    if (session.json()) {
        print_json(*answer);
    } else {
        print(describe_run(*answer));
    }
    return kOk;
}

int logs(Session& session, const std::string& workflow_id, bool follow) {
    json::array collected;
    const bool ended = each_log_page(session, workflow_id, follow, [&](const LogPage& page) {
        for (const auto& line : page.lines) {
            if (session.json()) {
                collected.push_back(json::object{{"line", line.line},
                                                 {"time", line.time},
                                                 {"stage", line.stage},
                                                 {"operation", line.operation},
                                                 {"level", line.level},
                                                 {"text", line.text}});
                continue;
            }
            std::string shown = line.time + " ";
            if (!line.operation.empty()) shown += "[" + line.operation + "] ";
            if (line.level == "warn" || line.level == "error") shown += line.level + ": ";
            print(printable(shown + line.text) + "\n");
        }
    });
    if (!ended) return session.exit_code();
    if (session.json())
        print_json(json::object{{"workflow_id", workflow_id}, {"lines", collected}});
    return kOk;
}

int artifact(Session& session,
             const std::string& workflow_id,
             const std::string& name,
             const std::string& file) {
    const auto run = "/workflows/" + url_encode(workflow_id);
    if (name.empty()) {
        auto answer = session.get(run + "/status");
        if (!answer) return session.exit_code();
        const auto& made = list(*answer, "artifacts");
        if (session.json()) {
            print_json(json::object{{"workflow_id", workflow_id}, {"artifacts", made}});
            return kOk;
        }
        for (const auto& one : made)
            if (one.is_string()) print(printable(one.get_string()) + "\n");
        return kOk;
    }
    auto answer = session.get(run + "/artifacts/" + url_encode(name));
    if (!answer) return session.exit_code();
    const auto content = text(*answer, "content");
    if (!file.empty() && file != "-") {
        std::ofstream out(file, std::ios::binary);
        out << content;
        if (!out.flush()) {
            return session.fail_with(
                Error{"UNAVAILABLE", "cannot write " + file + "; choose another place", {}, {}},
                kFailed);
        }
        return kOk;
    }
    if (session.json()) {
        print_json(*answer);
        return kOk;
    }
    // A terminal obeys control characters; a file or a program gets every byte.
    std::string shown;
    for (std::size_t from = 0; output_is_terminal() && from < content.size();) {
        const auto to = std::min(content.find('\n', from), content.size());
        shown += printable(std::string_view(content).substr(from, to - from)) + "\n";
        from = to + 1;
    }
    print(output_is_terminal() ? shown : content);
    return kOk;
}

int cancel(Session& session, const std::string& workflow_id, const std::string& reason) {
    json::object body;
    if (!reason.empty()) body["reason"] = reason;
    auto answer = session.post("/workflows/" + url_encode(workflow_id) + "/cancel", body);
    if (!answer) return session.exit_code();
    if (session.json()) {
        print_json(*answer);
    } else {
        print("cancel requested; the run is " + printable(text(*answer, "state")) +
              " and ends by its contract: onex-host status " + workflow_id + "\n");
    }
    return kOk;
}

int approve(Session& session, const std::string& workflow_id, const std::string& note) {
    auto answer = session.post("/workflows/" + url_encode(workflow_id) + "/approve",
                               json::object{{"note", note}});
    if (!answer) return session.exit_code();
    if (session.json()) {
        print_json(*answer);
    } else {
        print("approved; onex-host status " + workflow_id + "\n");
    }
    return kOk;
}

int resolve(Session& session,
            const std::string& workflow_id,
            const std::string& resolved_as,
            const std::string& note) {
    auto answer = session.post("/workflows/" + url_encode(workflow_id) + "/resolve",
                               json::object{{"as", resolved_as}, {"note", note}});
    if (!answer) return session.exit_code();
    if (session.json()) {
        print_json(*answer);
        return kOk;
    }
    print(workflow_id + " is resolved as " + printable(text(*answer, "resolved_as")) + "\n");
    for (const auto& who : list(*answer, "not_told")) {
        print("not told, ask again later: " +
              printable(who.is_string() ? std::string(who.as_string()) : std::string()) + "\n");
    }
    return kOk;
}

int history(Session& session, const std::string& name, std::int64_t limit) {
    std::string route = "/api/v1/deployments?limit=" + std::to_string(limit);
    if (!name.empty()) route += "&name=" + url_encode(name);
    auto answer = session.get(route);
    if (!answer) return session.exit_code();
    if (session.json()) {
        print_json(*answer);
    } else {
        print(deployments_table(*answer));
    }
    return kOk;
}

int workflow_list(Session& session) {
    auto answer = session.get("/api/v1/workflows");
    if (!answer) return session.exit_code();
    if (session.json()) {
        print_json(*answer);
        return kOk;
    }
    Rows rows{{"NAME", "VERSION", "VALID", "FILE"}};
    for (const auto& value : list(*answer, "workflows")) {
        if (!value.is_object()) continue;
        const auto& workflow = value.get_object();
        const bool valid = flag(workflow, "valid", true);
        rows.push_back({text(workflow, "name"),
                        text(workflow, "version"),
                        valid ? "yes" : "no: " + text(workflow, "error"),
                        text(workflow, "file")});
    }
    print(rows.size() == 1 ? "no workflow is installed\n" : table(rows));
    return kOk;
}

int workflow_health(Session& session) {
    auto answer = session.get("/api/v1/workflows/health");
    if (!answer) return session.exit_code();
    Rows rows{{"WORKFLOW", "CHECK", "SUBJECT", "TARGET", "STATUS", "SINCE", "DETAIL"}};
    int code = kOk;
    for (const auto& value : list(*answer, "checks")) {
        if (!value.is_object()) continue;
        const auto& check = value.get_object();
        const auto status = text(check, "status");
        const bool critical = flag(check, "critical");
        if (critical && status == "unhealthy") code = kFailed;
        rows.push_back({text(check, "workflow"),
                        text(check, "name") + (critical ? " (critical)" : ""),
                        text(check, "subject"),
                        text(check, "target"),
                        status,
                        text(check, "since"),
                        text(check, "detail")});
    }
    if (session.json()) {
        print_json(*answer);
    } else {
        print(rows.size() == 1 ? "nothing is checked: no run with health_checks has ended well\n"
                               : table(rows));
    }
    return code;
}

}  // namespace onex::host::cli
