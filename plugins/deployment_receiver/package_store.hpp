// The packages of versions that a rollback may need, kept within a budget: what stays when somebody
// prunes the engine.
#pragma once

#include "plugins/deployment_receiver/journal.hpp"
#include "plugins/deployment_receiver/tell.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace onex::receiver {

/// Of `stored` (latest first), what goes: what nobody needs, a second one of the same image, and
/// the least needed until the rest is within `bytes_max`. `needs`: config digest → how soon (0: it
/// runs). Pure.
std::vector<Package> surplus(const std::vector<Package>& stored,
                             const std::map<std::string, int>& needs,
                             std::uint64_t bytes_max);

/// All of it is in the rows of the journal and the host's blobs. [any worker]
class PackageStore {
  public:
    /// `bytes_max` 0: nothing is kept.
    PackageStore(const Host& host, const Journal& journal, std::uint64_t bytes_max)
        : host_(host), journal_(journal), bytes_max_(bytes_max) {}

    [[nodiscard]] bool is_on() const { return bytes_max_ > 0; }
    /// Lets go of what is too much. `coming_bytes`: a package that is about to be loaded counts,
    /// too; `free_bytes`: so much of the disk shall be free afterwards, if that can be had. A
    /// failure is logged: the next round tries again.
    void collect(std::uint64_t coming_bytes = 0, std::uint64_t free_bytes = 0) const;
    /// Packages that hold the image of a deployment, its own first, whose file is there. Without
    /// a `config_digest` only its own.
    [[nodiscard]] Result<std::vector<Package>> find(std::string_view deployment_id,
                                                    std::string_view config_digest) const;
    /// Reads the package once and compares its BLAKE3. CHECKSUM_MISMATCH: it is damaged.
    [[nodiscard]] Result<void> verify(const Package& package, const Tell& tell, Wait wait) const;

  private:
    const Host& host_;
    const Journal& journal_;
    std::uint64_t bytes_max_;
};

}  // namespace onex::receiver
