#include "host/cli/progress.hpp"

#include "host/cli/report.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace onex::host::cli {
namespace {

using std::chrono::milliseconds;

boost::json::object json(const char* text) {
    return boost::json::parse(text).as_object();
}

const ProgressView::Clock::time_point kStart{std::chrono::hours(1)};

boost::json::object sending(std::int64_t done) {
    auto status =
        json(R"({"stages": [{"stage_name": "build", "state": "completed", "duration_ms": 1200},
        {"stage_name": "send", "state": "running", "duration_ms": 0}],
        "current": {"stage": "send", "operation": "push", "attempt": 1,
                    "progress": {"done": 0, "total": 100000000, "text": ""}}})");
    status["current"].as_object()["progress"].as_object()["done"] = done;
    return status;
}

TEST(Progress, WithoutATerminalEachStageIsOneLine) {
    ProgressView view(false, false);
    EXPECT_EQ(view.update(sending(0), {}, kStart), "[1/2] build … done in 1.2 s\n");
    EXPECT_EQ(view.update(sending(1000), {}, kStart + milliseconds(500)), "");
    const auto ended = json(R"({"final": true, "stages": [
        {"stage_name": "build", "state": "completed", "duration_ms": 1200},
        {"stage_name": "send", "state": "completed", "duration_ms": 2500},
        {"stage_name": "check", "state": "skipped", "duration_ms": 0}],
        "output": {"transfer": {"skipped": false, "bytes_sent": 8300000}}})");
    EXPECT_EQ(view.update(ended, {}, kStart + milliseconds(900)),
              "[2/3] send … done in 2.5 s, 8.3 MB sent\n[3/3] check … skipped\n");
    EXPECT_EQ(view.finish(), "");
}

TEST(Progress, WithoutATerminalASilentStageSpeaksEveryTenSeconds) {
    ProgressView view(false, false);
    (void)view.update(sending(0), {}, kStart);
    EXPECT_EQ(view.update(sending(1000), {}, kStart + milliseconds(9'900)), "");
    const auto line = view.update(sending(40'000'000), {}, kStart + milliseconds(10'000));
    EXPECT_EQ(line, "[2/2] send … push 40.0 MB of 100.0 MB\n");
    const auto next = view.update(sending(60'000'000), {}, kStart + milliseconds(20'000));
    EXPECT_EQ(next, "[2/2] send … push 60.0 MB of 100.0 MB, 2.0 MB/s, 20.0 s left\n");
}

TEST(Progress, OnATerminalOneLineRewritesItself) {
    ProgressView view(true, false);
    (void)view.update(sending(0), {}, kStart);
    const auto line = view.update(sending(50'000'000), {}, kStart + milliseconds(1000));
    EXPECT_EQ(line, "\r\x1b[K[2/2] send … push 50.0 MB of 100.0 MB, 50.0 MB/s, 1.0 s left");
    EXPECT_EQ(view.finish(), "\r\x1b[K");
    EXPECT_EQ(view.finish(), "");
}

TEST(Progress, TellsTheQueuePlaceOnceAndTheFailedOperation) {
    ProgressView view(false, false);
    EXPECT_EQ(view.update(json(R"({"queue_place": 2})"), {}, kStart),
              "waiting in the queue, place 2\n");
    EXPECT_EQ(view.update(json(R"({"queue_place": 2})"), {}, kStart), "");
    const auto failed =
        json(R"({"final": true, "stages": [{"stage_name": "build", "state": "failed",
        "duration_ms": 80, "operations": [{"operation_name": "compile", "state": "failed",
        "error_code": "BUILD_FAILED"}]}]})");
    EXPECT_EQ(view.update(failed, {}, kStart),
              "[1/1] build … failed after 80 ms in compile: BUILD_FAILED\n");
}

TEST(Progress, KeepsTheLastLinesOfEachOperation) {
    ProgressView quiet(false, false);
    ProgressView loud(false, true);
    std::vector<LogLine> lines{{1, "", "s", "first", "info", "old"}};
    for (int i = 0; i < 30; ++i)
        lines.push_back({2, "", "s", "second", "info", std::to_string(i)});
    EXPECT_EQ(quiet.update({}, lines, kStart), "");
    EXPECT_EQ(quiet.last_lines("second").size(), 20U);
    EXPECT_EQ(quiet.last_lines("second").front().text, "10");
    EXPECT_EQ(quiet.last_lines("first").size(), 1U);
    EXPECT_TRUE(quiet.last_lines("third").empty());
    EXPECT_TRUE(loud.update({}, lines, kStart).starts_with("    old\n    0\n"));
}

TEST(Report, SuccessBeginsWithTheUrl) {
    const auto status = json(R"({"workflow_id": "w1", "subject": "web", "state": "COMPLETED",
        "success": true, "duration_ms": 5300, "target": {"host": "h", "port": 8001},
        "stages": [{"stage_name": "build", "state": "completed", "duration_ms": 1200},
                   {"stage_name": "check", "state": "skipped"}],
        "gates": [{"name": "speed", "score": 0.5, "threshold": 0.8, "passed": false}],
        "output": {"deployed_url": "http://h:8080", "container_id": "0123456789abcdef",
                   "transfer": {"skipped": true, "bytes_sent": 0}}})");
    EXPECT_EQ(success_report(status), R"(
http://h:8080
web is done, in 5.3 s
  target       h:8001
  workflow     w1
  container    0123456789ab
  stages       build 1200 ms · check skipped
  sent         image already there, nothing sent
  missed       speed 0.5 of 0.8
  rolled back  no
look further: onex-host logs w1 · onex-host status w1
)");
    const auto document = report_document(status);
    EXPECT_EQ(document.at("status"), "success");
    EXPECT_EQ(document.at("deployed_url"), "http://h:8080");
    EXPECT_EQ(document.at("workflow_id"), "w1");
}

TEST(Report, FailureTellsTheRollbackAndTheLastLines) {
    const auto status =
        json(R"({"workflow_id": "w1", "state": "ROLLBACK_COMPLETED", "success": false,
        "hint": "look at the log", "stages": [],
        "output": {"rollback_performed": true, "rollback_result": {"previous_container_restored": true}},
        "error": {"code": "HEALTH_CHECK_FAILED", "message": "no answer", "correlation_id": "c1"}})");
    const auto report = failure_report(status, {{1, "", "", "probe", "info", "GET /health: 500"}});
    for (const auto* part : {"    GET /health: 500\n",
                             "hint: look at the log\n",
                             "yes, the container of that name is the one from before\n",
                             "onex-host logs w1"}) {
        EXPECT_NE(report.find(part), std::string::npos) << part << "\n" << report;
    }
    const auto error = error_of(status);
    EXPECT_EQ(error.code + error.message + error.correlation_id, "HEALTH_CHECK_FAILEDno answerc1");
    EXPECT_EQ(report_document(status).at("status"), "failed");
}

TEST(Report, ARollbackClaimsNoContainerThatItDoesNotKnowOf) {
    for (const auto* output : {"{}",
                               R"({"rollback_performed": true, "rollback_result": {}})",
                               R"({"rollback_result": {"previous_container_restored": false}})"}) {
        auto status = json(R"({"state": "ROLLBACK_COMPLETED", "error": {"code": "E"}})");
        status["output"] = boost::json::parse(output);
        EXPECT_NE(failure_report(status, {}).find("yes, everything is as it was before\n"),
                  std::string::npos)
            << output;
    }
}

TEST(Report, TheFirstDeploymentOfANameHasNothingToPutBack) {
    struct Case {
        const char* code;
        const char* restored;
        const char* shown;
        bool hint;
    };
    for (const auto& c : {
             Case{
                 "HEALTH_CHECK_FAILED", "false", "was removed; there was none of that name", false},
             Case{"ROLLBACK_FAILED", "false", "tried, see the log", true},
             Case{"ROLLBACK_FAILED", "null", "tried, see the log", true},
         }) {
        auto status =
            json(R"({"state": "FAILED", "hint": "not everything", "error": {"message": "m"},
            "output": {"rollback_performed": true, "rollback_result": {}}})");
        status["error"].as_object()["code"] = c.code;
        status["output"].as_object()["rollback_result"].as_object()["previous_container_restored"] =
            boost::json::parse(c.restored);
        const auto report = failure_report(status, {});
        EXPECT_NE(report.find(c.shown), std::string::npos) << report;
        EXPECT_EQ(report.find("hint: ") != std::string::npos, c.hint) << report;
    }
}

TEST(Report, TellsALineOnceAndTheErrorNotAgain) {
    const auto status =
        json(R"({"state": "FAILED", "error": {"code": "E", "message": "no answer"}})");
    const auto report = failure_report(status,
                                       {{1, "", "", "probe", "info", "GET /health: 500"},
                                        {2, "", "", "probe", "warn", "failed: E: no answer"},
                                        {3, "", "", "probe", "info", "GET /health: 500"},
                                        {4, "", "", "probe", "warn", "failed: E: no answer"}});
    EXPECT_TRUE(report.starts_with("the latest log lines:\n    GET /health: 500 (2 times)\n  "))
        << report;
    EXPECT_EQ(failure_report(status, {{1, "", "", "", "error", "E: no answer"}}).find("latest"),
              std::string::npos);
}

}  // namespace
}  // namespace onex::host::cli
