#include "host/metrics.hpp"

#include <onex/utf8.hpp>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <unordered_map>
#include <variant>

namespace onex::host {
namespace {

const std::vector<double> kDefaultBuckets{
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};

template <class T>
struct Series {
    explicit Series(const std::string& name, const std::string& help) : family(name, help, {}) {}
    prometheus::Family<T> family;
    std::unordered_map<std::string, T*> by_values;  ///< owned by `family`
};
using AnySeries = std::variant<std::unique_ptr<Series<prometheus::Counter>>,
                               std::unique_ptr<Series<prometheus::Gauge>>,
                               std::unique_ptr<Series<prometheus::Histogram>>>;

struct Metric {
    MetricKind kind;
    std::string name;
    std::vector<std::string> label_names;
    std::vector<double> buckets;
    AnySeries series;
};

bool is_name(std::string_view text, bool colon) {
    if (text.empty() || text.size() > 200 || (text[0] >= '0' && text[0] <= '9')) return false;
    return std::ranges::all_of(text, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || (colon && c == ':');
    });
}

Result<void> check(MetricKind kind,
                   std::string_view name,
                   const std::vector<std::string>& labels,
                   const std::vector<double>& buckets) {
    const auto metric = "metric '" + valid_utf8(name.substr(0, 200)) + "'";
    if (!is_name(name, true) || name.starts_with("__")) {
        return fail(
            "VALIDATION_ERROR",
            metric +
                ": expected a name of letters, digits and _, not beginning with a digit or __");
    }
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const auto& label = labels[i];
        if (!is_name(label, false) || label.starts_with("__") ||
            (kind == MetricKind::histogram && label == "le")) {
            return fail("VALIDATION_ERROR",
                        metric + ": '" + valid_utf8(label) +
                            "' can't be a label; expected letters, digits and _, not le or __…");
        }
        if (std::find(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(i), label) !=
            labels.begin() + static_cast<std::ptrdiff_t>(i)) {
            return fail("VALIDATION_ERROR", metric + " has the label '" + label + "' twice");
        }
    }
    const bool ascending = std::ranges::adjacent_find(buckets, [](double a, double b) {
                               return !(a < b);
                           }) == buckets.end();
    if (!ascending || !std::ranges::all_of(buckets, [](double b) { return std::isfinite(b); })) {
        return fail("VALIDATION_ERROR", metric + ": expected finite buckets in ascending order");
    }
    return {};
}

AnySeries make_series(MetricKind kind, const std::string& name, const std::string& help) {
    using namespace prometheus;
    switch (kind) {
        case MetricKind::counter:
            return std::make_unique<Series<Counter>>(name, help);
        case MetricKind::gauge:
            return std::make_unique<Series<Gauge>>(name, help);
        case MetricKind::histogram:
            break;
    }
    return std::make_unique<Series<Histogram>>(name, help);
}

/// The serializer writes help as it comes: a line break in it would end the comment.
std::string clean_help(std::string_view help, std::string_view name) {
    if (help.empty()) return std::string(name);
    std::string out;
    for (const char c : valid_utf8(help)) {
        if (c == '\\') {
            out += "\\\\";
        } else {
            out += c == '\n' || c == '\r' ? ' ' : c;
        }
    }
    return out;
}

std::string key_of(std::span<const std::string_view> values) {
    std::string key;
    for (const auto value : values) {
        key += std::to_string(value.size());
        key += ':';
        key += value;
    }
    return key;
}

void apply(prometheus::Counter& counter, double value) {
    if (value >= 0 && std::isfinite(value)) counter.Increment(value);
}
void apply(prometheus::Gauge& gauge, double value) {
    gauge.Set(value);
}
void apply(prometheus::Histogram& histogram, double value) {
    histogram.Observe(value);
}

template <class T>
T& add(Series<T>& series, const Metric& metric, const prometheus::Labels& labels) {
    if constexpr (std::is_same_v<T, prometheus::Histogram>) {
        return series.family.Add(labels, metric.buckets);
    } else {
        return series.family.Add(labels);
    }
}

/// The series of these values, made if there is room; null when there is none.
template <class T>
T* find_or_add(Series<T>& series, const Metric& metric, std::span<const std::string_view> values) {
    auto key = key_of(values);
    if (const auto found = series.by_values.find(key); found != series.by_values.end()) {
        return found->second;
    }
    if (series.by_values.size() >= Metrics::kSeriesMax) return nullptr;
    prometheus::Labels labels;
    for (std::size_t i = 0; i < values.size(); ++i) {
        labels[metric.label_names[i]] = valid_utf8(values[i]);
    }
    // Two invalid texts may become the same label; then they share one series.
    auto& made = add(series, metric, labels);
    series.by_values.emplace(std::move(key), &made);
    return &made;
}

}  // namespace

struct Metrics::State {
    mutable std::mutex mutex;
    std::vector<std::unique_ptr<Metric>> metrics;  ///< id - 1 is the index
    std::map<std::string, MetricId, std::less<>> by_name;
    MetricId dropped = 0;

    Result<Metric*> find(MetricId id, std::size_t value_count) {
        if (id == 0 || id > metrics.size()) {
            return fail("BAD_HANDLE", "no metric has the id " + std::to_string(id));
        }
        auto* metric = metrics[id - 1].get();
        if (metric->label_names.size() != value_count) {
            return fail("VALIDATION_ERROR",
                        "metric '" + metric->name + "' has " +
                            std::to_string(metric->label_names.size()) + " labels, got " +
                            std::to_string(value_count) + " values");
        }
        return metric;
    }
};

Metrics::Metrics() : state_(std::make_unique<State>()) {
    const auto dropped = define(MetricKind::counter,
                                "onex_metrics_dropped_total",
                                "Records dropped because a metric has too many label combinations",
                                {"metric"});
    state_->dropped = *dropped;
}

Metrics::~Metrics() = default;

Result<MetricId> Metrics::define(MetricKind kind,
                                 std::string_view name,
                                 std::string_view help,
                                 std::vector<std::string> label_names,
                                 std::vector<double> buckets) {
    if (kind > MetricKind::histogram) {
        return fail("VALIDATION_ERROR",
                    "unknown kind of metric; expected counter, gauge or histogram");
    }
    auto checked = check(kind, name, label_names, buckets);
    if (!checked) return std::unexpected(std::move(checked).error());
    const std::scoped_lock lock(state_->mutex);
    if (const auto found = state_->by_name.find(name); found != state_->by_name.end()) {
        const auto& metric = *state_->metrics[found->second - 1];
        if (metric.kind == kind && metric.label_names == label_names) return found->second;
        return fail("CONFLICT",
                    "metric '" + std::string(name) +
                        "' is defined with another kind or other labels; choose another name");
    }
    auto metric = std::make_unique<Metric>();
    metric->kind = kind;
    metric->name = name;
    metric->label_names = std::move(label_names);
    metric->buckets = buckets.empty() ? kDefaultBuckets : std::move(buckets);
    metric->series = make_series(kind, metric->name, clean_help(help, name));
    state_->metrics.push_back(std::move(metric));
    const MetricId id = state_->metrics.size();
    state_->by_name.emplace(name, id);
    return id;
}

Result<void> Metrics::record(MetricId id,
                             std::span<const std::string_view> label_values,
                             double value) {
    const std::scoped_lock lock(state_->mutex);
    auto metric = state_->find(id, label_values.size());
    if (!metric) return std::unexpected(std::move(metric).error());
    if (std::isnan(value)) return {};
    const auto write = [&](Metric& to, std::span<const std::string_view> values, double number) {
        return std::visit(
            [&](auto& series) {
                auto* one = find_or_add(*series, to, values);
                if (one) apply(*one, number);
                return one != nullptr;
            },
            to.series);
    };
    if (!write(**metric, label_values, value)) {
        const std::string_view name = (*metric)->name;
        write(*state_->metrics[state_->dropped - 1], std::span(&name, 1), 1);
    }
    return {};
}

Result<void> Metrics::forget(MetricId id, std::span<const std::string_view> label_values) {
    const std::scoped_lock lock(state_->mutex);
    auto metric = state_->find(id, label_values.size());
    if (!metric) return std::unexpected(std::move(metric).error());
    std::visit(
        [&](auto& series) {
            const auto found = series->by_values.find(key_of(label_values));
            if (found == series->by_values.end()) return;
            auto* one = found->second;
            std::erase_if(series->by_values, [&](const auto& item) { return item.second == one; });
            series->family.Remove(one);
        },
        (*metric)->series);
    return {};
}

std::string Metrics::scrape() const {
    std::vector<prometheus::MetricFamily> families;
    {
        const std::scoped_lock lock(state_->mutex);
        for (const auto& [name, id] : state_->by_name) {
            std::visit(
                [&](const auto& series) {
                    for (auto& family : series->family.Collect()) {
                        families.push_back(std::move(family));
                    }
                },
                state_->metrics[id - 1]->series);
        }
    }
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace onex::host
