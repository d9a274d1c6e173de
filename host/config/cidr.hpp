// Address ranges of allow lists: "10.0.0.0/8", "fd00::/8", or one address.
#pragma once

#include <onex/error.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace onex::host {

/// A range of IPv4 or IPv6 addresses. IPv4 is kept as ::ffff:a.b.c.d, so that an IPv4 client that
/// comes in on an IPv6 socket is in the IPv4 range too. [any thread]
class Cidr {
  public:
    /// Errors: VALIDATION_ERROR: no address, no such prefix, bits set behind the prefix
    /// ("10.0.0.1/8").
    static Result<Cidr> parse(std::string_view text);

    /// `address` without port or scope; false when it is none.
    [[nodiscard]] bool contains(std::string_view address) const;

  private:
    std::array<std::uint8_t, 16> bytes_{};
    unsigned prefix_ = 128;
};

/// Whether `address` is in one of the ranges; an empty list lets everybody in. A text that is no
/// range lets nobody in (config refuses those before).
[[nodiscard]] bool allowed(const std::vector<std::string>& ranges, std::string_view address);

/// True for 127.0.0.0/8 and ::1.
[[nodiscard]] bool is_loopback(std::string_view address);

}  // namespace onex::host
