// What a person sees while a run goes on. Pure: status documents in, text out.
#pragma once

#include <boost/json/object.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace onex::host::cli {

/// One line of a run's log.
struct LogLine {
    std::int64_t line = 0;
    std::string time;
    std::string stage;
    std::string operation;
    std::string level;
    std::string text;
};

/// Turns successive status documents into lines: one a stage when it ends, and in between a line
/// that rewrites itself (terminal) or a line every ten seconds (anything else).
class ProgressView {
  public:
    using Clock = std::chrono::steady_clock;

    /// `verbose` shows every log line.
    ProgressView(bool terminal, bool verbose) : terminal_(terminal), verbose_(verbose) {}

    /// The text to write now; empty when nothing has changed for the reader.
    std::string update(const boost::json::object& status,
                       const std::vector<LogLine>& lines,
                       Clock::time_point now);
    /// Takes the rewriting line away, before something else is printed.
    std::string finish();

    /// The latest log lines, at most 20, of an operation.
    [[nodiscard]] std::deque<LogLine> last_lines(const std::string& operation) const;

  private:
    std::string ended_stages(const boost::json::object& status);
    std::string live_line(const boost::json::object& status, Clock::time_point now);
    void measure(std::int64_t done, const std::string& step, Clock::time_point now);
    void remember(const LogLine& line);

    bool terminal_;
    bool verbose_;
    bool live_shown_ = false;
    bool transfer_told_ = false;
    std::int64_t queue_place_told_ = 0;
    std::set<std::string> ended_;
    std::map<std::string, std::deque<LogLine>> last_lines_;  ///< by operation
    std::optional<Clock::time_point> last_live_;

    std::string step_;  ///< the operation that the rate below belongs to
    std::int64_t measured_done_ = 0;
    Clock::time_point measured_at_{};
    double bytes_per_s_ = 0;
};

}  // namespace onex::host::cli
