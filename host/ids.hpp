// Random bytes, hex, digests and time, for everybody in the host. The only file pair that uses
// OpenSSL's digests. UUIDs stand in store/ids.hpp.
#pragma once

#include <onex/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace onex::host {

/// `count` bytes fit for keys and ids. Throws std::runtime_error when the system has no randomness.
[[nodiscard]] std::string random_bytes(std::size_t count);
/// `byte_count` random bytes as 2 × byte_count lower-case hex digits.
[[nodiscard]] std::string random_hex(std::size_t byte_count);

[[nodiscard]] std::string to_hex(std::string_view bytes);
/// Empty when `text` is not an even number of hex digits.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);

/// 64 lower-case hex digits each.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);
[[nodiscard]] std::string hmac_sha256_hex(std::string_view key, std::string_view message);

/// Takes the same time wherever the texts differ; only their lengths show.
[[nodiscard]] bool equal_constant_time(std::string_view a, std::string_view b);

/// µs of a clock that never goes back; its zero means nothing.
[[nodiscard]] std::int64_t monotonic_us();

/// µs since 1970 → "2026-11-21T00:01:02.123456Z".
[[nodiscard]] std::string iso_utc(std::int64_t time_us);
/// The way back: "YYYY-MM-DDTHH:MM:SS[.f…](Z|±HH:MM)"; digits beyond µs are dropped.
/// Error: VALIDATION_ERROR.
[[nodiscard]] Result<std::int64_t> parse_iso_time(std::string_view text);

}  // namespace onex::host
