// BLAKE3, the host's digest for content.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace onex::host {

/// A running BLAKE3. Used by one thread at a time.
class Digest {
  public:
    Digest();
    ~Digest();
    Digest(Digest&&) noexcept;
    Digest& operator=(Digest&&) noexcept;

    void update(std::string_view bytes);
    /// 64 lower-case hex digits of what came so far; more may follow.
    [[nodiscard]] std::string hex() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

[[nodiscard]] std::string digest_of(std::string_view bytes);

/// 64 lower-case hex digits? Whatever names a blob is checked by this first.
[[nodiscard]] bool is_digest(std::string_view text);

}  // namespace onex::host
