#include "plugins/lib/workflow/machine.hpp"

#include "plugins/lib/workflow/outputs.hpp"
#include "tests/unit/workflow/sample.hpp"

#include <boost/json/serialize.hpp>

#include <functional>

namespace onex::workflow::test {
namespace {

const Checks kAll{{"is_deep", 1}, {"is_square", 1}, {"is_nice", 1}};

/// To the first operation of the second stage.
void to_second(Driver& d) {
    d.start();
    d.ok(kAll);
    d.ok();
}

TEST(Machine, RunsEveryOperationInOrderToCompleted) {
    Driver d(sample_model());
    d.start();
    std::string keys;
    while (next(d.model, d.state).kind == Decision::Kind::call) {
        keys += d.pending().key + ' ';
        d.ok(kAll);
    }
    EXPECT_EQ(keys, "first/dig first/fill second/paint second/dig second/dig/1 ");
    EXPECT_EQ(d.states(), "PENDING ONE TWO COMPLETED");
    EXPECT_EQ(d.count(Fact::Kind::stage_completed), 2);
    EXPECT_EQ(d.count(Fact::Kind::completed), 1);
    EXPECT_EQ(next(d.model, d.state).kind, Decision::Kind::none);
    EXPECT_EQ(d.state.gates.size(), 4u);
}

struct Ending {
    const char* name;
    std::function<void(Driver&)> run;
    const char* states;
    const char* code;
    json::object input{};
};

TEST(Machine, EndsEveryBadDayInOneFinalState) {
    const auto spend = [](Driver& d, const std::string& code, int attempts) {
        for (int i = 0; i < attempts; ++i)
            d.fail(code);
    };
    const Ending cases[] = {
        {"a permanent error",
         [](Driver& d) {
             d.start();
             d.fail("AGAIN", 1, true);
         },
         "PENDING ONE FAILED",
         "AGAIN"},
        {"a code that is not retried",
         [](Driver& d) {
             d.start();
             d.fail("NEVER");
         },
         "PENDING ONE FAILED",
         "NEVER"},
        {"attempts used up, by the operation's own rule",
         [&](Driver& d) {
             d.start();
             spend(d, "AGAIN", 2);
         },
         "PENDING ONE FAILED",
         "AGAIN"},
        {"attempts used up, by the common rule",
         [&](Driver& d) {
             d.start();
             d.ok(kAll);
             spend(d, "AGAIN", 3);
         },
         "PENDING ONE FAILED",
         "AGAIN"},
        {"a validation that nobody reports",
         [](Driver& d) {
             d.start();
             d.ok();
             d.ok();
         },
         "PENDING ONE FAILED",
         "FAILED_PRECONDITION"},
        {"fails where there is a way back",
         [](Driver& d) {
             to_second(d);
             d.ok(kAll);
             d.fail("NEVER");
             d.ok({{"undone", 1}});
         },
         "PENDING ONE TWO ROLLING_BACK ROLLBACK_COMPLETED",
         "NEVER"},
        {"a rollback that reports nothing is whole",
         [](Driver& d) {
             to_second(d);
             d.ok(kAll);
             d.fail("NEVER");
             d.ok();
         },
         "PENDING ONE TWO ROLLING_BACK ROLLBACK_COMPLETED",
         "NEVER"},
        {"nothing to go back to",
         [](Driver& d) {
             to_second(d);
             d.ok(kAll);
             d.fail("NEVER");
             d.ok({{"undone", 0}});
         },
         "PENDING ONE TWO ROLLING_BACK FAILED",
         "NEVER"},
        {"the rollback fails",
         [](Driver& d) {
             to_second(d);
             d.ok(kAll);
             d.fail("NEVER");
             d.fail("NEVER");
         },
         "PENDING ONE TWO ROLLING_BACK FAILED",
         "ROLLBACK_FAILED"},
        {"the rollback fails until its attempts are used up",
         [&](Driver& d) {
             to_second(d);
             d.ok(kAll);
             d.fail("NEVER");
             spend(d, "AGAIN", 2);
         },
         "PENDING ONE TWO ROLLING_BACK FAILED",
         "ROLLBACK_FAILED"},
        {"the rollback succeeds at the second attempt",
         [](Driver& d) {
             to_second(d);
             d.ok(kAll);
             d.fail("NEVER");
             d.fail("AGAIN");
             d.ok();
         },
         "PENDING ONE TWO ROLLING_BACK ROLLBACK_COMPLETED",
         "NEVER"},
        {"no rollback wanted",
         [](Driver& d) {
             to_second(d);
             d.ok(kAll);
             d.fail("NEVER");
         },
         "PENDING ONE TWO FAILED",
         "NEVER",
         {{"rollback_on_failure", false}}},
        {"a gate misses where there is a way back",
         [](Driver& d) {
             to_second(d);
             d.ok({{"is_square", 0}});
             d.ok();
             d.ok();
             d.ok();
         },
         "PENDING ONE TWO ROLLING_BACK ROLLBACK_COMPLETED",
         "FAILED_PRECONDITION"},
        {"an operation that may fail is cancelled all the same",
         [](Driver& d) {
             to_second(d);
             d.fail("CANCELLED");
             d.ok();
         },
         "PENDING ONE TWO ROLLING_BACK ROLLBACK_COMPLETED",
         "CANCELLED"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        Driver d(sample_model(), c.input);
        c.run(d);
        d.close();
        EXPECT_EQ(d.states(), c.states);
        ASSERT_TRUE(d.state.failure);
        EXPECT_EQ(d.state.failure->code, c.code);
        EXPECT_TRUE(d.state.ended());
        const bool back = std::string(c.states).ends_with("ROLLBACK_COMPLETED");
        EXPECT_EQ(d.count(Fact::Kind::failed), back ? 0 : 1);
        EXPECT_EQ(d.count(Fact::Kind::rollback_completed), back ? 1 : 0);
        EXPECT_EQ(d.count(Fact::Kind::completed), 0);
    }
}

TEST(Machine, GoesOnAfterAnOperationThatMayFail) {
    Driver d(sample_model());
    to_second(d);
    d.fail("NEVER");
    d.ok(kAll);
    d.ok();
    EXPECT_EQ(d.state.state, "COMPLETED");
    EXPECT_EQ(d.state.stages[1].operations[0].progress, Progress::failed);
    EXPECT_GE(d.state.warnings.size(), 1u);
}

TEST(Machine, WarnsOfAGateBelowOneAndGoesOn) {
    Driver d(sample_model());
    to_second(d);
    d.ok({{"is_square", 1}, {"is_nice", 0.4}});
    d.ok();
    d.ok({}, 9'000);
    EXPECT_EQ(d.state.state, "COMPLETED");
    ASSERT_EQ(d.state.warnings.size(), 2u);
    EXPECT_NE(d.state.warnings[0].find("is_nice"), std::string::npos);
    EXPECT_NE(d.state.warnings[1].find("is_fast"), std::string::npos);
}

TEST(Machine, SkipsAStageWithItsGatesButPassesItsState) {
    Driver d(sample_model(), {{"skip_second", true}});
    d.start();
    d.ok(kAll);
    d.ok();
    EXPECT_EQ(d.states(), "PENDING ONE TWO COMPLETED");
    EXPECT_EQ(d.state.stages[1].progress, Progress::skipped);
    EXPECT_EQ(d.count(Fact::Kind::stage_skipped), 1);
    for (const auto& gate : d.state.gates)
        EXPECT_NE(gate.stage, "second");
    const auto report = json::serialize(stage_report(d.state, d.now_us));
    EXPECT_NE(report.find(R"("state":"skipped")"), std::string::npos) << report;
}

TEST(Machine, SkipsOnlyOnTrue) {
    for (const json::value& value : {json::value("yes"), json::value(1), json::value(false)}) {
        Driver d(sample_model(), {{"skip_second", value}});
        EXPECT_FALSE(d.state.skipped[1]);
    }
}

TEST(Machine, WaitsBetweenAttemptsAndTellsTheTimeout) {
    Driver d(sample_model());
    d.start();
    EXPECT_EQ(d.pending().delay_ms, 0);
    EXPECT_EQ(d.pending().timeout_ms, 250);
    d.fail("AGAIN");
    EXPECT_EQ(d.pending().attempt, 2);
    EXPECT_EQ(d.pending().delay_ms, 1000);
    d.ok(kAll);
    d.fail("UNAVAILABLE");
    d.fail("UNAVAILABLE");
    EXPECT_EQ(d.pending().delay_ms, 2000);
    EXPECT_EQ(d.pending().key, "first/fill") << "the attempt is never part of the key";
}

TEST(Machine, CountsOnlyTimeInWhichNothingMoves) {
    struct Case {
        const char* name;
        std::int64_t ms, moving_ms;
        bool again;
    };
    // The stage's maximum is 20 s.
    const Case cases[] = {{"short", 5'000, 0, true},
                          {"long and idle", 19'500, 0, false},
                          {"very long, but bytes moved", 900'000, 899'000, true},
                          {"more movement than time", 5, 900, true}};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        Driver d(sample_model());
        d.start();
        StepOutcome outcome;
        outcome.code = "AGAIN";
        outcome.moving_ms = c.moving_ms;
        d.end(outcome, c.ms);
        EXPECT_EQ(d.state.phase == Phase::stages, c.again);
    }
}

TEST(Machine, StopsAStageThatHasTakenTooLongBeforeItsNextOperation) {
    Driver d(sample_model());
    d.start();
    d.ok(kAll, 20'500);
    d.close();
    EXPECT_EQ(d.state.failure->code, "TIMEOUT");
    EXPECT_NE(d.state.failure->message.find("20000"), std::string::npos);
}

TEST(Machine, EndsAtItsHardEnd) {
    Driver d(sample_model(), {}, 60'000);
    to_second(d);
    EXPECT_FALSE(interruption(d.state, d.now_us));
    d.ok(kAll, 70'000);
    EXPECT_EQ(d.state.state, "ROLLING_BACK") << "the rollback has its own time";
    EXPECT_EQ(d.state.failure->code, "TIMEOUT");
    EXPECT_FALSE(interruption(d.state, d.now_us));
}

TEST(Machine, CancelsInEachPlace) {
    struct Case {
        const char* name;
        std::function<void(Driver&)> before;
        const char* states;
    };
    const Case cases[] = {
        {"in the first operation", [](Driver& d) { d.start(); }, "PENDING ONE FAILED"},
        {"in a pause",
         [](Driver& d) {
             d.start();
             d.fail("AGAIN");
         },
         "PENDING ONE FAILED"},
        {"where there is a way back",
         [](Driver& d) { to_second(d); },
         "PENDING ONE TWO ROLLING_BACK ROLLBACK_COMPLETED"},
    };
    for (const bool notices : {false, true}) {
        for (const auto& c : cases) {
            SCOPED_TRACE(std::string(c.name) + (notices ? ", stopped" : ", unnoticed"));
            Driver d(sample_model());
            c.before(d);
            d.state.cancel_us = d.now_us;
            d.state.cancel_reason = "a typing mistake";
            if (notices)
                d.fail("CANCELLED");
            else
                d.ok(kAll);
            if (d.state.phase == Phase::rolling_back) {
                EXPECT_FALSE(interruption(d.state, d.now_us)) << "a rollback is not cancelled";
                d.ok();
            }
            d.close();
            EXPECT_EQ(d.states(), c.states);
            EXPECT_EQ(d.state.failure->code, "CANCELLED");
            EXPECT_NE(d.state.failure->message.find("a typing mistake"), std::string::npos);
        }
    }
}

TEST(Machine, CancelsInTheQueue) {
    Driver d(sample_model());
    d.keep(cancel_queued(d.model, d.state, 5));
    EXPECT_EQ(d.states(), "PENDING FAILED");
    EXPECT_EQ(d.state.failure->code, "CANCELLED");
    EXPECT_FALSE(cancel_queued(d.model, d.state, 5));
}

const Closer kHere{"", "sender", "release"};
const Closer kThere{"far:1", "receiver", "release"};

TEST(Machine, TellsEveryNodeOnceBeforeCompleted) {
    Driver d(sample_model());
    d.start();
    for (int i = 0; i < 5; ++i) {
        StepOutcome outcome;
        outcome.ok = true;
        outcome.checks = kAll;
        outcome.closer = i % 2 ? kHere : kThere;
        d.end(outcome);
    }
    EXPECT_EQ(d.state.state, "TWO") << "not COMPLETED before all have answered";
    EXPECT_EQ(d.pending().key, "COMPLETED/release/0");
    EXPECT_EQ(*d.pending().closer, kThere);
    d.ok();
    EXPECT_EQ(*d.pending().closer, kHere);
    d.ok();
    EXPECT_EQ(d.state.state, "COMPLETED");
}

TEST(Machine, RollsBackWhenTheEndCannotBeTold) {
    Driver d(sample_model());
    d.start();
    for (int i = 0; i < 5; ++i) {
        StepOutcome outcome;
        outcome.ok = true;
        outcome.checks = kAll;
        outcome.closer = kThere;
        d.end(outcome);
    }
    d.fail("NEVER");
    EXPECT_EQ(d.state.state, "ROLLING_BACK");
    d.ok();
    ASSERT_TRUE(closers_found(d.state, {kThere, kHere}));
    EXPECT_EQ(d.state.closers.size(), 2u);
    EXPECT_EQ(d.pending().key, "FAILED/release/0");
    d.fail("AGAIN");
    d.fail("AGAIN");
    d.fail("AGAIN");
    EXPECT_EQ(*d.pending().closer, kHere) << "best effort: the others are told all the same";
    d.ok();
    d.keep(finish(d.model, d.state, d.now_us));
    EXPECT_EQ(d.state.state, "ROLLBACK_COMPLETED");
}

TEST(Machine, ARollbackWaitsForAHostThatIsAway) {
    Driver d(sample_model());
    to_second(d);
    d.ok(kAll);
    d.fail("NEVER");
    for (int i = 0; i < 20; ++i)
        d.fail("REMOTE_ENDPOINT_UNREACHABLE");
    EXPECT_EQ(d.state.state, "ROLLING_BACK");
    d.ok();
    d.close();
    EXPECT_EQ(d.state.state, "ROLLBACK_COMPLETED");
}

TEST(Machine, ARollbackGivesUpInTheEnd) {
    Driver d(sample_model());
    to_second(d);
    d.ok(kAll);
    d.fail("NEVER");
    int attempts = 0;
    for (; d.state.phase == Phase::rolling_back; ++attempts)
        d.fail("REMOTE_ENDPOINT_UNREACHABLE");
    EXPECT_GT(attempts, 30);
    EXPECT_EQ(d.state.failure->code, "ROLLBACK_FAILED");
    d.close();
    EXPECT_EQ(d.state.state, "FAILED");
}

TEST(Machine, RefusesWhatDoesNotFollow) {
    Driver d(sample_model());
    const auto refused = [&](const auto& result) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, "FAILED_PRECONDITION");
    };
    refused(step_ended(d.model, d.state, {}, {}));
    refused(finish(d.model, d.state, 1));
    refused(closers_found(d.state, {}));
    d.start();
    refused(begin(d.model, d.state, 1));
    refused(cancel_queued(d.model, d.state, 1));
    auto step = d.pending();
    step.attempt = 2;
    refused(step_ended(d.model, d.state, step, {}));
    step = d.pending();
    step.key = "first/fill";
    refused(step_ended(d.model, d.state, step, {}));
    EXPECT_EQ(d.pending().key, "first/dig") << "nothing changed";
    d.fail("NEVER");
    d.close();
    refused(step_ended(d.model, d.state, step, {}));
    refused(finish(d.model, d.state, 1));
    refused(begin(d.model, d.state, 1));
}

TEST(Machine, ReportsWhatItDid) {
    Driver d(sample_model());
    to_second(d);
    d.ok(kAll);
    d.fail("NEVER", 7);
    d.ok({}, 3);
    d.close();
    const auto out = engine_outputs(d.state, "w", d.now_us);
    EXPECT_EQ(out.at("success"), false);
    EXPECT_EQ(out.at("stages_completed"), json::array({"first"}));
    EXPECT_EQ(out.at("stages_failed"), json::array({"second"}));
    EXPECT_EQ(out.at("rollback_performed"), true);
    EXPECT_EQ(out.at("rollback_result").at("success"), true);
    EXPECT_EQ(out.at("rollback_result").at("rollback_duration_ms"), 3);
    EXPECT_EQ(out.at("error_message"), "it broke");
    const auto& second = out.at("stage_results").as_array().at(1);
    EXPECT_EQ(second.at("operations").as_array().at(1).at("error_message"), "it broke");
    EXPECT_EQ(second.at("operations").as_array().at(1).at("duration_ms"), 7);
    EXPECT_EQ(second.at("operations").as_array().size(), 2u)
        << "what was never called is not listed";
}

}  // namespace
}  // namespace onex::workflow::test
