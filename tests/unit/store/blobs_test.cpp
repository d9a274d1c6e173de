#include "host/store/blobs.hpp"

#include "host/store/digest.hpp"
#include "store_fixture.hpp"

#include <fstream>
#include <thread>

namespace onex::host::test {
namespace {

class BlobsTest : public ::testing::Test {
  protected:
    void SetUp() override {
        auto opened = Blobs::open(root());
        ASSERT_TRUE(opened) << opened.error().message;
        blobs = std::move(*opened);
        blobs->disk_reserve_bytes = 0;
    }
    [[nodiscard]] std::string root() const { return folder.path() + "/blobs"; }

    /// Spools `content` as it would come from a client; `cut` ends it with an error instead.
    Result<BlobInfo> spool(const std::string& content,
                           std::uint64_t bytes_max,
                           const std::string& digest,
                           bool cut = false) {
        Pipe pipe;
        std::thread writer([&] {
            for (std::size_t at = 0; at < content.size(); at += kChunkBytes) {
                auto chunk = std::make_shared<const std::string>(content.substr(at, kChunkBytes));
                if (!pipe.push(chunk, Wait::for_ms(10'000))) return;
            }
            cut ? pipe.fail({"TRANSFER_FAILED", "cut", {}, {}}) : pipe.finish();
        });
        auto info = blobs->spool(pipe, bytes_max, digest, Wait::for_ms(10'000));
        writer.join();
        return info;
    }
    Result<std::string> read(const std::string& digest, std::uint64_t offset) {
        std::thread reader;
        auto pipe = blobs->read(digest, offset, [&](std::function<void()> work) {
            reader = std::thread(std::move(work));
            return true;
        });
        if (!pipe) return std::unexpected(pipe.error());
        std::string all;
        Result<std::string> result;
        while (true) {
            auto chunk = (*pipe)->pop(Wait::for_ms(10'000));
            if (!chunk) result = std::unexpected(chunk.error());
            if (!chunk || !*chunk) break;
            all += **chunk;
        }
        reader.join();
        if (result) result = all;
        return result;
    }
    [[nodiscard]] std::size_t files() const {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root())) {
            if (entry.is_regular_file()) ++count;
        }
        return count;
    }
    const std::string content = std::string(3 * kChunkBytes, 'x') + "end";
    TempFolder folder;
    std::unique_ptr<Blobs> blobs;
};

TEST_F(BlobsTest, GivesBackWhatItGot) {
    // The test vector of BLAKE3 for no input.
    EXPECT_EQ(digest_of(""), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    auto info = spool(content, content.size(), digest_of(content));
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(info->digest, digest_of(content));
    EXPECT_EQ(info->bytes, content.size());
    ASSERT_TRUE(spool(content, content.size(), {}));  // Again: the same blob.
    EXPECT_EQ(files(), 1U);
    EXPECT_EQ(read(info->digest, 0), content);
    EXPECT_EQ(read(info->digest, content.size() - 3), "end");
    EXPECT_EQ(code(read(info->digest, content.size() + 1)), "VALIDATION_ERROR");
    EXPECT_EQ(blobs->stat(info->digest)->bytes, content.size());
    EXPECT_TRUE(blobs->remove(info->digest));
    EXPECT_EQ(code(blobs->stat(info->digest)), "NOT_FOUND");
    EXPECT_EQ(code(blobs->read(info->digest, 0, {})), "NOT_FOUND");
}

TEST_F(BlobsTest, NothingHalfMadeStays) {
    EXPECT_EQ(code(spool(content, content.size() - 1, {})), "PACKAGE_TOO_LARGE");
    EXPECT_EQ(code(spool(content, content.size(), digest_of("other"))), "CHECKSUM_MISMATCH");
    EXPECT_EQ(code(spool(content, content.size(), {}, true)), "TRANSFER_FAILED");
    blobs->disk_reserve_bytes = std::uint64_t{1} << 62;
    EXPECT_EQ(code(spool(content, content.size(), {})), "DISK_FULL");
    Pipe silent;
    EXPECT_EQ(code(blobs->spool(silent, 1, {}, Wait::for_ms(1))), "TIMEOUT");
    EXPECT_EQ(files(), 0U);
}

TEST_F(BlobsTest, StartRemovesLeftoversAndKeepsBlobs) {
    ASSERT_TRUE(spool(content, content.size(), {}));
    std::ofstream(root() + "/incoming/left") << "half";
    blobs = std::move(*Blobs::open(root()));
    EXPECT_EQ(files(), 1U);
    EXPECT_TRUE(blobs->stat(digest_of(content)));
}

TEST_F(BlobsTest, ADamagedBlobEndsWithAnError) {
    ASSERT_TRUE(spool(content, content.size(), {}));
    std::fstream(blobs->path(digest_of(content)), std::ios::in | std::ios::out) << "y";
    EXPECT_EQ(code(read(digest_of(content), 0)), "CHECKSUM_MISMATCH");
    const auto refused = blobs->read(digest_of(content), 0, [](const auto&) { return false; });
    EXPECT_EQ(code(refused), "QUEUE_FULL");
}

TEST_F(BlobsTest, NamesNeverLeaveTheFolder) {
    for (const std::string name : {"", "../onex.db", "incoming", "AF1349", "/etc/passwd"}) {
        SCOPED_TRACE(name);
        EXPECT_EQ(blobs->path(name), "");
        EXPECT_EQ(code(blobs->stat(name)), "NOT_FOUND");
        EXPECT_EQ(code(blobs->remove(name)), "NOT_FOUND");
    }
}

}  // namespace
}  // namespace onex::host::test
