#include "plugins/lib/workflow/health_plan.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace json = boost::json;

namespace onex::workflow {
namespace {

constexpr double kIntervalMaxS = 86'400;
constexpr double kTimeoutMaxS = 60;

/// Keys of a check that are not for the operation.
constexpr std::array<std::string_view, 11> kOwnKeys{"name",
                                                    "description",
                                                    "type",
                                                    "interval_seconds",
                                                    "timeout_seconds",
                                                    "critical",
                                                    "operation",
                                                    "node",
                                                    "on",
                                                    "command",
                                                    "endpoint"};

std::string text_at(const json::object& from, std::string_view key) {
    const auto* value = from.if_contains(key);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::int64_t ms_at(
    const json::object& from, std::string_view key, double fallback, double least, double most) {
    const auto* value = from.if_contains(key);
    boost::system::error_code no_number;
    double seconds = value ? value->to_number<double>(no_number) : fallback;
    if (no_number) seconds = fallback;
    return static_cast<std::int64_t>(std::clamp(seconds, least, most) * 1000);
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (end > 0) out.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

ProbeKind kind_of(const HealthCheck& check) {
    if (check.name.empty()) return ProbeKind::none;
    if (!check.operation.empty()) {
        const bool is_place = check.on.empty() || check.on == "source" || check.on == "target";
        return is_place ? ProbeKind::operation : ProbeKind::none;
    }
    if (check.type == "http" && !check.endpoint.empty()) return ProbeKind::http;
    if (check.type == "network" && !check.endpoint.empty()) return ProbeKind::network;
    if (check.type == "system" && !check.command.empty()) return ProbeKind::system;
    return ProbeKind::none;
}

HealthCheck read_check(const json::object& from) {
    HealthCheck check;
    check.name = text_at(from, "name");
    check.type = text_at(from, "type");
    check.interval_ms = ms_at(from, "interval_seconds", 60, 1, kIntervalMaxS);
    check.timeout_ms = ms_at(from, "timeout_seconds", 5, 0.1, kTimeoutMaxS);
    const auto* critical = from.if_contains("critical");
    check.critical = critical && critical->is_bool() && critical->get_bool();
    check.endpoint = text_at(from, "endpoint");
    check.command = words_of(text_at(from, "command"));
    check.operation = text_at(from, "operation");
    check.node = text_at(from, "node");
    check.on = text_at(from, "on");
    for (const auto& member : from) {
        if (std::ranges::find(kOwnKeys, std::string_view(member.key())) == kOwnKeys.end())
            check.input.insert_or_assign(member.key(), member.value());
    }
    check.kind = kind_of(check);
    return check;
}

bool is_name(std::string_view text) {
    if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
    return std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    });
}

/// Fills in the texts of a check, and counts the placeholders.
class Filler {
  public:
    explicit Filler(const json::object& input) : input_(input) {}

    void fill(HealthCheck& check) {
        check.endpoint = filled(check.endpoint);
        for (auto& word : check.command) {
            auto argument = filled(word);
            // A value must not become an option of the program.
            if (argument.starts_with('-') && !word.starts_with('-') && problem_.empty())
                problem_ = "the argument " + word + " would begin with '-'";
            word = std::move(argument);
        }
        for (auto& member : check.input) {
            if (member.value().is_string())
                member.value() = filled(std::string(member.value().get_string()));
        }
        if (check.problem.empty()) check.problem = problem_;
        if (check.problem.empty()) check.problem = wrong_endpoint(check);
    }
    [[nodiscard]] bool any() const { return found_ > 0; }

  private:
    std::string filled(const std::string& text) {
        auto out = expand(text, input_, &found_);
        if (out) return std::move(*out);
        if (problem_.empty()) problem_ = out.error().message;
        return text;
    }
    static std::string wrong_endpoint(const HealthCheck& check) {
        const std::string_view endpoint = check.endpoint;
        if (check.kind == ProbeKind::http && !endpoint.starts_with("http://") &&
            !endpoint.starts_with("https://"))
            return "its endpoint must begin with http:// or https://";
        if (check.kind != ProbeKind::network) return {};
        const auto colon = endpoint.rfind(':');
        const auto port = colon == std::string_view::npos ? "" : endpoint.substr(colon + 1);
        const bool is_port = !port.empty() && port.size() <= 5 &&
                             port.find_first_not_of("0123456789") == std::string_view::npos;
        return is_port && colon > 0 ? "" : "its endpoint must be host:port";
    }

    const json::object& input_;
    std::size_t found_ = 0;
    std::string problem_;
};

/// What is asked, whomever it stands for.
std::string identity_of(const HealthProbe& probe) {
    const auto& check = probe.check;
    json::array parts{probe.workflow, check.name, check.type};
    if (check.problem.empty()) {
        parts.emplace_back(check.endpoint);
        for (const auto& word : check.command)
            parts.emplace_back(word);
        parts.emplace_back(check.operation);
        parts.emplace_back(check.input);
        if (check.kind == ProbeKind::operation) parts.emplace_back(probe.target);
    } else {
        parts.emplace_back(probe.subject);
        parts.emplace_back(probe.target);
    }
    return json::serialize(parts);
}

HealthProbe probe_of(const HealthCheck& check, const Deployed& deployed) {
    HealthProbe probe;
    probe.workflow = deployed.workflow;
    probe.check = check;
    Filler filler(deployed.input);
    filler.fill(probe.check);
    const bool at_target = check.kind == ProbeKind::operation && check.on != "source";
    if (filler.any()) probe.subject = deployed.subject;
    if (filler.any() || at_target) probe.target = deployed.target;
    probe.id = identity_of(probe);
    return probe;
}

}  // namespace

std::vector<HealthCheck> read_health_checks(const json::object& contract) {
    std::vector<HealthCheck> out;
    const auto* list = contract.if_contains("health_checks");
    if (!list || !list->is_array()) return out;
    for (const auto& item : list->get_array()) {
        if (item.is_object()) out.push_back(read_check(item.get_object()));
    }
    return out;
}

Result<std::string> expand(std::string_view text, const json::object& input, std::size_t* found) {
    std::string out;
    while (!text.empty()) {
        const auto open = std::min(text.find('{'), text.size());
        out += text.substr(0, open);
        text.remove_prefix(open);
        const auto close = text.find('}');
        const auto name =
            close == std::string_view::npos ? std::string_view() : text.substr(1, close - 1);
        if (!is_name(name)) {
            out += text.substr(0, 1);
            text.remove_prefix(std::min<std::size_t>(1, text.size()));
            continue;
        }
        text.remove_prefix(close + 1);
        if (found) ++*found;
        const auto* value = input.if_contains(name);
        if (!value || value->is_structured() || value->is_null()) {
            return fail("NOT_FOUND",
                        "the input of the run has no text or number '" + std::string(name) +
                            "' for the placeholder");
        }
        out += value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
    }
    return out;
}

std::vector<HealthProbe> plan_probes(
    const std::map<std::string, std::vector<HealthCheck>>& checks_of_workflow,
    const std::vector<Deployed>& newest_first) {
    std::vector<HealthProbe> out;
    std::set<std::string> seen;
    for (const auto& deployed : newest_first) {
        const auto checks = checks_of_workflow.find(deployed.workflow);
        if (checks == checks_of_workflow.end()) continue;
        for (const auto& check : checks->second) {
            if (check.kind == ProbeKind::none) continue;
            auto probe = probe_of(check, deployed);
            if (!seen.insert(probe.id).second) continue;
            if (out.size() == kProbesMax) return out;
            out.push_back(std::move(probe));
        }
    }
    return out;
}

std::string_view health_word(Health health) {
    if (health == Health::healthy) return "healthy";
    return health == Health::unhealthy ? "unhealthy" : "unknown";
}

std::vector<HealthProbe> HealthBoard::renew(std::vector<HealthProbe> plan, std::int64_t now_us) {
    std::vector<HealthProbe> gone;
    std::vector<HealthState> kept;
    for (auto& probe : plan) {
        HealthState state;
        state.due_us = now_us;
        const auto known =
            std::ranges::find_if(states_, [&](const auto& s) { return s.probe.id == probe.id; });
        if (known != states_.end()) {
            if (known->probe.subject != probe.subject || known->probe.target != probe.target)
                gone.push_back(known->probe);
            state = std::move(*known);
            states_.erase(known);
        }
        // An edited interval counts from now on.
        state.due_us = std::min(state.due_us, now_us + probe.check.interval_ms * 1000);
        state.probe = std::move(probe);
        kept.push_back(std::move(state));
    }
    for (auto& state : states_)
        gone.push_back(std::move(state.probe));
    states_ = std::move(kept);
    return gone;
}

std::vector<HealthProbe> HealthBoard::begin_due(std::int64_t now_us, std::size_t busy_max) {
    auto busy = static_cast<std::size_t>(std::ranges::count_if(states_, &HealthState::busy));
    std::vector<HealthState*> due;
    for (auto& state : states_) {
        if (!state.busy && state.due_us <= now_us) due.push_back(&state);
    }
    // All are in one vector: those that are due at the same time keep its order.
    std::ranges::sort(due, {}, [](HealthState* state) { return std::pair(state->due_us, state); });
    std::vector<HealthProbe> out;
    for (auto* state : due) {
        if (busy >= busy_max) break;
        ++busy;
        state->busy = true;
        state->due_us = now_us + state->probe.check.interval_ms * 1000;
        out.push_back(state->probe);
    }
    return out;
}

bool HealthBoard::ended(const std::string& id, const HealthAnswer& answer, std::int64_t wall_us) {
    const auto state =
        std::ranges::find_if(states_, [&](const auto& s) { return s.probe.id == id; });
    if (state == states_.end()) return false;
    state->busy = false;
    if (!answer.counts) return false;
    if (state->since_us == 0 || state->health != answer.health) state->since_us = wall_us;
    state->health = answer.health;
    state->detail = answer.detail;
    state->last_ms = answer.took_ms;
    if (answer.health == Health::unknown) return false;
    const auto before = std::exchange(state->last_known, answer.health);
    return before == Health::unknown ? answer.health == Health::unhealthy : before != answer.health;
}

}  // namespace onex::workflow
