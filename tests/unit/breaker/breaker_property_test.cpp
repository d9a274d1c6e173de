// Whatever happens between a caller and a place that comes and goes: the breaker never refuses
// without a reason, asks no oftener than it says, and is closed soon after the place is back.
#include "host/breaker/breaker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace onex::host {
namespace {

using std::chrono::milliseconds;

enum class Place { up, gone, breaks };

/// A call under way: when it began, when it ends, and how.
struct CallUnderWay {
    std::int64_t begun;
    std::int64_t ends;
    Place met;
    bool gives_up;  ///< its caller's deadline comes first: the breaker hears nothing
};

class Schedule {
  public:
    explicit Schedule(unsigned seed) : random_(seed) {
        limits_.failures_max = 1 + static_cast<std::size_t>(roll(6));
        limits_.pause = milliseconds(100 + roll(1'000));
        breaker_.emplace(limits_);
    }

    void run() {
        for (int i = 0; i < 4'000; ++i) {
            now_ms_ += roll(60);
            end_calls();
            if (roll(100) == 0) place_ = static_cast<Place>(roll(3));
            if (roll(3) != 0) call();
            if (roll(200) == 0) breaker_->reachable(now());
        }
        expect_recovery();
    }

  private:
    int roll(int sides) { return std::uniform_int_distribution<int>(0, sides - 1)(random_); }
    [[nodiscard]] Breaker::Time now() const {
        return Breaker::Time(milliseconds(3'600'000 + now_ms_));
    }
    static Breaker::Time time(std::int64_t ms) {
        return Breaker::Time(milliseconds(3'600'000 + ms));
    }

    void call() {
        const bool was_closed = breaker_->state() == BreakerState::closed;
        const bool due = now() >= breaker_->next_try();
        const bool admitted = breaker_->admit(now());
        EXPECT_EQ(admitted, was_closed || due);
        if (was_closed) {
            EXPECT_LT(in_a_row_, limits_.failures_max);
        }
        if (!admitted) return;
        if (!was_closed) {
            EXPECT_EQ(breaker_->state(), BreakerState::half_open);
            if (last_probe_ms_) {
                EXPECT_GE(now_ms_ - *last_probe_ms_, limits_.pause.count());
            }
            last_probe_ms_ = now_ms_;
        }
        const int most = roll(20) == 0 ? 5'000 : 80;
        calls_.push_back({now_ms_, now_ms_ + roll(most), place_, roll(15) == 0});
    }

    void end_calls() {
        std::ranges::sort(calls_, {}, &CallUnderWay::ends);
        while (!calls_.empty() && calls_.front().ends <= now_ms_) {
            const auto call = calls_.front();
            calls_.erase(calls_.begin());
            if (!call.gives_up) end(call);
        }
    }

    void end(const CallUnderWay& call) {
        const auto before = breaker_->failures();
        if (call.met == Place::up) {
            breaker_->answered();
            EXPECT_EQ(breaker_->state(), BreakerState::closed);
            EXPECT_EQ(breaker_->failures(), 0U);
            in_a_row_ = 0;
            last_probe_ms_.reset();
            return;
        }
        const auto how = call.met == Place::gone ? Loss::unreachable : Loss::broken;
        breaker_->lost(how, time(call.begun), now());
        EXPECT_LE(breaker_->failures(), before + 1);
        in_a_row_ = breaker_->failures();
        const bool counted = in_a_row_ > before;
        if (in_a_row_ >= limits_.failures_max) {
            EXPECT_NE(breaker_->state(), BreakerState::closed);
        }
        if (!counted || breaker_->state() == BreakerState::closed) return;
        EXPECT_EQ(breaker_->state(), BreakerState::open);
        EXPECT_EQ(breaker_->next_try() - now(), limits_.pause);
    }

    /// The place is back for good; a caller tries every 50 ms and is answered after 10.
    void expect_recovery() {
        place_ = Place::up;
        calls_.clear();
        const auto until = now() + limits_.pause + milliseconds(50 + 10);
        while (breaker_->state() != BreakerState::closed && now() <= until) {
            now_ms_ += 50;
            if (!breaker_->admit(now())) continue;
            now_ms_ += 10;
            breaker_->answered();
        }
        EXPECT_EQ(breaker_->state(), BreakerState::closed);
        EXPECT_LE(now(), until);
    }

    std::mt19937 random_;
    BreakerLimits limits_;
    std::optional<Breaker> breaker_;
    std::int64_t now_ms_ = 0;
    Place place_ = Place::up;
    std::vector<CallUnderWay> calls_;
    std::size_t in_a_row_ = 0;
    std::optional<std::int64_t> last_probe_ms_;
};

TEST(BreakerProperty, HoldsOnRandomSchedules) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Schedule(seed).run();
        if (HasFailure()) return;
    }
}

}  // namespace
}  // namespace onex::host
