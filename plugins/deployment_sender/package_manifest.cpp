#include "plugins/deployment_sender/package_manifest.hpp"

#include "package/tar.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

namespace onex::sender {
namespace {

namespace json = boost::json;

constexpr std::size_t kManifestBytesMax = 4 << 20;

Result<PackageManifest> parse(std::string_view text) {
    const auto no_image =
        fail("CHECKSUM_MISMATCH", "the package holds no Docker image; make it again");
    boost::system::error_code ec;
    const auto value = json::parse(json::string_view(text.data(), text.size()), ec);
    if (ec || !value.is_array() || value.as_array().empty() || !value.as_array()[0].is_object()) {
        return no_image;
    }
    const auto& image = value.as_array()[0].as_object();
    const auto* config = image.if_contains("Config");
    if (!config || !config->is_string()) return no_image;
    // "<hex>.json" up to Engine 24, "blobs/sha256/<hex>" since.
    std::string_view name = config->as_string();
    name.remove_prefix(name.rfind('/') + 1);
    const auto hex = name.substr(0, name.find('.'));
    if (hex.size() != 64) return no_image;
    PackageManifest out;
    out.config_digest = "sha256:" + std::string(hex);
    const auto* tags = image.if_contains("RepoTags");
    if (tags && tags->is_array() && !tags->as_array().empty() && tags->as_array()[0].is_string()) {
        out.tag = std::string(tags->as_array()[0].as_string());
    }
    return out;
}

}  // namespace

std::string_view compression_of(std::string_view bytes) {
    if (bytes.starts_with("\x28\xB5\x2F\xFD")) return "zstd";
    if (bytes.starts_with("\x1F\x8B")) return "gzip";
    return "none";
}

Result<PackageManifest> read_package_manifest(
    std::string_view compression,
    std::uint64_t bytes_max,
    const std::function<Result<void>(const package::Sink&)>& feed) {
    auto decompressor = package::Decompressor::make(compression);
    if (!decompressor) return std::unexpected(std::move(decompressor).error());
    std::string manifest;
    bool is_manifest = false;
    std::uint64_t raw = 0;
    package::TarReader tar(
        [&](const package::TarEntry& entry) -> Result<void> {
            is_manifest = entry.path == "manifest.json" && entry.kind == package::EntryKind::file;
            return {};
        },
        [&](std::string_view bytes) -> Result<void> {
            if (is_manifest && manifest.size() + bytes.size() <= kManifestBytesMax) {
                manifest += bytes;
            }
            return {};
        });
    const auto plain = [&](std::string_view bytes) -> Result<void> {
        raw += bytes.size();
        if (raw > bytes_max) {
            return fail("PACKAGE_TOO_LARGE",
                        "the package holds more than " + std::to_string(bytes_max) +
                            " bytes; raise the limit");
        }
        return tar.write(bytes);
    };
    if (auto done = feed([&](std::string_view bytes) { return decompressor->write(bytes, plain); });
        !done) {
        return std::unexpected(std::move(done).error());
    }
    if (auto done = decompressor->finish(); !done) return std::unexpected(std::move(done).error());
    if (auto done = tar.finish(); !done) return std::unexpected(std::move(done).error());
    return parse(manifest);
}

}  // namespace onex::sender
