// What the receiver writes down: packages, images, swaps, containers and locks. All SQL is behind
// this.
#pragma once

#include <onex/host.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onex::receiver {

/// One upload. `state`: awaiting_package, receiving, ready_for_deployment, deploying, deployed,
/// failed.
struct Package {
    std::string deployment_id;
    std::string container_name;
    std::string origin;  ///< workflow, request, or unsigned: never deployed before a signed request
                         ///< names it
    std::string blob;    ///< BLAKE3 of what was uploaded; empty once it is gone
    std::int64_t bytes = 0;
    std::string version;        ///< the person's tag: "v1.2.0"
    std::string config_digest;  ///< as announced; empty: nobody said
    std::string state;
    std::string error_code;
    std::string error_message;
    std::int64_t created_us = 0;
    std::int64_t updated_us = 0;
};

/// The replacement of one container by another. `old_id` is empty when there was none.
struct Swap {
    std::string deployment_id;
    std::string container_name;
    std::string
        origin;  ///< workflow, request, or rollback: `new_id` is a container of an earlier swap
    std::string old_id;
    std::string old_policy;
    bool old_running = false;
    std::string old_spec;  ///< JSON: image, mounts and networks of the old container, for people
    std::string new_id;
    std::string requested_policy;
    std::string image_ref;
    std::string state;  ///< open, failed, committed, restored, undone
    std::string step;
    std::int64_t created_us = 0;
};

/// A tag that is ours.
struct OwnImage {
    std::string image_ref;
    std::string image_id;
};

/// Who may change the container of a name, and until when. `token` grows with each new holder, for
/// ever.
struct Lease {
    std::string deployment_id;  ///< empty: nobody
    std::string caller;
    std::int64_t token = 0;
    std::int64_t since_us = 0;    ///< wall clock
    std::int64_t expires_us = 0;  ///< monotonic clock
};

struct LeaseWish {
    std::string container_name;
    std::string deployment_id;
    std::string caller;
    std::int64_t token = 0;  ///< the one it was given; 0: none yet
    bool supersede = false;  ///< take it from whoever has it
};

/// Rows in, rows out. Each function is one transaction. [any worker]
class Journal {
  public:
    /// `lease_us`: how long a lease lasts that nobody renews.
    Journal(const Host& host, std::int64_t lease_us) : host_(host), lease_us_(lease_us) {}

    Result<std::optional<Package>> package(std::string_view deployment_id) const;
    Result<std::optional<Package>> package_with_blob(std::string_view blob) const;
    Result<std::vector<Package>> packages(std::string_view state, std::int64_t before_us) const;
    Result<void> put(const Package& package) const;
    /// Removes the package's blob, unless another package has the same one, and forgets it in the
    /// row.
    Result<void> drop_blob(Package package) const;
    /// Forgets what ended before that time.
    Result<void> prune(std::int64_t before_us) const;

    Result<void> put_image(std::string_view container_name,
                           std::string_view deployment_id,
                           std::string_view config_digest,
                           const OwnImage& image) const;
    Result<std::vector<OwnImage>> images_with_digest(std::string_view config_digest) const;
    /// {image_ref, deployment_id} of every tag made for that container.
    Result<std::vector<std::pair<std::string, std::string>>> images_of(
        std::string_view container_name) const;
    Result<void> forget_image(std::string_view image_ref) const;

    Result<std::optional<Swap>> swap(std::string_view deployment_id) const;
    /// Latest first.
    Result<std::vector<Swap>> swaps_of(std::string_view container_name) const;
    Result<std::vector<Swap>> open_swaps() const;
    Result<void> begin(const Swap& swap) const;
    Result<void> update(const Swap& swap) const;
    Result<void> forget_swap(std::string_view deployment_id) const;

    /// The id of the container that runs under that name as ours; empty when there is none.
    Result<std::string> container(std::string_view name) const;
    /// Ends a swap, and writes which container has the name now, in one transaction.
    Result<void> settle(const std::vector<Swap>& swaps,
                        std::string_view name,
                        std::string_view container_id,
                        std::string_view image_ref) const;

    /// Takes or renews the lease of that name. DEPLOYMENT_LOCKED: another deployment has it, and
    /// who; or the wish's token is not the latest, so that another one had it since.
    Result<Lease> lease(const LeaseWish& wish) const;
    /// Keeps a lease that this deployment still has; false when it has none. Takes nothing.
    Result<bool> renew_lease(std::string_view container_name, std::string_view deployment_id) const;
    /// Has another deployment taken the lease that this one had?
    Result<bool> lease_is_lost(std::string_view container_name,
                               std::string_view deployment_id,
                               std::int64_t token) const;
    Result<void> free_lease(std::string_view deployment_id) const;
    /// Once at each start: the clock of the life before says nothing now.
    Result<void> extend_leases() const;

  private:
    Result<Rows> run(bool write, std::string_view sql, const std::vector<Param>& params) const;
    std::vector<Param> columns(const Swap& swap) const;

    const Host& host_;
    std::int64_t lease_us_;
};

/// "2026-01-31T12:00:00Z".
std::string iso_time(std::int64_t time_us);

}  // namespace onex::receiver
