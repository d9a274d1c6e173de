// Making text safe to show.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace onex::host {

/// The length in bytes of the valid UTF-8 character that `text` begins with (RFC 3629: no overlong
/// forms, no surrogates, at most U+10FFFF); 0 when there is none.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

/// `text` with every byte that is not part of valid UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view text);

}  // namespace onex::host
