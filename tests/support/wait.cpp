#include "tests/support/wait.hpp"

#include <condition_variable>
#include <mutex>

namespace onex::test {

bool wait_until(const std::function<bool()>& holds, std::int64_t deadline_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(deadline_ms);
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock(mutex);
    while (!holds()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        never.wait_for(lock, std::chrono::milliseconds(10));
    }
    return true;
}

}  // namespace onex::test
