// Small helpers for messages about documents.
#pragma once

#include <boost/json/value.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace onex::host {

/// "; did you mean 'listen'?" when one of `known` is near enough to `word`, else "".
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       const std::vector<std::string>& known);
/// A value as a message shows it: strings quoted and cut to 64 characters, containers by their
/// kind.
[[nodiscard]] std::string show(const boost::json::value& value);
/// "a string", "an object" …
[[nodiscard]] std::string kind_of(const boost::json::value& value);
/// One segment of a JSON pointer.
[[nodiscard]] std::string pointer_escape(std::string_view key);
/// Text that stands for itself in HTML and XML, also inside quotes.
[[nodiscard]] std::string markup_escape(std::string_view text);
/// At most `bytes_max` bytes of UTF-8 text, never a broken character; "…" marks the cut.
[[nodiscard]] std::string cut(std::string_view text, std::size_t bytes_max);

}  // namespace onex::host
