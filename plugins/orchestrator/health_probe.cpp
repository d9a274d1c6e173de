#include "plugins/orchestrator/health_probe.hpp"

#include "plugins/lib/workflow/data_flow.hpp"

#include <onex/utf8.hpp>

#include <utility>

namespace onex::orchestrator {
namespace {

using workflow::Health;
using workflow::HealthAnswer;
using workflow::HealthCheck;
using workflow::HealthProbe;

constexpr std::size_t kDetailMax = 300;

HealthAnswer answer(Health health, std::string detail) {
    return {health, std::move(detail), true, 0};
}

/// Was it asked and did not do well, or could this host not ask at all?
HealthAnswer failed(const Error& error) {
    if (error.code == "CANCELLED") return {Health::unknown, {}, false, 0};
    switch (error.status()) {
        case Status::invalid_input:
        case Status::conflict:
        case Status::denied:
        case Status::exhausted:
        case Status::failed_precondition:
        case Status::out_of_range:
        case Status::unimplemented:
        case Status::unauthenticated:
        case Status::bad_handle:
            return answer(Health::unknown, error.message);
        default:
            break;
    }
    return answer(error.code == "OPERATION_NOT_FOUND" ? Health::unknown : Health::unhealthy,
                  error.message);
}

HealthAnswer judge(const json::object& output) {
    const auto status = get_text(output, "status");
    const auto* flag = output.if_contains("is_healthy");
    const bool has_flag = flag && flag->is_bool();
    if (!has_flag && status.empty())
        return answer(Health::unknown, "its output has neither is_healthy nor status");
    const bool good = has_flag ? flag->get_bool() : status == "healthy";
    auto detail = get_text(output, "detail");
    if (detail.empty() && !good) detail = status.empty() ? "is not healthy" : "is " + status;
    return answer(good ? Health::healthy : Health::unhealthy, std::move(detail));
}

}  // namespace

HealthAnswer HealthProber::ask(const HealthProbe& probe, onex_token token) {
    const auto& check = probe.check;
    if (!check.problem.empty()) return answer(Health::unknown, check.problem);
    const auto began_us = host_.monotonic_us();
    const Wait wait{check.timeout_ms, token};
    HealthAnswer out;
    switch (check.kind) {
        case workflow::ProbeKind::http:
            out = ask_http(check, wait);
            break;
        case workflow::ProbeKind::network:
            out = ask_network(check, wait);
            break;
        case workflow::ProbeKind::system:
            out = ask_system(check, wait);
            break;
        case workflow::ProbeKind::operation:
            out = ask_operation(probe, wait);
            break;
        case workflow::ProbeKind::none:
            out.counts = false;
            break;
    }
    out.took_ms = (host_.monotonic_us() - began_us) / 1000;
    out.detail = valid_utf8(out.detail.substr(0, kDetailMax));
    return out;
}

void HealthProber::forget(const HealthProbe& probe) {
    const std::scoped_lock lock(mutex_);
    known_.erase(probe.id);
}

HealthAnswer HealthProber::ask_http(const HealthCheck& check, Wait wait) const {
    HttpRequest request;
    request.url = check.endpoint;
    // Opened, not sent: the status says enough, and a body of any size may follow it.
    const auto got = host_.http_open(std::move(request), wait);
    if (!got) return failed(got.error());
    const bool good = got->status >= 200 && got->status < 300;
    return answer(good ? Health::healthy : Health::unhealthy,
                  "answers " + std::to_string(got->status));
}

HealthAnswer HealthProber::ask_network(const HealthCheck& check, Wait wait) const {
    HttpRequest request;
    request.url = check.endpoint.starts_with("tcp://") ? check.endpoint : "tcp://" + check.endpoint;
    const auto reached = host_.http_send(std::move(request), wait);
    return reached ? answer(Health::healthy, "takes connections") : failed(reached.error());
}

HealthAnswer HealthProber::ask_system(const HealthCheck& check, Wait wait) const {
    Host::Process process;
    process.args = check.command;
    const auto code = host_.run(std::move(process), wait);
    if (!code) return failed(code.error());
    // What it printed stays out: nobody knows whether that is for everybody.
    return answer(*code == 0 ? Health::healthy : Health::unhealthy,
                  check.command.front() + " ended with " + std::to_string(*code));
}

Result<Resolution> HealthProber::resolve(const HealthProbe& probe, Wait wait) {
    {
        const std::scoped_lock lock(mutex_);
        if (const auto known = known_.find(probe.id); known != known_.end()) return known->second;
    }
    const auto& check = probe.check;
    const auto found = host_.resolve(probe.target, check.node, check.on, check.operation, wait);
    if (!found) return std::unexpected(found.error());
    auto who = Resolution::parse(*found);
    if (!who) return who;
    const std::scoped_lock lock(mutex_);
    known_[probe.id] = *who;
    return who;
}

HealthAnswer HealthProber::ask_operation(const HealthProbe& probe, Wait wait) {
    const auto deadline_us = host_.monotonic_us() + wait.timeout_ms * 1000;
    const auto who = resolve(probe, wait);
    if (!who) return failed(who.error());
    const auto left_ms = (deadline_us - host_.monotonic_us()) / 1000;
    if (left_ms <= 0) return answer(Health::unhealthy, "did not answer in time");
    Call call;
    call.target = who->target;
    call.node = who->node;
    call.operation = who->operation;
    call.input = json::serialize(workflow::project(probe.check.input, who->input, {}));
    call.timeout_ms = left_ms;
    const auto got = host_.call(std::move(call), {left_ms, wait.token});
    if (!got) {
        forget(probe);  // Perhaps another node offers it now.
        return failed(got.error());
    }
    const auto output = parse_object(*got);
    return output ? judge(*output) : failed(output.error());
}

}  // namespace onex::orchestrator
