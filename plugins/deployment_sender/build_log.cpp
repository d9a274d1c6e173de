#include "plugins/deployment_sender/build_log.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace onex::sender {
namespace {

constexpr std::size_t kShownMax = 5;             // lines in the message itself
constexpr std::size_t kRestBytesMax = 8 * 1024;  // a line without end is cut into these
constexpr std::size_t kDetailBytesMax = 8000;    // what an error can carry over the ABI

bool is_escape_end(char c) {
    return c >= '@' && c <= '~';
}

/// Without colours (ESC [ … letter) and what a carriage return overwrote.
std::string plain(std::string_view text) {
    while (text.ends_with('\r') || text.ends_with(' '))
        text.remove_suffix(1);
    if (const auto at = text.rfind('\r'); at != text.npos) text.remove_prefix(at + 1);
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\x1b' && i + 1 < text.size() && text[i + 1] == '[') {
            i += 2;
            while (i < text.size() && !is_escape_end(text[i]))
                ++i;
        } else if (static_cast<unsigned char>(text[i]) >= 0x20 || text[i] == '\t') {
            out += text[i];
        }
    }
    return out;
}

}  // namespace

std::string_view cut(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0) == 0x80)
        --bytes_max;
    return text.substr(0, bytes_max);
}

void BuildLog::push(std::string_view text) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        rest_ += text.substr(0, end);
        while (rest_.size() > kRestBytesMax) {
            const auto head = cut(rest_, kRestBytesMax);
            const auto bytes = std::max<std::size_t>(head.size(), 1);
            line(head);
            rest_.erase(0, bytes);
        }
        if (end == text.npos) return;
        line(rest_);
        rest_.clear();
        text.remove_prefix(end + 1);
    }
}

void BuildLog::flush() {
    line(rest_);
    rest_.clear();
}

void BuildLog::line(std::string_view text) {
    const auto shown = plain(text);
    if (shown.empty()) return;
    if (on_line_) on_line_(shown);
    last_.emplace_back(cut(shown, kLineBytesMax));
    if (last_.size() > kLinesKept) last_.pop_front();
}

Error BuildLog::failure(std::string_view cause) const {
    Error out{"BUILD_FAILED", "the image does not build: " + std::string(cut(cause, 500)), {}, {}};
    const auto shown = std::min(last_.size(), kShownMax);
    if (shown > 0) out.message += "; the last lines of the build:";
    for (auto i = last_.size() - shown; i < last_.size(); ++i)
        out.message += "\n  " + std::string(cut(last_[i], 250));
    boost::json::array lines;
    for (const auto& line : last_)
        lines.emplace_back(line);
    do {
        out.details = boost::json::serialize(boost::json::object{{"log", lines}});
        if (!lines.empty())
            lines.erase(lines.begin());  // Escapes can make a line six times as long.
    } while (out.details.size() > kDetailBytesMax);
    return out;
}

}  // namespace onex::sender
