// What a process must not have more and more of.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace onex::host::check {

enum class Gauge { memory, heap, descriptors, threads };
constexpr std::size_t kGauges = 4;

/// One look at this process; -1 where the system doesn't tell.
using Reading = std::array<std::int64_t, kGauges>;
Reading read_gauges();

/// Readings over a long time in little memory: when it is full, every other one goes.
class Readings {
  public:
    Readings();
    void take();
    /// The gauges that go up and up, in words; empty when none does. Needs eight readings.
    [[nodiscard]] std::vector<std::string> growth() const;
    /// The same for values that were read elsewhere: do they rise from part to part, and by more
    /// than `tolerance`? The first quarter doesn't count: caches fill. Returns by how much, or 0.
    static std::int64_t rise(const std::vector<std::int64_t>& values, std::int64_t tolerance);

  private:
    std::vector<Reading> kept_;
    std::int64_t seen_ = 0;
    std::int64_t stride_ = 1;
};

}  // namespace onex::host::check
