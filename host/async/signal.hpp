// A wake-up call from any thread for one coroutine.
#pragma once

#include "host/async/cancel.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>

namespace onex::host {

/// One waiter at a time, any number of callers of fire(). A call that nobody waits for is
/// remembered (once) and ends the next wait at once. [any thread]
class Signal {
  public:
    explicit Signal(boost::asio::any_io_executor executor);

    void fire();
    /// True when fired, false when the deadline came first.
    boost::asio::awaitable<bool> wait(SteadyClock::time_point deadline);

  private:
    struct State;
    std::shared_ptr<State> state_;
};

using SignalPtr = std::shared_ptr<Signal>;

}  // namespace onex::host
