// A docker-archive on its way into the engine: its tags are replaced by one of ours, so that
// loading it can never move somebody else's tag, and what it says of itself is kept.
#pragma once

#include "package/tar.hpp"
#include "plugins/deployment_receiver/archive_contents.hpp"

#include <string>
#include <string_view>

namespace onex::receiver {

/// Feed it the plain tar that `docker save` makes. One thread at a time.
class ArchiveRetag {
  public:
    /// `reference` is "repository:tag".
    ArchiveRetag(std::string reference, package::Sink out);
    ArchiveRetag(const ArchiveRetag&) = delete;
    ArchiveRetag& operator=(const ArchiveRetag&) = delete;

    /// Errors: VALIDATION_ERROR when it holds another number of images than one; those of
    /// TarReader, ArchiveContents and `out`.
    Result<void> write(std::string_view bytes) { return reader_.write(bytes); }
    Result<void> finish();

    /// "sha256:…" of the image's configuration, by its bytes; empty if they are not in the archive.
    /// Known from finish() on.
    [[nodiscard]] std::string config_digest() const { return contents_.digest_of(config_path_); }
    /// Does `digest` stand for the image that an engine of this architecture has made of the
    /// archive and calls `loaded_id`? Engines name an image by its configuration, its manifest or a
    /// list of manifests; only what lies in the archive ties them together, never what it says.
    [[nodiscard]] bool is_same(std::string_view digest,
                               std::string_view loaded_id,
                               std::string_view architecture) const;

  private:
    Result<void> entry(const package::TarEntry& entry);
    Result<void> data(std::string_view bytes);
    Result<void> replace();
    Result<std::string> new_manifest();
    Result<std::string> new_index();

    std::string reference_;
    package::TarWriter writer_;
    package::TarReader reader_;
    package::TarEntry current_;
    bool is_collecting_ = false;
    bool has_manifest_ = false;
    bool has_index_ = false;
    std::string collected_;
    std::string config_path_;
    ArchiveContents contents_;
};

}  // namespace onex::receiver
