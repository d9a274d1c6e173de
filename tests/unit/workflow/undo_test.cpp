// The way back of a run: compensations, what can't be taken back, and who is asked.
#include "plugins/lib/workflow/machine.hpp"
#include "tests/unit/workflow/sample.hpp"

namespace onex::workflow::test {
namespace {

/// The sample, with these operations in its stages, all of which may go to ROLLING_BACK.
json::object with_operations(const std::string& first,
                             const std::string& second,
                             const std::string& strategy = {}) {
    auto contract = sample_contract();
    auto& stages = contract["workflow_stages"].as_array();
    stages[0].as_object()["operations"] = from_yaml("x: " + first).at("x");
    stages[1].as_object()["operations"] = from_yaml("x: " + second).at("x");
    auto& states = contract["fsm_states"].as_object()["states"].as_array();
    states[1].as_object()["transitions"].as_array().emplace_back("ROLLING_BACK");
    contract["coordination"] = json::object{{"rollback_strategy", strategy}};
    contract.erase("quality_gates");
    return contract;
}

Model model_of(const json::object& contract) {
    auto model = read_model(contract);
    if (!model) throw std::runtime_error(model.error().message);
    return *model;
}

/// Goes through the stages until the call with this key, which fails for good.
void fail_at(Driver& d, const std::string& key) {
    d.start();
    while (d.pending().key != key)
        d.ok();
    d.fail("NEVER");
}

/// Answers all that a rollback calls or asks, and tells the keys; "?" stands before a question.
std::string undo_all(Driver& d) {
    std::string keys;
    while (d.state.phase == Phase::rolling_back) {
        const auto step = d.pending();
        keys += (keys.empty() ? "" : " ") + std::string(step.question.empty() ? "" : "?") +
                step.key.substr(step.key.find('/') + 1);
        d.ok();
    }
    return keys;
}

TEST(Undo, GoesBackTheWayThatWasGone) {
    const struct {
        const char* name;
        const char* first;
        const char* second;
        const char* strategy;
        const char* fails_at;
        const char* undone;
        const char* end;
    } cases[] = {
        {"nothing declared", "[{name: a}]", "[{name: b}]", "", "second/b", "", "FAILED"},
        {"a strategy alone",
         "[{name: a}]",
         "[{name: b}]",
         "undo",
         "second/b",
         "undo",
         "ROLLBACK_COMPLETED"},
        {"the last first, the failed one too",
         "[{name: a, compensate: un_a}, {name: b}]",
         "[{name: c, compensate: un_c}]",
         "",
         "second/c",
         "un_c/0 un_a/1",
         "ROLLBACK_COMPLETED"},
        {"what was not called is left alone",
         "[{name: a, compensate: un_a}, {name: b, compensate: un_b}]",
         "[{name: c, compensate: un_c}]",
         "",
         "first/a",
         "un_a/0",
         "ROLLBACK_COMPLETED"},
        {"nothing was called that can be undone",
         "[{name: a}, {name: b, compensate: un_b}]",
         "[{name: c}]",
         "",
         "first/a",
         "",
         "FAILED"},
        {"compensations before the strategy",
         "[{name: a, compensate: un_a}]",
         "[{name: b, compensate: {name: un_b, on: target, node: n, with: {x: y}}}]",
         "undo",
         "second/b",
         "un_b/0 un_a/1 undo",
         "ROLLBACK_COMPLETED"},
        {"asks before the strategy",
         "[{name: a}]",
         "[{name: b, reversible: false}]",
         "undo",
         "second/b",
         "?b/0 undo",
         "ROLLBACK_COMPLETED"},
        {"does not ask for what was never called",
         "[{name: a}]",
         "[{name: b}, {name: c, reversible: false}]",
         "undo",
         "second/b",
         "undo",
         "ROLLBACK_COMPLETED"},
        {"stops on the way back",
         "[{name: a, compensate: un_a}, {name: b, reversible: false}]",
         "[{name: c, compensate: un_c}]",
         "",
         "second/c",
         "un_c/0 ?b/1 un_a/2",
         "ROLLBACK_COMPLETED"},
        {"asks once for several in a row",
         "[{name: a, compensate: un_a}, {name: b, reversible: false}, {name: x}]",
         "[{name: c, reversible: false}]",
         "",
         "second/c",
         "?c/0 un_a/1",
         "ROLLBACK_COMPLETED"},
        {"asks before it compensates what can't be taken back",
         "[{name: a, reversible: false, compensate: say_sorry}]",
         "[{name: b}]",
         "",
         "second/b",
         "?a/0 say_sorry/1",
         "ROLLBACK_COMPLETED"},
        {"asks nobody when nothing would follow, but is not whole",
         "[{name: a, reversible: false}]",
         "[{name: b, compensate: un_b}]",
         "",
         "second/b",
         "un_b/0",
         "FAILED"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        Driver d(model_of(with_operations(c.first, c.second, c.strategy)));
        fail_at(d, c.fails_at);
        EXPECT_EQ(undo_all(d), c.undone);
        d.close();
        EXPECT_EQ(d.state.state, c.end);
        EXPECT_EQ(d.state.failure->code, "NEVER");
    }
}

TEST(Undo, CallsACompensationWhereItsContractSays) {
    Driver d(model_of(with_operations(
        "[{name: a}]", "[{name: b, compensate: {name: dig, on: target, node: n, with: {x: y}}}]")));
    fail_at(d, "second/b");
    const auto step = d.pending();
    EXPECT_TRUE(d.model.stays);
    ASSERT_NE(step.spec, nullptr);
    EXPECT_EQ(step.spec->on, "target");
    EXPECT_EQ(step.spec->node, "n");
    EXPECT_EQ(step.spec->with.at("x"), "y");
    EXPECT_EQ(step.timeout_ms, 250) << "operation_retries wins";
    EXPECT_EQ(step.stage, "ROLLING_BACK");
    EXPECT_FALSE(step.cancellable);
}

TEST(Undo, LeavesNothingOutBecauseOneCompensationFails) {
    Driver d(model_of(
        with_operations("[{name: a, compensate: un_a}]", "[{name: b, compensate: un_b}]", "undo")));
    fail_at(d, "second/b");
    d.fail("AGAIN");
    EXPECT_EQ(d.pending().key, "ROLLING_BACK/un_b/0") << "it is tried again first";
    EXPECT_EQ(d.pending().attempt, 2);
    d.fail("NEVER");
    EXPECT_EQ(undo_all(d), "un_a/1 undo");
    d.close();
    EXPECT_EQ(d.state.state, "FAILED");
    EXPECT_EQ(d.state.failure->code, "ROLLBACK_FAILED");
    EXPECT_NE(d.state.failure->message.find("un_b: it broke"), std::string::npos)
        << d.state.failure->message;
}

TEST(Undo, IsNotWholeWhenACheckIsMissed) {
    Driver d(model_of(with_operations("[{name: a}]", "[{name: b, compensate: un_b}]", "undo")));
    fail_at(d, "second/b");
    d.ok({{"is_gone", 0}});
    d.ok();
    d.close();
    EXPECT_EQ(d.state.state, "FAILED");
    EXPECT_FALSE(d.state.rolled_back);
    EXPECT_NE(d.state.warnings.back().find("is_gone"), std::string::npos);
}

TEST(Undo, DoesNotCountWhatWasGivenUpBeforeItsNodeHeardOfIt) {
    for (const bool called : {false, true}) {
        SCOPED_TRACE(called);
        Driver d(model_of(with_operations(
            "[{name: a, compensate: un_a}]", "[{name: b, reversible: false}]", "undo")));
        d.start();
        d.ok();
        d.state.cancel_us = d.now_us;
        auto stop = interruption(d.state, d.now_us);
        ASSERT_TRUE(stop);
        EXPECT_FALSE(stop->called);
        stop->called = called;  // What the engine says that knows of an intent.
        d.end(*stop, 0);
        EXPECT_EQ(undo_all(d), called ? "?b/0 un_a/1 undo" : "un_a/0 undo");
    }
}

TEST(Undo, CountsAnEarlierAttemptThatWasMade) {
    Driver d(model_of(with_operations("[{name: a, compensate: un_a}]", "[{name: b}]")));
    d.start();
    d.fail("AGAIN");
    StepOutcome nobody_there;
    nobody_there.code = "NEVER";
    nobody_there.called = false;
    d.end(nobody_there);
    EXPECT_EQ(undo_all(d), "un_a/0");
}

TEST(Undo, DoesNotCountWhatWasSkipped) {
    Driver d(model_of(with_operations(
        "[{name: a, compensate: un_a}]", "[{name: b, reversible: false}, {name: c}]", "undo")));
    d.start();
    d.ok();
    StepOutcome skipped;
    skipped.ok = skipped.skipped = true;
    d.end(skipped);
    d.fail("NEVER");
    EXPECT_EQ(undo_all(d), "un_a/0 undo");
}

TEST(Undo, EndsFailedWhenNobodyAgrees) {
    const struct {
        const char* name;
        const char* code;
        std::int64_t wait_ms;
        bool cancels;
    } cases[] = {{"a cancel", "CANCELLED", 5, true},
                 {"nobody answers", "TIMEOUT", 60'000, false},
                 {"nobody has answered yet", "", 59'000, false}};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        Driver d(model_of(with_operations("[{name: a, compensate: un_a}, {name: b, reversible: "
                                          "false}]",
                                          "[{name: c, compensate: un_c}]",
                                          "undo")),
                 {},
                 60'000);
        fail_at(d, "second/c");
        d.ok();
        ASSERT_FALSE(d.pending().question.empty());
        EXPECT_TRUE(d.pending().cancellable);
        EXPECT_FALSE(interruption(d.state, d.now_us));
        d.now_us += c.wait_ms * 1000;
        if (c.cancels) d.state.cancel_us = d.now_us;
        const auto stop = interruption(d.state, d.now_us);
        ASSERT_EQ(stop.has_value(), *c.code != 0);
        if (!stop) continue;
        EXPECT_EQ(stop->code, c.code);
        d.end(*stop, 0);
        EXPECT_EQ(d.state.phase, Phase::closing_failed) << "nothing more is undone";
        d.close();
        EXPECT_EQ(d.states(), "PENDING ONE TWO ROLLING_BACK FAILED");
        EXPECT_EQ(d.state.failure->code, "ROLLBACK_FAILED");
        EXPECT_NE(d.state.failure->message.find("stopped at b"), std::string::npos);
        EXPECT_NE(d.state.failure->message.find("by hand"), std::string::npos);
    }
}

TEST(Undo, IsNotAnsweredByTheCancelThatItCameFrom) {
    Driver d(model_of(with_operations("[{name: a}]", "[{name: b, reversible: false}]", "undo")),
             {},
             60'000);
    d.start();
    d.ok();
    d.state.cancel_us = d.now_us;
    d.fail("CANCELLED");
    ASSERT_FALSE(d.pending().question.empty());
    EXPECT_FALSE(interruption(d.state, d.now_us + 1000));
    EXPECT_EQ(undo_all(d), "?b/0 undo");
    EXPECT_FALSE(d.state.warnings.empty());
}

TEST(Undo, IsLeftOutWhenNobodyWantsARollback) {
    Driver d(model_of(with_operations(
                 "[{name: a, compensate: un_a}]", "[{name: b, reversible: false}]", "undo")),
             {{"rollback_on_failure", false}});
    fail_at(d, "second/b");
    d.close();
    EXPECT_EQ(d.state.state, "FAILED");
}

TEST(Undo, IsLeftOutWhenTheContractAborts) {
    const struct {
        const char* strategy;
        const char* end;
    } cases[] = {{"abort", "FAILED"},
                 {"rollback_and_notify", "ROLLBACK_COMPLETED"},
                 {"hope", "ROLLBACK_COMPLETED"}};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.strategy);
        auto contract = with_operations("[{name: a, compensate: un_a}]", "[{name: b}]", "undo");
        contract["error_handling"].as_object()["fallback_strategy"] = c.strategy;
        Driver d(model_of(contract), {{"rollback_on_failure", true}});
        fail_at(d, "second/b");
        undo_all(d);
        d.close();
        EXPECT_EQ(d.state.state, c.end);
    }
}

TEST(Undo, ComesBackFromTheStoreAtEachPoint) {
    const auto model =
        model_of(with_operations("[{name: a, compensate: un_a}, {name: b, reversible: false}]",
                                 "[{name: c, compensate: un_c}]",
                                 "undo"));
    Driver d(model);
    fail_at(d, "second/c");
    for (bool first = true; d.state.phase == Phase::rolling_back; first = false) {
        const auto again = replay(model, make_run(model, {}, 0), d.state.started_us, d.stored);
        ASSERT_TRUE(again) << again.error().message;
        EXPECT_EQ(again->undone, d.state.undone);
        EXPECT_EQ(again->asked_us, d.state.asked_us);
        const auto step = next(model, *again).step;
        EXPECT_TRUE(step.same(d.pending()));
        EXPECT_EQ(step.question, d.pending().question);
        first ? d.fail("AGAIN") : d.ok();
    }
    EXPECT_EQ(d.state.ending, "ROLLBACK_COMPLETED");
}

TEST(Undo, NeedsAStateThatCanRollBack) {
    const struct {
        const char* name;
        const char* first;
        const char* second;
        const char* message;
    } cases[] = {
        {"in the stage itself",
         "[{name: a, compensate: un_a}]",
         "[{name: b}]",
         "first runs in ONE"},
        {"later", "[{name: a}]", "[{name: b, compensate: un_b}]", ""},
        {"no name", "[{name: a}]", "[{name: b, compensate: {on: target}}]", "name must be"},
        {"no place", "[{name: a}]", "[{name: b, compensate: {name: c, on: moon}}]", "on must be"},
        {"a number", "[{name: a}]", "[{name: b, compensate: 3}]", "compensate must be"},
        {"a word", "[{name: a, reversible: never}]", "[{name: b}]", "reversible must be"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        auto contract = with_operations(c.first, c.second);
        auto& states = contract["fsm_states"].as_object()["states"].as_array();
        states[1].as_object()["transitions"].as_array().pop_back();
        const auto model = read_model(contract);
        ASSERT_EQ(model.has_value(), *c.message == 0) << model.error().message;
        if (!model) {
            EXPECT_EQ(model.error().code, "VALIDATION_ERROR");
            EXPECT_NE(model.error().message.find(c.message), std::string::npos)
                << model.error().message;
        }
    }
}

}  // namespace
}  // namespace onex::workflow::test
