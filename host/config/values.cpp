#include "host/config/values.hpp"

#include "host/config/cidr.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace onex::host {
namespace {

bool digit(char c) {
    return c >= '0' && c <= '9';
}
bool small(char c) {
    return c >= 'a' && c <= 'z';
}
bool hex(char c) {
    return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

using Units = std::initializer_list<std::pair<std::string_view, std::uint64_t>>;

/// "<digits><unit>" → digits × unit, when it fits.
std::optional<std::uint64_t> scaled(std::string_view text, Units units, std::uint64_t most) {
    const auto* end = std::ranges::find_if_not(text, digit);
    const auto digits = static_cast<std::size_t>(end - text.begin());
    if (digits == 0 || digits > 18) return std::nullopt;
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < digits; ++i)
        number = number * 10 + static_cast<unsigned>(text[i] - '0');
    for (const auto& [unit, factor] : units) {
        if (text.substr(digits) != unit) continue;
        if (number > most / factor) return std::nullopt;
        return number * factor;
    }
    return std::nullopt;
}

bool host_name(std::string_view text) {
    if (text.empty() || text.size() > 253 || text.front() == '-' || text.front() == '.')
        return false;
    return std::ranges::all_of(text, [](char c) {
        return small(c) || (c >= 'A' && c <= 'Z') || digit(c) || c == '-' || c == '.';
    });
}

bool ip_address(std::string_view text) {
    return text.find('/') == std::string_view::npos && Cidr::parse(text).has_value();
}

}  // namespace

std::optional<std::int64_t> parse_duration_ms(std::string_view text) {
    const auto value =
        scaled(text,
               {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}},
               std::numeric_limits<std::int64_t>::max());
    if (!value) return std::nullopt;
    return static_cast<std::int64_t>(*value);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
    return scaled(text,
                  {{"", 1},
                   {"B", 1},
                   {"KiB", 1ULL << 10},
                   {"MiB", 1ULL << 20},
                   {"GiB", 1ULL << 30},
                   {"TiB", 1ULL << 40}},
                  std::numeric_limits<std::int64_t>::max());
}

std::optional<HostPort> parse_endpoint(std::string_view text, bool names) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto host = text.substr(0, colon);
    const auto port = scaled(text.substr(colon + 1), {{"", 1}}, 65'535);
    if (!port || text.size() - colon > 6) return std::nullopt;
    const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (brackets) host = host.substr(1, host.size() - 2);
    const bool v6 = host.contains(':');
    if (v6 != brackets) return std::nullopt;
    if (!ip_address(host) && !(names && !v6 && host_name(host))) return std::nullopt;
    return HostPort{std::string(host), static_cast<std::uint16_t>(*port)};
}

std::optional<HostPort> parse_peer_url(std::string_view text) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!text.starts_with(scheme)) continue;
        auto endpoint = parse_endpoint(text.substr(scheme.size()), true);
        if (endpoint && endpoint->port == 0) return std::nullopt;
        return endpoint;
    }
    return std::nullopt;
}

bool is_plain_name(std::string_view text) {
    return !text.empty() && text.size() <= 64 &&
           std::ranges::all_of(text, [](char c) { return small(c) || digit(c) || c == '-'; });
}

bool is_node_name(std::string_view text) {
    return !text.empty() && text.size() <= 64 && small(text.front()) &&
           std::ranges::all_of(text,
                               [](char c) { return small(c) || digit(c) || c == '-' || c == '_'; });
}

std::optional<std::string> parse_fingerprint(std::string_view text) {
    std::string out;
    if (text.size() > 128) return std::nullopt;
    for (const char c : text) {
        if (c == ':') continue;
        if (!hex(c)) return std::nullopt;
        out += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    if (out.size() != 64) return std::nullopt;
    return out;
}

bool is_uuid_text(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !hex(text[i])) return false;
    }
    return true;
}

}  // namespace onex::host
