#include "host/async/workers.hpp"

#include "host/async/report.hpp"

#include <pthread.h>

#include <cassert>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace onex::host {

namespace {

constexpr std::chrono::seconds kIdleMax{30};

thread_local bool on_worker_thread = false;

void name_this_thread(const std::string& name) {
    const auto shortened = name.substr(0, 15);  // Linux takes 15 characters and refuses more.
#ifdef __APPLE__
    pthread_setname_np(shortened.c_str());
#else
    pthread_setname_np(pthread_self(), shortened.c_str());
#endif
}

/// Work answers for its own errors; one that does not must not take the host along.
void perform(const std::function<void()>& work) noexcept {
    try {
        work();
    } catch (...) {
        report_fault("work of a thread pool ended with an exception: " +
                     what_of(std::current_exception()));
    }
}

}  // namespace

struct Workers::State {
    std::string name;
    std::size_t threads_max;
    std::size_t queue_max;

    std::mutex mutex;
    std::condition_variable work_or_stop;
    std::deque<std::function<void()>> queue;
    std::map<std::uint64_t, std::thread> threads;
    std::vector<std::thread> retired;  ///< ended by themselves, still to be joined
    std::uint64_t next_thread = 1;
    std::size_t idle = 0;
    bool stopping = false;

    /// Takes work until the pool stops or nothing came for kIdleMax.
    void run(std::uint64_t thread_id) {
        on_worker_thread = true;
        name_this_thread(name);
        std::unique_lock lock(mutex);
        while (true) {
            if (queue.empty()) {
                if (stopping) return;
                ++idle;
                const bool woken = work_or_stop.wait_for(
                    lock, kIdleMax, [this] { return stopping || !queue.empty(); });
                --idle;
                if (!woken) {
                    const auto self = threads.find(thread_id);
                    retired.push_back(std::move(self->second));
                    threads.erase(self);
                    return;
                }
                continue;
            }
            auto work = std::move(queue.front());
            queue.pop_front();
            lock.unlock();
            perform(work);
            work = nullptr;  // What the work holds is freed before the lock is taken again.
            lock.lock();
        }
    }
};

Workers::Workers(std::string name, std::size_t threads_max, std::size_t queue_max)
    : state_(std::make_shared<State>()) {
    state_->name = std::move(name);
    state_->threads_max = threads_max;
    state_->queue_max = queue_max;
}

Workers::~Workers() {
    std::map<std::uint64_t, std::thread> threads;
    std::vector<std::thread> retired;
    {
        const std::scoped_lock lock(state_->mutex);
        state_->stopping = true;
        threads.swap(state_->threads);
        retired.swap(state_->retired);
    }
    state_->work_or_stop.notify_all();
    for (auto& [id, thread] : threads) {
        assert(thread.get_id() != std::this_thread::get_id());  // A pool can't end itself.
        thread.join();
    }
    for (auto& thread : retired)
        thread.join();
}

bool Workers::post(std::function<void()> work) {
    // Once it is queued, the work may be what lets the pool end, before this returns.
    const auto kept = state_;
    auto& state = *kept;
    std::vector<std::thread> retired;
    {
        const std::scoped_lock lock(state.mutex);
        if (state.stopping) return false;
        retired.swap(state.retired);
        // An idle thread that was woken but hasn't taken its work yet still counts as idle, its
        // work as queued: so compare the two.
        if (state.queue.size() < state.idle) {
            state.queue.push_back(std::move(work));
        } else if (state.threads.size() < state.threads_max) {
            const auto id = state.next_thread++;
            try {
                state.threads.emplace(id, std::thread([&state, id] { state.run(id); }));
            } catch (const std::system_error&) {
                // The system gives no more threads: those that exist will come to it.
                if (state.threads.empty() || state.queue.size() >= state.queue_max) return false;
            }
            state.queue.push_back(std::move(work));
        } else if (state.queue.size() < state.queue_max) {
            state.queue.push_back(std::move(work));
        } else {
            return false;
        }
    }
    state.work_or_stop.notify_one();
    for (auto& thread : retired)
        thread.join();
    return true;
}

std::size_t Workers::threads() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->threads.size();
}

bool Workers::on_worker() {
    return on_worker_thread;
}

}  // namespace onex::host
