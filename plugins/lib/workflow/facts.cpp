#include "plugins/lib/workflow/facts.hpp"

#include "plugins/lib/workflow/fsm.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <array>
#include <optional>

namespace json = boost::json;

namespace onex::workflow {
namespace {

/// Longer texts are content, not facts, and an event has a limit.
constexpr std::size_t kPayloadTextMax = 1024;

constexpr std::array kEventFacts{Fact::Kind::started,
                                 Fact::Kind::stage_completed,
                                 Fact::Kind::completed,
                                 Fact::Kind::failed,
                                 Fact::Kind::rollback_initiated,
                                 Fact::Kind::rollback_completed};

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && same_name(text.substr(text.size() - end.size()), end);
}

/// Is `fact` the whole of `type`, or what follows its last "_"?
bool names_fact(std::string_view type, std::string_view fact) {
    return same_name(type, fact) || ends_with(type, "_" + std::string(fact));
}

std::string kebab(std::string_view fact) {
    std::string out(fact);
    for (char& c : out) {
        if (c == '_') c = '-';
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

/// "dev.x.stage-completed.v1" → "stage-completed".
std::string_view slug_of(std::string_view topic) {
    const auto last = topic.rfind('.');
    if (last == std::string_view::npos) return topic;
    const auto version = topic.substr(last + 1);
    const bool is_version = version.size() > 1 && version[0] == 'v' &&
                            version.find_first_not_of("0123456789", 1) == std::string_view::npos;
    if (is_version) topic = topic.substr(0, last);
    return topic.substr(topic.rfind('.') + 1);
}

std::string scalar(const json::value& value) {
    return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

/// The number called `name`, wherever in the context's objects it stands.
std::optional<double> find_number(const json::object& from, std::string_view name) {
    if (const auto* value = from.if_contains(name); value && value->is_number()) {
        return value->to_number<double>();
    }
    for (const auto& member : from) {
        if (!member.value().is_object()) continue;
        if (auto found = find_number(member.value().get_object(), name)) return found;
    }
    return std::nullopt;
}

class Mover {
  public:
    Mover(const RunState& state, const Fact& fact, const MetricSource& source)
        : state_(state),
          fact_(fact),
          source_(source),
          event_(event_name(fact.kind)),
          ends_(fact.kind == Fact::Kind::completed || fact.kind == Fact::Kind::failed ||
                fact.kind == Fact::Kind::rollback_completed) {}

    void see(const MetricSpec& metric) {
        metric_ = &metric;
        if (metric.kind == "counter") counter();
        if (metric.kind == "histogram") histogram();
        if (metric.kind == "gauge") gauge();
    }
    std::vector<Movement> take() { return std::move(out_); }

  private:
    void counter() {
        if (event_.empty()) return;
        const bool rolled_back = fact_.kind == Fact::Kind::rollback_completed;
        const auto& name = metric_->name;
        // "…_completed_total" belongs to the run, unless the longer name says otherwise.
        const bool longer =
            fact_.kind == Fact::Kind::completed && (ends_with(name, "stage_completed_total") ||
                                                    ends_with(name, "rollback_completed_total"));
        if (ends_with(name, '_' + std::string(event_) + "_total")
                ? !longer
                : rolled_back && ends_with(name, "_rolled_back_total")) {
            add(1);
        }
    }
    void histogram() {
        const auto& name = metric_->name;
        if (ends_with(name, "_duration_seconds")) {
            const bool of_stage = name.starts_with("stage_");
            if (of_stage ? fact_.kind == Fact::Kind::stage_completed : ends_) {
                add(static_cast<double>(fact_.duration_ms) / 1000.0);
            }
        } else if (ends_) {
            if (const auto number = find_number(source_.context, name)) add(*number);
        }
    }
    void gauge() {
        const auto& name = metric_->name;
        if (name.starts_with("current_") && name.ends_with("_state")) {
            if (fact_.kind == Fact::Kind::handed_over) add(0, state_.state, true);
            if (fact_.kind != Fact::Kind::transition) return;
            add(0, fact_.from, true);
            // A final state is told by the counters; a gauge a run would grow without end.
            if (fact_.to != final_state()) add(1, fact_.to);
        } else if (name.starts_with("concurrent_")) {
            if (ends_ || fact_.kind == Fact::Kind::started ||
                fact_.kind == Fact::Kind::handed_over) {
                add(static_cast<double>(source_.running));
            }
        } else if (name.ends_with("_success_rate") && fact_.kind == Fact::Kind::gate_scored) {
            const auto stem = name.substr(0, name.size() - std::string_view("success_rate").size());
            if (fact_.gate.name.starts_with(stem)) add(fact_.gate.score);
        }
    }
    std::string final_state() const { return state_.ended() ? state_.state : std::string(); }

    void add(double value, std::string_view state = {}, bool forget = false) {
        Movement movement{metric_->name, {}, value, forget};
        for (const auto& label : metric_->labels)
            movement.labels.push_back(label_value(label, state));
        out_.push_back(std::move(movement));
    }
    std::string label_value(const std::string& label, std::string_view state) const {
        if (label == "workflow_id") return std::string(source_.workflow_id);
        if (label == "state") return std::string(state);
        if (label == "stage_name") return fact_.stage;
        if (label == "failure_stage") return state_.failure ? state_.failure->stage : std::string();
        const auto* value = source_.context.if_contains(label);
        return value && !value->is_structured() ? scalar(*value) : std::string();
    }

    const RunState& state_;
    const Fact& fact_;
    const MetricSource& source_;
    const MetricSpec* metric_ = nullptr;
    std::string_view event_;
    bool ends_;
    std::vector<Movement> out_;
};

}  // namespace

std::string_view event_name(Fact::Kind kind) {
    switch (kind) {
        case Fact::Kind::started:
            return "STARTED";
        case Fact::Kind::stage_completed:
            return "STAGE_COMPLETED";
        case Fact::Kind::completed:
            return "COMPLETED";
        case Fact::Kind::failed:
            return "FAILED";
        case Fact::Kind::rollback_initiated:
            return "ROLLBACK_INITIATED";
        case Fact::Kind::rollback_completed:
            return "ROLLBACK_COMPLETED";
        case Fact::Kind::transition:
        case Fact::Kind::stage_skipped:
        case Fact::Kind::gate_scored:
        case Fact::Kind::warning:
        case Fact::Kind::handed_over:
            break;
    }
    return {};
}

EventName event_for(const Model& model, Fact::Kind kind) {
    EventName out;
    const auto wanted = event_name(kind);
    if (wanted.empty()) return out;
    for (const auto& type : model.event_types) {
        std::string_view longest;
        for (const auto fact : kEventFacts) {
            const auto name = event_name(fact);
            if (names_fact(type, name) && name.size() > longest.size()) longest = name;
        }
        if (longest == wanted) {
            out.type = type;
            break;
        }
    }
    const auto topic = std::ranges::find_if(
        model.topics, [&](const auto& name) { return slug_of(name) == kebab(wanted); });
    if (!out.type.empty() && topic != model.topics.end()) out.topic = *topic;
    return out;
}

std::vector<Movement> movements(const Model& model,
                                const RunState& state,
                                const Fact& fact,
                                const MetricSource& source) {
    Mover mover(state, fact, source);
    for (const auto& metric : model.metrics)
        mover.see(metric);
    return mover.take();
}

json::object payload_of(const RunState& state,
                        const Fact& fact,
                        const json::object& input,
                        std::string_view workflow_id) {
    json::object out;
    for (const auto& member : input) {
        const auto& value = member.value();
        const bool is_long = value.is_string() && value.get_string().size() > kPayloadTextMax;
        if (!value.is_structured() && !value.is_null() && !is_long) {
            out.insert_or_assign(member.key(), member.value());
        }
    }
    out["workflow_id"] = workflow_id;
    out["deployment_id"] = workflow_id;
    switch (fact.kind) {
        case Fact::Kind::stage_completed:
            out["stage_name"] = fact.stage;
            out["duration_ms"] = fact.duration_ms;
            break;
        case Fact::Kind::completed:
            out["total_duration_ms"] = fact.duration_ms;
            break;
        case Fact::Kind::failed:
        case Fact::Kind::rollback_initiated:
        case Fact::Kind::rollback_completed:
            if (state.failure) {
                out["error_code"] = state.failure->code;
                out["error_message"] = state.failure->message;
                out["failure_stage"] = state.failure->stage;
            }
            if (fact.kind != Fact::Kind::rollback_initiated)
                out["total_duration_ms"] = fact.duration_ms;
            break;
        default:
            break;
    }
    return out;
}

}  // namespace onex::workflow
