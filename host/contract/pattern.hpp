// Regular expressions of schemas. The only file pair that knows RE2.
#pragma once

#include <onex/error.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace onex::host {

/// A compiled pattern: immutable, cheap to copy, [any thread]. RE2 matches in linear time with
/// bounded memory, whatever the pattern and the text (std::regex overflows the stack on 40 kB).
class Pattern {
  public:
    /// Errors: VALIDATION_ERROR with RE2's reason (look-around, back references, bad syntax, too
    /// large).
    static Result<Pattern> compile(const std::string& text);

    /// True when the pattern is found anywhere in `text`, as JSON Schema has it.
    [[nodiscard]] bool found_in(std::string_view text) const;
    [[nodiscard]] const std::string& text() const;

  private:
    struct State;
    std::shared_ptr<const State> state_;
};

}  // namespace onex::host
