#include "host/store/ids.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <random>

namespace onex::host {

std::string new_uuid() {
    // random_device reads the system's generator here and on macOS; no state to seed or to share.
    std::random_device source;
    std::array<unsigned, 4> word{source(), source(), source(), source()};
    word[1] = (word[1] & 0xffff0fffU) | 0x00004000U;
    word[2] = (word[2] & 0x3fffffffU) | 0x80000000U;
    std::array<char, 37> text{};
    std::snprintf(text.data(),
                  text.size(),
                  "%08x-%04x-%04x-%04x-%04x%08x",
                  word[0],
                  word[1] >> 16U,
                  word[1] & 0xffffU,
                  word[2] >> 16U,
                  word[2] & 0xffffU,
                  word[3]);
    return text.data();
}

bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex) return false;
    }
    return true;
}

std::int64_t now_us() {
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count();
}

std::string iso_time(std::int64_t time_us) {
    std::int64_t fraction = time_us % 1'000'000;
    if (fraction < 0) fraction += 1'000'000;
    const auto seconds = static_cast<std::time_t>((time_us - fraction) / 1'000'000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (fraction != 0) {
        std::snprintf(
            text.data() + length, text.size() - length, ".%06d", static_cast<int>(fraction));
    }
    return std::string(text.data()) + "+00:00";
}

}  // namespace onex::host
