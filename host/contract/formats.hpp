// The `format` words of JSON Schema that this host checks itself (semantics 8).
#pragma once

#include <string_view>

namespace onex::host {

/// uuid, uri, date-time, ipv4, ipv6, hostname.
[[nodiscard]] bool known_format(std::string_view format);
/// Whether `text` is of a known format. [any thread]
[[nodiscard]] bool fits_format(std::string_view format, std::string_view text);

}  // namespace onex::host
