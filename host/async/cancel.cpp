#include "host/async/cancel.hpp"

#include <utility>

namespace onex::host {

void Cancel::cancel() {
    const auto state = state_;  // A callback may drop the last reference to this object.
    std::unique_lock lock(state->mutex);
    if (state->cancelled) return;
    state->cancelled = true;
    // One at a time, so that whoever unregisters meanwhile isn't called any more.
    while (!state->callbacks.empty()) {
        auto first = state->callbacks.extract(state->callbacks.begin());
        lock.unlock();
        first.mapped()();
        first = {};
        lock.lock();
    }
}

bool Cancel::cancelled() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->cancelled;
}

Cancel::Registration Cancel::on_cancel(std::function<void()> callback) {
    std::uint64_t id = 0;
    {
        const std::scoped_lock lock(state_->mutex);
        if (!state_->cancelled) {
            id = state_->next_id++;
            state_->callbacks.emplace(id, std::move(callback));
        }
    }
    if (id == 0) {
        callback();  // NOLINT(bugprone-use-after-move): moved only where id is set
        return {};
    }
    return {nullptr, [state = state_, id](void*) {
                // What the callback holds is freed outside the lock: that may run others' code.
                decltype(state->callbacks)::node_type gone;
                const std::scoped_lock lock(state->mutex);
                gone = state->callbacks.extract(id);
            }};
}

}  // namespace onex::host
