#include "host/contract/formats.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string>

namespace onex::host {
namespace {

// Not <cctype>: that depends on the locale and is undefined for bytes over 127.
bool digit(char c) {
    return c >= '0' && c <= '9';
}
bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool hex(char c) {
    return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !hex(text[i])) return false;
    }
    return true;
}

/// An absolute URI of RFC 3986 as far as its characters go: scheme, colon, printable ASCII, whole
/// %XX.
bool is_uri(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0 || !letter(text[0])) return false;
    const auto scheme = text.substr(0, colon);
    const bool good = std::ranges::all_of(
        scheme, [](char c) { return letter(c) || digit(c) || c == '+' || c == '-' || c == '.'; });
    if (!good || colon + 1 == text.size()) return false;
    for (std::size_t i = colon + 1; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '%' && (i + 2 >= text.size() || !hex(text[i + 1]) || !hex(text[i + 2])))
            return false;
        if (c <= ' ' || c >= 0x7f ||
            std::string_view("\"<>\\^`{|}").find(c) != std::string_view::npos) {
            return false;
        }
    }
    return true;
}

/// Reads `digits` decimal digits at the front and removes them; -1 when they are not there.
int take_number(std::string_view& text, std::size_t digits) {
    if (text.size() < digits) return -1;
    int number = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (!digit(text[i])) return -1;
        number = number * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return number;
}

bool take(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

int days_in(int year, int month) {
    constexpr std::array kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return kDays[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

/// RFC 3339: 2025-10-25T12:00:00.123Z, or with an offset.
bool is_date_time(std::string_view text) {
    const int year = take_number(text, 4);
    if (year < 0 || !take(text, "-")) return false;
    const int month = take_number(text, 2);
    if (month < 1 || month > 12 || !take(text, "-")) return false;
    const int day = take_number(text, 2);
    if (day < 1 || day > days_in(year, month) || !take(text, "Tt ")) return false;
    const int hour = take_number(text, 2);
    if (hour < 0 || hour > 23 || !take(text, ":")) return false;
    const int minute = take_number(text, 2);
    if (minute < 0 || minute > 59 || !take(text, ":")) return false;
    const int second = take_number(text, 2);
    if (second < 0 || second > 60) return false;
    if (take(text, ".")) {
        const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
        if (end == 0) return false;
        text.remove_prefix(end);
    }
    if (take(text, "Zz")) return text.empty();
    if (!take(text, "+-")) return false;
    const int zone_hour = take_number(text, 2);
    if (zone_hour < 0 || zone_hour > 23 || !take(text, ":")) return false;
    const int zone_minute = take_number(text, 2);
    return zone_minute >= 0 && zone_minute <= 59 && text.empty();
}

bool is_ipv4(std::string_view text) {
    if (text.size() > 15 || text.contains('\0')) return false;
    in_addr address{};
    return inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

bool is_ipv6(std::string_view text) {
    if (text.size() > 45 || text.contains('\0')) return false;
    in6_addr address{};
    return inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

bool is_hostname(std::string_view text) {
    if (text.empty() || text.size() > 253) return false;
    std::size_t label = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '.') {
            if (label == 0 || text[i - 1] == '-') return false;
            label = 0;
            continue;
        }
        if (!letter(c) && !digit(c) && c != '-') return false;
        if (c == '-' && label == 0) return false;
        if (++label > 63) return false;
    }
    return label > 0 && text.back() != '-';
}

struct Format {
    std::string_view name;
    bool (*fits)(std::string_view);
};
constexpr std::array kFormats{
    Format{"uuid", is_uuid},
    Format{"uri", is_uri},
    Format{"date-time", is_date_time},
    Format{"ipv4", is_ipv4},
    Format{"ipv6", is_ipv6},
    Format{"hostname", is_hostname},
};

}  // namespace

bool known_format(std::string_view format) {
    return std::ranges::any_of(kFormats, [&](const Format& row) { return row.name == format; });
}

bool fits_format(std::string_view format, std::string_view text) {
    const auto* row = std::ranges::find(kFormats, format, &Format::name);
    return row == kFormats.end() || row->fits(text);
}

}  // namespace onex::host
