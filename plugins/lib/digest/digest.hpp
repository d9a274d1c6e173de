// BLAKE3 as a value: feed it bytes, ask for the hex form.
#pragma once

#include <onex/error.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace onex::digest {

/// A running BLAKE3 hash (256 bit). Copies are independent. One thread at a time.
class Blake3 {
  public:
    Blake3();
    Blake3(const Blake3& other);
    Blake3(Blake3&& other) noexcept;
    Blake3& operator=(Blake3 other) noexcept;
    ~Blake3();

    void update(std::string_view bytes);
    void update(std::span<const std::uint8_t> bytes);
    /// The hash of everything up to now, 64 lower-case hex digits. May be asked again, and more may
    /// follow.
    [[nodiscard]] std::string hex() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// BLAKE3 of `bytes` as 64 lower-case hex digits.
[[nodiscard]] std::string blake3_hex(std::string_view bytes);

/// BLAKE3 of the file at `path`, read in pieces. Errors: NOT_FOUND when it can't be opened,
/// INTERNAL when reading fails. [may block]
[[nodiscard]] Result<std::string> blake3_file(const std::filesystem::path& path);

/// Whether `text` is 64 lower-case hex digits.
[[nodiscard]] bool is_digest(std::string_view text);

}  // namespace onex::digest
