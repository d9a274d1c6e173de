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
    std::string blob;  ///< BLAKE3 of what was uploaded; empty once it is gone. One that is deployed
                       ///< has it while the package store keeps it
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
    std::string old_spec;  ///< JSON: the old container's deployment, version, image, mounts and
                           ///< networks, for people
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
    /// Those that nobody needs who has not touched them since that time: uploads that were never
    /// deployed, or whose deployment has broken off, and what failed ones have left.
    Result<std::vector<Package>> old_packages(std::int64_t before_us) const;
    Result<void> put(const Package& package) const;
    /// The same for one that is only waited for: what has come or is coming stays as it is.
    Result<void> put_awaited(const Package& package) const;
    /// The same, when `package` has come: UNAVAILABLE if its blob was removed in the meantime, as
    /// one that nobody needed.
    Result<void> put_arrived(const Package& package) const;
    /// Removes the package's blob, unless another package has the same one, and forgets it in the
    /// row. A row that has changed since `package` was read stays, and its blob with it.
    Result<void> drop_blob(Package package) const;
    /// Those of deployments that went well, the latest first.
    Result<std::vector<Package>> stored_packages() const;
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
    /// The config digest of a deployment's image; empty when it is not known.
    Result<std::string> image_digest(std::string_view container_name,
                                     std::string_view deployment_id) const;

    Result<std::optional<Swap>> swap(std::string_view deployment_id) const;
    /// Latest first.
    Result<std::vector<Swap>> swaps_of(std::string_view container_name) const;
    /// What a request has begun and nobody goes on with: no lease of its name lives.
    Result<std::vector<Swap>> cut_off_swaps() const;
    /// A row that is there stays, unless it was only planned. `blueprint`: the old container, so
    /// that it can be made anew; it holds secrets.
    Result<void> begin(const Swap& swap, std::string_view blueprint) const;
    Result<void> update(const Swap& swap) const;

    /// Of the container that this deployment has replaced; empty when none is kept.
    Result<std::string> blueprint(std::string_view deployment_id) const;
    Result<void> forget_blueprint(std::string_view deployment_id) const;
    /// Those of swaps that nothing goes back to any more.
    Result<void> forget_blueprints() const;
    /// The old container of `swap` was lost and stands anew as `made_id`: in all rows, from now on.
    Result<void> remade(Swap& swap, std::string_view made_id) const;
    /// The image of a deployment that runs, or that a rollback may go back to.
    struct Need {
        std::string config_digest;
        int rank = 0;  ///< 0: it runs; n: the nth to go back to
    };
    Result<std::vector<Need>> needs() const;

    /// The id of the container that runs under that name as ours; empty when there is none.
    Result<std::string> container(std::string_view name) const;
    /// Ends a swap, and writes which container has the name now, in one transaction.
    Result<void> settle(const std::vector<Swap>& swaps,
                        std::string_view name,
                        std::string_view container_id,
                        std::string_view image_ref) const;

    /// Takes or renews the lease of that name. DEPLOYMENT_LOCKED: another deployment has it, and
    /// who; or the wish's token is not the latest, so that another one had it since. POLICY_DENIED:
    /// the deployment is another peer's.
    Result<Lease> lease(const LeaseWish& wish) const;
    /// POLICY_DENIED when another peer has a lease for this deployment. Who calls from this host
    /// may do so for any: a run that was handed over goes on here.
    Result<void> check_caller(std::string_view deployment_id, std::string_view caller) const;
    /// Keeps a lease that this deployment still has; false when it has none. Takes nothing.
    Result<bool> renew_lease(std::string_view container_name, std::string_view deployment_id) const;
    /// Has another deployment taken the lease that this one had?
    Result<bool> lease_is_lost(std::string_view container_name,
                               std::string_view deployment_id,
                               std::int64_t token) const;
    Result<void> free_lease(std::string_view deployment_id) const;
    /// Once at each start: the clock of the life before says nothing now. Those of requests are
    /// free: who carried them out has ended with the process.
    Result<void> extend_leases() const;

  private:
    Result<Rows> run(bool write, std::string_view sql, const std::vector<Param>& params) const;
    [[nodiscard]] std::vector<Param> package_columns(const Package& package) const;
    std::vector<Param> columns(const Swap& swap) const;

    const Host& host_;
    std::int64_t lease_us_;
};

/// The step of a rollback that has not begun yet: its row says which failed deployments it takes
/// back first.
inline constexpr const char* kPlanned = "planned";

/// The step of a swap whose old container was lost and stands anew.
inline constexpr const char* kRemade = "remade";

/// "2026-01-31T12:00:00Z".
std::string iso_time(std::int64_t time_us);

}  // namespace onex::receiver
