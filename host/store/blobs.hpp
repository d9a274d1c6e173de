// Content on disk, found by its BLAKE3 digest: spooled uploads, packages, artifacts.
#pragma once

#include "host/async/pipe.hpp"
#include "host/store/store.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace onex::host {

struct BlobInfo {
    std::string digest;  ///< BLAKE3, 64 hex digits: the blob's id
    std::uint64_t bytes = 0;
};

/// Files under `<data_dir>/blobs`. A blob appears under its digest only when it is whole: written
/// to incoming/, fsynced, renamed, folder fsynced. What an earlier process left in incoming/ is
/// removed at start. [any thread], blocks.
class Blobs {
  public:
    static Result<std::unique_ptr<Blobs>> open(const std::string& folder);

    /// Stores what comes through `source` until it ends. Errors: what the pipe failed with,
    /// PACKAGE_TOO_LARGE (over `bytes_max`), CHECKSUM_MISMATCH (`expected_digest`, when not empty),
    /// DISK_FULL (also when less than `disk_reserve_bytes` would be left). Nothing half-made stays.
    /// `moved` hears the bytes so far after each chunk.
    Result<BlobInfo> spool(Pipe& source,
                           std::uint64_t bytes_max,
                           const std::string& expected_digest,
                           Wait wait,
                           const std::function<void(std::uint64_t bytes)>& moved = {});
    Result<BlobInfo> stat(const std::string& digest) const;
    /// A pipe that yields the blob from `offset` on; a reader thread or task of `run` fills it. The
    /// digest is verified on the way when offset is 0: a damaged blob ends with CHECKSUM_MISMATCH.
    Result<PipePtr> read(const std::string& digest,
                         std::uint64_t offset,
                         std::function<bool(std::function<void()>)> run) const;
    Result<void> remove(const std::string& digest);
    /// The file itself, for reading by this process only.
    [[nodiscard]] std::string path(const std::string& digest) const;
    [[nodiscard]] std::uint64_t free_bytes() const;

    std::uint64_t disk_reserve_bytes = 256ULL << 20;

  private:
    explicit Blobs(std::string folder);
    std::string folder_;
};

}  // namespace onex::host
