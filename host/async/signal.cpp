#include "host/async/signal.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <mutex>
#include <utility>

namespace asio = boost::asio;

namespace onex::host {

// The waiting coroutine belongs to the timer's operation, so an io_context that ends destroys it.
// The mutex is what lets other threads cancel the timer while the wait is being started.
struct Signal::State {
    explicit State(asio::any_io_executor executor) : timer(std::move(executor)) {}
    std::mutex mutex;
    asio::steady_timer timer;
    bool fired = false;
};

Signal::Signal(asio::any_io_executor executor)
    : state_(std::make_shared<State>(std::move(executor))) {}

void Signal::fire() {
    const std::scoped_lock lock(state_->mutex);
    state_->fired = true;
    state_->timer.cancel();
}

asio::awaitable<bool> Signal::wait(SteadyClock::time_point deadline) {
    const auto state = state_;
    boost::system::error_code ignored;
    auto token = asio::redirect_error(asio::use_awaitable, ignored);
    auto start = [raw = state.get(), deadline](auto handler) {
        const std::scoped_lock lock(raw->mutex);
        raw->timer.expires_at(raw->fired ? SteadyClock::time_point{} : deadline);
        raw->timer.async_wait(std::move(handler));
    };
    co_await asio::async_initiate<decltype(token), void(boost::system::error_code)>(start, token);
    const std::scoped_lock lock(state->mutex);
    co_return std::exchange(state->fired, false);
}

}  // namespace onex::host
