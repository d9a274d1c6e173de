#include "host/async/task_group.hpp"

#include "host/async/report.hpp"
#include "host/async/signal.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>
#include <vector>

namespace asio = boost::asio;

namespace onex::host {

struct TaskGroup::State {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t running = 0;
    std::vector<std::weak_ptr<Signal>> waiters;

    void end_one() {
        std::vector<std::weak_ptr<Signal>> woken;
        {
            const std::scoped_lock lock(mutex);
            if (--running > 0) return;
            woken.swap(waiters);
            changed.notify_all();
        }
        for (const auto& waiter : woken) {
            if (const auto signal = waiter.lock()) signal->fire();
        }
    }
};

TaskGroup::TaskGroup() : state_(std::make_shared<State>()) {}

TaskGroup::Guard TaskGroup::guard() {
    {
        const std::scoped_lock lock(state_->mutex);
        ++state_->running;
    }
    return {nullptr, [state = state_](void*) { state->end_one(); }};
}

void TaskGroup::spawn(asio::any_io_executor executor, asio::awaitable<void> task) {
    // The guard ends with the completion handler, which is dropped even when the io_context ends
    // first.
    asio::co_spawn(std::move(executor),
                   std::move(task),
                   [counted = guard()](const std::exception_ptr& failed) { report_task(failed); });
}

std::size_t TaskGroup::running() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->running;
}

asio::awaitable<bool> TaskGroup::wait_idle(asio::any_io_executor executor, Wait wait) {
    const auto state = state_;
    const auto signal = std::make_shared<Signal>(executor);
    Cancel::Registration registration;
    if (wait.cancel) registration = wait.cancel->on_cancel([signal] { signal->fire(); });
    for (;;) {
        {
            const std::scoped_lock lock(state->mutex);
            if (state->running == 0) co_return true;
            if (wait.over()) co_return false;
            state->waiters.push_back(signal);
        }
        co_await signal->wait(wait.deadline);
    }
}

void TaskGroup::wait_idle_blocking(asio::any_io_executor executor) {
    std::unique_lock lock(state_->mutex);
    if (state_->running == 0) return;
    const auto alive = std::make_shared<bool>(false);
    asio::post(executor, [state = state_, alive] {
        const std::scoped_lock inner(state->mutex);
        *alive = true;
        state->changed.notify_all();
    });
    const auto idle = [this] { return state_->running == 0; };
    state_->changed.wait_for(
        lock, std::chrono::milliseconds(200), [&] { return *alive || idle(); });
    if (*alive) state_->changed.wait_for(lock, std::chrono::seconds(5), idle);
}

}  // namespace onex::host
