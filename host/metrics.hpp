// Counters, gauges and histograms for /metrics. The only file pair that knows prometheus-cpp.
#pragma once

#include <onex/error.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace onex::host {

/// The numbers are those of ONEX_METRIC_… in the ABI.
enum class MetricKind : std::uint32_t { counter, gauge, histogram };

using MetricId = std::uint64_t;  ///< never 0

/// All metrics of a process. They outlive the plugin that defined them, so that a reload goes on
/// counting. [any thread]
class Metrics {
  public:
    static constexpr std::size_t kSeriesMax = 1000;  ///< label combinations a metric

    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;  // Others hold ids into it.
    Metrics& operator=(const Metrics&) = delete;

    /// Defines a metric, or finds the one of that name. `buckets` are a histogram's upper bounds,
    /// ascending; empty: 1 ms to 60 s, in seconds. Errors: VALIDATION_ERROR (name, label or buckets
    /// not as Prometheus wants them), CONFLICT (the name has another kind or other labels).
    Result<MetricId> define(MetricKind kind,
                            std::string_view name,
                            std::string_view help,
                            std::vector<std::string> label_names = {},
                            std::vector<double> buckets = {});

    /// Counter: adds. Gauge: sets. Histogram: observes. NaN and what a counter can't take are
    /// ignored. A combination beyond kSeriesMax is dropped and counted in
    /// onex_metrics_dropped_total. Errors: BAD_HANDLE, VALIDATION_ERROR (number of label values).
    Result<void> record(MetricId id, std::span<const std::string_view> label_values, double value);
    Result<void> record(MetricId id,
                        std::initializer_list<std::string_view> label_values,
                        double value) {
        return record(id, std::span(label_values.begin(), label_values.size()), value);
    }

    /// Forgets one combination. Errors: BAD_HANDLE, VALIDATION_ERROR.
    Result<void> forget(MetricId id, std::span<const std::string_view> label_values);

    /// Everything in Prometheus' text format, sorted by name.
    [[nodiscard]] std::string scrape() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace onex::host
