#include "package/sha256.hpp"

#include <gtest/gtest.h>

namespace onex::package {
namespace {

TEST(Sha256, FixedVectors) {  // FIPS 180-2, appendix B.
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, PiecesAreTheWholeAndItBeginsAnew) {
    Sha256 hash;
    for (int time = 0; time < 2; ++time) {
        for (const auto* piece : {"a", "", "bc"})
            hash.add(piece);
        EXPECT_EQ(hash.finish(), sha256_hex("abc"));
    }
}

}  // namespace
}  // namespace onex::package
