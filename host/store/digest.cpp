#include "host/store/digest.hpp"

#include <blake3.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace onex::host {

struct Digest::State {
    blake3_hasher hasher;
};

Digest::Digest() : state_(std::make_unique<State>()) {
    blake3_hasher_init(&state_->hasher);
}

Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::update(std::string_view bytes) {
    blake3_hasher_update(&state_->hasher, bytes.data(), bytes.size());
}

std::string Digest::hex() const {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<std::uint8_t, BLAKE3_OUT_LEN> out{};
    blake3_hasher_finalize(&state_->hasher, out.data(), out.size());
    std::string text;
    text.reserve(2 * out.size());
    for (const auto byte : out) {
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

std::string digest_of(std::string_view bytes) {
    Digest digest;
    digest.update(bytes);
    return digest.hex();
}

bool is_digest(std::string_view text) {
    return text.size() == std::size_t{2} * BLAKE3_OUT_LEN && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

}  // namespace onex::host
