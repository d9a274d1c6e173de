#include "plugins/orchestrator/run_log.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace onex::orchestrator {
namespace {

/// The length of the UTF-8 sequence at the front of `text`; 0 when it is none.
std::size_t sequence_length(std::string_view text) {
    const auto first = static_cast<unsigned char>(text[0]);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xF0 && first < 0xF5   ? 4
                               : first >= 0xE0 && first < 0xF0 ? 3
                               : first >= 0xC2 && first < 0xE0 ? 2
                                                               : 0;
    if (length == 0 || length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 0;
    }
    return length;
}

}  // namespace

std::string printable_line(std::string_view text) {
    std::string out;
    out.reserve(std::min(text.size(), kLogLineBytesMax + 8));
    while (!text.empty()) {
        const auto length = sequence_length(text);
        if (out.size() + std::max<std::size_t>(length, 1) > kLogLineBytesMax) return out + " …";
        const auto c = static_cast<unsigned char>(text[0]);
        if (length == 0) {
            out += '?';
        } else if (length == 1 && (c < 0x20 || c == 0x7F)) {
            out += ' ';
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

void RunLog::resume(std::int64_t last_line) {
    const std::scoped_lock lock(mutex_);
    last_ = std::max(last_, last_line);
}

bool RunLog::add(LogLine line) {
    const std::scoped_lock lock(mutex_);
    if (last_ >= kLogLinesMax) return false;
    line.line = ++last_;
    line.text = last_ == kLogLinesMax ? "the log is full; further lines are dropped"
                                      : printable_line(line.text);
    waiting_.push_back(std::move(line));
    return waiting_.size() == 1;
}

bool RunLog::has_lines() {
    const std::scoped_lock lock(mutex_);
    return !waiting_.empty();
}

std::vector<LogLine> RunLog::take(std::size_t most) {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() <= most) return std::exchange(waiting_, {});
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(most);
    std::vector<LogLine> out(std::make_move_iterator(waiting_.begin()),
                             std::make_move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    return out;
}

void RunLog::put_back(std::vector<LogLine> lines) {
    const std::scoped_lock lock(mutex_);
    lines.insert(lines.end(),
                 std::make_move_iterator(waiting_.begin()),
                 std::make_move_iterator(waiting_.end()));
    waiting_ = std::move(lines);
}

}  // namespace onex::orchestrator
