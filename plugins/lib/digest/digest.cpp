#include "digest/digest.hpp"

#include <blake3.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>
#include <vector>

namespace onex::digest {

struct Blake3::State {
    blake3_hasher hasher;
};

Blake3::Blake3() : state_(std::make_unique<State>()) {
    blake3_hasher_init(&state_->hasher);
}
Blake3::Blake3(const Blake3& other) : state_(std::make_unique<State>(*other.state_)) {}
Blake3::Blake3(Blake3&& other) noexcept = default;
Blake3& Blake3::operator=(Blake3 other) noexcept {
    std::swap(state_, other.state_);
    return *this;
}
Blake3::~Blake3() = default;

void Blake3::update(std::string_view bytes) {
    blake3_hasher_update(&state_->hasher, bytes.data(), bytes.size());
}
void Blake3::update(std::span<const std::uint8_t> bytes) {
    blake3_hasher_update(&state_->hasher, bytes.data(), bytes.size());
}

std::string Blake3::hex() const {
    std::array<std::uint8_t, BLAKE3_OUT_LEN> bytes{};
    blake3_hasher_finalize(&state_->hasher, bytes.data(), bytes.size());
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    out.reserve(2 * bytes.size());
    for (const auto byte : bytes) {
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
    return out;
}

std::string blake3_hex(std::string_view bytes) {
    Blake3 hash;
    hash.update(bytes);
    return hash.hex();
}

Result<std::string> blake3_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in)
        return fail("NOT_FOUND",
                    "cannot open " + path.string() + "; check that it exists and may be read");
    Blake3 hash;
    std::vector<char> piece(256 * 1024);
    while (in) {
        in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
        hash.update(std::string_view(piece.data(), static_cast<std::size_t>(in.gcount())));
    }
    if (in.bad() || !in.eof())
        return fail("INTERNAL", "reading " + path.string() + " failed; check the disk");
    return hash.hex();
}

bool is_digest(std::string_view text) {
    return text.size() == 64 && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

}  // namespace onex::digest
