// Waiting for a condition in tests: with a deadline, and never by a fixed sleep.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace onex::test {

/// Asks `holds` every 10 ms until it says true; false when it doesn't within `deadline_ms`.
[[nodiscard]] bool wait_until(const std::function<bool()>& holds,
                              std::int64_t deadline_ms = 20'000);

}  // namespace onex::test
