#include "plugins/deployment_receiver/archive.hpp"

#include <onex/json.hpp>

namespace onex::receiver {

namespace {

constexpr std::uint64_t kTextBytesMax = 4 << 20;

/// "blobs/sha256/<hex>" or "<hex>.json" → "sha256:<hex>".
std::string digest_of(std::string_view path) {
    if (const auto slash = path.rfind('/'); slash != std::string_view::npos)
        path.remove_prefix(slash + 1);
    if (path.ends_with(".json")) path.remove_suffix(5);
    return path.size() == 64 ? "sha256:" + std::string(path) : std::string();
}

Result<json::value> parse(const std::string& text, const char* name) {
    boost::system::error_code ec;
    auto value = json::parse(text, ec);
    if (ec)
        return fail(
            "VALIDATION_ERROR",
            std::string("the package's ") + name + " is no JSON; send what docker save makes");
    return value;
}

}  // namespace

ArchiveRetag::ArchiveRetag(std::string reference, package::Sink out)
    : reference_(std::move(reference)),
      writer_(std::move(out)),
      reader_([this](const package::TarEntry& head) { return entry(head); },
              [this](std::string_view bytes) { return data(bytes); }) {}

Result<void> ArchiveRetag::entry(const package::TarEntry& entry) {
    current_ = entry;
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
    auto& image = value->as_array()[0].as_object();
    config_digest_ = digest_of(get_text(image, "Config"));
    image["RepoTags"] = json::array{json::value(reference_)};
    has_manifest_ = true;
    return json::serialize(*value);
}

Result<std::string> ArchiveRetag::new_index() {
    auto value = parse(collected_, "index.json");
    if (!value) return std::unexpected(std::move(value).error());
    auto* manifests = value->is_object() ? value->as_object().if_contains("manifests") : nullptr;
    if (!manifests || !manifests->is_array()) return json::serialize(*value);
    for (auto& manifest : manifests->as_array()) {
        if (!manifest.is_object()) continue;
        index_digest_ = get_text(manifest.as_object(), "digest");
        manifest.as_object()["annotations"] = json::object{
            {"io.containerd.image.name", "docker.io/" + reference_},
            {"org.opencontainers.image.ref.name", reference_.substr(reference_.rfind(':') + 1)}};
    }
    return json::serialize(*value);
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
