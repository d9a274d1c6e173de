// deploy, rollback, workflow run: start a run, follow it, report.
#include "host/cli/commands.hpp"
#include "host/cli/follow.hpp"
#include "host/cli/output.hpp"
#include "host/cli/report.hpp"
#include "host/cli/view.hpp"
#include "host/config/cidr.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace onex::host::cli {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t kInputBytesMax = 4ULL << 20;

/// The peers of the host that is asked. Only its admin socket tells them; elsewhere --to must be an
/// address.
std::optional<std::vector<KnownPeer>> known_peers(Session& session) {
    std::vector<KnownPeer> peers;
    if (!session.local()) return peers;
    auto host = session.get("/onex/v1/host");
    if (!host) return std::nullopt;
    for (const auto& value : list(*host, "peers")) {
        if (!value.is_object()) continue;
        const auto& peer = value.get_object();
        const auto endpoint = parse_url(text(peer, "url"));
        if (!endpoint) continue;
        const bool is_here = endpoint->host == "localhost" || is_loopback(endpoint->host);
        peers.push_back(
            {text(peer, "name"), endpoint->host, endpoint->port, !endpoint->tls && !is_here});
    }
    return peers;
}

std::optional<Target> find_target(Session& session, const std::string& to) {
    auto peers = known_peers(session);
    if (!peers) return std::nullopt;
    auto target = resolve_target(to, *peers);
    if (!target) {
        session.fail_with(target.error(), kUsage);
        return std::nullopt;
    }
    return std::move(*target);
}

std::string with_timeout(std::string route, std::int64_t timeout_s) {
    if (timeout_s > 0) route += "?timeout_ms=" + std::to_string(timeout_s * 1000);
    return route;
}

/// Reports the end of a run on the channel that fits, and says what the command's exit code is.
int report_end(Session& session, const Followed& followed, const std::string& workflow_id) {
    if (followed.interrupted) {
        // The run is the host's: it goes on without anybody who looks.
        if (session.json()) {
            print_json(json::object{{"status", "running"}, {"workflow_id", workflow_id}});
        } else {
            print("no longer followed; the run " + printable(workflow_id) +
                  " goes on: onex-host status " + workflow_id + " · onex-host cancel " +
                  workflow_id + "\n");
        }
        return kInterrupted;
    }
    if (!followed.status) return session.exit_code();
    const auto& status = *followed.status;
    const bool success = flag(status, "success");
    if (session.json()) {
        print_json(report_document(status));
    } else if (success) {
        print(success_report(status));
    } else {
        print_error(error_of(status), false);
        print(failure_report(status, followed.last_lines));
    }
    return success ? kOk : kFailed;
}

struct StartOptions {
    bool detach = false;
    bool verbose = false;
};

/// Starts a run and follows it, or only tells its ids.
int start_run(Session& session,
              const std::string& route,
              const json::object& body,
              StartOptions options) {
    auto started = session.post(route, body);
    if (!started) return session.exit_code();
    const auto id = text(*started, "workflow_id");
    if (options.detach) {
        if (session.json()) {
            print_json(*started);
        } else {
            print(id + "\nfollow it: onex-host logs " + id + " -f · onex-host status " + id + "\n");
        }
        return kOk;
    }
    if (!session.json()) print("workflow " + printable(id) + "\n");
    return report_end(session, follow_run(session, id, options.verbose), id);
}

Result<std::string> read_text(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::error_code ec;
    const auto size = fs::file_size(file, ec);
    if (!in || ec) return fail("NOT_FOUND", "cannot read " + file + "; check the path");
    if (size > kInputBytesMax) return fail("VALIDATION_ERROR", file + " is larger than 4 MiB");
    std::ostringstream out;
    out << in.rdbuf();
    return std::move(out).str();
}

Result<json::object> read_input(const std::string& given) {
    if (given.empty()) return json::object{};
    std::string text = given;
    if (given.front() == '@') {
        auto content = read_text(given.substr(1));
        if (!content) return std::unexpected(std::move(content).error());
        text = std::move(*content);
    }
    boost::system::error_code ec;
    auto value = json::parse(text, ec);
    if (ec || !value.is_object()) {
        return fail("VALIDATION_ERROR",
                    "--input is not a JSON object" + (ec ? ": " + ec.message() : std::string()) +
                        "; give {\"name\": value, …} or @FILE");
    }
    return std::move(value.get_object());
}

/// No workflow is named like this.
bool looks_like_file(const std::string& name) {
    return name.find('/') != std::string::npos || name.ends_with(".yaml") || name.ends_with(".yml");
}

}  // namespace

int deploy(Session& session, const DeployOptions& given) {
    DeployOptions options = given;
    std::error_code ec;
    const auto folder = fs::current_path(ec).string();
    if (options.image.empty() && session.local()) {
        // Told here, before anything starts, because only here the folder is known to the person.
        const auto dockerfile = options.dockerfile.empty() ? "Dockerfile" : options.dockerfile;
        const auto path = fs::path(folder) / options.context / dockerfile;
        if (!fs::is_regular_file(path, ec)) {
            return session.fail_with(
                {"VALIDATION_ERROR",
                 "there is no " + path.lexically_normal().string() +
                     "; name the folder with --context, the file with --dockerfile, or an image "
                     "that exists with --image",
                 {},
                 {}},
                kUsage);
        }
    }
    auto target = find_target(session, options.to);
    if (!target) return session.exit_code();
    auto input = make_deploy_input(options, *target, folder);
    if (!input) return session.fail_with(input.error(), kUsage);
    if (!session.json()) {
        print("deploying " + printable(options.name) + " to " +
              printable(target->peer.empty() ? target->host : target->peer) + " (" + target->host +
              ":" + std::to_string(target->port) + ")\n");
        if (target->in_clear && !options.env.empty()) {
            print("warning: the values of --env travel in clear; give " + printable(target->peer) +
                  " tls = true, and its url https:// and fingerprint\n");
        }
    }
    return start_run(session,
                     with_timeout("/api/v1/deployments/trigger", options.timeout_s),
                     *input,
                     {options.detach, options.verbose});
}

/// Asks the target what it keeps; nothing changes there.
int rollback_plan(Session& session, const std::string& name, json::object input) {
    input["plan"] = true;
    auto ended = session.post("/api/v1/workflows/rollback_workflow?wait=true", input);
    if (!ended) return session.exit_code();
    const auto id = text(*ended, "workflow_id");
    auto status = session.get("/workflows/" + url_encode(id) + "/status");
    if (!status) return session.exit_code();
    if (find(*status, "error.code")) {
        return session.fail_with(
            Error{text(*status, "error.code"), text(*status, "error.message"), {}, {}}, kFailed);
    }
    const auto& plan = list(*status, "output.rollback_plan");
    if (session.json()) {
        print_json(json::object{{"container_name", name}, {"plan", plan}});
        return kOk;
    }
    std::vector<std::vector<std::string>> rows{
        {"STEPS", "VERSION", "CONTAINER", "IMAGE", "CREATED", "COMES FROM", "DEPENDS ON"}};
    for (const auto& value : plan) {
        if (!value.is_object()) continue;
        const auto& one = value.get_object();
        rows.push_back({number(one, "steps") == 0 ? "runs now" : text(one, "steps"),
                        text(one, "version"),
                        text(one, "container_id").substr(0, 12),
                        text(one, "image"),
                        text(one, "created"),
                        text(one, "comes_from"),
                        text(one, "depends_on")});
    }
    print(rows.size() > 1 ? table(rows) : "nothing of " + printable(name) + " is kept there\n");
    return kOk;
}

int rollback(Session& session, const RollbackOptions& options) {
    auto target = find_target(session, options.to);
    if (!target) return session.exit_code();
    json::object input{{"container_name", options.name},
                       {"remote_host", target->host},
                       {"remote_port", target->port}};
    if (options.steps != 1) input["steps"] = options.steps;
    if (!options.version.empty()) input["version"] = options.version;
    if (options.plan) return rollback_plan(session, options.name, std::move(input));
    return start_run(
        session, "/api/v1/workflows/rollback_workflow", input, {options.detach, false});
}

int workflow_run(Session& session, const WorkflowOptions& options) {
    auto input = read_input(options.input);
    if (!input) return session.fail_with(input.error(), kUsage);
    const StartOptions start{.detach = !options.wait, .verbose = options.verbose};
    std::error_code ec;
    if (!fs::is_regular_file(options.name, ec)) {
        if (looks_like_file(options.name)) {
            return session.fail_with(
                {"NOT_FOUND",
                 "there is no file " + options.name +
                     "; an installed workflow is named without a folder: onex-host workflow list",
                 {},
                 {}},
                kUsage);
        }
        const auto route = "/api/v1/workflows/" + url_encode(options.name);
        return start_run(session, with_timeout(route, options.timeout_s), *input, start);
    }
    auto contract = read_text(options.name);
    if (!contract) return session.fail_with(contract.error(), kUsage);
    json::object body{{"contract", std::move(*contract)}, {"input", std::move(*input)}};
    return start_run(session, with_timeout("/api/v1/workflows", options.timeout_s), body, start);
}

}  // namespace onex::host::cli
