// Random ids and wall-clock time as the store keeps them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace onex::host {

/// A random UUID (version 4), lower case.
[[nodiscard]] std::string new_uuid();
/// Any version, any case: 8-4-4-4-12 hex digits.
[[nodiscard]] bool is_uuid(std::string_view text);

/// µs since 1970, UTC.
[[nodiscard]] std::int64_t now_us();
/// `2025-10-25T12:00:00.123456+00:00`; the fraction is left out when it is zero, as Python's
/// isoformat does.
[[nodiscard]] std::string iso_time(std::int64_t time_us);

}  // namespace onex::host
