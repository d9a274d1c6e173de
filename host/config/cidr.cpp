#include "host/config/cidr.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace onex::host {
namespace {

using Bytes = std::array<std::uint8_t, 16>;
constexpr std::size_t kTextMax = 49;  // the longest IPv6 address with its prefix

/// Sixteen bytes; `is_v4` tells how it was written.
std::optional<Bytes> address_bytes(std::string_view text, bool& is_v4) {
    if (text.size() > kTextMax || text.contains('\0')) return std::nullopt;
    const std::string name(text);
    Bytes bytes{};
    in_addr v4{};
    is_v4 = inet_pton(AF_INET, name.c_str(), &v4) == 1;
    if (is_v4) {
        bytes[10] = bytes[11] = 0xff;
        std::memcpy(bytes.data() + 12, &v4, 4);
        return bytes;
    }
    in6_addr v6{};
    if (inet_pton(AF_INET6, name.c_str(), &v6) != 1) return std::nullopt;
    std::memcpy(bytes.data(), &v6, 16);
    return bytes;
}

std::optional<unsigned> number(std::string_view text) {
    if (text.empty() || text.size() > 3) return std::nullopt;
    unsigned value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
}

/// The first `prefix` bits of `bytes`, the rest zero.
Bytes masked(Bytes bytes, unsigned prefix) {
    for (unsigned i = 0; i < bytes.size(); ++i) {
        const unsigned bits = prefix > i * 8 ? std::min(prefix - i * 8, 8U) : 0U;
        bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xffU << (8U - bits)));
    }
    return bytes;
}

}  // namespace

Result<Cidr> Cidr::parse(std::string_view text) {
    const std::string shown(text.substr(0, 64));
    const auto slash = text.find('/');
    bool is_v4 = false;
    const auto bytes = address_bytes(text.substr(0, slash), is_v4);
    if (!bytes) {
        return fail(
            "VALIDATION_ERROR",
            "'" + shown + "' is no address range; write one such as 192.168.1.0/24 or fd00::/8");
    }
    Cidr result;
    result.bytes_ = *bytes;
    if (slash == std::string_view::npos) return result;
    const unsigned most = is_v4 ? 32 : 128;
    const auto prefix = number(text.substr(slash + 1));
    if (!prefix || *prefix > most) {
        return fail("VALIDATION_ERROR",
                    "'" + shown + "': the prefix must be from 0 to " + std::to_string(most));
    }
    result.prefix_ = is_v4 ? *prefix + 96 : *prefix;
    if (masked(*bytes, result.prefix_) != *bytes) {
        return fail(
            "VALIDATION_ERROR",
            "'" + shown + "': the address has bits behind its prefix; write the network's address");
    }
    return result;
}

bool Cidr::contains(std::string_view address) const {
    bool is_v4 = false;
    const auto bytes = address_bytes(address, is_v4);
    return bytes && masked(*bytes, prefix_) == bytes_;
}

bool allowed(const std::vector<std::string>& ranges, std::string_view address) {
    if (ranges.empty()) return true;
    return std::ranges::any_of(ranges, [&](const std::string& text) {
        const auto range = Cidr::parse(text);
        return range && range->contains(address);
    });
}

bool is_loopback(std::string_view address) {
    return allowed({"127.0.0.0/8", "::1"}, address);
}

}  // namespace onex::host
