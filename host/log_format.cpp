// How a line of the log looks.
#include "host/ids.hpp"
#include "host/log.hpp"

#include <onex/utf8.hpp>

#include <array>
#include <cstdio>

namespace onex::host {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames{"trace", "debug", "info", "warn", "error"};
constexpr std::size_t kTailBytes = 64;  // room for `…`, quotes and the mark of a line that was cut

/// Builds one line of bounded length.
class Line {
  public:
    explicit Line(bool json) : json_(json) {}

    void raw(std::string_view text) { out_ += text; }

    /// `text` escaped; stops in front of the character that doesn't fit.
    void escaped(std::string_view text) {
        while (!text.empty()) {
            const auto length = utf8_length(text);
            const auto piece = escape(text, length);
            if (out_.size() + piece.size() + kTailBytes > kLogLineBytesMax) {
                out_ += "…";
                cut_ = true;
                return;
            }
            out_ += piece;
            text.remove_prefix(length == 0 ? 1 : length);
        }
    }
    void quoted(std::string_view text) {
        out_ += '"';
        quote_open_ = true;
        escaped(text);
        quote_open_ = false;
        out_ += '"';
    }
    /// A value of a text line: bare when it is one plain word.
    void word(std::string_view text) {
        const bool plain = !text.empty() && text.find_first_of(" \"=\\") == std::string_view::npos;
        plain ? escaped(text) : quoted(text);
    }

    /// No room for another field, or one was cut already.
    [[nodiscard]] bool full(std::size_t name_bytes) const {
        return cut_ || out_.size() + name_bytes * 6 + 2 * kTailBytes > kLogLineBytesMax;
    }
    void mark_cut() { cut_ = true; }
    [[nodiscard]] bool cut() const { return cut_; }
    std::string take() { return std::move(out_); }

  private:
    std::string escape(std::string_view text, std::size_t length) const {
        if (length == 0) return "\xef\xbf\xbd";
        const auto c = static_cast<unsigned char>(text[0]);
        if (c == '\n') return "\\n";
        if (c == '\t') return "\\t";
        if (c == '\r') return "\\r";
        // C1 controls too: some terminals act on them.
        const bool control_c1 =
            length == 2 && c == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
        if (c < 0x20 || c == 0x7f || control_c1) {
            std::array<char, 8> code{};
            const unsigned value = control_c1 ? static_cast<unsigned char>(text[1]) : c;
            std::snprintf(code.data(), code.size(), "\\u%04x", value);
            return code.data();
        }
        if ((json_ || quote_open_) && (c == '"' || c == '\\')) return {'\\', text[0]};
        return std::string(text.substr(0, length));
    }

    bool json_;
    bool cut_ = false;
    bool quote_open_ = false;
    std::string out_;
};

std::string json_line(std::string_view time,
                      std::string_view host_name,
                      std::string_view level,
                      std::string_view message,
                      std::span<const LogField> fields) {
    Line line(true);
    line.raw(R"({"time":")");
    line.raw(time);
    line.raw(R"(","level":")");
    line.raw(level);
    line.raw(R"(","host":)");
    line.quoted(host_name.substr(0, 256));
    line.raw(R"(,"message":)");
    line.quoted(message);
    for (const auto& field : fields) {
        if (line.full(field.name.size())) {
            line.mark_cut();
            break;
        }
        line.raw(",");
        line.quoted(field.name);
        line.raw(":");
        line.quoted(field.value);
    }
    line.raw(line.cut() ? R"(,"cut":true})" : "}");
    return line.take();
}

std::string text_line(std::string_view time,
                      std::string_view level,
                      std::string_view message,
                      std::span<const LogField> fields) {
    Line line(false);
    line.raw(time);
    line.raw(" ");
    line.raw(level);
    line.raw(level.size() < 5 ? "  " : " ");
    for (const auto& field : fields) {
        if (field.name != "node" || field.value.empty()) continue;
        line.raw("[");
        line.escaped(field.value.substr(0, 256));
        line.raw("] ");
    }
    line.escaped(message);
    for (const auto& field : fields) {
        if (field.name == "node" || field.value.empty()) continue;
        if (line.full(field.name.size())) break;
        line.raw(" ");
        line.escaped(field.name);
        line.raw("=");
        line.word(field.value);
    }
    return line.take();
}

}  // namespace

std::string format_log_line(bool json,
                            std::int64_t time_us,
                            std::string_view host_name,
                            LogLevel level,
                            std::string_view message,
                            std::span<const LogField> fields) {
    auto time = iso_utc(time_us);
    time.replace(time.size() - 4, 4, "Z");  // ms are enough for people
    const auto name = kLevelNames.at(static_cast<std::size_t>(level));
    return json ? json_line(time, host_name, name, message, fields)
                : text_line(time, name, message, fields);
}

}  // namespace onex::host
