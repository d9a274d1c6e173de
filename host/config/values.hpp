// Readers of the small languages inside configuration values. Each returns nothing for bad text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace onex::host {

/// "90d", "12h", "5m", "30s", "250ms" → milliseconds.
std::optional<std::int64_t> parse_duration_ms(std::string_view text);
/// "8GiB", "256MiB", "64KiB", "512B", "512" → bytes.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

struct HostPort {
    std::string host;  ///< IPv6 without brackets
    std::uint16_t port = 0;
};
/// "127.0.0.1:8001", "[::1]:0", and with `names` also "host:8001".
std::optional<HostPort> parse_endpoint(std::string_view text, bool names);
/// "http://host:port" or "https://…", without path.
std::optional<HostPort> parse_peer_url(std::string_view text);

/// ^[a-z0-9-]+$, at most 64 characters.
[[nodiscard]] bool is_plain_name(std::string_view text);
/// ^[a-z][a-z0-9_-]*$, at most 64 characters.
[[nodiscard]] bool is_node_name(std::string_view text);
/// "AB:CD…" or 64 hex digits → 64 lower-case hex digits.
std::optional<std::string> parse_fingerprint(std::string_view text);
[[nodiscard]] bool is_uuid_text(std::string_view text);

}  // namespace onex::host
