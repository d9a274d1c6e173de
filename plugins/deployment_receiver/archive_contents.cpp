#include "plugins/deployment_receiver/archive_contents.hpp"

#include <onex/json.hpp>

#include <algorithm>
#include <initializer_list>

namespace onex::receiver {

namespace {

using package::EntryKind;

constexpr std::uint64_t kHashedBytesMax = 4 << 20;
constexpr std::size_t kEntriesMax = 20'000;
constexpr int kManifestsDeep = 3;

/// What the bytes of that path have to be, as "sha256:<hex>"; empty: the name doesn't say.
std::string claimed(std::string_view path) {
    if (path.starts_with("blobs/sha256/"))
        path.remove_prefix(13);
    else if (path.ends_with(".json"))
        path.remove_suffix(5);
    else
        return {};
    const bool is_hex = std::ranges::all_of(
        path, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    return is_hex && path.size() == 64 ? "sha256:" + std::string(path) : std::string();
}

bool is_plain(std::string_view path) {
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        const auto part = path.substr(at, end - at);
        if (part.empty() || part == "." || part == "..") return false;
        at = end + 1;
    }
    return true;
}

/// Engines read names of fields whatever their case; a second spelling would be another reading.
bool is_unambiguous(const json::object& object, std::initializer_list<std::string_view> names) {
    for (const auto& entry : object) {
        std::string lower(entry.key());
        for (char& c : lower)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        for (const auto name : names)
            if (lower == name && entry.key() != name) return false;
    }
    return true;
}

}  // namespace

Result<void> ArchiveContents::check_path(const package::TarEntry& entry) const {
    const auto refuse = [&](const char* what) {
        return fail("VALIDATION_ERROR",
                    "the package's entry \"" + entry.path.substr(0, 200) + "\" " + what +
                        "; send what docker save makes");
    };
    if (!is_plain(entry.path)) return refuse("is no plain path");
    if (paths_.size() >= kEntriesMax) return refuse("is one too many");
    const auto before = paths_.find(entry.path);
    if (before != paths_.end() &&
        (before->second != EntryKind::folder || entry.kind != EntryKind::folder))
        return refuse("is there twice");
    for (auto at = entry.path.find('/'); at != std::string::npos;
         at = entry.path.find('/', at + 1)) {
        const auto above = paths_.find(std::string_view(entry.path).substr(0, at));
        if (above != paths_.end() && above->second != EntryKind::folder)
            return refuse("goes through something that is no folder");
    }
    // A folder that was never an entry of its own may not become a link afterwards.
    if (entry.kind != EntryKind::folder) {
        const auto below = paths_.lower_bound(entry.path + "/");
        if (below != paths_.end() && below->first.starts_with(entry.path + "/"))
            return refuse("is a folder, too");
    }
    return {};
}

Result<void> ArchiveContents::entry(const package::TarEntry& entry) {
    if (auto done = check_path(entry); !done) return done;
    paths_.insert_or_assign(entry.path, entry.kind);
    current_ = entry;
    is_hashed_ = entry.kind == EntryKind::file && entry.size <= kHashedBytesMax;
    left_ = entry.size;
    text_.clear();
    return is_hashed_ && left_ == 0 ? end() : Result<void>();
}

Result<void> ArchiveContents::data(std::string_view bytes) {
    if (!is_hashed_) return {};
    hash_.add(bytes);
    // Manifests are objects; a layer isn't worth keeping.
    if (left_ == current_.size ? bytes.starts_with('{') : !text_.empty()) text_ += bytes;
    left_ -= std::min<std::uint64_t>(left_, bytes.size());
    return left_ == 0 ? end() : Result<void>();
}

Result<void> ArchiveContents::end() {
    const auto digest = "sha256:" + hash_.finish();
    const auto name = claimed(current_.path);
    if (!name.empty() && name != digest) {
        return fail("CHECKSUM_MISMATCH",
                    "the package's entry " + current_.path +
                        " holds other bytes than its name says; send the package again");
    }
    digests_.insert_or_assign(current_.path, digest);
    if (!text_.empty()) read_manifest(digest);
    return {};
}

void ArchiveContents::read_manifest(const std::string& digest) {
    const auto read = parse_object(text_);
    text_.clear();
    if (!read || !is_unambiguous(*read, {"config", "manifests"})) return;
    const auto& config = get_object(*read, "config");
    const auto* list = read->if_contains("manifests");
    Manifest out;
    if (list) {
        if (!list->is_array() || read->contains("config")) return;
        for (const auto& value : list->as_array()) {
            if (!value.is_object()) return;
            const auto& child = value.as_object();
            const auto& platform = get_object(child, "platform");
            if (!is_unambiguous(child, {"digest", "platform"}) ||
                !is_unambiguous(platform, {"architecture", "os"}))
                return;
            out.children.push_back({get_text(child, "digest"), get_text(platform, "architecture")});
        }
    } else {
        if (!is_unambiguous(config, {"digest"})) return;
        out.config = get_text(config, "digest");
        if (out.config.empty()) return;
    }
    manifests_.insert_or_assign(digest, std::move(out));
}

std::string ArchiveContents::digest_of(std::string_view path) const {
    const auto found = digests_.find(path);
    return found == digests_.end() ? std::string() : found->second;
}

bool ArchiveContents::has_manifest(std::string_view digest) const {
    return manifests_.contains(digest);
}

bool ArchiveContents::leads_to(std::string_view from,
                               std::string_view to,
                               std::string_view architecture) const {
    std::string at(from);
    for (int depth = 0; depth < kManifestsDeep; ++depth) {
        const auto found = manifests_.find(at);
        if (found == manifests_.end()) return false;
        const auto& manifest = found->second;
        if (!manifest.config.empty()) return manifest.config == to;
        // Which of two an engine takes is its own affair; then neither is what it has.
        std::vector<std::string> fitting;
        for (const auto& child : manifest.children) {
            if (child.architecture.empty() || child.architecture == architecture)
                fitting.push_back(child.digest);
        }
        if (fitting.size() != 1) return false;
        at = fitting.front();
        if (at == to) return true;
    }
    return false;
}

}  // namespace onex::receiver
