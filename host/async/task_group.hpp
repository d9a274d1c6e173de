// Coroutines that run beside others, counted, so that whoever started them can see them end.
#pragma once

#include "host/async/cancel.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>

namespace onex::host {

/// Copies share one count. The group ends nothing itself: its owner closes what the tasks wait for
/// and then waits here. [any thread]
class TaskGroup {
  public:
    using Guard = std::shared_ptr<void>;

    TaskGroup();

    /// Runs `task` on `executor`. Tasks answer for their own errors: an exception that leaves one
    /// ends it and is reported as a fault.
    void spawn(boost::asio::any_io_executor executor, boost::asio::awaitable<void> task);
    /// Counts as a task until the last copy is dropped.
    [[nodiscard]] Guard guard();
    [[nodiscard]] std::size_t running() const;

    /// True when no task runs any more, false when `wait` ended first.
    boost::asio::awaitable<bool> wait_idle(boost::asio::any_io_executor executor, Wait wait);
    /// For destructors: blocks until no task runs, at most 5 s, and at most 0.2 s when nobody runs
    /// `executor` (it has stopped, or this is its only thread).
    void wait_idle_blocking(boost::asio::any_io_executor executor);

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace onex::host
