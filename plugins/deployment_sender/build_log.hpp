// The log of a build: pieces of text in, lines out, and the last ones kept for the error. Pure.
#pragma once

#include <onex/error.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace onex::sender {

/// Collects what a build prints. One thread at a time.
class BuildLog {
  public:
    using OnLine = std::function<void(std::string_view line)>;

    explicit BuildLog(OnLine on_line) : on_line_(std::move(on_line)) {}

    /// Text as it comes: any number of lines, or a part of one.
    void push(std::string_view text);
    /// The end of what came: a last line without its end counts too.
    void flush();

    /// `cause` as BUILD_FAILED with the last lines: in the message the last few, in the details all
    /// that were kept as {"log": [...]}.
    [[nodiscard]] Error failure(std::string_view cause) const;
    [[nodiscard]] const std::deque<std::string>& last() const { return last_; }

    static constexpr std::size_t kLinesKept = 20;
    static constexpr std::size_t kLineBytesMax =
        300;  ///< of a kept line; 20 of them fit into an error

  private:
    void line(std::string_view text);

    OnLine on_line_;
    std::string rest_;
    std::deque<std::string> last_;
};

/// Cuts `text` to at most `bytes_max` bytes, at the edge of a UTF-8 character.
[[nodiscard]] std::string_view cut(std::string_view text, std::size_t bytes_max);

}  // namespace onex::sender
