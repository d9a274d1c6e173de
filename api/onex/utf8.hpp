// Text that comes from elsewhere (a program, a container, another server) made fit for JSON and
// logs. Header-only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace onex __attribute__((visibility("hidden"))) {

    /// The length in bytes of the valid UTF-8 character that `text` begins with (RFC 3629: no
    /// overlong forms, no surrogates, at most U+10FFFF); 0 when there is none.
    [[nodiscard]] inline std::size_t utf8_length(std::string_view text) {
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
        if (text.empty()) return 0;
        const auto first = byte(0);
        if (first < 0x80) return 1;
        std::size_t length = 0;
        unsigned char low =
            0x80;  // bounds of the second byte, as in table 3-7 of the Unicode standard
        unsigned char high = 0xbf;
        if (first >= 0xc2 && first <= 0xdf) {
            length = 2;
        } else if (first >= 0xe0 && first <= 0xef) {
            length = 3;
            if (first == 0xe0) low = 0xa0;
            if (first == 0xed) high = 0x9f;
        } else if (first >= 0xf0 && first <= 0xf4) {
            length = 4;
            if (first == 0xf0) low = 0x90;
            if (first == 0xf4) high = 0x8f;
        } else {
            return 0;
        }
        if (text.size() < length || byte(1) < low || byte(1) > high) return 0;
        for (std::size_t i = 2; i < length; ++i) {
            if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
        }
        return length;
    }

    /// `text` with every byte that is not part of valid UTF-8 replaced by U+FFFD.
    [[nodiscard]] inline std::string valid_utf8(std::string_view text) {
        std::string out;
        out.reserve(text.size());
        while (!text.empty()) {
            const auto length = utf8_length(text);
            out += length == 0 ? "\xef\xbf\xbd" : text.substr(0, length);
            text.remove_prefix(length == 0 ? 1 : length);
        }
        return out;
    }

}  // namespace onex
