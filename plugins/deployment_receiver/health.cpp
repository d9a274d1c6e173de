#include "plugins/deployment_receiver/health.hpp"

#include "plugins/deployment_receiver/container_log.hpp"

#include <algorithm>
#include <optional>

namespace onex::receiver {

namespace {

constexpr int kLogLines = 50;
constexpr std::size_t kLogBytesMax = 8'000;
constexpr std::size_t kBodyBytesMax = 2'048;
constexpr std::int64_t kSliceMs = 1'000;
constexpr std::int64_t kDockerHealthMs = 60'000;

/// The body of a probe's answer: as JSON if it is that, else as text, cut off.
json::value body_value(const std::string& body) {
    boost::system::error_code ec;
    auto value = body.size() <= kBodyBytesMax ? json::parse(body, ec) : json::value();
    if (!ec && value.is_object()) return value;
    std::string text = body.substr(0, kBodyBytesMax);
    // JSON is UTF-8: what isn't plain is not shown.
    for (char& c : text) {
        if (static_cast<unsigned char>(c) >= 0x7F ||
            (static_cast<unsigned char>(c) < 0x20 && c != '\n'))
            c = '?';
    }
    return json::value(text);
}

/// What stands at "a.b" in a JSON body, as text; nothing when it is no JSON or not there.
std::optional<std::string> field_of(const std::string& body, std::string_view path) {
    boost::system::error_code ec;
    auto value = json::parse(body, ec);
    while (!ec && !path.empty()) {
        const auto dot = path.find('.');
        const auto* member =
            value.is_object() ? value.get_object().if_contains(path.substr(0, dot)) : nullptr;
        if (!member) return std::nullopt;
        auto inner = *member;
        value = std::move(inner);
        path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    }
    if (ec) return std::nullopt;
    return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

std::string docker_health(const json::object& inspected) {
    return get_text(get_object(get_object(inspected, "State"), "Health"), "Status");
}

}  // namespace

std::string trouble(const json::object& inspected) {
    const auto& state = get_object(inspected, "State");
    if (get_number(inspected, "RestartCount") > 0 || get_bool(state, "Restarting")) {
        return "restarts again and again (" +
               std::to_string(get_number(inspected, "RestartCount")) + " times, exit code " +
               std::to_string(get_number(state, "ExitCode")) + ")";
    }
    if (get_bool(state, "Running")) return get_bool(state, "Paused") ? "is paused" : "";
    const auto status = get_text(state, "Status");
    if (status == "created") return "was never started";
    return (get_bool(state, "OOMKilled") ? "was killed for want of memory, with code "
                                         : "exited with code ") +
           std::to_string(get_number(state, "ExitCode"));
}

HealthWatch::HealthWatch(Receiver& receiver, HealthPlan plan, Responder responder)
    : receiver_(receiver),
      plan_(std::move(plan)),
      responder_(std::move(responder)),
      tell_(receiver.host(), responder_.token()),
      started_us_(receiver.host().monotonic_us()) {}

std::int64_t HealthWatch::elapsed_ms() const {
    return (receiver_.host().monotonic_us() - started_us_) / 1000;
}

void HealthWatch::later(std::int64_t delay_ms) {
    // Long pauses come in slices, so that the caller hears from us while nothing happens.
    const auto slice_ms = std::min(delay_ms, kSliceMs);
    pause_left_ms_ = delay_ms - slice_ms;
    auto task = receiver_.host().after(slice_ms, [self = shared_from_this()] { self->look(); });
    if (!task) responder_.error(task.error());
}

void HealthWatch::look() {
    if (pause_left_ms_ > 0) {
        tell_.step();
        later(pause_left_ms_);
        return;
    }
    auto found = receiver_.engine().find_container(plan_.target.name, wait(5'000));
    if (!found) {
        responder_.error(found.error());
        return;
    }
    if (!*found) {
        unhealthy("there is no container " + plan_.target.name, {});
    } else if (!trouble(**found).empty()) {
        ended(**found);
    } else if (plan_.kind == "docker" || (plan_.kind.empty() && plan_.endpoint.empty())) {
        without_endpoint(**found);
    } else {
        probe(**found);
    }
}

std::string HealthWatch::log_of(const std::string& container) {
    if (container.empty()) return {};
    auto log = container_log(receiver_.engine(), container, kLogLines, cleanup(5'000));
    if (!log) return {};
    return log->size() > kLogBytesMax ? log->substr(log->size() - kLogBytesMax) : std::move(*log);
}

void HealthWatch::ended(const json::object& inspected) {
    unhealthy("the container " + plan_.target.name + " " + trouble(inspected),
              container_id(inspected));
}

void HealthWatch::unhealthy(const std::string& message, const std::string& container) {
    const auto log = log_of(container);
    json::object details{
        {"container_name", plan_.target.name}, {"container_id", container}, {"log", log}};
    if (!probes_.empty()) details["last_probe"] = probes_.back();
    auto text = message;
    if (!log.empty()) {
        const auto tail = log.substr(log.size() > 500 ? log.size() - 500 : 0);
        text += "; its log ends: " + tail.substr(0, tail.find_last_not_of("\r\n") + 1);
    }
    if (plan_.is_validation) {
        receiver_.publish("DEPLOYMENT_HEALTH_CHECK",
                          plan_.target,
                          {{"status", "unhealthy"}, {"attempts", attempts_}},
                          "health-check");
    }
    responder_.error({"HEALTH_CHECK_FAILED", std::move(text), json::serialize(details), {}});
}

void HealthWatch::without_endpoint(const json::object& inspected) {
    const auto health = docker_health(inspected);
    if (health == "unhealthy") {
        unhealthy("Docker's own health check of " + plan_.target.name + " fails",
                  container_id(inspected));
    } else if (health == "starting" && plan_.is_validation) {
        const auto patience_ms = std::max(kDockerHealthMs, plan_.retries_max * plan_.interval_ms);
        if (elapsed_ms() > patience_ms) {
            unhealthy("Docker's own health check of " + plan_.target.name +
                          " has no result after " + std::to_string(patience_ms / 1000) + " s",
                      container_id(inspected));
        } else {
            tell_.step();
            later(500);
        }
    } else if (health != "healthy" && elapsed_ms() < plan_.healthy_ms) {
        later(std::min<std::int64_t>(200, plan_.healthy_ms - elapsed_ms() + 1));
    } else {
        well(json::object{{"container", "running"},
                          {"docker_health", health.empty() ? "none" : health}});
    }
}

void HealthWatch::probe(const json::object& inspected) {
    if (plan_.kind == "tcp") return probe_tcp(inspected);
    if (plan_.kind == "exec") return probe_exec(inspected);
    probe_http(inspected);
}

void HealthWatch::probe_http(const json::object& inspected) {
    const auto base = Swapper::base_url(inspected, plan_.spec);
    if (base.empty()) {
        unhealthy("health_endpoint is " + plan_.endpoint +
                      ", but the container publishes no TCP port and has no address; add a port",
                  container_id(inspected));
        return;
    }
    HttpRequest request;
    request.url = base + plan_.endpoint;
    Found found;
    found.what = request.url;
    found.expected = std::to_string(plan_.expected_status);
    const auto answer =
        receiver_.host().http_send(std::move(request), wait(receiver_.settings().probe_timeout_ms));
    if (!answer && answer.error().code == "CANCELLED") return responder_.error(answer.error());
    found.said = answer ? "answered " + std::to_string(answer->status) : "did not answer";
    found.is_good = answer && static_cast<int>(answer->status) == plan_.expected_status;
    if (found.is_good && !plan_.json_field.empty()) {
        const auto value = field_of(answer->body, plan_.json_field);
        found.is_good = value == plan_.json_value;
        found.said += ", " + plan_.json_field + " is " + (value ? *value : "not there");
        found.expected = plan_.json_field + " = " + plan_.json_value;
    }
    found.probe = {{"url", found.what},
                   {"status_code", answer ? static_cast<std::int64_t>(answer->status) : 0},
                   {"error", answer ? std::string() : answer.error().message}};
    if (answer) {
        found.response = json::object{{"status_code", answer->status},
                                      {"body", body_value(answer->body)},
                                      {"url", found.what}};
    }
    judge(std::move(found), inspected);
}

void HealthWatch::probe_tcp(const json::object& inspected) {
    const auto address = Swapper::address_of(inspected, plan_.spec, plan_.port);
    if (address.empty()) {
        unhealthy("the container publishes no TCP port" +
                      (plan_.port > 0 ? " " + std::to_string(plan_.port) : std::string()) +
                      " and has no address; add a port",
                  container_id(inspected));
        return;
    }
    HttpRequest request;
    request.url = "tcp://" + address;
    Found found;
    found.what = request.url;
    found.expected = "a connection";
    const auto reached =
        receiver_.host().http_send(std::move(request), wait(receiver_.settings().probe_timeout_ms));
    if (!reached && reached.error().code == "CANCELLED") return responder_.error(reached.error());
    found.is_good = reached.has_value();
    found.said = reached ? "takes connections" : "takes no connection";
    found.probe = {{"address", address},
                   {"error", reached ? std::string() : reached.error().message}};
    found.response = json::object{{"address", address}};
    judge(std::move(found), inspected);
}

void HealthWatch::probe_exec(const json::object& inspected) {
    Found found;
    for (const auto& word : plan_.command)
        found.what += (found.what.empty() ? "" : " ") + word;
    found.expected = "exit code 0";
    const auto ran = receiver_.engine().exec(
        container_id(inspected), plan_.command, wait(receiver_.settings().probe_timeout_ms));
    if (!ran && ran.error().code == "CANCELLED") return responder_.error(ran.error());
    found.is_good = ran && ran->exit_code == 0;
    found.said = ran ? "ended with " + std::to_string(ran->exit_code)
                     : "could not be run: " + ran.error().message;
    found.probe = {{"command", found.what},
                   {"exit_code", ran ? ran->exit_code : -1},
                   {"output", ran ? ran->output.substr(0, kBodyBytesMax) : std::string()}};
    found.response = json::object{{"exit_code", ran ? ran->exit_code : -1}};
    judge(std::move(found), inspected);
}

void HealthWatch::judge(Found found, const json::object& inspected) {
    ++attempts_;
    found.probe["attempt"] = attempts_;
    found.probe["good"] = found.is_good;
    probes_.push_back(std::move(found.probe));
    tell_.line("probe " + std::to_string(attempts_) + "/" + std::to_string(plan_.retries_max) +
               ": " + found.what + " " + found.said);
    const auto now_us = receiver_.host().monotonic_us();
    if (found.is_good) {
        if (good_since_us_ == 0) good_since_us_ = now_us;
        const auto left_ms = std::max(plan_.watch_ms - (now_us - good_since_us_) / 1000,
                                      plan_.healthy_ms - elapsed_ms());
        if (left_ms > 0) return later(std::min(plan_.interval_ms, left_ms));
        if (auto* response = found.response.if_object()) (*response)["attempts"] = attempts_;
        return well(std::move(found.response));
    }
    const bool was_good = good_since_us_ != 0;
    if (!was_good && attempts_ < plan_.retries_max) return later(plan_.interval_ms);
    unhealthy(found.what + " " + found.said + ", expected " + found.expected +
                  (was_good ? ", after it had been well for " +
                                  std::to_string((now_us - good_since_us_) / 1000) + " ms"
                            : ", in " + std::to_string(attempts_) + " probes"),
              container_id(inspected));
}

void HealthWatch::well(json::value response) {
    json::object out;
    if (plan_.is_validation) {
        receiver_.publish("DEPLOYMENT_HEALTH_CHECK",
                          plan_.target,
                          {{"status", "healthy"}, {"attempts", attempts_}},
                          "health-check");
        json::object results{{"endpoint", plan_.endpoint},
                             {"expected_status_code", plan_.expected_status},
                             {"probes", probes_}};
        results["response"] = response;
        out["health_status"] = json::object{{"health_endpoint_accessible", true},
                                            {"health_check_response", std::move(response)}};
        out["deployment_metrics"] = json::object{{"health_validation_duration_ms", elapsed_ms()}};
        out["artifacts"] = json::object{{"health_check_results.json", std::move(results)}};
        out["checks"] = json::object{{"health_endpoint_responding", 1}, {"health_check_pass", 1}};
    } else {
        out["health_status"] = json::object{{"container_running", true}};
        out["checks"] = json::object{{"container_running", 1}};
    }
    responder_.answer(json::serialize(out));
}

Result<Answer> Receiver::check_status(Request& request) {
    const auto input = parse_object(request.input());
    if (!input) return std::unexpected(input.error());
    auto target = read_target(*input);
    if (!target) return std::unexpected(std::move(target).error());
    HealthPlan plan;
    plan.target = std::move(*target);
    plan.healthy_ms = settings_.settle_ms;
    plan.is_validation = false;
    std::make_shared<HealthWatch>(*this, std::move(plan), request.responder())->look();
    return Request::later();
}

Result<Answer> Receiver::validate_health(Request& request) {
    const auto input = parse_object(request.input());
    if (!input) return std::unexpected(input.error());
    auto target = read_target(*input);
    if (!target) return std::unexpected(std::move(target).error());
    auto held = hold(*target, request.caller());
    if (!held) return std::unexpected(std::move(held).error());
    auto spec = admitted(*input);
    if (!spec) return std::unexpected(std::move(spec).error());
    const auto& config = get_object(*input, "health_check_config");
    HealthPlan plan;
    plan.target = std::move(*target);
    plan.spec = std::move(*spec);
    plan.endpoint = get_text(config, "health_endpoint");
    plan.expected_status = static_cast<int>(get_number(config, "expected_status_code", 200));
    plan.retries_max = static_cast<int>(get_number(config, "max_retries", 5));
    plan.interval_ms = get_number(config, "retry_interval_ms", 2'000);
    plan.kind = get_text(config, "type");
    if (plan.kind == "http" && plan.endpoint.empty()) plan.endpoint = "/";
    plan.port = get_number(config, "port");
    plan.json_field = get_text(config, "json_field");
    plan.json_value = get_text(config, "json_value");
    plan.watch_ms = get_number(config, "watch_ms");
    if (const auto* command = config.if_contains("command"); command && command->is_array()) {
        for (const auto& word : command->get_array())
            if (word.is_string()) plan.command.emplace_back(word.get_string());
    }
    if (plan.kind == "exec" && plan.command.empty()) {
        return fail(
            "VALIDATION_ERROR",
            "health_check_config.type is exec; health_check_config.command says what to run");
    }
    // Without a probe of its own, time is all that tells.
    const bool is_probed = !plan.endpoint.empty() || plan.kind == "tcp" || plan.kind == "exec";
    plan.healthy_ms =
        get_number(config, "min_healthy_ms", is_probed ? 0 : settings_.min_healthy_ms);
    plan.held = std::move(*held);
    std::make_shared<HealthWatch>(*this, std::move(plan), request.responder())->look();
    return Request::later();
}

Result<json::object> Receiver::health_check(Request& request, const json::object& input) {
    const auto name = get_text(input, "container_name");
    auto found = engine_.find_container(name, request.wait());
    if (!found) return std::unexpected(std::move(found).error());
    if (!*found)
        return json::object{{"is_healthy", false},
                            {"status", "not_started"},
                            {"detail", "there is no container " + name}};
    auto detail = trouble(**found);
    const auto health = docker_health(**found);
    if (detail.empty() && health == "unhealthy") detail = "fails Docker's own health check";
    if (const auto endpoint = get_text(input, "health_endpoint");
        detail.empty() && !endpoint.empty()) {
        auto spec = admitted(input);
        if (!spec) return std::unexpected(std::move(spec).error());
        HttpRequest probe;
        probe.url = Swapper::base_url(**found, *spec) + endpoint;
        const auto url = probe.url;
        const auto answer =
            host().http_send(std::move(probe), request.wait(settings_.probe_timeout_ms));
        if (!answer) detail = url + " does not answer";
        if (answer && answer->status >= 400)
            detail = url + " answers " + std::to_string(answer->status);
    }
    const auto* status = !detail.empty()        ? "unhealthy"
                         : health == "starting" ? "starting"
                                                : "healthy";
    return json::object{{"is_healthy", detail.empty() && health != "starting"},
                        {"status", status},
                        {"container_id", container_id(**found)},
                        {"detail", detail}};
}

Result<json::object> Receiver::health(Request& request, const json::object& /*input*/) {
    const auto version = engine_.version(request.wait(2'500));
    if (!version) {
        return json::object{{"status", "degraded"},
                            {"docker_connected", false},
                            {"detail", version.error().message},
                            {"advice", docker::kStartAdvice}};
    }
    const auto api = engine_.api_version(request.wait());
    return json::object{{"status", "healthy"},
                        {"docker_connected", true},
                        {"docker_api_version", api.value_or("")}};
}

}  // namespace onex::receiver
