// Whatever operations do, and whenever somebody cancels: exactly one final state, in a bounded
// number of steps, at most one rollback, nothing after the end, and the stored rows always lead
// back to the same state.
#include "tests/unit/workflow/sample.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <set>

namespace onex::workflow::test {
namespace {

class Schedule {
  public:
    explicit Schedule(unsigned seed) : random_(seed) {}
    int roll(int sides) { return std::uniform_int_distribution<int>(0, sides - 1)(random_); }

    json::object input(const Model& model) {
        json::object out;
        if (roll(4) == 0) out["rollback_on_failure"] = false;
        for (const auto& stage : model.stages) {
            if (roll(6) == 0) out["skip_" + stage.name] = true;
        }
        return out;
    }
    StepOutcome outcome(const Model& model) {
        static constexpr std::array kCodes{"TIMEOUT",
                                           "BUILD_FAILED",
                                           "UNAVAILABLE",
                                           "POLICY_DENIED",
                                           "CANCELLED",
                                           "NEVER",
                                           "STRANGE"};
        StepOutcome out;
        out.ok = roll(100) >= kind_;
        out.moving_ms = roll(3) == 0 ? roll(5'000) : 0;
        if (out.ok) {
            for (const auto& gate : model.gates) {
                if (roll(40) != 0) out.checks[gate.name] = roll(30) == 0 ? 0.5 : 1.0;
            }
        } else {
            out.code = kCodes[static_cast<std::size_t>(roll(kCodes.size()))];
            out.message = "by chance";
            out.permanent = roll(8) == 0;
        }
        if (roll(2) == 0) out.closer = Closer{"", "node" + std::to_string(roll(3)), "bye"};
        return out;
    }

  private:
    std::mt19937 random_;
    int kind_ =
        std::uniform_int_distribution<int>(0, 40)(random_);  ///< how often operations fail, in %
};

void same(const RunState& live, const RunState& replayed) {
    EXPECT_EQ(live.state, replayed.state);
    EXPECT_EQ(live.phase, replayed.phase);
    EXPECT_EQ(live.stage, replayed.stage);
    EXPECT_EQ(live.operation, replayed.operation);
    EXPECT_EQ(live.attempt, replayed.attempt);
    EXPECT_EQ(live.retry_ms, replayed.retry_ms);
    EXPECT_EQ(live.closers, replayed.closers);
    EXPECT_EQ(live.failure.has_value(), replayed.failure.has_value());
    if (live.failure && replayed.failure) EXPECT_EQ(live.failure->code, replayed.failure->code);
}

void run_once(const Model& model, unsigned seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Schedule chance(seed);
    const auto input = chance.input(model);
    Driver d(model, input, chance.roll(3) == 0 ? 30'000 : 0);
    const int cancel_at = chance.roll(3) == 0 ? chance.roll(20) : -1;
    std::size_t operations = 1;
    for (const auto& stage : model.stages)
        operations += stage.operations.size();
    const auto steps_max = operations * 5 + 3 * 4 * 3;
    std::size_t steps = 0;
    std::set<std::string> after_end;
    while (!d.state.ended()) {
        ASSERT_LT(steps++, steps_max * 2) << "it never ends";
        if (static_cast<int>(steps) == cancel_at && d.state.cancel_us == 0)
            d.state.cancel_us = d.now_us;
        const auto decision = next(d.model, d.state);
        switch (decision.kind) {
            case Decision::Kind::begin:
                d.start();
                break;
            case Decision::Kind::collect:
                ASSERT_TRUE(closers_found(d.state, {}));
                break;
            case Decision::Kind::finish:
                d.keep(finish(d.model, d.state, d.now_us));
                break;
            case Decision::Kind::none:
                FAIL() << "next() has nothing to do before the end";
                break;
            case Decision::Kind::call:
                if (auto stop = interruption(d.state, d.now_us)) {
                    d.end(*stop, 0);
                } else {
                    d.end(chance.outcome(model), chance.roll(6'000));
                }
                break;
        }
        auto fresh = make_run(model, input, d.state.timeout_ms);
        fresh.cancel_us = d.state.cancel_us;
        const bool closing = d.state.phase == Phase::closing_failed || d.state.ended();
        if (!closing && d.state.started_us > 0) {
            const auto again = replay(model, fresh, d.state.started_us, d.stored);
            ASSERT_TRUE(again) << again.error().message;
            same(d.state, *again);
        }
        if (::testing::Test::HasFailure()) return;
    }
    const int completed = d.count(Fact::Kind::completed);
    const int failed = d.count(Fact::Kind::failed);
    const int back = d.count(Fact::Kind::rollback_completed);
    EXPECT_EQ(completed + failed + back, 1) << "exactly one end";
    EXPECT_EQ(completed == 1, !d.state.failure.has_value());
    EXPECT_EQ(completed == 1, d.state.state == model.fsm.spelled(kCompleted));
    EXPECT_EQ(back == 1, d.state.state == model.fsm.spelled(kRollbackCompleted));
    EXPECT_LE(d.count(Fact::Kind::rollback_initiated), 1);
    EXPECT_TRUE(model.fsm.is_final(d.state.state));
    EXPECT_EQ(next(d.model, d.state).kind, Decision::Kind::none);
    std::string at = model.fsm.initial();
    for (const auto& fact : d.facts) {
        if (fact.kind != Fact::Kind::transition) continue;
        EXPECT_EQ(fact.from, at);
        EXPECT_TRUE(model.fsm.allows(fact.from, fact.to)) << fact.from << " -> " << fact.to;
        at = fact.to;
    }
    EXPECT_EQ(at, d.state.state);
}

TEST(MachineProperty, EveryScheduleEndsOnceAndCanBeReplayed) {
    const auto sample = sample_model();
    const auto deployment = read_model(installed_contract("deployment_workflow"));
    ASSERT_TRUE(deployment);
    for (unsigned seed = 0; seed < 400 && !HasFailure(); ++seed) {
        run_once(sample, seed);
        if (seed % 4 == 0) run_once(*deployment, seed);
    }
}

}  // namespace
}  // namespace onex::workflow::test
