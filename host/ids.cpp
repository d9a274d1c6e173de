#include "host/ids.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <stdexcept>

namespace onex::host {
namespace {

using Digest = std::array<unsigned char, 32>;

std::string digest_hex(const Digest& digest) {
    return to_hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Takes digits off the front of a text; `ok` stays true as long as everything fitted.
class Reader {
  public:
    explicit Reader(std::string_view text) : rest_(text) {}

    int digits(std::size_t count) {
        int value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (rest_.empty() || rest_[0] < '0' || rest_[0] > '9') {
                ok = false;
                return 0;
            }
            value = value * 10 + (rest_[0] - '0');
            rest_.remove_prefix(1);
        }
        return value;
    }
    bool skip(char c) {
        if (rest_.empty() || rest_[0] != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expect(char c) { ok = skip(c) && ok; }
    [[nodiscard]] bool at_digit() const {
        return !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9';
    }
    [[nodiscard]] bool empty() const { return rest_.empty(); }

    bool ok = true;

  private:
    std::string_view rest_;
};

}  // namespace

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
        throw std::runtime_error("the system gives no random bytes");
    }
    return bytes;
}

std::string random_hex(std::size_t byte_count) {
    return to_hex(random_bytes(byte_count));
}

std::string to_hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(2 * bytes.size());
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

std::optional<std::string> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::string bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_value(text[i]);
        const int low = hex_value(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes += static_cast<char>(high * 16 + low);
    }
    return bytes;
}

std::string sha256_hex(std::string_view bytes) {
    Digest digest{};
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
    return digest_hex(digest);
}

std::string hmac_sha256_hex(std::string_view key, std::string_view message) {
    Digest digest{};
    HMAC(EVP_sha256(),
         key.data(),
         static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(message.data()),
         message.size(),
         digest.data(),
         nullptr);
    return digest_hex(digest);
}

bool equal_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::int64_t monotonic_us() {
    const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since_start).count();
}

std::string iso_utc(std::int64_t time_us) {
    const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(time_us)};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    std::array<char, 64> text{};
    std::snprintf(text.data(),
                  text.size(),
                  "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
                  static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()),
                  static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()),
                  static_cast<int>(clock.subseconds().count()));
    return text.data();
}

Result<std::int64_t> parse_iso_time(std::string_view text) {
    using namespace std::chrono;
    Reader in(text);
    const year_month_day date{year{in.digits(4)},
                              (in.expect('-'), month{static_cast<unsigned>(in.digits(2))}),
                              (in.expect('-'), day{static_cast<unsigned>(in.digits(2))})};
    in.expect('T');
    const int hour = in.digits(2);
    in.expect(':');
    const int minute = in.digits(2);
    in.expect(':');
    const int second = in.digits(2);
    std::int64_t fraction_us = 0;
    if (in.skip('.')) {
        if (!in.at_digit()) in.ok = false;
        for (std::int64_t unit = 100'000; in.at_digit(); unit /= 10)
            fraction_us += in.digits(1) * unit;
    }
    int offset_minutes = 0;
    if (!in.skip('Z')) {
        const bool west = in.skip('-');
        if (!west) in.expect('+');
        const int hours = in.digits(2);
        in.expect(':');
        offset_minutes = hours * 60 + in.digits(2);
        if (hours > 23) in.ok = false;
        if (west) offset_minutes = -offset_minutes;
    }
    // 60 is a leap second; it counts as the first second of the next minute.
    if (!in.ok || !in.empty() || !date.ok() || hour > 23 || minute > 59 || second > 60) {
        return fail("VALIDATION_ERROR",
                    "'" + std::string(text.substr(0, 40)) +
                        "' is no time; expected one like 2026-11-21T00:01:02.123456Z");
    }
    const auto time = sys_days{date} + hours{hour} + minutes{minute - offset_minutes} +
                      seconds{second} + microseconds{fraction_us};
    return duration_cast<microseconds>(time.time_since_epoch()).count();
}

}  // namespace onex::host
