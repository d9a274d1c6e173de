// The lines of one run that wait to be stored. Bounded.
#pragma once

#include "plugins/orchestrator/rows.hpp"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace onex::orchestrator {

/// A run keeps this many lines; then one says so and further ones are dropped.
inline constexpr std::int64_t kLogLinesMax = 20'000;
inline constexpr std::size_t kLogLineBytesMax = 4096;

/// `text` as one line of valid UTF-8 without control characters, cut where it is too long.
[[nodiscard]] std::string printable_line(std::string_view text);

/// [any thread], never waits.
class RunLog {
  public:
    /// The number of the last line that is stored already.
    void resume(std::int64_t last_line);
    /// True when the first line waits: somebody should store them soon.
    bool add(LogLine line);
    [[nodiscard]] bool has_lines();
    /// The first `most` of the lines that wait.
    [[nodiscard]] std::vector<LogLine> take(std::size_t most = kLogLinesMax);
    /// Lines that could not be stored.
    void put_back(std::vector<LogLine> lines);

  private:
    std::mutex mutex_;
    std::int64_t last_ = 0;
    std::vector<LogLine> waiting_;
};

}  // namespace onex::orchestrator
