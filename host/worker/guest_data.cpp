// Events, metrics and contracts, as a worker's plugin gets them.
#include "host/worker/guest.hpp"
#include "host/worker/values.hpp"

namespace onex::host::worker {

namespace {

/// A question that is answered by one text.
onex_status ask_text(
    void* ctx, Method method, const Packer& input, onex_writer* to, onex_error* error) {
    const auto told = guest_of(ctx).ask(method, input);
    std::string_view rest;
    const auto status = read_result(told, rest, error);
    return status < 0 ? status : append(to, Unpacker(rest).text());
}

/// A question that is answered by one handle.
onex_status ask_handle(
    void* ctx, Method method, const Packer& input, onex_handle* to, onex_error* error) {
    const auto told = guest_of(ctx).ask(method, input);
    std::string_view rest;
    const auto status = read_result(told, rest, error);
    if (status >= 0 && to) *to = Unpacker(rest).number<std::uint64_t>();
    return status;
}

onex_status publish(
    void* ctx, onex_handle tx, const onex_event* event, onex_writer* id, onex_error* error) {
    Packer out;
    out.number(tx);
    for (const auto& text : {event->type,
                             event->topic,
                             event->key,
                             event->correlation_id,
                             event->workflow_id,
                             event->payload,
                             event->metadata})
        out.text(view(text));
    return ask_text(ctx, Method::publish, out, id, error);
}

onex_status subscribe(void* ctx,
                      onex_str group,
                      onex_str prefix,
                      std::uint32_t batch_max,
                      onex_batch_fn fn,
                      void* user,
                      onex_handle* subscription,
                      onex_error* error) {
    Guest::Callback callback;
    callback.batch = fn;
    callback.user = user;
    callback.once = false;
    const auto ref = guest_of(ctx).keep(callback);
    Packer out;
    out.text(view(group)).text(view(prefix)).number(batch_max).number(ref);
    const auto status = ask_handle(ctx, Method::subscribe, out, subscription, error);
    if (status < 0) guest_of(ctx).forget(ref);
    return status;
}

onex_status define(void* ctx,
                   std::uint32_t kind,
                   onex_str name,
                   onex_str help,
                   const onex_str* labels,
                   std::uint32_t label_count,
                   const double* buckets,
                   std::uint32_t bucket_count,
                   onex_handle* metric,
                   onex_error* error) {
    Packer out;
    out.number(kind).text(view(name)).text(view(help));
    pack(out, labels, label_count);
    out.number(bucket_count);
    for (std::uint32_t i = 0; i < bucket_count; ++i)
        out.number(buckets[i]);
    return ask_handle(ctx, Method::metric_define, out, metric, error);
}

onex_status record(void* ctx,
                   Method method,
                   onex_handle metric,
                   const onex_str* values,
                   std::uint32_t count,
                   double value) {
    Packer out;
    out.number(metric).number(value);
    pack(out, values, count);
    return guest_of(ctx).channel().notice(method, 0, out) ? ONEX_OK : ONEX_E_UNAVAILABLE;
}

onex_status parse_yaml(
    void* ctx, onex_str yaml, onex_writer* json, onex_writer* places, onex_error* error) {
    const auto told = guest_of(ctx).ask(Method::parse_yaml, Packer().text(view(yaml)));
    std::string_view rest;
    const auto status = read_result(told, rest, error);
    if (status < 0) return status;
    Unpacker in(rest);
    if (const auto wrote = append(json, in.text()); wrote < 0) return wrote;
    return append(places, in.text());
}

onex_status kv_get(void* ctx, onex_handle tx, onex_str key, onex_writer* value, onex_error* error) {
    return ask_text(ctx, Method::kv_get, Packer().number(tx).text(view(key)), value, error);
}

onex_status kv_scan(void* ctx,
                    onex_handle tx,
                    onex_str prefix,
                    onex_str after,
                    std::uint32_t limit,
                    onex_kv_entry_fn fn,
                    void* user,
                    onex_error* error) {
    Packer out;
    out.number(tx).text(view(prefix)).text(view(after)).number(limit);
    const auto told = guest_of(ctx).ask(Method::kv_scan, out);
    std::string_view rest;
    const auto status = read_result(told, rest, error);
    if (status < 0) return status;
    const auto entries = Unpacker(rest).text();
    Unpacker in(entries);
    while (in.ok() && !in.done()) {
        const auto key = in.text();
        const auto value = in.text();
        if (!in.ok()) break;
        const auto stop = fn(
            user, view(key), {reinterpret_cast<const std::uint8_t*>(value.data()), value.size()});
        if (stop != ONEX_OK) return stop;
    }
    return ONEX_OK;
}

onex_status kv_write(void* ctx,
                     onex_handle tx,
                     const onex_kv_change* changes,
                     std::uint32_t count,
                     onex_error* error) {
    Packer out;
    out.number(tx).number(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto& value = changes[i].value;
        out.number(changes[i].kind).text(view(changes[i].key));
        out.text({reinterpret_cast<const char*>(value.data), static_cast<std::size_t>(value.size)});
    }
    return ask_status(ctx, Method::kv_write, out, error);
}

}  // namespace

void fill_guest_data(Guest::Tables& tables) {
    tables.events = {
        sizeof(onex_events_v1),
        0,
        nullptr,
        publish,
        subscribe,
        [](void* ctx, onex_handle subscription) {
            return ask_handle(
                ctx, Method::unsubscribe, Packer().number(subscription), nullptr, nullptr);
        },
        [](void* ctx,
           std::int64_t after,
           onex_str workflow,
           std::uint32_t limit,
           onex_writer* to,
           onex_error* error) {
            Packer out;
            out.number(after).text(view(workflow)).number(limit);
            return ask_text(ctx, Method::events_read, out, to, error);
        }};
    tables.kv = {sizeof(onex_kv_v1), 0, nullptr, kv_get, kv_scan, kv_write};
    tables.metrics = {
        sizeof(onex_metrics_v1),
        0,
        nullptr,
        define,
        [](void* ctx,
           onex_handle metric,
           const onex_str* values,
           std::uint32_t count,
           double value) {
            return record(ctx, Method::metric_record, metric, values, count, value);
        },
        [](void* ctx, onex_handle metric, const onex_str* values, std::uint32_t count) {
            return record(ctx, Method::metric_forget, metric, values, count, 0);
        }};
    tables.contract = {
        sizeof(onex_contract_v1),
        0,
        nullptr,
        parse_yaml,
        [](void* ctx, onex_str schema, onex_handle* out, onex_error* error) {
            return ask_handle(ctx, Method::schema_compile, Packer().text(view(schema)), out, error);
        },
        [](void* ctx, onex_handle schema, onex_str json, onex_writer* out, onex_error* error) {
            return ask_text(
                ctx, Method::schema_check, Packer().number(schema).text(view(json)), out, error);
        },
        [](void* ctx, onex_handle schema) {
            return ask_handle(
                ctx, Method::schema_release, Packer().number(schema), nullptr, nullptr);
        }};
}

}  // namespace onex::host::worker
