#include "plugins/orchestrator/waiters.hpp"

#include <iterator>
#include <utility>

namespace onex::orchestrator {
namespace {

constexpr std::size_t kParkedMax = 1000;
const Error kStopping{"UNAVAILABLE", "the host stops; ask again when it is back", {}, {}};

}  // namespace

void Waiters::park(Responder responder,
                   std::string workflow_id,
                   std::int64_t deadline_us,
                   Look look) {
    std::list<Parked> one;
    one.push_back({std::move(responder), std::move(workflow_id), deadline_us, std::move(look)});
    {
        const std::scoped_lock lock(mutex_);
        if (closed_ || parked_.size() >= kParkedMax) {
            one.front().responder.error(
                closed_ ? kStopping
                        : Error{"QUEUE_FULL",
                                "too many requests wait for runs; poll the status instead",
                                {},
                                {}});
            return;
        }
    }
    look_again(std::move(one));
}

void Waiters::look_again(std::list<Parked> taken) {
    for (auto it = taken.begin(); it != taken.end();) {
        const auto next = std::next(it);
        const bool gone =
            host_.tables().call->cancelled(host_.tables().call->ctx, it->responder.token()) != 0;
        if (gone) {
            taken.erase(it);
        } else if (auto answer = it->look(host_.wall_us() >= it->deadline_us)) {
            it->responder.result(*answer);
            taken.erase(it);
        }
        it = next;
    }
    const std::scoped_lock lock(mutex_);
    if (closed_) {
        for (auto& waiter : taken)
            waiter.responder.error(kStopping);
        return;
    }
    parked_.splice(parked_.end(), taken);
}

void Waiters::notify(std::string_view workflow_id) {
    std::list<Parked> taken;
    {
        const std::scoped_lock lock(mutex_);
        for (auto it = parked_.begin(); it != parked_.end();) {
            const auto next = std::next(it);
            if (it->workflow_id == workflow_id) taken.splice(taken.end(), parked_, it);
            it = next;
        }
    }
    if (!taken.empty()) look_again(std::move(taken));
}

void Waiters::tick() {
    std::list<Parked> taken;
    {
        const std::scoped_lock lock(mutex_);
        taken.swap(parked_);
    }
    if (!taken.empty()) look_again(std::move(taken));
}

void Waiters::close() {
    std::list<Parked> taken;
    {
        const std::scoped_lock lock(mutex_);
        closed_ = true;
        taken.swap(parked_);
    }
    for (auto& waiter : taken)
        waiter.responder.error(kStopping);
}

}  // namespace onex::orchestrator
