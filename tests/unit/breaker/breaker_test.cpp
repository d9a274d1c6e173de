// The circuit breaker's rules, one row each, on a clock of the test's own.
#include "host/breaker/breaker.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace onex::host {
namespace {

using std::chrono::milliseconds;

const Breaker::Time kStart{std::chrono::hours(1)};

Breaker::Time at(std::int64_t ms) {
    return kStart + milliseconds(ms);
}

constexpr BreakerLimits kLimits{3, milliseconds(1'000)};

/// What happens at a time. `begun` is when the call that was lost had begun.
struct Step {
    std::int64_t ms;
    enum class What { admit, refuse, answer, unreachable, broken, reachable } what;
    BreakerState then;
    std::int64_t begun = -1;  ///< < 0: at once
};
using enum Step::What;
using enum BreakerState;

void play(Breaker& breaker, const std::vector<Step>& steps) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
        SCOPED_TRACE("step " + std::to_string(i));
        const auto& step = steps[i];
        const auto now = at(step.ms);
        const auto begun = step.begun < 0 ? now : at(step.begun);
        switch (step.what) {
            case admit:
            case refuse:
                EXPECT_EQ(breaker.admit(now), step.what == admit);
                break;
            case answer:
                breaker.answered();
                break;
            case unreachable:
                breaker.lost(Loss::unreachable, begun, now);
                break;
            case broken:
                breaker.lost(Loss::broken, begun, now);
                break;
            case reachable:
                breaker.reachable(now);
                break;
        }
        EXPECT_EQ(breaker.state(), step.then);
    }
}

TEST(Breaker, KeepsItsRules) {
    const std::vector<Step> opened{
        {0, unreachable, closed}, {10, unreachable, closed}, {20, unreachable, open}};
    const struct {
        const char* name;
        std::vector<Step> before;
        std::vector<Step> steps;
    } cases[] = {
        {"new ones let calls through", {}, {{0, admit, closed}, {0, admit, closed}}},
        {"an answer starts the count anew",
         {},
         {{0, unreachable, closed},
          {1, unreachable, closed},
          {2, answer, closed},
          {3, unreachable, closed},
          {4, unreachable, closed},
          {5, admit, closed}}},
        {"open it refuses for the pause", opened, {{20, refuse, open}, {1019, refuse, open}}},
        {"then one call is the probe",
         opened,
         {{1020, admit, half_open}, {1020, refuse, half_open}, {1030, answer, closed}}},
        {"a lost probe opens it again",
         opened,
         {{1020, admit, half_open},
          {1025, unreachable, open},
          {2024, refuse, open},
          {2025, admit, half_open}}},
        {"whoever is not there is looked for each pause, for ever",
         opened,
         {{1020, admit, half_open},
          {1020, unreachable, open},
          {2020, admit, half_open},
          {2020, unreachable, open},
          {3020, admit, half_open},
          {3020, unreachable, open},
          {4020, admit, half_open}}},
        {"also whoever takes connections and breaks them",
         opened,
         {{1020, admit, half_open},
          {1030, broken, open},
          {2029, refuse, open},
          {2030, admit, half_open},
          {2040, broken, open},
          {3040, admit, half_open},
          {3050, answer, closed}}},
        {"a probe without an end lets the next one go after the pause",
         opened,
         {{1020, admit, half_open}, {2019, refuse, half_open}, {2020, admit, half_open}}},
        {"an answer to an older call closes it",
         opened,
         {{30, answer, closed}, {31, admit, closed}}},
        {"the loss of an older call leaves the pause as it is",
         opened,
         {{900, unreachable, open, 5},
          {1020, admit, half_open},
          {1021, broken, half_open, 5},
          {1022, answer, closed}}},
        {"calls that break together are one loss",
         {},
         {{100, broken, closed, 0},
          {101, broken, closed, 1},
          {102, broken, closed, 2},
          {103, broken, closed, 99},
          {104, broken, closed, 102},
          {105, broken, open, 104}}},
        {"calls that cannot connect are one loss each, also together",
         {},
         {{100, unreachable, closed, 0},
          {101, unreachable, closed, 0},
          {102, unreachable, open, 0}}},
        {"a connection that was taken counts after the pause only",
         opened,
         {{1019, reachable, open}, {1020, reachable, half_open}, {1021, admit, half_open}}},
        {"a connection that was taken changes nothing else", {}, {{0, reachable, closed}}},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        Breaker breaker(kLimits);
        play(breaker, c.before);
        play(breaker, c.steps);
    }
}

TEST(Breaker, SaysSinceWhenAndUntilWhen) {
    Breaker breaker(kLimits);
    play(breaker, {{0, unreachable, closed}, {10, unreachable, closed}, {20, unreachable, open}});
    EXPECT_EQ(breaker.failures(), 3U);
    EXPECT_EQ(breaker.opened_at(), at(20));
    EXPECT_EQ(breaker.next_try(), at(1020));
    play(breaker, {{1020, admit, half_open}, {1030, unreachable, open}});
    EXPECT_EQ(breaker.failures(), 4U);
    EXPECT_EQ(breaker.opened_at(), at(20));
    EXPECT_EQ(breaker.next_try(), at(2030));
    breaker.answered();
    EXPECT_EQ(breaker.failures(), 0U);
}

TEST(Breaker, CanBeLeftOut) {
    Breaker breaker({0, milliseconds(1'000)});
    for (int i = 0; i < 100; ++i)
        play(breaker, {{i, unreachable, closed}, {i, admit, closed}});
    EXPECT_EQ(breaker.failures(), 100U);
}

}  // namespace
}  // namespace onex::host
