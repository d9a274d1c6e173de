// A docker-archive on its way into the engine: its tags are replaced by one of ours, so that
// loading it can never move somebody else's tag, and what it says of itself is kept.
#pragma once

#include "package/tar.hpp"

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

    /// Errors: VALIDATION_ERROR when it holds another number of images than one; those of TarReader
    /// and `out`.
    Result<void> write(std::string_view bytes) { return reader_.write(bytes); }
    Result<void> finish();

    /// "sha256:…" of the image's configuration, as manifest.json names it; empty if it doesn't.
    [[nodiscard]] const std::string& config_digest() const { return config_digest_; }
    /// "sha256:…" of its manifest, as index.json names it; empty if there is none.
    [[nodiscard]] const std::string& index_digest() const { return index_digest_; }

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
    std::string collected_;
    std::string config_digest_;
    std::string index_digest_;
};

}  // namespace onex::receiver
