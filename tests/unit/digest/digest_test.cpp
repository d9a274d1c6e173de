#include "digest/digest.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace onex::digest {
namespace {

// Vectors of the BLAKE3 specification.
constexpr auto kEmpty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
constexpr auto kAbc = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";

TEST(Digest, KnownVectors) {
    EXPECT_EQ(blake3_hex(""), kEmpty);
    EXPECT_EQ(blake3_hex("abc"), kAbc);
}

TEST(Digest, PiecesAndCopiesAreTheSameValue) {
    Blake3 whole;
    whole.update(std::string_view("a"));
    EXPECT_NE(whole.hex(), kAbc);
    Blake3 copy = whole;
    copy.update(std::string_view("x"));
    whole.update(std::string_view("bc"));
    EXPECT_EQ(whole.hex(), kAbc);
    copy = whole;
    EXPECT_EQ(copy.hex(), kAbc);
}

TEST(Digest, FilesAreReadWhole) {
    const auto path = std::filesystem::path(testing::TempDir()) / "onex_digest_test";
    const std::string text(700'000, 'z');
    std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(blake3_file(path).value(), blake3_hex(text));
    std::filesystem::remove(path);
    EXPECT_EQ(blake3_file(path).error().code, "NOT_FOUND");
    EXPECT_EQ(blake3_file(testing::TempDir()).error().code, "INTERNAL");
}

TEST(Digest, OnlyLowerCaseHexIsADigest) {
    EXPECT_TRUE(is_digest(kAbc));
    EXPECT_FALSE(is_digest(""));
    EXPECT_FALSE(is_digest(std::string(64, 'A')));
    EXPECT_FALSE(is_digest(std::string(65, 'a')));
    EXPECT_FALSE(is_digest(std::string(63, 'a') + "/"));
}

}  // namespace
}  // namespace onex::digest
