// What a docker-archive holds, told by its bytes and not by its names: whoever sends it has written
// both, and only the bytes are what the engine runs.
#pragma once

#include "package/sha256.hpp"
#include "package/tar.hpp"

#include <boost/json/object.hpp>

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace onex::receiver {

/// Hashes configurations and manifests as they pass, and knows which leads to which. Layers are the
/// engine's to check: it compares them with the configuration. One thread at a time.
class ArchiveContents {
  public:
    /// Every entry goes through it, before its bytes. VALIDATION_ERROR: the path is there already,
    /// or goes through a link, so that unpacked it would be something else than it says.
    Result<void> entry(const package::TarEntry& entry);
    /// CHECKSUM_MISMATCH: the bytes are not those that the name stands for.
    Result<void> data(std::string_view bytes);

    /// "sha256:…" of the bytes of a small file; empty when there is none of that path.
    [[nodiscard]] std::string digest_of(std::string_view path) const;
    /// Does it hold that manifest, or list of manifests?
    [[nodiscard]] bool has_manifest(std::string_view digest) const;
    /// Is `to` what an engine for this architecture finds when it is asked for `from`?
    [[nodiscard]] bool leads_to(std::string_view from,
                                std::string_view to,
                                std::string_view architecture) const;

  private:
    struct Child {
        std::string digest;
        std::string architecture;  ///< empty: it doesn't say
    };
    struct Manifest {
        std::string config;           ///< of an image
        std::vector<Child> children;  ///< of a list
    };
    [[nodiscard]] Result<void> check_path(const package::TarEntry& entry) const;
    Result<void> end();
    void read_manifest(const std::string& digest);

    std::map<std::string, package::EntryKind, std::less<>> paths_;
    std::map<std::string, std::string, std::less<>> digests_;  ///< by path
    std::map<std::string, Manifest, std::less<>> manifests_;   ///< by digest
    package::TarEntry current_;
    bool is_hashed_ = false;
    package::Sha256 hash_;
    std::string text_;
    std::uint64_t left_ = 0;
};

}  // namespace onex::receiver
