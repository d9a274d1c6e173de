// The swap of one container for another (semantics 10.3): each step looks at what is there and does
// what is missing, so that it may be repeated after a crash at any line.
#pragma once

#include "docker/engine.hpp"
#include "plugins/deployment_receiver/blueprint.hpp"
#include "plugins/deployment_receiver/images.hpp"
#include "plugins/deployment_receiver/journal.hpp"
#include "plugins/deployment_receiver/package_store.hpp"
#include "plugins/deployment_receiver/spec.hpp"
#include "plugins/deployment_receiver/tell.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onex::receiver {

struct SwapSettings {
    std::string name_space;
    std::string host;             ///< for messages
    std::string publish_address;  ///< of published ports
    int keep_previous = 5;
    int stop_grace_s = 10;
};

/// What restore() found and did.
struct Restored {
    bool is_restored = false;  ///< the previous container stands under its own name again
    bool is_anew = false;      ///< it had been removed: another object, made as it was
    std::string container_id;
    std::string log;  ///< last lines of the container that was removed
};

/// A container that a rollback can bring back.
struct Level {
    int steps = 0;  ///< deployments back, from 1
    std::string container_id;
    std::string version;
    std::string image;
    std::string created;
    std::string comes_from;  ///< container, image or package: what a rollback would take now
    /// package: it comes back whatever is pruned; image: it needs the engine's image; container:
    /// only the container itself can come back.
    std::string depends_on;
};

/// How far back: so many deployments, or to the latest one of a version.
struct HowFar {
    int steps = 1;
    std::string version;  ///< empty: steps count
};

/// What undo() did.
struct Undone {
    std::string container_id;
    std::string version;
    std::string retired_id;
    bool is_anew = false;  ///< it had been removed: another object, made as it was
};

/// Order: begin → replace → start → commit; restore goes back from anywhere before commit. Errors,
/// beside those of Engine and Journal: POLICY_DENIED, DEPLOYMENT_FAILED, ROLLBACK_FAILED, CONFLICT,
/// NOT_FOUND.
class Swapper {
  public:
    Swapper(const Host& host,
            docker::Engine& engine,
            const Journal& journal,
            Images& images,
            const PackageStore& store,
            SwapSettings settings)
        : host_(host),
          engine_(engine),
          journal_(journal),
          images_(images),
          store_(store),
          settings_(std::move(settings)) {}

    /// Looks at the container of that name, writes the row, and takes its restart policy away. The
    /// old container goes on running.
    Result<Swap> begin(std::string_view name,
                       std::string_view deployment_id,
                       std::string_view origin,
                       const ContainerSpec& spec,
                       Wait wait);
    /// Renames and stops the old container, and creates the new one. Answers the row with its id.
    Result<Swap> replace(Swap swap,
                         const ContainerSpec& spec,
                         const Identity& identity,
                         const Tell& tell,
                         Wait wait);
    /// Starts the new container. DEPLOYMENT_FAILED says which port is taken.
    Result<void> start(Swap swap, const ContainerSpec& spec, Wait wait);
    /// The new container is good: gives it the requested restart policy, and lets go of what is
    /// older than the last `keep_previous`. No open swap of that deployment: nothing to do.
    Result<void> commit(std::string_view deployment_id, Wait wait);
    /// The run ended badly and nobody rolls back: both containers stay to be looked at.
    Result<void> abandon(std::string_view deployment_id);
    /// A person has dealt with a swap that could neither be completed nor rolled back; `state` is
    /// restored or undone. What is settled already stays so.
    Result<void> settle_by_hand(std::string_view deployment_id, std::string_view state);
    /// Removes the new container and puts the previous one back; if somebody has removed that, it
    /// is made anew from what was written down, and its image from the package store.
    Result<Restored> restore(std::string_view deployment_id,
                             std::string_view name,
                             const Tell& tell,
                             Wait wait);
    /// What is kept of that name, the latest first. Changes nothing.
    Result<std::vector<Level>> levels(std::string_view name, Wait wait) const;
    /// Puts the container back that was there before, and keeps the present one, stopped. One that
    /// somebody has removed is made anew; until it stands, the present one serves.
    Result<Undone> undo(std::string_view name,
                        std::string_view rollback_id,
                        HowFar how_far,
                        const Tell& tell,
                        Wait wait);

    /// The address of a container on this machine: "http://127.0.0.1:8080", by its first published
    /// TCP port (at the address it is published on), its own address when nothing is published,
    /// 127.0.0.1 on the host's network. Empty when it has none.
    static std::string base_url(const json::object& inspected, const ContainerSpec& spec);
    /// "172.17.0.2:5432": where a TCP port of a container takes connections, seen from this
    /// machine; 0: the first published one. Empty when there is none.
    [[nodiscard]] static std::string address_of(const json::object& inspected,
                                                const ContainerSpec& spec,
                                                std::int64_t port);

  private:
    [[nodiscard]] Result<bool> is_ours(const json::object& inspected, std::string_view name) const;
    /// Settles what earlier deployments of that name have left.
    Result<void> close_older(std::string_view name, std::string_view deployment_id, Wait wait);
    /// Those that have ended without commit or rollback, `but` one.
    Result<std::vector<Swap>> left_by(std::string_view name, std::string_view but) const;
    Result<bool> new_one_runs(const Swap& swap, Wait wait);
    /// How many deployments this rollback takes back because they had failed; the same number when
    /// it is repeated.
    Result<int> take_back_failed(std::string_view name, std::string_view rollback_id, Wait wait);
    Result<void> retire(const Swap& swap, std::string_view role, Wait wait);
    Result<std::string> bring_back(const Swap& swap, Wait wait);
    Result<std::string> discard_new(const Swap& swap, Wait wait);
    Result<Swap> begin_undo(std::string_view name,
                            std::string_view rollback_id,
                            int steps,
                            const Tell& tell,
                            Wait wait);
    struct Kept {
        Swap swap;
        Level level;
    };
    struct WayBack {
        std::string comes_from;  ///< empty: it can't
        std::string depends_on;
    };
    // swap_anew.cpp
    [[nodiscard]] Result<std::vector<Kept>> kept_of(std::string_view name, Wait wait) const;
    [[nodiscard]] Result<WayBack> way_back(const Swap& past, bool stands, Wait wait) const;
    [[nodiscard]] Result<std::optional<Blueprint>> blueprint_for(const Swap& past) const;
    [[nodiscard]] Result<std::string> foreign_image(const Blueprint& blueprint, Wait wait) const;
    Result<std::string> image_for(const Blueprint& blueprint,
                                  const Swap& past,
                                  const Tell& tell,
                                  Wait wait);
    /// Makes the old container of that swap again, stopped, under the name it had when it made
    /// room.
    Result<void> remake(Swap& swap, std::string_view role, const Tell& tell, Wait wait);

    Result<std::vector<Swap>> undone_by(const Swap& rollback);
    void prune(std::string_view name, Wait wait);

    const Host& host_;
    docker::Engine& engine_;
    const Journal& journal_;
    Images& images_;
    const PackageStore& store_;
    SwapSettings settings_;
};

// What an inspected container says.
std::string container_id(const json::object& inspected);
std::string container_name(const json::object& inspected);  ///< without the slash
std::string container_label(const json::object& inspected, std::string_view label);
std::string container_policy(const json::object& inspected);  ///< "on-failure:5"
bool container_running(const json::object& inspected);

/// The host port that Docker's message says is taken; 0 when it says something else.
int taken_port(std::string_view message);

}  // namespace onex::receiver
