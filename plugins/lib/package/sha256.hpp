// SHA-256, by which images name what they are made of.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace onex::package {

/// Hashes piece by piece. One thread at a time.
class Sha256 {
  public:
    Sha256();
    void add(std::string_view bytes);
    /// 64 lower-case hexadecimal digits; afterwards it begins anew.
    std::string finish();

  private:
    struct Free {
        void operator()(void* context) const noexcept;
    };
    std::unique_ptr<void, Free> context_;
};

/// The same of bytes that are there as a whole.
std::string sha256_hex(std::string_view bytes);

}  // namespace onex::package
