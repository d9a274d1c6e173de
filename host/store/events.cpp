#include "host/store/events.hpp"

#include "events_sql.hpp"
#include "host/store/ids.hpp"
#include "host/store/subscription.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace onex::host {

namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kPollPeriod{1};  ///< other processes write to the table too

bool is_topic(std::string_view topic) {
    return !topic.empty() && topic.size() <= kTopicBytesMax && topic != "." && topic != ".." &&
           std::ranges::all_of(topic, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
           });
}

Result<void> check_object(const std::string& text, const std::string& what) {
    if (text.size() > kEventJsonBytesMax) {
        return fail("VALIDATION_ERROR",
                    what + " has " + std::to_string(text.size()) + " bytes; at most 1 MiB fits");
    }
    json::error_code ec;
    json::parse_options options;
    options.max_depth = kEventJsonDepthMax;
    const auto value = json::parse(text, ec, {}, options);
    if (ec || !value.is_object()) return fail("VALIDATION_ERROR", what + " is no JSON object");
    return {};
}

Result<void> check(const Event& event) {
    if (event.type.empty()) return fail("VALIDATION_ERROR", "the event has no type");
    if (!is_topic(event.topic)) {
        return fail("VALIDATION_ERROR",
                    "event " + event.type + " has topic \"" + event.topic.substr(0, 300) +
                        "\"; expected 1..249 of a-z A-Z 0-9 . _ -");
    }
    auto ok = check_object(event.payload, "the payload of event " + event.type);
    if (ok && !event.metadata.empty()) {
        ok = check_object(event.metadata, "the metadata of event " + event.type);
    }
    return ok;
}

json::value object_or_empty(const std::string& text) {
    if (text.empty()) return json::object{};
    json::error_code ec;
    auto value = json::parse(text, ec);
    return ec ? json::value(json::object{}) : value;
}

}  // namespace

std::string to_envelope(const Event& event, std::string_view environment) {
    const json::value none = nullptr;
    const json::value correlation =
        is_uuid(event.correlation_id) ? json::value(event.correlation_id) : none;
    const json::value key = event.key.empty() ? none : json::value(event.key);
    const json::object envelope{{"envelope_version", "1.0"},
                                {"event_id", event.id},
                                {"event_type", event.type},
                                {"event_version", "1.0"},
                                {"event_timestamp", iso_time(event.time_us)},
                                {"source_node_id", event.source},
                                {"source_service", "omninode-bridge"},
                                {"source_version", "1.0.0"},
                                {"source_instance", nullptr},
                                {"correlation_id", correlation},
                                {"causation_id", nullptr},
                                {"environment", environment},
                                {"region", nullptr},
                                {"partition_key", key},
                                {"payload", object_or_empty(event.payload)},
                                {"metadata", object_or_empty(event.metadata)}};
    return json::serialize(envelope);
}

struct EventBus::State {
    Store& store;
    std::string host_id;
    std::string host_name;
    std::chrono::milliseconds retry_first;

    std::mutex mutex;
    std::condition_variable published;
    std::uint64_t notified = 0;  ///< counts notify()
    std::vector<std::shared_ptr<EventDelivery>> subscriptions;

    void wake() {
        const std::scoped_lock lock(mutex);
        published.notify_all();
    }
};

EventBus::EventBus(Store& store,
                   std::string host_id,
                   std::string host_name,
                   std::chrono::milliseconds retry_first)
    : state_(
          new State{store, std::move(host_id), std::move(host_name), retry_first, {}, {}, 0, {}}) {}

EventBus::~EventBus() {
    std::vector<std::shared_ptr<EventDelivery>> subscriptions;
    {
        const std::scoped_lock lock(state_->mutex);
        subscriptions.swap(state_->subscriptions);
    }
    for (const auto& subscription : subscriptions)
        subscription->stop();
}

Result<std::string> EventBus::publish(Transaction& tx, Event event) {
    auto ok = check(event);
    if (!ok) return std::unexpected(std::move(ok).error());
    if (event.id.empty()) event.id = new_uuid();
    if (event.time_us == 0) event.time_us = now_us();
    if (event.source.empty()) event.source = state_->host_name;
    for (const auto* candidate : {&event.correlation_id, &event.source, &event.id}) {
        if (event.key.empty()) event.key = *candidate;
    }
    auto inserted = tx.execute(sql::insert_event,
                               {{"id", event.id},
                                {"type", std::move(event.type)},
                                {"topic", std::move(event.topic)},
                                {"partition_key", std::move(event.key)},
                                {"correlation_id", std::move(event.correlation_id)},
                                {"workflow_id", std::move(event.workflow_id)},
                                {"source", std::move(event.source)},
                                {"host_id", state_->host_id},
                                {"time_us", event.time_us},
                                {"payload", std::move(event.payload)},
                                {"metadata", std::move(event.metadata)}});
    if (!inserted) return std::unexpected(std::move(inserted).error());
    return event.id;
}

void EventBus::notify() {
    const std::scoped_lock lock(state_->mutex);
    ++state_->notified;
    state_->published.notify_all();
}

Result<std::vector<Event>> EventBus::read(const Query& query) {
    std::vector<SqlParam> params{{"after", query.after_sequence},
                                 {"topic_prefix", query.topic_prefix},
                                 {"limit", static_cast<std::int64_t>(query.limit)}};
    if (!query.workflow_id.empty()) params.push_back({"workflow_id", query.workflow_id});
    auto found =
        execute_once(state_->store,
                     TxMode::read,
                     query.workflow_id.empty() ? sql::read_events : sql::read_events_of_workflow,
                     params);
    if (!found) return std::unexpected(std::move(found).error());
    std::vector<Event> events;
    events.reserve(found->rows.size());
    for (const auto& row : found->rows)
        events.push_back(to_event(row));
    return events;
}

void EventBus::wait_for_more(std::int64_t after_sequence, const Wait& wait) {
    Cancel::Registration registration;
    if (wait.cancel) registration = wait.cancel->on_cancel([state = state_] { state->wake(); });
    while (!wait.over()) {
        std::uint64_t seen = 0;
        {
            const std::scoped_lock lock(state_->mutex);
            seen = state_->notified;
        }
        const auto last = execute_once(state_->store, TxMode::read, sql::last_sequence, {});
        if (last && !last->rows.empty() &&
            std::get<std::int64_t>(last->rows[0][0]) > after_sequence)
            return;
        const auto until = std::min(wait.deadline, SteadyClock::now() + kPollPeriod);
        std::unique_lock lock(state_->mutex);
        while (state_->notified == seen && !wait.over() && SteadyClock::now() < until) {
            state_->published.wait_until(lock, until);
        }
    }
}

std::shared_ptr<void> EventBus::subscribe(std::string group,
                                          std::string topic_prefix,
                                          std::size_t batch_max,
                                          Handler handler,
                                          std::function<void()> committed) {
    auto subscription = std::make_shared<EventDelivery>(
        *this,
        state_->store,
        EventDelivery::Config{
            std::move(group), std::move(topic_prefix), batch_max, state_->retry_first},
        std::move(handler),
        std::move(committed));
    {
        const std::scoped_lock lock(state_->mutex);
        state_->subscriptions.push_back(subscription);
    }
    return {nullptr, [subscription, state = std::weak_ptr(state_)](void*) {
                if (!subscription->stop()) return;  // The bus joins it in the end.
                if (const auto alive = state.lock()) {
                    const std::scoped_lock lock(alive->mutex);
                    std::erase(alive->subscriptions, subscription);
                }
            }};
}

}  // namespace onex::host
