// A circuit breaker: whether a call to a place that did not answer lately is worth its time.
#pragma once

#include "host/async/cancel.hpp"

#include <chrono>
#include <cstddef>

namespace onex::host {

struct BreakerLimits {
    std::size_t failures_max = 5;            ///< losses in a row that open it; 0: it never opens
    std::chrono::milliseconds pause{1'000};  ///< between two probes by callers
};

/// The numbers are those of onex_circuit_breaker_state.
enum class BreakerState { closed = 0, half_open = 1, open = 2 };

/// How a call was lost. `unreachable`: no connection came about, so that nothing was sent.
/// `broken`: there was one, and it ended before the answer was there.
enum class Loss { unreachable, broken };

/// Closed, it lets every call through. After `failures_max` losses in a row it is open: calls are
/// refused, but for one a `pause`, the probe, with which it is half-open. An answer closes it, a
/// loss opens it again.
///
/// Why a second and not the minute that circuit breakers usually rest: hosts and engines are
/// restarted, and a deployment that waits for one, with retries a few seconds apart, must go on as
/// soon as it is back. The probe is the caller's own call: an attempt to connect costs the other
/// side nothing, and where nobody listens nothing is sent. What is saved is the time of all other
/// callers, who would each wait for their connect to time out. The minute is the longest time in
/// which nobody looks at all: see GuardedClient.
///
/// Calls that were under way together and broke together are one loss: a single restart of the
/// other side opens nothing. A probe that never ends (a long upload, a caller that gave up) holds
/// nobody back: after the pause another call is a probe, too.
///
/// Pure: it has no clock, the times that it is told never go back. Not for several threads at once.
class Breaker {
  public:
    using Time = SteadyClock::time_point;

    explicit Breaker(BreakerLimits limits) : limits_(limits) {}

    /// Whether a call may begin. If it does while the breaker isn't closed, it is the probe.
    [[nodiscard]] bool admit(Time now);
    /// A call was answered, whatever the answer says.
    void answered();
    /// A call that began at `begun` was lost.
    void lost(Loss how, Time begun, Time now);
    /// Somebody accepted a connection on which nothing was asked: the next call may try.
    void reachable(Time now);

    [[nodiscard]] BreakerState state() const { return state_; }
    /// Losses since the last answer.
    [[nodiscard]] std::size_t failures() const { return failures_; }
    /// When it opened, and from when on the next call is let through; of no meaning while closed.
    [[nodiscard]] Time opened_at() const { return opened_at_; }
    [[nodiscard]] Time next_try() const { return next_try_; }

  private:
    BreakerLimits limits_;
    BreakerState state_ = BreakerState::closed;
    std::size_t failures_ = 0;
    Time last_loss_ = Time::min();
    Time opened_at_{};
    Time next_try_{};
};

}  // namespace onex::host
