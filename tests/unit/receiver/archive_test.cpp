#include "plugins/deployment_receiver/archive.hpp"

#include <onex/json.hpp>

#include <gtest/gtest.h>

#include <map>

namespace onex::receiver {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

std::string tar_of(const Files& files) {
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
    std::string out, code, message;
};

Run retag(ArchiveRetag& archive, std::string& out, const std::string& tar, std::size_t piece) {
    Run run;
    Result<void> done;
    for (std::size_t at = 0; at < tar.size() && done; at += piece)
        done = archive.write(std::string_view(tar).substr(at, piece));
    if (done) done = archive.finish();
    if (!done) run.code = done.error().code, run.message = done.error().message;
    run.out = std::move(out);
    return run;
}

Run retag(const std::string& tar, std::size_t piece) {
    std::string out;
    ArchiveRetag archive("onex-incoming/studio:d1", [&](std::string_view bytes) -> Result<void> {
        out += bytes;
        return {};
    });
    return retag(archive, out, tar, piece);
}

std::string digest(const std::string& bytes) {
    return "sha256:" + package::sha256_hex(bytes);
}
std::string blob(const std::string& bytes) {
    return "blobs/sha256/" + package::sha256_hex(bytes);
}
std::string manifest_of(const std::string& config_path) {
    return R"([{"Config":")" + config_path +
           R"(","RepoTags":["web:1","web:latest"],"Layers":["l/layer.tar"]}])";
}
std::string index_of(const std::string& manifest) {
    return R"({"manifests":[{"digest":")" + digest(manifest) +
           R"(","annotations":{"io.containerd.image.name":"docker.io/library/web:1"}}]})";
}

const std::string kConfig = R"({"os":"linux","config":{"Cmd":["one"]}})";
const std::string kOther = R"({"os":"linux","config":{"Cmd":["two"]}})";
const std::string kManifest = R"({"config":{"digest":")" + digest(kConfig) + R"("},"layers":[]})";
const std::string kOtherManifest =
    R"({"config":{"digest":")" + digest(kOther) + R"("},"layers":[]})";

TEST(ArchiveRetag, OnlyTheNamesAreChanged) {
    const auto tar = tar_of({{blob(kConfig), kConfig},
                             {blob(kManifest), kManifest},
                             {"index.json", index_of(kManifest)},
                             {"l/layer.tar", std::string(3000, 'x')},
                             {"manifest.json", manifest_of(blob(kConfig))},
                             {"oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"},
                             {"repositories", R"({"web":{"1":"l"}})"}});
    for (const std::size_t piece : {std::size_t{1}, std::size_t{511}, std::size_t{100'000}}) {
        SCOPED_TRACE(piece);
        const auto run = retag(tar, piece);
        ASSERT_EQ(run.code, "") << run.message;
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

TEST(ArchiveRetag, NoOtherSpellingBringsATagIn) {
    const auto run = retag(
        tar_of({{"index.json",
                 R"({"Manifests":[{"digest":"sha256:cc"}],"manifests":[{"digest":"sha256:bb",)"
                 R"("Annotations":{"io.containerd.image.name":"docker.io/library/web:1"}}]})"},
                {"manifest.json",
                 R"([{"Config":"a.json","config":"b.json","repoTags":["web:1"],"Layers":[]}])"}}),
        100);
    ASSERT_EQ(run.code, "") << run.message;
    auto files = files_of(run.out);
    for (const auto* name : {"index.json", "manifest.json"}) {
        for (const auto* word : {"web:1", "b.json", "sha256:cc"})
            EXPECT_EQ(files[name].find(word), std::string::npos) << files[name];
    }
}

TEST(ArchiveRetag, AnImageIsWhatItsBytesAre) {
    const auto list = [](const std::string& children) {
        return R"({"manifests":[)" + children + "]}";
    };
    const auto child = [](const std::string& manifest, const std::string& architecture) {
        return R"({"digest":")" + digest(manifest) + R"(","platform":{"architecture":")" +
               architecture + R"("}})";
    };
    const auto both = list(child(kManifest, "amd64") + "," + child(kOtherManifest, "amd64"));
    const auto fat = list(child(kManifest, "amd64") + "," + child(kOtherManifest, "arm64") + "," +
                          child("{}", "unknown"));
    const auto doubtful =
        R"({"config":{"digest":")" + digest(kConfig) + R"("},"Config":{"digest":"sha256:cc"}})";
    const Files classic{{package::sha256_hex(kConfig) + ".json", kConfig},
                        {"manifest.json", manifest_of(package::sha256_hex(kConfig) + ".json")}};
    const auto layout = [](Files files, const std::string& top) {
        files.emplace_back(blob(top), top);
        files.emplace_back("index.json", index_of(top));
        files.emplace_back("manifest.json", manifest_of(blob(kConfig)));
        return files;
    };
    const Files blobs{{blob(kConfig), kConfig},
                      {blob(kOther), kOther},
                      {blob(kManifest), kManifest},
                      {blob(kOtherManifest), kOtherManifest}};
    const Files one{{blob(kConfig), kConfig}, {blob(kOther), kOther}};
    const struct {
        std::string name;
        Files files;
        std::string asked, loaded;
        bool is_same;
    } cases[] = {
        {"the engine's own word", classic, digest(kConfig), digest(kConfig), true},
        {"an engine that made the manifest", classic, digest(kConfig), "sha256:cc", true},
        {"another configuration", classic, digest(kOther), "sha256:cc", false},
        {"configuration of its manifest",
         layout(one, kManifest),
         digest(kConfig),
         digest(kManifest),
         true},
        {"manifest of its configuration",
         layout(one, kManifest),
         digest(kManifest),
         digest(kConfig),
         true},
        {"manifest.json names what index.json doesn't",
         layout(one, kOtherManifest),
         digest(kConfig),
         digest(kOtherManifest),
         false},
        {"an image that was there before",
         layout(one, kManifest),
         digest(kConfig),
         "sha256:cc",
         false},
        {"list of one that fits", layout(blobs, fat), digest(kConfig), digest(fat), true},
        {"list of one for another machine", layout(blobs, fat), digest(kOther), digest(fat), false},
        {"list by its manifest", layout(blobs, fat), digest(kManifest), digest(fat), true},
        {"list of two that fit", layout(blobs, both), digest(kConfig), digest(both), false},
        {"two spellings", layout(one, doubtful), digest(kConfig), digest(doubtful), false},
        {"nothing asked", classic, "", digest(kConfig), false},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        std::string out;
        ArchiveRetag archive("onex-incoming/studio:d1",
                             [&](std::string_view bytes) -> Result<void> {
                                 out += bytes;
                                 return {};
                             });
        const auto run = retag(archive, out, tar_of(c.files), 100);
        ASSERT_EQ(run.code, "") << run.message;
        EXPECT_EQ(archive.config_digest(), digest(kConfig));
        EXPECT_EQ(archive.is_same(c.asked, c.loaded, "amd64"), c.is_same);
    }
}

TEST(ArchiveRetag, ANameThatSaysOtherBytesIsRefused) {
    for (const auto& path : {package::sha256_hex(kConfig) + ".json", blob(kConfig)}) {
        SCOPED_TRACE(path);
        for (const auto& bytes : {kOther, std::string()}) {
            const auto run =
                retag(tar_of({{path, bytes}, {"manifest.json", manifest_of(path)}}), 100);
            EXPECT_EQ(run.code, "CHECKSUM_MISMATCH") << run.message;
        }
    }
}

TEST(ArchiveRetag, NoLinkStandsInTheWayOfAFile) {
    using package::EntryKind;
    const struct {
        std::string name;
        std::vector<std::pair<std::string, EntryKind>> entries;
        std::string code;
    } cases[] = {
        {"a layer that is another one, as docker save writes it",
         {{"a", EntryKind::folder}, {"a/layer.tar", EntryKind::symlink}},
         ""},
        {"folders twice", {{"a", EntryKind::folder}, {"a", EntryKind::folder}}, ""},
        {"through a symlink",
         {{"d", EntryKind::symlink}, {"d/manifest.json", EntryKind::file}},
         "VALIDATION_ERROR"},
        {"through a hard link",
         {{"d", EntryKind::hard_link}, {"d/e/f", EntryKind::file}},
         "VALIDATION_ERROR"},
        {"a folder becomes a link",
         {{"d/a", EntryKind::file}, {"d", EntryKind::symlink}},
         "VALIDATION_ERROR"},
        {"twice", {{"a", EntryKind::file}, {"a", EntryKind::file}}, "VALIDATION_ERROR"},
        {"a second manifest", {{"manifest.json", EntryKind::file}}, "VALIDATION_ERROR"},
        {"a second manifest, as a link",
         {{"manifest.json", EntryKind::symlink}},
         "VALIDATION_ERROR"},
        {"a dot", {{"a/./b", EntryKind::file}}, "VALIDATION_ERROR"},
        {"an empty part", {{"a//b", EntryKind::file}}, "VALIDATION_ERROR"},
        {"upwards", {{"a/../../b", EntryKind::file}}, "VALIDATION_ERROR"},
        {"absolute", {{"/a", EntryKind::file}}, "VALIDATION_ERROR"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        std::string tar;
        package::TarWriter writer([&](std::string_view bytes) -> Result<void> {
            tar += bytes;
            return {};
        });
        package::TarEntry entry;
        entry.path = "manifest.json";
        const auto manifest = manifest_of("a.json");
        entry.size = manifest.size();
        ASSERT_TRUE(writer.add(entry));
        ASSERT_TRUE(writer.write(manifest));
        for (const auto& [path, kind] : c.entries) {
            entry = {};
            entry.path = path;
            entry.kind = kind;
            if (kind != EntryKind::file && kind != EntryKind::folder) entry.link = "../x";
            ASSERT_TRUE(writer.add(entry));
        }
        ASSERT_TRUE(writer.finish());
        const auto run = retag(tar, 100);
        EXPECT_EQ(run.code, c.code) << run.message;
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
        {"two images in the index",
         tar_of({{"index.json", R"({"manifests":[{"digest":"sha256:a"},{"digest":"sha256:b"}]})"}}),
         "VALIDATION_ERROR"},
        {"index of nothing", tar_of({{"index.json", R"({"manifests":[]})"}}), "VALIDATION_ERROR"},
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
