// onex.events/1: the journal that is the bus.
#include "host/metrics.hpp"
#include "host/plugin/background.hpp"
#include "host/plugin/services.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <utility>

namespace onex::host {

namespace json = boost::json;

namespace {

/// DEPLOYMENT_STARTED → deployment-started
std::string kebab(std::string_view type) {
    std::string out;
    for (const char c : type) {
        out += c == '_' ? '-' : static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return out;
}

Result<Event> to_event(NodeInstance& node, const onex_event& in) {
    const auto& identity = node.runtime().identity;
    Event out;
    out.type = std::string(view(in.type));
    if (out.type.empty()) return fail("VALIDATION_ERROR", "an event needs a type");
    out.topic = std::string(view(in.topic));
    if (out.topic.empty()) {
        out.topic =
            topic_namespace(identity.environment) + ".deployment." + kebab(out.type) + ".v1";
    }
    out.key = std::string(view(in.key));
    out.correlation_id = std::string(view(in.correlation_id));
    out.workflow_id = std::string(view(in.workflow_id));
    out.source = identity.name + "/" + node.name();
    out.payload = std::string(view(in.payload));
    out.metadata = std::string(view(in.metadata));
    boost::system::error_code ec;
    const auto payload = json::parse(out.payload, ec);
    if (ec || !payload.is_object())
        return fail("VALIDATION_ERROR", "the payload of " + out.type + " is not a JSON object");
    return out;
}

std::string to_batch(const std::vector<Event>& events, std::string_view environment) {
    json::array out;
    for (const auto& event : events) {
        boost::system::error_code ec;
        auto envelope = json::parse(to_envelope(event, environment), ec);
        if (ec || !envelope.is_object()) continue;
        envelope.as_object()["sequence"] = event.sequence;
        envelope.as_object()["topic"] = event.topic;
        out.push_back(std::move(envelope));
    }
    return json::serialize(out);
}

}  // namespace

std::string topic_namespace(std::string_view environment) {
    return std::string(environment == "development" ? "dev" : environment) + ".omninode-bridge";
}

void events_published(Runtime& runtime, const std::vector<std::string>& types) {
    if (types.empty()) return;
    // The name that the original's dashboards ask for: what is published is what Kafka gets.
    const auto counter = runtime.metrics.define(MetricKind::counter,
                                                "kafka_events_published_total",
                                                "Events of nodes whose transaction committed",
                                                {"event_type"});
    for (const auto& type : types)
        if (counter) (void)runtime.metrics.record(*counter, {type}, 1);
    runtime.bus.notify();
}

namespace {

onex_status publish(
    void* ctx, onex_handle tx, const onex_event* in, onex_writer* id, onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& node = node_of(ctx);
        auto& runtime = node.runtime();
        auto event = to_event(node, *in);
        if (!event) return report(event.error(), error);
        if (tx != 0) {
            const auto open = runtime.transactions.find(tx);
            if (!open) return report({"BAD_HANDLE", "this transaction has ended", {}, {}}, error);
            const std::scoped_lock lock(open->mutex);
            if (!open->tx)
                return report({"BAD_HANDLE", "this transaction has ended", {}, {}}, error);
            auto type = event->type;
            auto published = runtime.bus.publish(*open->tx, std::move(*event));
            if (!published) return report(published.error(), error);
            open->published.push_back(std::move(type));
            return append(id, *published);
        }
        if (auto allowed = may_wait(); !allowed) return report(allowed.error(), error);
        auto own = runtime.store.begin(TxMode::write, Wait::for_ms(5'000));
        if (!own) return report(own.error(), error);
        const std::vector<std::string> types{event->type};
        auto published = runtime.bus.publish(**own, std::move(*event));
        if (!published) return report(published.error(), error);
        if (auto done = (*own)->commit(); !done) return report(done.error(), error);
        events_published(runtime, types);
        return append(id, *published);
    });
}

onex_status subscribe(void* ctx,
                      onex_str group,
                      onex_str prefix,
                      std::uint32_t batch_max,
                      onex_batch_fn fn,
                      void* user,
                      onex_handle* out,
                      onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& node = node_of(ctx);
        auto& runtime = node.runtime();
        if (!fn || batch_max < 1 || batch_max > 1000 || group.size == 0) {
            return report({"VALIDATION_ERROR",
                           "subscribe needs a group, a handler and 1 to 1000 events a batch",
                           {},
                           {}},
                          error);
        }
        // What a batch's handler published, until its commit makes it true. Of one thread.
        const auto published = std::make_shared<std::vector<std::string>>();
        const auto deliver = [&runtime, &node, fn, user, published](
                                 Transaction& tx, const std::vector<Event>& batch) -> Result<void> {
            published->clear();
            const auto hold = node.hold();
            const PluginScope scope(node, "a subscription");
            const auto text = to_batch(batch, runtime.identity.environment);
            // The batch's transaction belongs to the bus; the plugin sees it under a handle for
            // this call.
            auto open = std::make_shared<OpenTransaction>(std::unique_ptr<Transaction>(&tx), hold);
            open->borrowed = true;
            const auto handle = runtime.transactions.add(open);
            const auto status = fn(user, handle, view(std::string_view(text)), 0);
            runtime.transactions.take(handle);
            {
                const std::scoped_lock lock(open->mutex);
                if (status >= 0) published->swap(open->published);
                (void)open->tx.release();  // NOLINT(bugprone-unused-return-value): not ours to end
            }
            if (status < 0)
                return fail(code_of(static_cast<Status>(status)),
                            "the subscriber refused the batch");
            return {};
        };
        const auto place = node.hold();
        if (!node.is_open()) return report({"UNAVAILABLE", "the node is stopping", {}, {}}, error);
        auto subscription = std::make_shared<Subscription>(fn, user);
        subscription->delivery =
            runtime.bus.subscribe(std::string(view(group)),
                                  std::string(view(prefix)),
                                  batch_max,
                                  deliver,
                                  [&runtime, published] { events_published(runtime, *published); });
        *out = node.subscriptions.add(std::move(subscription));
        return ONEX_OK;
    });
}

onex_status unsubscribe(void* ctx, onex_handle handle) {
    return guarded(nullptr, [&]() -> onex_status {
        const auto subscription = node_of(ctx).subscriptions.take(handle);
        if (!subscription) return ONEX_E_BAD_HANDLE;
        subscription->end();
        return ONEX_OK;
    });
}

onex_status read(void* ctx,
                 std::int64_t after,
                 onex_str workflow_id,
                 std::uint32_t limit,
                 onex_writer* out,
                 onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        if (auto allowed = may_wait(true); !allowed) return report(allowed.error(), error);
        auto& runtime = node_of(ctx).runtime();
        const auto most = std::clamp<std::uint32_t>(limit, 1, 1000);
        auto events = runtime.bus.read({after, std::string(view(workflow_id)), {}, most});
        if (!events) return report(events.error(), error);
        return append(out, to_batch(*events, runtime.identity.environment));
    });
}

}  // namespace

void fill_events_service(ServiceTables& tables) {
    tables.events = {sizeof(onex_events_v1), 0, nullptr, publish, subscribe, unsubscribe, read};
}

}  // namespace onex::host
