#include "plugins/orchestrator/metrics.hpp"

#include <algorithm>

namespace onex::orchestrator {

onex_handle MetricBook::handle_of(const workflow::Model& model, const std::string& name) {
    const std::scoped_lock lock(mutex_);
    if (const auto known = handles_.find(name); known != handles_.end()) return known->second;
    const auto spec = std::ranges::find(model.metrics, name, &workflow::MetricSpec::name);
    if (spec == model.metrics.end()) return 0;
    auto kind = Host::MetricKind::counter;
    if (spec->kind == "gauge") kind = Host::MetricKind::gauge;
    if (spec->kind == "histogram") kind = Host::MetricKind::histogram;
    auto made = host_.define_metric(kind, name, spec->description, spec->labels, spec->buckets);
    if (!made)
        host_.log(LogLevel::warn, "the metric " + name + " is left out: " + made.error().message);
    return handles_[name] = made.value_or(0);
}

void MetricBook::move(const workflow::Model& model,
                      const std::vector<workflow::Movement>& movements) {
    for (const auto& movement : movements) {
        const auto handle = handle_of(model, movement.metric);
        if (handle == 0) continue;
        if (movement.forget) {
            host_.forget(handle, movement.labels);
        } else {
            host_.record(handle, movement.labels, movement.value);
        }
    }
}

}  // namespace onex::orchestrator
