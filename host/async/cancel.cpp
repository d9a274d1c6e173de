#include "host/async/cancel.hpp"

#include <utility>
#include <vector>

namespace onex::host {

void Cancel::cancel() {
    std::map<std::uint64_t, std::function<void()>> callbacks;
    {
        const std::scoped_lock lock(state_->mutex);
        if (state_->cancelled) return;
        state_->cancelled = true;
        callbacks.swap(state_->callbacks);
    }
    for (auto& [id, callback] : callbacks) callback();
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
                const std::scoped_lock lock(state->mutex);
                state->callbacks.erase(id);
            }};
}

}  // namespace onex::host
