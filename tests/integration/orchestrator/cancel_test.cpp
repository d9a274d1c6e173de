// Cancelling, queueing, crashes and stops.
#include "tests/integration/orchestrator/garden_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>

namespace onex::test {
namespace {

namespace json = boost::json;

std::string code_of(const json::object& status) {
    return text(status.at("error").as_object(), "code");
}

TEST_F(GardenLab, CancelsWhereverTheRunIs) {
    struct Case {
        const char* name;
        json::object plan;
        const char* operation;
        const char* state;
    };
    const Case cases[] = {
        {"in a call", {{"ground/dig", "hang"}}, "dig", "FAILED"},
        {"where there is a way back", {{"paint", "hang"}}, "paint", "ROLLBACK_COMPLETED"},
        {"in the pause before the second attempt",
         {{"paint", "fail:AGAIN"}},
         "paint",
         "ROLLBACK_COMPLETED"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto id = begin(input(c.plan));
        ASSERT_TRUE(in_operation(id, c.operation));
        const auto answer = cancel(id);
        EXPECT_EQ(answer.status, 202U) << answer;
        const auto end = wait_for(id);
        EXPECT_EQ(text(end, "state"), c.state) << json::serialize(end);
        EXPECT_EQ(code_of(end), "CANCELLED");
        EXPECT_EQ(cancel(id).status, 409U) << "it has ended";
    }
    EXPECT_EQ(cancel("00000000-0000-4000-8000-000000000000").status, 404U);
}

TEST_F(GardenLab, ARollbackIsNotCancelled) {
    const auto go = folder_.path() + "/go";
    const auto id = begin(input({{"paint", "fail:NEVER"}, {"undo", "wait_for:" + go}}));
    ASSERT_TRUE(in_operation(id, "undo"));
    EXPECT_EQ(cancel(id).status, 202U);
    EXPECT_EQ(text(status(id), "state"), "ROLLING_BACK");
    touch("go");
    const auto end = wait_for(id);
    EXPECT_EQ(text(end, "state"), "ROLLBACK_COMPLETED");
    EXPECT_EQ(code_of(end), "NEVER");
}

TEST_F(GardenLab, QueuesWhatIsTooMuchAtOnce) {
    ASSERT_EQ(host_->stop(), 0);
    start_host("queue_max = 2");
    const json::object plan{{"ground/dig", "wait_for:" + folder_.path() + "/go"}};
    const auto first = begin(input(plan));
    const auto second = begin(input(plan));
    const auto third = start(input(plan));
    ASSERT_EQ(third.status, 202U) << third;
    EXPECT_EQ(third.json.at("queue_place"), 1) << third;
    const auto fourth = start(input(plan));
    EXPECT_EQ(fourth.json.at("queue_place"), 2) << fourth;
    const auto fifth = start(input(plan));
    EXPECT_EQ(fifth.status, 429U) << fifth;
    EXPECT_EQ(fifth.code, "QUEUE_FULL");
    const auto third_id = text(third.json.as_object(), "workflow_id");
    const auto fourth_id = text(fourth.json.as_object(), "workflow_id");
    EXPECT_EQ(cancel(third_id).status, 202U);
    const auto cancelled = wait_for(third_id);
    EXPECT_EQ(text(cancelled, "state"), "FAILED");
    EXPECT_EQ(code_of(cancelled), "CANCELLED");
    EXPECT_EQ(status(fourth_id).at("queue_place"), 1);
    touch("go");
    for (const auto& id : {first, second, fourth_id})
        EXPECT_EQ(text(wait_for(id), "state"), "COMPLETED");
}

TEST_F(GardenLab, TakesRunsUpAfterACrash) {
    struct Case {
        const char* name;
        const char* operation;
        json::object plan;
        const char* state;
    };
    const Case cases[] = {
        {"in the first stage", "dig", {}, "COMPLETED"},
        {"in the second stage", "paint", {}, "COMPLETED"},
        {"at the end", "farewell", {}, "COMPLETED"},
        {"while rolling back", "undo", {{"paint", "fail:NEVER"}}, "ROLLBACK_COMPLETED"},
    };
    int number = 0;
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        std::remove((folder_.path() + "/journal").c_str());
        const auto go = "go" + std::to_string(++number);
        auto plan = c.plan;
        plan[c.operation] = "wait_for:" + folder_.path() + '/' + go;
        const auto id = begin(input(plan));
        ASSERT_TRUE(in_operation(id, c.operation)) << json::serialize(status(id));
        host_->kill();
        ASSERT_TRUE(host_->start());
        touch(go);
        const auto end = wait_for(id);
        EXPECT_EQ(text(end, "state"), c.state) << json::serialize(end);
        const auto calls = journal();
        const auto first = calls.find(std::string(c.operation) + ' ');
        const auto line = calls.substr(first, calls.find(',', first) - first + 2);
        EXPECT_NE(calls.find(line, first + 1), std::string::npos)
            << "the same key again: " << calls;
    }
}

TEST_F(GardenLab, StopsInTheMiddleAndGoesOnLater) {
    const auto id = begin(input({{"ground/dig", "wait_for:" + folder_.path() + "/go"}}));
    const auto paused = begin(input({{"paint", "fail_once:AGAIN"}}));
    ASSERT_TRUE(in_operation(id, "dig"));
    ASSERT_TRUE(in_operation(paused, "paint"));
    EXPECT_EQ(host_->stop(), 0);
    touch("go");
    ASSERT_TRUE(host_->start());
    EXPECT_EQ(text(wait_for(id), "state"), "COMPLETED");
    EXPECT_EQ(cancel(paused).status, 202U) << "it waits for a minute";
    EXPECT_EQ(text(wait_for(paused), "state"), "ROLLBACK_COMPLETED");
}

}  // namespace
}  // namespace onex::test
