#include "package/compress.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace onex::package {
namespace {

Sink into(std::string& out) {
    return [&out](std::string_view bytes) -> Result<void> {
        out += bytes;
        return {};
    };
}

/// Half noise, half repetition: more than the codecs keep inside.
std::string sample(std::size_t size) {
    std::mt19937 random(7);
    std::string out;
    while (out.size() < size) {
        for (int i = 0; i < 1000; ++i)
            out += static_cast<char>(random());
        out.append(1000, 'a');
    }
    out.resize(size);
    return out;
}

std::string compressed(std::string_view method,
                       const std::string& text,
                       int level = 0,
                       std::size_t step = 100'000) {
    auto codec = Compressor::make(method, level).value();
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += step) {
        EXPECT_TRUE(codec.write(std::string_view(text).substr(at, step), into(out)));
    }
    EXPECT_TRUE(codec.finish(into(out)));
    return out;
}

Result<std::string> restored(std::string_view method, std::string_view data, std::size_t step) {
    auto codec = Decompressor::make(method).value();
    std::string out;
    for (std::size_t at = 0; at < data.size(); at += step) {
        if (auto done = codec.write(data.substr(at, step), into(out)); !done) {
            return std::unexpected(done.error());
        }
    }
    if (auto done = codec.finish(); !done) return std::unexpected(done.error());
    return out;
}

TEST(Compress, RoundTripsInEverySize) {
    for (const auto* method : {"zstd", "gzip", "none"}) {
        for (const std::size_t size : {0, 1, 256 * 1024, 256 * 1024 + 1, 3'000'000}) {
            SCOPED_TRACE(std::string(method) + " " + std::to_string(size));
            const auto text = sample(size);
            const auto data = compressed(method, text);
            EXPECT_EQ(restored(method, data, 65'536).value(), text);
            if (size < 1000) EXPECT_EQ(restored(method, data, 1).value(), text);
            // Two streams in a row are one.
            EXPECT_EQ(restored(method, data + data, 300'000).value(), text + text);
        }
    }
}

TEST(Compress, LevelsAreObeyedAndChecked) {
    const auto text = sample(2'000'000);
    EXPECT_LE(compressed("zstd", text, 9).size(), compressed("zstd", text, 1).size());
    EXPECT_LE(compressed("gzip", text, 9).size(), compressed("gzip", text, 1).size());
    EXPECT_EQ(Compressor::make("zstd", 20).error().code, "VALIDATION_ERROR");
    EXPECT_EQ(Compressor::make("gzip", -1).error().code, "VALIDATION_ERROR");
    EXPECT_EQ(Compressor::make("lz4").error().code, "VALIDATION_ERROR");
    EXPECT_EQ(Decompressor::make("").error().code, "VALIDATION_ERROR");
}

TEST(Compress, DamageIsFound) {
    const auto text = sample(1'000'000);
    for (const auto* method : {"zstd", "gzip"}) {
        SCOPED_TRACE(method);
        const auto data = compressed(method, text);
        const auto code = [&](std::string_view bytes) {
            return restored(method, bytes, 65'536).error().code;
        };
        EXPECT_EQ(code(std::string_view(data).substr(0, data.size() - 1)), "CHECKSUM_MISMATCH");
        EXPECT_EQ(code(std::string_view(data).substr(0, data.size() / 2)), "CHECKSUM_MISMATCH");
        EXPECT_EQ(code(""), "CHECKSUM_MISMATCH");
        EXPECT_EQ(code("plain text"), "CHECKSUM_MISMATCH");
        EXPECT_EQ(code(data + "tail of something else"), "CHECKSUM_MISMATCH");
        auto flipped = data;
        flipped[flipped.size() / 2] ^= 0x10;
        EXPECT_EQ(code(flipped), "CHECKSUM_MISMATCH");
    }
    // A window of 2^28 bytes: magic, descriptor (no checksum, no size), window byte (28 - 10) << 3.
    const std::string large("\x28\xB5\x2F\xFD\x00\x90\x01\x00\x00", 9);
    EXPECT_EQ(restored("zstd", large, 9).error().code, "CHECKSUM_MISMATCH");
}

TEST(Compress, TheSinkStopsABomb) {
    const auto data = compressed("zstd", std::string(64 << 20, '\0'), 0, 1 << 20);
    ASSERT_LT(data.size(), 100'000u);
    auto codec = Decompressor::make("zstd").value();
    std::size_t seen = 0;
    std::size_t piece_max = 0;
    const auto done = codec.write(data, [&](std::string_view bytes) -> Result<void> {
        seen += bytes.size();
        piece_max = std::max(piece_max, bytes.size());
        if (seen > 1 << 20) return fail("PACKAGE_TOO_LARGE", "enough");
        return {};
    });
    EXPECT_EQ(done.error().code, "PACKAGE_TOO_LARGE");
    EXPECT_LE(piece_max, 256u * 1024);
    EXPECT_LE(seen, 2u << 20);
}

}  // namespace
}  // namespace onex::package
