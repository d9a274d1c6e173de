// Runs of the engine over a node that does as it is told: good ones, bad ones, and what they leave
// in the store.
#include "tests/integration/orchestrator/garden_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>

namespace onex::test {
namespace {

namespace json = boost::json;

const std::string kStates =
    "SELECT to_state FROM fsm_transitions WHERE entity_id = ?1 ORDER BY created_us";
const std::string kEvents = "SELECT type FROM events WHERE workflow_id = ?1 ORDER BY sequence";

TEST_F(GardenLab, AGoodRunLeavesEverythingBehind) {
    const auto answer = start(input(), "?wait=true");
    ASSERT_EQ(answer.status, 200U) << answer;
    const auto& report = answer.json.as_object();
    EXPECT_EQ(report.size(), 5U) << answer;
    EXPECT_EQ(text(report, "status"), "success");
    EXPECT_EQ(text(report, "deployed_url"), "http://garden");
    const auto id = text(report, "workflow_id");
    EXPECT_EQ(text(report, "deployment_id"), id);

    EXPECT_EQ(journal(),
              "dig ground/dig , fill ground/fill , paint colour/paint , dig colour/dig , "
              "farewell COMPLETED/farewell/0 COMPLETED, ");
    EXPECT_EQ(query(kStates, id), "DIGGING PAINTING COMPLETED");
    EXPECT_EQ(query(kEvents, id),
              "GARDEN_STARTED GARDEN_STAGE_COMPLETED GARDEN_STAGE_COMPLETED GARDEN_COMPLETED");
    EXPECT_EQ(query("SELECT topic FROM events WHERE workflow_id = ?1 AND type = "
                    "'GARDEN_STAGE_COMPLETED' LIMIT 1",
                    id),
              "dev.test.garden.stage-completed.v1");
    EXPECT_EQ(query("SELECT state FROM steps WHERE workflow_id = ?1 ORDER BY idx", id),
              "done done done done done");
    const auto now = status(id);
    EXPECT_EQ(now.at("success"), true);
    EXPECT_EQ(now.at("output").at("depth"), 3 + 5) << "each output is the next one's input";
    EXPECT_EQ(now.at("output").at("stages_completed"), (json::array{"ground", "colour"}));
    EXPECT_EQ(now.at("gates").as_array().size(), 2U);
    EXPECT_EQ(now.at("artifacts"), (json::array{"garden_report.json", "note.txt"}));
    const auto artifact = host_->ask("GET", "/workflows/" + id + "/artifacts/note.txt");
    EXPECT_EQ(text(artifact.json.as_object(), "content"), "dug");
    EXPECT_EQ(host_->ask("GET", "/workflows/" + id + "/artifacts/other").status, 404U);
    const auto metrics = host_->ask("GET", "/metrics").body;
    EXPECT_NE(metrics.find("gardens_completed_total{"), std::string::npos) << metrics;
    EXPECT_NE(metrics.find("stage_duration_seconds"), std::string::npos);
    EXPECT_NE(metrics.find("concurrent_gardens 0"), std::string::npos);
    const auto list = host_->ask("GET", "/api/v1/deployments?name=rose&limit=5");
    EXPECT_EQ(list.json.at("deployments").as_array().size(), 1U) << list;
    EXPECT_EQ(host_->ask("GET", "/api/v1/deployments?name=tulip")
                  .json.at("deployments")
                  .as_array()
                  .size(),
              0U);
}

struct Day {
    const char* name;
    json::object plan;
    json::object more;
    const char* states;
    const char* code;
    const char* last_event;
    int calls;  ///< lines of the journal
};

TEST_F(GardenLab, BadDaysEndAsTheContractSays) {
    const Day days[] = {
        {"never again", {{"dig", "fail:NEVER"}}, {}, "DIGGING FAILED", "NEVER", "GARDEN_FAILED", 2},
        {"until the attempts are used up",
         {{"ground/dig", "fail:AGAIN"}},
         {},
         "DIGGING FAILED",
         "AGAIN",
         "GARDEN_FAILED",
         3},
        {"the node calls it by another name",
         {{"ground/dig", "fail:STONE"}},
         {},
         "DIGGING FAILED",
         "AGAIN",
         "GARDEN_FAILED",
         3},
        {"the node calls it permanent",
         {{"ground/dig", "fail:ROCK"}},
         {},
         "DIGGING FAILED",
         "AGAIN",
         "GARDEN_FAILED",
         2},
        {"a gate misses",
         {{"fill", "miss:is_deep"}},
         {},
         "DIGGING FAILED",
         "FAILED_PRECONDITION",
         "GARDEN_FAILED",
         3},
        {"silence", {{"fill", "hang"}}, {}, "DIGGING FAILED", "TIMEOUT", "GARDEN_FAILED", 3},
        {"back",
         {{"paint", "fail:NEVER"}},
         {},
         "DIGGING PAINTING ROLLING_BACK ROLLBACK_COMPLETED",
         "NEVER",
         "GARDEN_ROLLBACK_COMPLETED",
         5},
        {"a validation misses",
         {{"colour/dig", "miss:is_bright"}},
         {},
         "DIGGING PAINTING ROLLING_BACK ROLLBACK_COMPLETED",
         "FAILED_PRECONDITION",
         "GARDEN_ROLLBACK_COMPLETED",
         6},
        {"nothing to go back to",
         {{"paint", "fail:NEVER"}, {"undo", "miss:is_undone"}},
         {},
         "DIGGING PAINTING ROLLING_BACK FAILED",
         "NEVER",
         "GARDEN_FAILED",
         5},
        {"no way back",
         {{"paint", "fail:NEVER"}, {"undo", "fail:NEVER"}},
         {},
         "DIGGING PAINTING ROLLING_BACK FAILED",
         "ROLLBACK_FAILED",
         "GARDEN_FAILED",
         5},
        {"not wanted back",
         {{"paint", "fail:NEVER"}},
         {{"rollback_on_failure", false}},
         "DIGGING PAINTING FAILED",
         "NEVER",
         "GARDEN_FAILED",
         4},
        {"nobody can be told of the good end",
         {{"farewell", "fail:NEVER"}},
         {},
         "DIGGING PAINTING ROLLING_BACK ROLLBACK_COMPLETED",
         "NEVER",
         "GARDEN_ROLLBACK_COMPLETED",
         7},
    };
    int number = 0;
    for (const auto& day : days) {
        SCOPED_TRACE(day.name);
        auto asked = input(day.plan);
        asked["journal"] = folder_.path() + "/journal" + std::to_string(++number);
        for (const auto& member : day.more)
            asked[member.key()] = member.value();
        const auto answer = start(asked, "?wait=true");
        ASSERT_EQ(answer.status, 200U) << answer;
        EXPECT_EQ(text(answer.json.as_object(), "status"), "failed");
        const auto id = text(answer.json.as_object(), "workflow_id");
        EXPECT_EQ(query(kStates, id), day.states);
        EXPECT_TRUE(query(kEvents, id).ends_with(day.last_event)) << query(kEvents, id);
        const auto now = status(id);
        const auto& error = now.at("error").as_object();
        EXPECT_EQ(text(error, "code"), day.code) << json::serialize(now);
        EXPECT_FALSE(text(error, "message").empty());
        EXPECT_FALSE(text(error, "correlation_id").empty());
        const auto calls = read_file(folder_.path() + "/journal" + std::to_string(number));
        EXPECT_EQ(std::count(calls.begin(), calls.end(), '\n'), day.calls) << calls;
        EXPECT_EQ(query("SELECT count(*) FROM fsm_transitions WHERE entity_id = ?1 AND to_state IN "
                        "('COMPLETED', 'FAILED', 'ROLLBACK_COMPLETED')",
                        id),
                  "1");
    }
}

TEST_F(GardenLab, TriesAgainAndGoesOn) {
    const auto answer = start(input({{"ground/dig", "fail_once:AGAIN"}}), "?wait=true");
    ASSERT_EQ(answer.status, 200U) << answer;
    EXPECT_EQ(text(answer.json.as_object(), "status"), "success");
    EXPECT_TRUE(journal().starts_with("dig ground/dig , dig ground/dig , fill")) << journal();
}

TEST_F(GardenLab, LetsASlowStepTakeItsTimeWhileSomethingMoves) {
    const auto answer = start(input({{"fill", "move"}}), "?wait=true");
    ASSERT_EQ(answer.status, 200U) << answer;
    EXPECT_EQ(text(answer.json.as_object(), "status"), "success");
}

TEST_F(GardenLab, EndsAtItsHardEnd) {
    const auto answer = start(input({{"ground/dig", "hang"}}), "?wait=true&timeout_ms=700");
    ASSERT_EQ(answer.status, 200U) << answer;
    const auto now = status(text(answer.json.as_object(), "workflow_id"));
    EXPECT_EQ(text(now.at("error").as_object(), "code"), "TIMEOUT");
    EXPECT_NE(text(now.at("error").as_object(), "message").find("700"), std::string::npos);
}

TEST_F(GardenLab, SkipsAStage) {
    auto asked = input();
    asked["skip_colour"] = true;
    const auto answer = start(asked, "?wait=true");
    ASSERT_EQ(answer.status, 200U) << answer;
    const auto now = status(text(answer.json.as_object(), "workflow_id"));
    EXPECT_EQ(now.at("stages").at(1).at("state"), "skipped");
    EXPECT_EQ(journal(),
              "dig ground/dig , fill ground/fill , farewell COMPLETED/farewell/0 COMPLETED, ");
}

TEST_F(GardenLab, KeepsSecretsToItself) {
    for (const auto* word : {"tell_secret:ok", "tell_secret:fail"}) {
        SCOPED_TRACE(word);
        auto asked = input({{"ground/dig", word}});
        asked["config"] = {{"env", {{"KEY", "marker-8461-value"}}}};
        const auto answer = start(asked, "?wait=true");
        ASSERT_EQ(answer.status, 200U) << answer;
        const auto id = text(answer.json.as_object(), "workflow_id");
        const auto told = host_->ask("GET", "/workflows/" + id + "/logs").body;
        EXPECT_NE(told.find("the secret is ***"), std::string::npos) << told;
        const auto all = told + host_->ask("GET", "/workflows/" + id + "/status").body +
                         query("SELECT context || input FROM runs", "") +
                         query("SELECT payload FROM events", "") +
                         query("SELECT output || error_message FROM steps", "") +
                         query("SELECT value FROM secrets", "") +
                         query("SELECT text FROM run_logs", "");
        EXPECT_EQ(all.find("marker-8461"), std::string::npos) << all;
        EXPECT_EQ(query("SELECT count(*) FROM secrets", ""), "0");
    }
}

}  // namespace
}  // namespace onex::test
