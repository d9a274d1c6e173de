#include "plugins/deployment_receiver/archive.hpp"

#include <onex/json.hpp>

namespace onex::receiver {

namespace {

constexpr std::uint64_t kTextBytesMax = 4 << 20;

Result<json::value> parse(const std::string& text, const char* name) {
    boost::system::error_code ec;
    auto value = json::parse(text, ec);
    if (ec)
        return fail(
            "VALIDATION_ERROR",
            std::string("the package's ") + name + " is no JSON; send what docker save makes");
    return value;
}

/// Only what engines read, by its exact name: they also take other spellings of it for the same,
/// and a second list of tags would be one that we have not replaced.
json::object only(const json::object& from, std::initializer_list<std::string_view> names) {
    json::object out;
    for (const auto name : names)
        if (const auto* value = from.if_contains(name)) out[name] = *value;
    return out;
}

}  // namespace

ArchiveRetag::ArchiveRetag(std::string reference, package::Sink out)
    : reference_(std::move(reference)),
      writer_(std::move(out)),
      reader_([this](const package::TarEntry& head) { return entry(head); },
              [this](std::string_view bytes) { return data(bytes); }) {}

Result<void> ArchiveRetag::entry(const package::TarEntry& entry) {
    current_ = entry;
    if (auto done = contents_.entry(entry); !done) return done;
    is_collecting_ =
        entry.path == "manifest.json" || entry.path == "index.json" || entry.path == "repositories";
    if (!is_collecting_)
        return entry.kind == package::EntryKind::other ? Result<void>() : writer_.add(entry);
    collected_.clear();
    if (entry.size > kTextBytesMax) {
        return fail(
            "VALIDATION_ERROR",
            "the package's " + entry.path + " is larger than 4 MiB; send what docker save makes");
    }
    return entry.size == 0 ? replace() : Result<void>();
}

Result<void> ArchiveRetag::data(std::string_view bytes) {
    if (auto done = contents_.data(bytes); !done) return done;
    if (!is_collecting_)
        return current_.kind == package::EntryKind::other ? Result<void>() : writer_.write(bytes);
    collected_ += bytes;
    return collected_.size() < current_.size ? Result<void>() : replace();
}

Result<void> ArchiveRetag::replace() {
    // The old list of tags; manifest.json says the same.
    if (current_.path == "repositories") return {};
    auto text = current_.path == "manifest.json" ? new_manifest() : new_index();
    if (!text) return std::unexpected(std::move(text).error());
    current_.size = text->size();
    if (auto done = writer_.add(current_); !done) return done;
    return writer_.write(*text);
}

Result<std::string> ArchiveRetag::new_manifest() {
    auto value = parse(collected_, "manifest.json");
    if (!value) return std::unexpected(std::move(value).error());
    if (!value->is_array() || value->as_array().size() != 1 || !value->as_array()[0].is_object()) {
        return fail("VALIDATION_ERROR",
                    "the package must hold exactly one image; send one with docker save NAME:TAG");
    }
    auto image =
        only(value->as_array()[0].as_object(), {"Config", "Layers", "LayerSources", "Parent"});
    config_path_ = get_text(image, "Config");
    image["RepoTags"] = json::array{json::value(reference_)};
    has_manifest_ = true;
    return json::serialize(json::array{std::move(image)});
}

Result<std::string> ArchiveRetag::new_index() {
    auto value = parse(collected_, "index.json");
    if (!value) return std::unexpected(std::move(value).error());
    const auto bad = [] {
        return fail("VALIDATION_ERROR",
                    "the package's index.json must name exactly one image; send one with docker "
                    "save NAME:TAG");
    };
    const auto* manifests =
        value->is_object() ? value->as_object().if_contains("manifests") : nullptr;
    if (!manifests || !manifests->is_array()) return bad();
    // One image with several tags stands there once for each.
    json::object manifest;
    for (const auto& one : manifests->as_array()) {
        if (!one.is_object()) return bad();
        auto kept =
            only(one.as_object(), {"mediaType", "digest", "size", "platform", "artifactType"});
        if (manifest.empty()) manifest = kept;
        if (get_text(kept, "digest") != get_text(manifest, "digest")) return bad();
    }
    if (get_text(manifest, "digest").empty()) return bad();
    manifest["annotations"] = json::object{
        {"io.containerd.image.name", "docker.io/" + reference_},
        {"org.opencontainers.image.ref.name", reference_.substr(reference_.rfind(':') + 1)}};
    auto index = only(value->as_object(), {"schemaVersion", "mediaType"});
    index["manifests"] = json::array{std::move(manifest)};
    has_index_ = true;
    return json::serialize(index);
}

bool ArchiveRetag::is_same(std::string_view digest,
                           std::string_view loaded_id,
                           std::string_view architecture) const {
    if (digest.empty()) return false;
    if (digest == loaded_id || contents_.leads_to(loaded_id, digest, architecture) ||
        contents_.leads_to(digest, loaded_id, architecture))
        return true;
    // Without an index an engine that needs a manifest makes one, around this configuration.
    return !has_index_ && !contents_.has_manifest(loaded_id) && digest == config_digest();
}

Result<void> ArchiveRetag::finish() {
    if (auto done = reader_.finish(); !done) return done;
    if (!has_manifest_) {
        return fail("VALIDATION_ERROR",
                    "the package holds no manifest.json; send what docker save makes");
    }
    return writer_.finish();
}

}  // namespace onex::receiver
