// onex.metrics/1: counters, gauges and histograms of a node, in the host's registry.
#include "host/metrics.hpp"

#include "host/plugin/services.hpp"

#include <string>
#include <vector>

namespace onex::host {

namespace {

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
    return guarded(error, [&]() -> onex_status {
        if (kind > ONEX_METRIC_HISTOGRAM || label_count > 16 || bucket_count > 64) {
            return report({"VALIDATION_ERROR",
                           "unknown kind of metric, over 16 labels, or over 64 buckets",
                           {},
                           {}},
                          error);
        }
        std::vector<std::string> names;
        for (std::uint32_t i = 0; i < label_count; ++i)
            names.emplace_back(view(labels[i]));
        const std::vector<double> bounds(buckets, buckets + bucket_count);
        auto id = node_of(ctx).runtime().metrics.define(
            static_cast<MetricKind>(kind), view(name), view(help), names, bounds);
        if (!id) return report(id.error(), error);
        *metric = *id;
        return ONEX_OK;
    });
}

std::vector<std::string_view> values_of(const onex_str* values, std::uint32_t count) {
    std::vector<std::string_view> out;
    for (std::uint32_t i = 0; i < std::min(count, 16U); ++i)
        out.push_back(view(values[i]));
    return out;
}

onex_status record(
    void* ctx, onex_handle metric, const onex_str* labels, std::uint32_t count, double value) {
    return guarded(nullptr, [&] {
        const auto values = values_of(labels, count);
        auto done = node_of(ctx).runtime().metrics.record(metric, values, value);
        return done ? ONEX_OK : report(done.error(), nullptr);
    });
}

onex_status forget(void* ctx, onex_handle metric, const onex_str* labels, std::uint32_t count) {
    return guarded(nullptr, [&] {
        const auto values = values_of(labels, count);
        auto done = node_of(ctx).runtime().metrics.forget(metric, values);
        return done ? ONEX_OK : report(done.error(), nullptr);
    });
}

}  // namespace

void fill_metrics_service(ServiceTables& tables) {
    tables.metrics = {sizeof(onex_metrics_v1), 0, nullptr, define, record, forget};
}

}  // namespace onex::host
