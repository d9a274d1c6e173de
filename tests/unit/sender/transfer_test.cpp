// The pure parts of checking and sending: verdicts, manifests, addresses.
#include "plugins/deployment_sender/transfer.hpp"

#include "package/tar.hpp"
#include "plugins/deployment_sender/events.hpp"
#include "plugins/deployment_sender/image_check.hpp"
#include "plugins/deployment_sender/package_manifest.hpp"
#include "plugins/deployment_sender/peer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace onex::sender {
namespace {

docker::ImageInfo sample_image() {
    docker::ImageInfo out;
    out.id = "sha256:aa";
    out.architecture = "amd64";
    out.os = "linux";
    out.size_bytes = 1000;
    out.layers = {"sha256:l1"};
    out.labels = {{"team", "blue"}, {"empty", ""}};
    return out;
}

TEST(ImageCheck, MetadataIsCompleteOrSaysHowMuch) {
    auto metadata = image_metadata(sample_image());
    EXPECT_EQ(completeness(metadata), 1.0);
    EXPECT_EQ(metadata.at("layers_count").to_number<int>(), 1);
    metadata["architecture"] = "";
    metadata.erase("config_digest");
    EXPECT_LT(completeness(metadata), 0.7);
}

TEST(ImageCheck, Verdicts) {
    const auto checks = [](const ImageDemands& demands) {
        return judge_image(sample_image(), demands).value().checks;
    };
    EXPECT_EQ(checks({"sha256:aa", "sha256:aa", 1000, nullptr, ""}),
              (json::object{{"image_exists", 1}, {"image_integrity", 1}, {"image_size_check", 1}}));
    EXPECT_EQ(checks({"sha256:bb", "", 999, nullptr, ""}),
              (json::object{{"image_exists", 1}, {"image_integrity", 0}, {"image_size_check", 0}}));
    EXPECT_EQ(checks({"", "sha256:bb", 1000, nullptr, ""}).at("image_integrity"), 0);
    const auto code = [](json::value labels, std::string platform) {
        const auto verdict =
            judge_image(sample_image(), {"", "", 1000, std::move(labels), std::move(platform)});
        return verdict ? std::string("fine") : verdict.error().code;
    };
    EXPECT_EQ(code({{"team", "blue"}}, "linux/amd64"), "fine");
    EXPECT_EQ(code({{"team", nullptr}}, "amd64"), "fine");
    EXPECT_EQ(code(json::array{"team", "empty"}, "linux"), "fine");
    EXPECT_EQ(code({{"team", "red"}}, ""), "VALIDATION_ERROR");
    EXPECT_EQ(code(json::array{"owner"}, ""), "VALIDATION_ERROR");
    EXPECT_EQ(code(nullptr, "linux/arm64/v8"), "ARCHITECTURE_MISMATCH");
}

TEST(ImageCheck, TheGateLimitsTheSize) {
    const json::object run{{"gates",
                            {{{"name", "other"}, {"max_size_bytes", 1}},
                             {{"name", "image_size_check"}, {"max_size_bytes", 77}}}}};
    EXPECT_EQ(size_limit(run, 5), 77);
    EXPECT_EQ(size_limit({}, 5), 5);
    EXPECT_EQ(size_limit({{"gates", {{{"name", "image_size_check"}}}}}, 5), 5);
    EXPECT_EQ(size_limit({{"gates", "?"}}, 5), 5);
}

TEST(Transfer, VerdictOnWhatArrived) {
    const struct {
        json::object status;
        int acknowledged;
        int success;
    } cases[] = {
        {{{"state", "ready_for_deployment"}, {"checksum", "c1"}}, 1, 1},
        {{{"state", "ready_for_deployment"}, {"checksum", "c2"}}, 1, 0},
        {{{"state", "awaiting_package"}, {"image_present", true}}, 1, 1},
        {{{"state", "awaiting_package"}, {"checksum", "c1"}}, 0, 0},
        {{{"state", "ready_for_deployment"}, {"checksum", ""}, {"image_present", false}}, 0, 0},
        {{{"state", "failed"}}, 0, 0},
        {{}, 0, 0},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(json::serialize(c.status));
        const auto checks = judge_transfer({}, "c1", c.status).at("checks").as_object();
        EXPECT_EQ(checks.at("transfer_acknowledged"), c.acknowledged);
        EXPECT_EQ(checks.at("transfer_success"), c.success);
    }
    EXPECT_EQ(deployment_id_of({{"run", {{"workflow_id", "w"}}}}), "w");
    EXPECT_EQ(deployment_id_of({{"deployment_id", "d"}, {"run", {{"workflow_id", "w"}}}}), "d");
}

TEST(Transfer, AddressesOfUrls) {
    EXPECT_EQ(target_of_url("http://192.0.2.1:8001/deploy").value(), "192.0.2.1:8001");
    EXPECT_EQ(target_of_url("https://studio").value(), "studio:443");
    EXPECT_EQ(target_of_url("http://studio/").value(), "studio:80");
    for (const auto* bad : {"",
                            "studio:8001",
                            "ftp://studio",
                            "http://",
                            "http://:1",
                            "http://a:b@c:1",
                            "http://a:x",
                            "http://a:999999"}) {
        SCOPED_TRACE(bad);
        EXPECT_EQ(target_of_url(bad).error().code, "VALIDATION_ERROR");
    }
}

TEST(Events, TimeIsIso8601) {
    EXPECT_EQ(iso_time(1'700'000'000'123'456), "2023-11-14T22:13:20.123Z");
}

/// A docker-archive with the given files, compressed.
std::string archive(const std::vector<std::pair<std::string, std::string>>& files,
                    std::string_view compression) {
    std::string out;
    const package::Sink sink = [&](std::string_view bytes) -> Result<void> {
        out += bytes;
        return {};
    };
    auto compressor = package::Compressor::make(compression).value();
    package::TarWriter tar([&](std::string_view bytes) { return compressor.write(bytes, sink); });
    for (const auto& [path, text] : files) {
        package::TarEntry entry;
        entry.path = path;
        entry.size = text.size();
        EXPECT_TRUE(tar.add(entry));
        EXPECT_TRUE(tar.write(text));
    }
    EXPECT_TRUE(tar.finish());
    EXPECT_TRUE(compressor.finish(sink));
    return out;
}

Result<PackageManifest> manifest_of(const std::string& data, std::uint64_t bytes_max = 1 << 20) {
    return read_package_manifest(
        compression_of(data), bytes_max, [&](const package::Sink& sink) -> Result<void> {
            for (std::size_t at = 0; at < data.size(); at += 100) {
                if (auto done = sink(std::string_view(data).substr(at, 100)); !done) return done;
            }
            return {};
        });
}

TEST(PackageManifest, BothLayoutsInEveryCompression) {
    const std::string hex(64, 'a');
    const std::string config = R"({"architecture":"arm64","os":"linux"})";
    for (const auto& path : {hex + ".json", "blobs/sha256/" + hex}) {
        for (const auto* compression : {"zstd", "gzip", "none"}) {
            SCOPED_TRACE(path + " " + compression);
            const auto data = archive(
                {{"blobs/sha256/" + std::string(64, 'b'), "not json"},
                 {path, config},
                 {"manifest.json", R"([{"Config":")" + path + R"(","RepoTags":["web:1"]}])"}},
                compression);
            EXPECT_EQ(compression_of(data), compression);
            const auto manifest = manifest_of(data).value();
            EXPECT_EQ(manifest.config_digest, "sha256:" + hex);
            EXPECT_EQ(manifest.tag, "web:1");
            EXPECT_EQ(manifest_of(data, 1000).error().code, "PACKAGE_TOO_LARGE");
            EXPECT_EQ(manifest_of(data.substr(0, data.size() / 2)).error().code,
                      "CHECKSUM_MISMATCH");
        }
    }
    for (const auto* manifest :
         {"[]", "{}", "nonsense", R"([{"Config":"x.json"}])", R"([{"Config":"short.json"}])"}) {
        SCOPED_TRACE(manifest);
        EXPECT_EQ(
            manifest_of(archive({{"short.json", config}, {"manifest.json", manifest}}, "zstd"))
                .error()
                .code,
            "CHECKSUM_MISMATCH");
    }
    EXPECT_EQ(manifest_of("").error().code, "CHECKSUM_MISMATCH");
}

}  // namespace
}  // namespace onex::sender
