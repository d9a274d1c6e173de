#include "plugins/deployment_sender/package_manifest.hpp"

#include "package/tar.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <map>

namespace onex::sender {
namespace {

namespace json = boost::json;

// Configs and manifests are small; a layer that looks like one is not worth keeping.
constexpr std::size_t kJsonBytesMax = 4 << 20;
constexpr std::size_t kJsonFilesMax = 64;

std::string text_of(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

json::value parse_json(std::string_view text) {
    boost::system::error_code ec;
    auto value = json::parse(json::string_view(text.data(), text.size()), ec);
    return ec ? json::value() : value;
}

/// `files`: what may be JSON in the archive, by path.
Result<PackageManifest> parse(const std::map<std::string, std::string>& files) {
    const auto no_image =
        fail("CHECKSUM_MISMATCH", "the package holds no Docker image; make it again");
    const auto list = files.find("manifest.json");
    if (list == files.end()) return no_image;
    const auto value = parse_json(list->second);
    if (!value.is_array() || value.as_array().empty() || !value.as_array()[0].is_object())
        return no_image;
    const auto& image = value.as_array()[0].as_object();
    const auto path = text_of(image, "Config");
    const auto config_file = files.find(path);
    if (config_file == files.end()) return no_image;
    // "<hex>.json" up to Engine 24, "blobs/sha256/<hex>" since.
    const auto name = std::string_view(path).substr(path.rfind('/') + 1);
    const auto hex = name.substr(0, name.find('.'));
    const auto config = parse_json(config_file->second);
    if (hex.size() != 64 || !config.is_object()) return no_image;
    PackageManifest out;
    out.config_digest = "sha256:" + std::string(hex);
    out.architecture = text_of(config.as_object(), "architecture");
    out.os = text_of(config.as_object(), "os");
    const auto* tags = image.if_contains("RepoTags");
    if (tags && tags->is_array() && !tags->as_array().empty() && tags->as_array()[0].is_string()) {
        out.tag = std::string(tags->as_array()[0].as_string());
    }
    return out;
}

/// Whether a file may be the manifest or a config: by its name and size.
bool may_be_json(const package::TarEntry& entry) {
    if (entry.kind != package::EntryKind::file || entry.size > kJsonBytesMax) return false;
    const std::string_view path = entry.path;
    return path == "manifest.json" || path.starts_with("blobs/sha256/") ||
           (path.find('/') == path.npos && path.ends_with(".json"));
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
    std::map<std::string, std::string> files;
    std::string* current = nullptr;
    std::uint64_t raw = 0;
    package::TarReader tar(
        [&](const package::TarEntry& entry) -> Result<void> {
            // The manifest always has its place, however many small layers come before it.
            const bool is_kept = may_be_json(entry) &&
                                 (files.size() < kJsonFilesMax || entry.path == "manifest.json");
            current = is_kept ? &files[entry.path] : nullptr;
            return {};
        },
        [&](std::string_view bytes) -> Result<void> {
            const bool is_json =
                current && (!current->empty() || bytes.starts_with('{') || bytes.starts_with('['));
            if (is_json) *current += bytes;
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
    auto out = parse(files);
    if (out) out->raw_bytes = raw;
    return out;
}

}  // namespace onex::sender
