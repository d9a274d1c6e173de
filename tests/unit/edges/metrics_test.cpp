#include "host/metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace onex::host {
namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(Metrics, ScrapesWhatWasRecorded) {
    Metrics metrics;
    const auto runs = metrics.define(MetricKind::counter, "runs_total", "Runs\nso far", {"state"});
    const auto open = metrics.define(MetricKind::gauge, "open_now", "");
    const auto time = metrics.define(MetricKind::histogram, "run_seconds", "Time", {}, {1, 10});
    ASSERT_TRUE(runs && open && time);
    EXPECT_TRUE(metrics.record(*runs, {"do\"ne\n\\"}, 2));
    EXPECT_TRUE(metrics.record(*runs, {"do\"ne\n\\"}, -5));  // a counter never falls
    EXPECT_TRUE(metrics.record(*runs, {"\xff"}, 1));
    EXPECT_TRUE(metrics.record(*open, {}, 7));
    EXPECT_TRUE(metrics.record(*open, {}, std::nan("")));
    EXPECT_TRUE(metrics.record(*time, {}, 5));
    const auto text = metrics.scrape();
    EXPECT_TRUE(has(text, "# HELP runs_total Runs so far\n")) << text;
    EXPECT_TRUE(has(text, R"(runs_total{state="do\"ne\n\\"} 2)")) << text;
    EXPECT_TRUE(has(text, "runs_total{state=\"\xef\xbf\xbd\"} 1")) << text;
    EXPECT_TRUE(has(text, "open_now 7")) << text;
    EXPECT_TRUE(has(text, "run_seconds_bucket{le=\"1\"} 0")) << text;
    EXPECT_TRUE(has(text, "run_seconds_bucket{le=\"10\"} 1")) << text;
    EXPECT_TRUE(has(text, "run_seconds_count 1")) << text;
}

TEST(Metrics, AReloadedPluginFindsItsMetricAgain) {
    Metrics metrics;
    const auto first = metrics.define(MetricKind::counter, "a_total", "A", {"x", "y"});
    ASSERT_TRUE(first);
    EXPECT_EQ(metrics.define(MetricKind::counter, "a_total", "new words", {"x", "y"}), *first);
    for (const auto& other : {metrics.define(MetricKind::gauge, "a_total", "A", {"x", "y"}),
                              metrics.define(MetricKind::counter, "a_total", "A", {"y", "x"}),
                              metrics.define(MetricKind::counter, "a_total", "A")}) {
        ASSERT_FALSE(other);
        EXPECT_EQ(other.error().code, "CONFLICT");
    }
}

TEST(Metrics, RefusesWhatPrometheusWould) {
    Metrics metrics;
    const double inf = std::numeric_limits<double>::infinity();
    const struct {
        MetricKind kind;
        std::string name;
        std::vector<std::string> labels;
        std::vector<double> buckets;
    } cases[] = {
        {MetricKind::counter, "", {}, {}},
        {MetricKind::counter, "1st", {}, {}},
        {MetricKind::counter, "a-b", {}, {}},
        {MetricKind::counter, "__own", {}, {}},
        {MetricKind::counter, "a\n# b", {}, {}},
        {MetricKind::counter, std::string(1 << 20, 'a'), {}, {}},
        {MetricKind::counter, "ok", {"a:b"}, {}},
        {MetricKind::counter, "ok", {"__x"}, {}},
        {MetricKind::counter, "ok", {"x", "x"}, {}},
        {MetricKind::histogram, "ok", {"le"}, {}},
        {MetricKind::histogram, "ok", {}, {2, 1}},
        {MetricKind::histogram, "ok", {}, {1, 1}},
        {MetricKind::histogram, "ok", {}, {1, inf}},
        {static_cast<MetricKind>(9), "ok", {}, {}},
    };
    for (const auto& c : cases) {
        const auto id = metrics.define(c.kind, c.name, "help", c.labels, c.buckets);
        ASSERT_FALSE(id) << c.name.substr(0, 20);
        EXPECT_EQ(id.error().code, "VALIDATION_ERROR");
        EXPECT_LT(id.error().message.size(), 500U);
    }
    EXPECT_EQ(metrics.record(99, {}, 1).error().code, "BAD_HANDLE");
    EXPECT_EQ(metrics.record(1, {"a", "b"}, 1).error().code, "VALIDATION_ERROR");
}

TEST(Metrics, BoundsItsMemoryAndCountsWhatItDropped) {
    Metrics metrics;
    const auto id = metrics.define(MetricKind::gauge, "busy", "Busy", {"who"});
    ASSERT_TRUE(id);
    for (int i = 0; i < 1003; ++i) {
        EXPECT_TRUE(metrics.record(*id, {std::to_string(i)}, 1));
    }
    EXPECT_TRUE(has(metrics.scrape(), "onex_metrics_dropped_total{metric=\"busy\"} 3"));
    const std::string_view first = "0";
    EXPECT_TRUE(metrics.forget(*id, std::span(&first, 1)));
    EXPECT_FALSE(has(metrics.scrape(), "busy{who=\"0\"}"));
    EXPECT_TRUE(metrics.record(*id, {"new"}, 1));  // room again
    EXPECT_TRUE(has(metrics.scrape(), "busy{who=\"new\"} 1"));
}

}  // namespace
}  // namespace onex::host
