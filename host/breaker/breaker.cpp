#include "host/breaker/breaker.hpp"

namespace onex::host {

bool Breaker::admit(Time now) {
    if (state_ == BreakerState::closed) return true;
    if (now < next_try_) return false;
    state_ = BreakerState::half_open;
    next_try_ = now + limits_.pause;
    return true;
}

void Breaker::answered() {
    state_ = BreakerState::closed;
    failures_ = 0;
}

void Breaker::lost(Loss how, Time begun, Time now) {
    const bool counted_already = how == Loss::broken && begun < last_loss_;
    const bool older_than_the_opening = state_ != BreakerState::closed && begun < opened_at_;
    if (counted_already || older_than_the_opening) return;
    last_loss_ = now;
    ++failures_;
    if (limits_.failures_max == 0) return;
    if (state_ == BreakerState::closed) {
        if (failures_ < limits_.failures_max) return;
        opened_at_ = now;
    }
    state_ = BreakerState::open;
    next_try_ = now + limits_.pause;
}

void Breaker::reachable(Time now) {
    if (state_ == BreakerState::open && now >= next_try_) state_ = BreakerState::half_open;
}

}  // namespace onex::host
