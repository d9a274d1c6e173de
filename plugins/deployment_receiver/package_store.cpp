#include "plugins/deployment_receiver/package_store.hpp"

#include <algorithm>
#include <set>

namespace onex::receiver {

namespace {
constexpr std::uint64_t kTellBytes = 16 << 20;  // Reading is progress, too.
}  // namespace

std::vector<Package> surplus(const std::vector<Package>& stored,
                             const std::map<std::string, int>& needs,
                             std::uint64_t bytes_max) {
    std::vector<Package> out;
    std::multimap<int, Package> needed;  // Equal ranks stay in their order.
    for (const auto& package : stored) {
        const auto need = needs.find(package.config_digest);
        if (need == needs.end())
            out.push_back(package);
        else
            needed.emplace(need->second, package);
    }
    std::set<std::string> digests;
    std::set<std::string> blobs;
    std::uint64_t bytes = 0;
    for (auto& [rank, package] : needed) {
        const auto more =
            blobs.contains(package.blob) ? 0 : static_cast<std::uint64_t>(package.bytes);
        if (digests.contains(package.config_digest) || bytes + more > bytes_max) {
            out.push_back(std::move(package));
            continue;
        }
        bytes += more;
        digests.insert(package.config_digest);
        blobs.insert(package.blob);
    }
    return out;
}

void PackageStore::collect(std::uint64_t coming_bytes, std::uint64_t free_bytes) const {
    const auto warn = [&](const Error& error) {
        host_.log(LogLevel::warn, "the package store could not be pruned: " + error.message);
    };
    if (auto done = journal_.forget_blueprints(); !done) warn(done.error());
    const auto stored = journal_.stored_packages();
    if (!stored) return warn(stored.error());
    const auto wanted = journal_.needs();
    if (!wanted) return warn(wanted.error());
    std::map<std::string, int> needs;
    for (const auto& need : *wanted) {
        auto& rank = needs.try_emplace(need.config_digest, need.rank).first->second;
        rank = std::min(rank, need.rank);
    }
    auto bytes_max = bytes_max_ - std::min(bytes_max_, coming_bytes);
    if (const auto free = free_bytes == 0 ? 0 : host_.blob_free_bytes(); free < free_bytes) {
        std::uint64_t held = 0;
        for (const auto& package : *stored)
            held += static_cast<std::uint64_t>(package.bytes);
        bytes_max = std::min(bytes_max, held - std::min(held, free_bytes - free));
    }
    for (const auto& package : surplus(*stored, needs, bytes_max)) {
        host_.log(LogLevel::info,
                  "the package of deployment " + package.deployment_id + " of " +
                      package.container_name + " (" + std::to_string(package.bytes >> 10) +
                      " KiB) is let go of" +
                      (needs.contains(package.config_digest)
                           ? ": package_store_bytes holds those that are needed more"
                           : ": nothing goes back to it"));
        if (auto done = journal_.drop_blob(package); !done) warn(done.error());
    }
}

Result<std::vector<Package>> PackageStore::find(std::string_view deployment_id,
                                                std::string_view config_digest) const {
    auto stored = journal_.stored_packages();
    if (!stored) return stored;
    std::erase_if(*stored, [&](const Package& package) {
        const bool is_own = package.deployment_id == deployment_id;
        const bool is_same = !config_digest.empty() && package.config_digest == config_digest;
        return (!is_own && !is_same) || !host_.stat_blob(package.blob);
    });
    const auto own = std::ranges::find(*stored, deployment_id, &Package::deployment_id);
    if (own != stored->end()) std::rotate(stored->begin(), own, own + 1);
    return stored;
}

Result<void> PackageStore::verify(const Package& package, const Tell& tell, Wait wait) const {
    auto stream = host_.open_blob(package.blob);
    if (!stream) return std::unexpected(std::move(stream).error());
    std::uint64_t untold = 0;
    while (true) {
        auto buffer = stream->read(wait);
        if (!buffer) {
            if (buffer.error().code != "CHECKSUM_MISMATCH") return std::unexpected(buffer.error());
            return fail("CHECKSUM_MISMATCH",
                        "the package that is kept of it is damaged on disk (BLAKE3 " +
                            package.blob.substr(0, 12) +
                            "… does not match); deploy that version again");
        }
        if (!*buffer) return {};
        untold += buffer->text().size();
        if (untold < kTellBytes) continue;
        tell.step();
        untold = 0;
    }
}

}  // namespace onex::receiver
