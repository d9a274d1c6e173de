// Events, metrics, contracts and secrets of a worker.
#include "host/plugin/abi_values.hpp"
#include "host/worker/remote.hpp"

namespace onex::host::worker {

namespace {

constexpr std::size_t kTextBytesMax = kFrameBytesMax - 64 * 1024;
constexpr std::int64_t kBatchMs = 60'000;

}  // namespace

bool Session::serve_data(Method method, Unpacker& in, Packer& out) {
    if (method == Method::metric_define) return define_metric(in, out), true;
    return serve_events(method, in, out) || serve_contract(method, in, out) ||
           serve_kv(method, in, out);
}

bool Session::serve_events(Method method, Unpacker& in, Packer& out) {
    ErrorRoom room;
    TextWriter text(kTextBytesMax);
    const auto words = [&](onex_status status) -> Packer& {
        return out.result(status, status < 0 ? room.error(status, "the service") : Error{});
    };
    switch (method) {
        case Method::publish: {
            const auto tx = in.number<std::uint64_t>();
            onex_event event{};
            event.struct_size = sizeof(event);
            for (auto* field : {&event.type,
                                &event.topic,
                                &event.key,
                                &event.correlation_id,
                                &event.workflow_id,
                                &event.payload,
                                &event.metadata})
                *field = view(in.text());
            if (tx != 0 && !has(Kind::transaction, tx)) return refuse_handle(out), true;
            const auto* events = services_->events;
            words(events->publish(events->ctx, tx, &event, &text.abi, &room.abi)).text(text.text);
            return true;
        }
        case Method::subscribe:
            return subscribe(in, out), true;
        case Method::unsubscribe: {
            const auto subscription = in.number<std::uint64_t>();
            if (!take(Kind::subscription, subscription)) return refuse_handle(out), true;
            words(services_->events->unsubscribe(services_->events->ctx, subscription));
            return true;
        }
        case Method::events_read: {
            const auto after = in.number<std::int64_t>();
            const auto workflow = in.text();
            const auto limit = in.number<std::uint32_t>();
            const auto* events = services_->events;
            words(events->read(events->ctx, after, view(workflow), limit, &text.abi, &room.abi))
                .text(text.text);
            return true;
        }
        default:
            return false;
    }
}

/// What a node reads of contracts and of its own configuration.
bool Session::serve_contract(Method method, Unpacker& in, Packer& out) {
    ErrorRoom room;
    TextWriter text(kTextBytesMax);
    const auto words = [&](onex_status status) -> Packer& {
        return out.result(status, status < 0 ? room.error(status, "the service") : Error{});
    };
    switch (method) {
        case Method::secret: {
            const auto* config = services_->config;
            words(config->secret(config->ctx, view(in.text()), &text.abi, &room.abi))
                .text(text.text);
            return true;
        }
        case Method::parse_yaml: {
            const auto yaml = in.text();
            TextWriter places(kTextBytesMax / 2);
            const auto* contract = services_->contract;
            words(
                contract->parse_yaml(contract->ctx, view(yaml), &text.abi, &places.abi, &room.abi))
                .text(text.text)
                .text(places.text);
            return true;
        }
        case Method::schema_compile: {
            const auto source = in.text();
            onex_handle schema = 0;
            const auto* contract = services_->contract;
            const auto status = contract->compile(contract->ctx, view(source), &schema, &room.abi);
            if (status >= 0) give(Kind::schema, schema);
            words(status).number(schema);
            return true;
        }
        case Method::schema_check: {
            const auto schema = in.number<std::uint64_t>();
            const auto json = in.text();
            if (!has(Kind::schema, schema)) return refuse_handle(out), true;
            const auto* contract = services_->contract;
            words(contract->check(contract->ctx, schema, view(json), &text.abi, &room.abi))
                .text(text.text);
            return true;
        }
        case Method::schema_release: {
            const auto schema = in.number<std::uint64_t>();
            if (!take(Kind::schema, schema)) return refuse_handle(out), true;
            words(services_->contract->release(services_->contract->ctx, schema));
            return true;
        }
        default:
            return false;
    }
}

bool Session::serve_kv(Method method, Unpacker& in, Packer& out) {
    if (method != Method::kv_get && method != Method::kv_scan && method != Method::kv_write)
        return false;
    const auto tx = in.number<std::uint64_t>();
    if (tx != 0 && !has(Kind::transaction, tx)) return refuse_handle(out), true;
    const auto& kv = *services_->kv;
    ErrorRoom room;
    const auto result = [&](onex_status status) -> Packer& {
        return out.result(status, status < 0 ? room.error(status, "the storage") : Error{});
    };
    if (method == Method::kv_get) {
        TextWriter value(kTextBytesMax);
        result(kv.get(kv.ctx, tx, view(in.text()), &value.abi, &room.abi)).text(value.text);
        return true;
    }
    if (method == Method::kv_write) {
        std::vector<onex_kv_change> changes;
        for (auto left = in.number<std::uint32_t>(); left > 0 && in.ok(); --left) {
            onex_kv_change one{};
            one.kind = in.number<std::uint32_t>();
            one.key = view(in.text());
            const auto value = in.text();
            one.value = {reinterpret_cast<const std::uint8_t*>(value.data()), value.size()};
            changes.push_back(one);
        }
        result(kv.write(
            kv.ctx, tx, changes.data(), static_cast<std::uint32_t>(changes.size()), &room.abi));
        return true;
    }
    const auto prefix = in.text();
    const auto after = in.text();
    const auto limit = in.number<std::uint32_t>();
    Packer found;
    const auto add = [](void* user, onex_str key, onex_bytes value) -> onex_status {
        auto& to = *static_cast<Packer*>(user);
        // What does not fit into a frame is left to the next scan.
        if (to.bytes().size() + value.size > kTextBytesMax) return ONEX_END;
        to.text(view(key)).text(
            {reinterpret_cast<const char*>(value.data), static_cast<std::size_t>(value.size)});
        return ONEX_OK;
    };
    result(kv.scan(kv.ctx, tx, view(prefix), view(after), limit, add, &found, &room.abi))
        .text(found.bytes());
    return true;
}

void Session::subscribe(Unpacker& in, Packer& out) {
    const auto group = in.text();
    const auto prefix = in.text();
    const auto batch_max = in.number<std::uint32_t>();
    auto remote = std::make_unique<Remote>();
    remote->session = shared_from_this();
    remote->ref = in.number<std::uint64_t>();
    const auto deliver =
        [](void* user, onex_handle tx, onex_str batch, std::uint32_t dropped) -> onex_status {
        auto* to = static_cast<Remote*>(user);
        auto& session = *to->session;
        session.give(Kind::transaction, tx);
        Packer body;
        body.number(to->ref).number(tx).text(view(batch)).number(dropped);
        const auto told = session.channel_.call(Method::batch, body, deadline_in(kBatchMs));
        session.take(Kind::transaction, tx);
        if (dropped != 0) delete to;
        if (!told) return ONEX_E_UNAVAILABLE;
        return Unpacker(*told).number<onex_status>();
    };
    ErrorRoom room;
    onex_handle subscription = 0;
    const auto* events = services_->events;
    const auto status = events->subscribe(events->ctx,
                                          view(group),
                                          view(prefix),
                                          batch_max,
                                          deliver,
                                          remote.get(),
                                          &subscription,
                                          &room.abi);
    out.result(status, status < 0 ? room.error(status, "subscribe") : Error{});
    if (status < 0) return;
    (void)remote.release();  // NOLINT(bugprone-unused-return-value): the subscription owns it
    give(Kind::subscription, subscription);
    out.number(subscription);
}

void Session::define_metric(Unpacker& in, Packer& out) {
    const auto kind = in.number<std::uint32_t>();
    const auto name = in.text();
    const auto help = in.text();
    const auto labels = unpack_texts(in);
    std::vector<double> buckets;
    for (auto left = in.number<std::uint32_t>(); left > 0 && in.ok(); --left)
        buckets.push_back(in.number<double>());
    ErrorRoom room;
    onex_handle metric = 0;
    const auto* metrics = services_->metrics;
    const auto status = metrics->define(metrics->ctx,
                                        kind,
                                        view(name),
                                        view(help),
                                        labels.data(),
                                        static_cast<std::uint32_t>(labels.size()),
                                        buckets.data(),
                                        static_cast<std::uint32_t>(buckets.size()),
                                        &metric,
                                        &room.abi);
    out.result(status, status < 0 ? room.error(status, "define") : Error{});
    if (status < 0) return;
    give(Kind::metric, metric);
    out.number(metric);
}

void Session::record_metric(Method method, Unpacker& in) {
    const auto metric = in.number<std::uint64_t>();
    const auto value = in.number<double>();
    const auto labels = unpack_texts(in);
    if (!in.ok() || !has(Kind::metric, metric)) return;
    const auto* metrics = services_->metrics;
    const auto count = static_cast<std::uint32_t>(labels.size());
    if (method == Method::metric_record) {
        metrics->record(metrics->ctx, metric, labels.data(), count, value);
    } else {
        metrics->forget(metrics->ctx, metric, labels.data(), count);
    }
}

}  // namespace onex::host::worker
