// What a packed image says of itself: manifest.json of a docker-archive. Pure.
#pragma once

#include "package/compress.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace onex::sender {

/// The first image of an archive.
struct PackageManifest {
    std::string config_digest;  ///< "sha256:…"
    std::string tag;            ///< its first RepoTag, or empty
};

/// Reads a compressed archive that `feed` hands over piece by piece. Errors: CHECKSUM_MISMATCH when
/// it is damaged or no image; PACKAGE_TOO_LARGE over `bytes_max` uncompressed bytes; those of
/// `feed`.
[[nodiscard]] Result<PackageManifest> read_package_manifest(
    std::string_view compression,
    std::uint64_t bytes_max,
    const std::function<Result<void>(const package::Sink& sink)>& feed);

/// How a package is compressed, by its first bytes.
[[nodiscard]] std::string_view compression_of(std::string_view first_bytes);

}  // namespace onex::sender
