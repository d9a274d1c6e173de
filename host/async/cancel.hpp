// Cancellation and deadlines: one small value, Wait, that everything which waits takes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace onex::host {

using SteadyClock = std::chrono::steady_clock;

/// A request to stop that several parties can hear. Once cancelled, for ever cancelled. [any
/// thread]
class Cancel {
  public:
    using Registration = std::shared_ptr<void>;

    /// Runs every callback on this thread, once, without holding the lock.
    void cancel();
    [[nodiscard]] bool cancelled() const;

    /// Calls `callback` when cancelled, at once if that has happened. Dropping the registration
    /// unregisters; after that returned, the callback isn't started any more, but one that another
    /// thread has just started may still run: what it uses must be shared with it.
    [[nodiscard]] Registration on_cancel(std::function<void()> callback);

  private:
    struct State {
        std::mutex mutex;
        bool cancelled = false;
        std::uint64_t next_id = 1;
        std::map<std::uint64_t, std::function<void()>> callbacks;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

using CancelPtr = std::shared_ptr<Cancel>;

/// `ms` from now; what others name as a time is kept within a year, so that nothing overflows.
[[nodiscard]] inline SteadyClock::time_point deadline_in(std::int64_t ms) {
    constexpr std::int64_t kYearMs = std::int64_t{365} * 24 * 3600 * 1000;
    return SteadyClock::now() + std::chrono::milliseconds(std::clamp(ms, -kYearMs, kYearMs));
}

/// How long to wait, and what may end the wait before that. `cancel` may be null.
struct Wait {
    SteadyClock::time_point deadline = SteadyClock::time_point::max();
    CancelPtr cancel;

    [[nodiscard]] static Wait for_ms(std::int64_t ms, CancelPtr cancel = {}) {
        return {deadline_in(ms), std::move(cancel)};
    }
    [[nodiscard]] bool over() const {
        return (cancel && cancel->cancelled()) || SteadyClock::now() >= deadline;
    }
};

}  // namespace onex::host
