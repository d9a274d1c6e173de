// One change of the nodes at a time.
#pragma once

#include "host/nodes/lifecycle.hpp"

#include <string>

namespace onex::host {

/// Taken for as long as it lives; false when it could not be had in time.
class Lifecycle::Turn {
  public:
    Turn(Lifecycle& of, std::int64_t wait_ms) : of_(of) {
        std::unique_lock lock(of_.mutex_);
        taken_ = of_.turn_free_.wait_until(
            lock, deadline_in(wait_ms), [this] { return of_.closing_ || !of_.turn_taken_; });
        closing_ = of_.closing_;
        taken_ = taken_ && !closing_;
        if (taken_) of_.turn_taken_ = true;
    }
    ~Turn() {
        if (!taken_) return;
        const std::scoped_lock lock(of_.mutex_);
        of_.turn_taken_ = false;
        of_.turn_free_.notify_all();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    explicit operator bool() const { return taken_; }
    [[nodiscard]] Error error() const {
        return {"UNAVAILABLE",
                closing_ ? "the host is stopping"
                         : "another change of the nodes is under way; try again in a moment",
                {},
                {}};
    }

  private:
    Lifecycle& of_;
    bool taken_ = false;
    bool closing_ = false;
};

}  // namespace onex::host
