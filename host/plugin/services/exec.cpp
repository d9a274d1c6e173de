// onex.exec/1: work in the background, each task counted as in flight.
#include "host/async/workers.hpp"
#include "host/plugin/background.hpp"
#include "host/plugin/services.hpp"

#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <utility>

namespace onex::host {

namespace asio = boost::asio;

namespace {

/// One callback of a plugin, given its last call exactly once.
class PluginTask final : public Task {
  public:
    PluginTask(NodeInstance& node, onex_task_fn fn, void* user, std::int64_t period_ms)
        : runtime_(node.runtime()),
          hold_(node.hold()),
          node_(&node),
          fn_(fn),
          user_(user),
          period_ms_(period_ms),
          timer_(runtime_.executor) {}

    void set_handle(std::uint64_t handle) { handle_ = handle; }

    /// False: the queue is full, the callback will not be called at all.
    bool run_soon() {
        return runtime_.workers.post([self = keep(), work = node_->work()]() mutable {
            self->run();
            work.reset();
        });
    }
    void run_after(std::int64_t delay_ms) {
        const std::scoped_lock lock(mutex_);
        if (ended_) return;
        timer_.expires_at(deadline_in(delay_ms));
        timer_.async_wait([self = keep()](boost::system::error_code) {
            // Also when cancelled: the plugin must get its user data back, and not on this thread.
            if (!self->run_soon()) self->run_after(kRetryMs);
        });
    }
    void cancel() override {
        cancelled_ = true;
        const std::scoped_lock lock(mutex_);
        timer_.cancel();
    }

  private:
    static constexpr std::int64_t kRetryMs = 50;  // The queue was full; look again.

    std::shared_ptr<PluginTask> keep() {
        return std::static_pointer_cast<PluginTask>(shared_from_this());
    }

    void run() {
        const bool dropped = cancelled_;
        const bool last = dropped || period_ms_ == 0;
        if (last) node_->tasks.take(handle_);
        {
            const PluginScope scope(*node_, "a task");
            fn_(user_, dropped ? 1 : 0);
        }
        if (!last) {
            run_after(period_ms_);
            if (cancelled_)
                cancel();  // It was cancelled while it ran, when no timer was there to wake.
            return;
        }
        const std::scoped_lock lock(mutex_);
        ended_ = true;
        hold_.reset();
    }

    Runtime& runtime_;
    std::shared_ptr<void> hold_;
    NodeInstance* node_;  ///< alive while hold_ is
    onex_task_fn fn_;
    void* user_;
    std::int64_t period_ms_;
    std::atomic<std::uint64_t> handle_{0};
    std::atomic<bool> cancelled_{false};
    std::mutex mutex_;
    bool ended_ = false;
    asio::steady_timer timer_;
};

onex_status add_task(void* ctx,
                     std::int64_t delay_ms,
                     std::int64_t period_ms,
                     onex_task_fn fn,
                     void* user,
                     onex_handle* out) {
    return guarded(nullptr, [&]() -> onex_status {
        if (!fn) return ONEX_E_INVALID_INPUT;
        auto& node = node_of(ctx);
        const auto place = node.hold();
        if (!node.is_open()) return ONEX_E_UNAVAILABLE;  // It stops: nothing new begins.
        auto task = std::make_shared<PluginTask>(node, fn, user, period_ms);
        const auto handle = node.tasks.add(task);
        task->set_handle(handle);
        if (out) *out = handle;
        if (delay_ms > 0) {
            task->run_after(delay_ms);
        } else if (!task->run_soon()) {
            node.tasks.take(handle);
            return ONEX_E_EXHAUSTED;
        }
        // It may have begun to stop, and have looked for tasks, before this one was listed.
        if (!node.is_open()) task->cancel();
        return ONEX_OK;
    });
}

onex_status post(void* ctx, onex_task_fn fn, void* user, onex_handle* task) {
    return add_task(ctx, 0, 0, fn, user, task);
}

onex_status after(
    void* ctx, std::int64_t delay_ms, onex_task_fn fn, void* user, onex_handle* task) {
    return add_task(ctx, std::max<std::int64_t>(delay_ms, 1), 0, fn, user, task);
}

onex_status every(
    void* ctx, std::int64_t period_ms, onex_task_fn fn, void* user, onex_handle* task) {
    if (period_ms < 10) return ONEX_E_INVALID_INPUT;
    return add_task(ctx, period_ms, period_ms, fn, user, task);
}

onex_status cancel(void* ctx, onex_handle handle) {
    return guarded(nullptr, [&]() -> onex_status {
        const auto task = node_of(ctx).tasks.find(handle);
        if (!task) return ONEX_E_BAD_HANDLE;
        task->cancel();
        return ONEX_OK;
    });
}

}  // namespace

void fill_exec_service(ServiceTables& tables) {
    tables.exec = {sizeof(onex_exec_v1), 0, nullptr, post, after, every, cancel};
}

}  // namespace onex::host
