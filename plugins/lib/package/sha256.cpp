#include "package/sha256.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace onex::package {

namespace {

EVP_MD_CTX* of(const auto& context) {
    return static_cast<EVP_MD_CTX*>(context.get());
}

/// Only out of memory, or an OpenSSL that is set up without SHA-256, which nothing here works
/// without.
void check(int done) {
    if (done != 1) throw std::runtime_error("OpenSSL refuses to hash");
}

}  // namespace

void Sha256::Free::operator()(void* context) const noexcept {
    EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context));
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    check(context_ ? 1 : 0);
    check(EVP_DigestInit_ex(of(context_), EVP_sha256(), nullptr));
}

void Sha256::add(std::string_view bytes) {
    check(EVP_DigestUpdate(of(context_), bytes.data(), bytes.size()));
}

std::string Sha256::finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    check(EVP_DigestFinal_ex(of(context_), digest.data(), &size));
    check(EVP_DigestInit_ex(of(context_), EVP_sha256(), nullptr));
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
        out += kHex[digest[i] >> 4];
        out += kHex[digest[i] & 15];
    }
    return out;
}

std::string sha256_hex(std::string_view bytes) {
    Sha256 hash;
    hash.add(bytes);
    return hash.finish();
}

}  // namespace onex::package
