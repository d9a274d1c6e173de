#include "plugins/deployment_receiver/archive.hpp"

#include <onex/json.hpp>

#include <gtest/gtest.h>

#include <map>

namespace onex::receiver {
namespace {

const std::string kHex(64, 'a');

std::string tar_of(const std::vector<std::pair<std::string, std::string>>& files) {
    std::string out;
    package::TarWriter writer([&](std::string_view bytes) -> Result<void> {
        out += bytes;
        return {};
    });
    for (const auto& [path, text] : files) {
        package::TarEntry entry;
        entry.path = path;
        entry.size = text.size();
        EXPECT_TRUE(writer.add(entry));
        EXPECT_TRUE(writer.write(text));
    }
    EXPECT_TRUE(writer.finish());
    return out;
}

std::map<std::string, std::string> files_of(const std::string& tar) {
    std::map<std::string, std::string> out;
    std::string current;
    package::TarReader reader(
        [&](const package::TarEntry& entry) -> Result<void> {
            current = entry.path;
            out[current];
            return {};
        },
        [&](std::string_view bytes) -> Result<void> {
            out[current] += bytes;
            return {};
        });
    EXPECT_TRUE(reader.write(tar));
    EXPECT_TRUE(reader.finish());
    return out;
}

struct Run {
    std::string out, code, message, config_digest, index_digest;
};

Run retag(const std::string& tar, std::size_t piece) {
    Run run;
    ArchiveRetag archive("onex-incoming/studio:d1", [&](std::string_view bytes) -> Result<void> {
        run.out += bytes;
        return {};
    });
    Result<void> done;
    for (std::size_t at = 0; at < tar.size() && done; at += piece)
        done = archive.write(std::string_view(tar).substr(at, piece));
    if (done) done = archive.finish();
    if (!done) run.code = done.error().code, run.message = done.error().message;
    run.config_digest = archive.config_digest();
    run.index_digest = archive.index_digest();
    return run;
}

TEST(ArchiveRetag, OnlyTheNamesAreChanged) {
    const auto manifest = R"([{"Config":"blobs/sha256/)" + kHex +
                          R"(","RepoTags":["web:1","web:latest"],"Layers":["l/layer.tar"]}])";
    const auto tar = tar_of(
        {{"blobs/sha256/" + kHex, "{}"},
         {"index.json",
          R"({"manifests":[{"digest":"sha256:bb","annotations":{"io.containerd.image.name":"docker.io/library/web:1"}}]})"},
         {"l/layer.tar", std::string(3000, 'x')},
         {"manifest.json", manifest},
         {"oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"},
         {"repositories", R"({"web":{"1":"l"}})"}});
    for (const std::size_t piece : {std::size_t{1}, std::size_t{511}, std::size_t{100'000}}) {
        SCOPED_TRACE(piece);
        const auto run = retag(tar, piece);
        ASSERT_EQ(run.code, "") << run.message;
        EXPECT_EQ(run.config_digest, "sha256:" + kHex);
        EXPECT_EQ(run.index_digest, "sha256:bb");
        auto files = files_of(run.out);
        EXPECT_FALSE(files.contains("repositories"));
        EXPECT_EQ(files["l/layer.tar"], std::string(3000, 'x'));
        EXPECT_EQ(json::parse(files["manifest.json"]).at(0).at("RepoTags"),
                  json::parse(R"(["onex-incoming/studio:d1"])"));
        EXPECT_EQ(json::parse(files["manifest.json"]).at(0).at("Layers").as_array().size(), 1U);
        EXPECT_EQ(files["index.json"].find("library/web"), std::string::npos);
        EXPECT_NE(files["index.json"].find("docker.io/onex-incoming/studio:d1"), std::string::npos);
    }
}

TEST(ArchiveRetag, WhatIsNoImageIsRefused) {
    const struct {
        std::string name, tar, code;
    } cases[] = {
        {"no manifest", tar_of({{"a", "b"}}), "VALIDATION_ERROR"},
        {"two images", tar_of({{"manifest.json", "[{},{}]"}}), "VALIDATION_ERROR"},
        {"no image", tar_of({{"manifest.json", "[]"}}), "VALIDATION_ERROR"},
        {"no JSON", tar_of({{"manifest.json", "{"}}), "VALIDATION_ERROR"},
        {"empty manifest", tar_of({{"manifest.json", ""}}), "VALIDATION_ERROR"},
        {"no tar", std::string(2048, 'z'), "CHECKSUM_MISMATCH"},
        {"cut",
         tar_of({{"manifest.json", std::string(3000, ' ')}}).substr(0, 1500),
         "CHECKSUM_MISMATCH"},
        {"huge manifest",
         tar_of({{"manifest.json", std::string(5 << 20, ' ')}}),
         "VALIDATION_ERROR"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        EXPECT_EQ(retag(c.tar, 4096).code, c.code);
    }
}

}  // namespace
}  // namespace onex::receiver
