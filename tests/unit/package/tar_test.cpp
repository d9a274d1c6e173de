#include "package/tar.hpp"

#include "package/context_tar.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace onex::package {
namespace {

namespace fs = std::filesystem;

struct Seen {
    TarEntry head;
    std::string data;
};

Sink into(std::string& out) {
    return [&out](std::string_view bytes) -> Result<void> {
        out += bytes;
        return {};
    };
}

Result<std::vector<Seen>> read(std::string_view archive, std::size_t step = 100) {
    std::vector<Seen> out;
    TarReader reader(
        [&](const TarEntry& entry) -> Result<void> {
            out.push_back({entry, {}});
            return {};
        },
        [&](std::string_view bytes) -> Result<void> {
            out.back().data += bytes;
            return {};
        });
    for (std::size_t at = 0; at < archive.size(); at += step) {
        if (auto done = reader.write(archive.substr(at, step)); !done)
            return std::unexpected(done.error());
    }
    if (auto done = reader.finish(); !done) return std::unexpected(done.error());
    return out;
}

std::string archive_of(const std::vector<Seen>& entries) {
    std::string out;
    TarWriter writer(into(out));
    for (const auto& entry : entries) {
        EXPECT_TRUE(writer.add(entry.head));
        EXPECT_TRUE(writer.write(entry.data));
    }
    EXPECT_TRUE(writer.finish());
    return out;
}

TEST(Tar, RoundTrip) {
    const auto deep = std::string(120, 'd') + "/" + std::string(200, 'f');
    const std::vector<Seen> entries{
        {{"bin", EntryKind::folder, 0755, 0, 5, {}}, {}},
        {{"bin/run", EntryKind::file, 0755, 3, 1'700'000'000, {}}, "abc"},
        {{"empty", EntryKind::file, 0600, 0, 0, {}}, {}},
        {{"link", EntryKind::symlink, 0777, 0, 0, std::string(150, 'l')}, {}},
        {{deep, EntryKind::file, 0644, 1024, 0, {}}, std::string(1024, 'x')},
        {{"größe", EntryKind::file, 0644, 513, 0, {}}, std::string(513, 'y')},
    };
    const auto archive = archive_of(entries);
    EXPECT_EQ(archive.size() % 512, 0u);
    for (const std::size_t step : {1, 511, 100'000}) {
        const auto seen = read(archive, step).value();
        ASSERT_EQ(seen.size(), entries.size());
        for (std::size_t i = 0; i < seen.size(); ++i) {
            SCOPED_TRACE(entries[i].head.path);
            EXPECT_EQ(seen[i].head.path, entries[i].head.path);
            EXPECT_EQ(seen[i].head.kind, entries[i].head.kind);
            EXPECT_EQ(seen[i].head.mode, entries[i].head.mode);
            EXPECT_EQ(seen[i].head.size, entries[i].head.size);
            EXPECT_EQ(seen[i].head.modified_s, entries[i].head.modified_s);
            EXPECT_EQ(seen[i].head.link, entries[i].head.link);
            EXPECT_EQ(seen[i].data, entries[i].data);
        }
    }
}

TEST(Tar, BadArchivesAreRefused) {
    const auto good =
        archive_of({{{"a", EntryKind::file, 0644, 600, 0, {}}, std::string(600, 'x')}});
    auto flipped = good;
    flipped[3] = '!';
    EXPECT_EQ(read(flipped).error().code, "CHECKSUM_MISMATCH");
    EXPECT_EQ(read(good.substr(0, 700)).error().code, "CHECKSUM_MISMATCH");
    EXPECT_EQ(read(good.substr(0, 100)).error().code, "CHECKSUM_MISMATCH");
    EXPECT_EQ(read(std::string(1024, 'n')).error().code, "CHECKSUM_MISMATCH");
    EXPECT_EQ(read(good.substr(0, 512 + 1024)).value().size(), 1u);
    for (const auto* path : {"/etc/passwd", "../up", "a/../../up", "a/.."}) {
        SCOPED_TRACE(path);
        EXPECT_EQ(read(archive_of({{{path, EntryKind::file, 0644, 0, 0, {}}, {}}})).error().code,
                  "VALIDATION_ERROR");
    }
}

TEST(Tar, FilesThatChangeMeanwhileAreNoticed) {
    std::string out;
    TarWriter writer(into(out));
    ASSERT_TRUE(writer.add({"a", EntryKind::file, 0644, 10, 0, {}}));
    EXPECT_EQ(writer.write("eleven byte").error().code, "FAILED_PRECONDITION");
    EXPECT_EQ(writer.finish().error().code, "FAILED_PRECONDITION");
}

/// A folder of its own for one test.
class TarFolder : public testing::Test {
  protected:
    TarFolder() {
        fs::create_directories(root_ / "src/deep");
        fs::create_directories(root_ / "node_modules/x");
        for (const auto* name :
             {"Dockerfile", "a.txt", "src/main.c", "src/deep/b.o", "node_modules/x/keep.js"}) {
            std::ofstream(root_ / name) << name;
        }
        fs::create_symlink("/etc/passwd", root_ / "outside");
        fs::create_symlink("src", root_ / "alias");
        ::chmod((root_ / "a.txt").c_str(), 0750);
        ::mkfifo((root_ / "pipe").c_str(), 0600);
    }
    ~TarFolder() override { fs::remove_all(root_); }

    std::vector<std::string> names(std::string_view ignore_text) {
        std::ofstream(root_ / ".dockerignore") << ignore_text;
        auto ignore = read_docker_ignore(root_).value();
        ignore.keep("Dockerfile");
        ignore.keep(".dockerignore");
        std::string archive;
        EXPECT_TRUE(tar_folder(root_, ignore, into(archive)));
        entries_ = read(archive, 4096).value();
        std::vector<std::string> out;
        for (const auto& entry : entries_)
            out.push_back(entry.head.path);
        return out;
    }

    fs::path root_ = fs::path(testing::TempDir()) / ("onex_tar_" + std::to_string(::getpid()));
    std::vector<Seen> entries_;
};

TEST_F(TarFolder, KeepsLinksAndModesAndLeavesOutPipes) {
    using Names = std::vector<std::string>;
    EXPECT_EQ(names(""),
              (Names{".dockerignore",
                     "Dockerfile",
                     "a.txt",
                     "alias",
                     "node_modules",
                     "node_modules/x",
                     "node_modules/x/keep.js",
                     "outside",
                     "src",
                     "src/deep",
                     "src/deep/b.o",
                     "src/main.c"}));
    EXPECT_EQ(entries_[2].head.mode, 0750u);
    EXPECT_EQ(entries_[2].data, "a.txt");
    EXPECT_EQ(entries_[3].head.kind, EntryKind::symlink);
    EXPECT_EQ(entries_[7].head.link, "/etc/passwd");
}

TEST_F(TarFolder, ObeysDockerIgnore) {
    using Names = std::vector<std::string>;
    EXPECT_EQ(names("*\n!src\n**/*.o\n"),
              (Names{".dockerignore", "Dockerfile", "src", "src/deep", "src/main.c"}));
    EXPECT_EQ(names("*\n!node_modules/x/keep.js\n"),
              (Names{".dockerignore", "Dockerfile", "node_modules/x/keep.js"}));
    EXPECT_EQ(names("node_modules\nsrc/\noutside\nalias\n"),
              (Names{".dockerignore", "Dockerfile", "a.txt"}));
}

TEST_F(TarFolder, TheSinkEndsTheWalk) {
    const auto done = tar_folder(root_, DockerIgnore{}, [](std::string_view) -> Result<void> {
        return fail("CANCELLED", "enough");
    });
    EXPECT_EQ(done.error().code, "CANCELLED");
    EXPECT_EQ(
        tar_folder(
            root_ / "nothing", DockerIgnore{}, [](std::string_view) -> Result<void> { return {}; })
            .error()
            .code,
        "NOT_FOUND");
}

}  // namespace
}  // namespace onex::package
