#include "plugins/orchestrator/parcel.hpp"

#include "plugins/orchestrator/resolution.hpp"

#include <algorithm>

namespace onex::orchestrator {
namespace {

/// Reads or writes the fields of a row, by the same list of names.
class Writer {
  public:
    explicit Writer(json::object& out) : out_(out) {}
    void text(const char* name, const std::string& value) { out_[name] = value; }
    template <class Number>
    void number(const char* name, const Number& value) {
        out_[name] = static_cast<std::int64_t>(value);
    }
    void flag(const char* name, const bool& value) { out_[name] = value; }

  private:
    json::object& out_;
};

class Reader {
  public:
    explicit Reader(const json::object& in) : in_(in) {}
    void text(const char* name, std::string& value) { value = get_text(in_, name); }
    template <class Number>
    void number(const char* name, Number& value) {
        value = static_cast<Number>(get_number(in_, name));
    }
    void flag(const char* name, bool& value) { value = get_bool(in_, name); }

  private:
    const json::object& in_;
};

// What changes while a run goes on.
template <class Fields, class Row>
void standing(Fields fields, Row& row) {
    fields.text("workflow_id", row.workflow_id);
    fields.text("state", row.state);
    fields.text("context", row.context);
    fields.number("started_us", row.started_us);
    fields.number("finished_us", row.finished_us);
    fields.flag("success", row.success);
    fields.text("error_code", row.error_code);
    fields.text("error_message", row.error_message);
    fields.number("cancel_us", row.cancel_us);
    fields.text("cancel_reason", row.cancel_reason);
}

// What it began with.
template <class Fields, class Row>
void origin(Fields fields, Row& row) {
    fields.text("workflow", row.workflow);
    fields.text("contract_text", row.contract_text);
    fields.text("contract_digest", row.contract_digest);
    fields.text("input", row.input);
    fields.number("queued_us", row.queued_us);
    fields.text("subject", row.subject);
    fields.text("correlation_id", row.correlation_id);
    fields.number("timeout_ms", row.timeout_ms);
}

template <class Fields, class Row>
void step(Fields fields, Row& row) {
    fields.text("key", row.key);
    fields.text("stage", row.stage);
    fields.text("operation", row.operation);
    fields.number("number", row.number);
    fields.number("attempt", row.attempt);
    fields.text("state", row.state);
    fields.text("resolution", row.resolution);
    fields.text("error_code", row.error_code);
    fields.text("error_message", row.error_message);
    fields.text("checks", row.checks);
    fields.number("started_us", row.started_us);
    fields.number("finished_us", row.finished_us);
    fields.number("moving_ms", row.moving_ms);
}

template <class Fields, class Row>
void line(Fields fields, Row& row) {
    fields.number("line", row.line);
    fields.number("time_us", row.time_us);
    fields.text("stage", row.stage);
    fields.text("operation", row.operation);
    fields.text("level", row.level);
    fields.text("text", row.text);
}

template <class Fields, class Row>
void transition(Fields fields, Row& row) {
    fields.text("id", row.id);
    fields.text("from_state", row.from_state);
    fields.text("to_state", row.to_state);
    fields.text("event", row.event);
    fields.text("data", row.data);
    fields.number("created_us", row.created_us);
}

template <class Fields, class Row>
void event(Fields fields, Row& row) {
    fields.text("id", row.id);
    fields.text("type", row.type);
    fields.text("topic", row.topic);
    fields.text("key", row.key);
    fields.text("correlation_id", row.correlation_id);
    fields.text("source", row.source);
    fields.text("host_id", row.host_id);
    fields.number("time_us", row.time_us);
    fields.text("payload", row.payload);
    fields.text("metadata", row.metadata);
}

template <class Fields, class Row>
void artifact(Fields fields, Row& row) {
    fields.text("name", row.name);
    fields.text("content", row.content);
}

template <class Fields, class Row>
void secret(Fields fields, Row& row) {
    fields.text("id", row.id);
    fields.text("value", row.value);
}

template <class Row, class Each>
json::array written(const std::vector<Row>& rows, Each each) {
    json::array out;
    for (const auto& row : rows) {
        json::object object;
        each(Writer(object), row);
        out.push_back(std::move(object));
    }
    return out;
}

template <class Row, class Each>
std::vector<Row> read(const json::object& message, const char* name, Each each) {
    std::vector<Row> out;
    const auto* list = message.if_contains(name);
    if (!list || !list->is_array()) return out;
    for (const auto& item : list->get_array()) {
        if (!item.is_object()) continue;
        out.emplace_back();
        each(Reader(item.get_object()), out.back());
    }
    return out;
}

constexpr auto kStep = [](auto fields, auto& row) { step(fields, row); };
constexpr auto kLine = [](auto fields, auto& row) { line(fields, row); };
constexpr auto kTransition = [](auto fields, auto& row) { transition(fields, row); };
constexpr auto kEvent = [](auto fields, auto& row) { event(fields, row); };
constexpr auto kArtifact = [](auto fields, auto& row) { artifact(fields, row); };
constexpr auto kSecret = [](auto fields, auto& row) { secret(fields, row); };

/// The taker's view of who ran a step.
void turn(StepRow& row, const std::string& taker) {
    auto who = Resolution::parse(row.resolution.empty() ? "{}" : row.resolution);
    if (row.resolution.empty() || !who) return;
    if (who->target == taker) {
        who->target.clear();
    } else {
        // The nodes of the host that gives it hear of the end from that host.
        who->run_end.clear();
        who->run_renew.clear();
    }
    row.resolution = who->text();
}

}  // namespace

json::object to_json(const Parcel& parcel) {
    json::object run;
    standing(Writer(run), parcel.run);
    origin(Writer(run), parcel.run);
    return {{"run", std::move(run)},
            {"steps", written(parcel.steps, kStep)},
            {"lines", written(parcel.lines, kLine)},
            {"secrets", written(parcel.secrets, kSecret)},
            {"taker", parcel.taker},
            {"now_us", parcel.now_us}};
}

Result<Parcel> read_parcel(const json::object& message, std::int64_t now_us) {
    Parcel parcel;
    const auto& run = get_object(message, "run");
    standing(Reader(run), parcel.run);
    origin(Reader(run), parcel.run);
    parcel.steps = read<StepRow>(message, "steps", kStep);
    parcel.lines = read<LogLine>(message, "lines", kLine);
    parcel.secrets = read<workflow::Secret>(message, "secrets", kSecret);
    parcel.taker = get_text(message, "taker");
    parcel.now_us = get_number(message, "now_us");
    auto& row = parcel.run;
    if (row.workflow_id.empty() || row.started_us <= 0 || parcel.now_us <= 0)
        return fail("VALIDATION_ERROR", "a run that is handed over has an id and has begun");
    std::int64_t last_us = row.started_us;
    for (auto& step : parcel.steps) {
        turn(step, parcel.taker);
        last_us = std::max(last_us, step.finished_us);
    }
    // The hard end is a moment; here it is told by this host's clock.
    if (row.timeout_ms > 0)
        row.timeout_ms =
            std::max<std::int64_t>(1, row.timeout_ms + (now_us - parcel.now_us) / 1000);
    // A cancel is later than every step that ended without it.
    if (row.cancel_us > 0) row.cancel_us = std::max(now_us, last_us + 1);
    return parcel;
}

json::object to_json(const News& news) {
    json::object out{
        {"revision", news.revision},
        {"changed", news.changed},
        {"progress", {{"done", news.done}, {"total", news.total}, {"text", news.text}}}};
    if (!news.changed) return out;
    json::object run;
    standing(Writer(run), news.run);
    out["run"] = std::move(run);
    out["steps"] = written(news.steps, kStep);
    out["transitions"] = written(news.transitions, kTransition);
    out["events"] = written(news.events, kEvent);
    out["lines"] = written(news.lines, kLine);
    out["more_lines"] = news.more_lines;
    out["artifacts"] = written(news.artifacts, kArtifact);
    return out;
}

Result<News> read_news(const json::object& message, const std::string& owner) {
    News news;
    news.revision = get_text(message, "revision");
    news.changed = get_bool(message, "changed");
    const auto& progress = get_object(message, "progress");
    news.done = static_cast<std::uint64_t>(get_number(progress, "done"));
    news.total = static_cast<std::uint64_t>(get_number(progress, "total"));
    news.text = get_text(progress, "text");
    if (!news.changed) return news;
    standing(Reader(get_object(message, "run")), news.run);
    if (news.run.workflow_id.empty())
        return fail("VALIDATION_ERROR", owner + " tells nothing of the run");
    news.steps = read<StepRow>(message, "steps", kStep);
    news.transitions = read<TransitionRow>(message, "transitions", kTransition);
    news.events = read<EventRow>(message, "events", kEvent);
    news.lines = read<LogLine>(message, "lines", kLine);
    news.more_lines = get_bool(message, "more_lines");
    news.artifacts = read<workflow::Artifact>(message, "artifacts", kArtifact);
    for (auto& step : news.steps) {
        auto who = Resolution::parse(step.resolution.empty() ? "{}" : step.resolution);
        if (step.resolution.empty() || !who || !who->target.empty()) continue;
        who->target = owner;
        step.resolution = who->text();
    }
    return news;
}

}  // namespace onex::orchestrator
