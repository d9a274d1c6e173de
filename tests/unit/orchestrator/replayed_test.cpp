#include "plugins/orchestrator/replayed.hpp"

#include "plugins/orchestrator/report.hpp"
#include "tests/unit/workflow/sample.hpp"

#include <functional>

namespace onex::orchestrator::test {
namespace {

using workflow::test::sample_model;

StepRow attempt(
    std::string key, std::int64_t number, int attempt, std::string state, std::string code = {}) {
    StepRow row;
    row.stage = key.substr(0, key.find('/'));
    row.key = std::move(key);
    row.number = number;
    row.attempt = attempt;
    row.state = std::move(state);
    row.error_code = std::move(code);
    row.checks = R"({"is_deep":1,"is_square":1,"is_nice":1})";
    row.started_us = number * 1000;
    row.finished_us = row.state == "intent" ? 0 : number * 1000 + 500;
    return row;
}

RunRow a_run() {
    RunRow row;
    row.workflow_id = "w";
    row.queued_us = 500;
    row.started_us = 900;
    row.state = "ONE";
    return row;
}

TEST(Replayed, StandsWhereTheRowsEnd) {
    struct Case {
        const char* name;
        std::vector<StepRow> rows;
        std::string next;  ///< key and attempt, or the state of one that can't go on
    };
    const Case cases[] = {
        {"nothing yet", {}, "first/dig 1"},
        {"one intent", {attempt("first/dig", 1, 1, "intent")}, "first/dig 1"},
        {"one done", {attempt("first/dig", 1, 1, "done")}, "first/fill 1"},
        {"one failed", {attempt("first/dig", 1, 1, "failed", "AGAIN")}, "first/dig 2"},
        {"failed, and again under way",
         {attempt("first/dig", 1, 1, "failed", "AGAIN"), attempt("first/dig", 2, 2, "intent")},
         "first/dig 2"},
        {"the next stage",
         {attempt("first/dig", 1, 1, "done"), attempt("first/fill", 2, 1, "done")},
         "second/paint 1"},
        {"rolling back",
         {attempt("first/dig", 1, 1, "done"),
          attempt("first/fill", 2, 1, "done"),
          attempt("second/paint", 3, 1, "done"),
          attempt("second/dig", 4, 1, "failed", "NEVER")},
         "ROLLING_BACK/undo 1"},
    };
    const auto model = sample_model();
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto state = replayed(model, a_run(), {}, c.rows);
        ASSERT_TRUE(state) << state.error().message;
        const auto step = workflow::next(model, *state).step;
        EXPECT_EQ(step.key + ' ' + std::to_string(step.attempt), c.next);
    }
}

TEST(Replayed, RefusesRowsThatDoNotFollow) {
    const auto model = sample_model();
    EXPECT_FALSE(replayed(model, a_run(), {}, {attempt("first/fill", 1, 1, "done")}));
    EXPECT_FALSE(replayed(model, a_run(), {}, {attempt("first/dig", 1, 2, "done")}));
}

TEST(Replayed, KeepsAResolutionsJudgement) {
    auto row = attempt("first/dig", 1, 1, "failed", "AGAIN");
    row.resolution = R"({"node":"n","run_end":"bye","errors":[{"code":"AGAIN","permanent":true}]})";
    const auto state = replayed(sample_model(), a_run(), {}, {row});
    ASSERT_TRUE(state);
    EXPECT_EQ(state->phase, workflow::Phase::closing_failed);
    ASSERT_EQ(state->closers.size(), 1U);
    EXPECT_EQ(state->closers[0].operation, "bye");
}

TEST(Report, ShowsWhatRuns) {
    const auto model = sample_model();
    LiveRun live;
    live.progress = {3, 10, "moving"};
    const std::vector<StepRow> rows{attempt("first/dig", 1, 1, "done"),
                                    attempt("first/fill", 2, 1, "intent")};
    const auto report = status_report(model, a_run(), rows, live, 1'000'000);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->at("current").at("operation"), "fill");
    EXPECT_EQ(report->at("current").at("progress").at("done"), 3);
    EXPECT_EQ(report->at("stages").at(0).at("operations").at(0).at("state"), "completed");
    EXPECT_EQ(report->at("stages").at(0).at("operations").at(1).at("state"), "running");
    EXPECT_EQ(report->at("stages").at(1).at("state"), "pending");
    EXPECT_EQ(report->at("success"), false);
    EXPECT_TRUE(report->at("finished_at").is_null());
    EXPECT_TRUE(report->at("error").is_null());
}

TEST(Report, ShowsAnEndThatNoRowTellsOf) {
    const auto model = sample_model();
    auto run = a_run();
    run.state = "FAILED";
    run.finished_us = 2'000'900;
    run.error_code = "CANCELLED";
    run.error_message = "the run was cancelled";
    run.cancel_us = 3;
    const auto report = status_report(model, run, {}, std::nullopt, 9'000'000);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->at("state"), "FAILED");
    EXPECT_EQ(report->at("error").at("code"), "CANCELLED");
    EXPECT_EQ(report->at("duration_ms"), 2000);
    EXPECT_EQ(report->at("stages").at(0).at("state"), "failed");
    EXPECT_TRUE(report->at("current").is_null());
}

TEST(Report, SaysWhyARunWaits) {
    LiveRun live;
    live.queue_place = 3;
    auto run = a_run();
    run.started_us = 0;
    run.state = "PENDING";
    const auto report = status_report(sample_model(), run, {}, live, 9);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->at("queue_place"), 3);
    EXPECT_NE(std::string(report->at("hint").as_string()).find("place 3"), std::string::npos);
    EXPECT_TRUE(report->at("current").is_null());
}

TEST(Report, WritesTimesAsIso) {
    EXPECT_TRUE(iso_time(0).is_null());
    EXPECT_EQ(iso_time(1'761'393'600'123'456), "2025-10-25T12:00:00.123Z");
}

}  // namespace
}  // namespace onex::orchestrator::test
