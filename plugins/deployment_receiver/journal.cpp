#include "plugins/deployment_receiver/journal.hpp"

#include "receiver_sql.hpp"

#include <onex/json.hpp>

#include <array>
#include <ctime>

namespace onex::receiver {

namespace {

constexpr std::int64_t kStoreMs = 10'000;

Package to_package(const Row& row) {
    return {text(row, 0),
            text(row, 1),
            text(row, 2),
            text(row, 3),
            number(row, 4),
            text(row, 5),
            text(row, 6),
            text(row, 7),
            text(row, 8),
            text(row, 9),
            number(row, 10),
            number(row, 11)};
}

Lease to_lease(const Row& row) {
    return {text(row, 0), text(row, 1), number(row, 2), number(row, 3), number(row, 4)};
}

Swap to_swap(const Row& row) {
    return {text(row, 0),
            text(row, 1),
            text(row, 2),
            text(row, 3),
            text(row, 4),
            number(row, 5) != 0,
            text(row, 6),
            text(row, 7),
            text(row, 8),
            text(row, 9),
            text(row, 10),
            text(row, 11),
            number(row, 12)};
}

/// Values must outlive the call: a Param keeps its own copy.
Value value(std::string_view text) {
    return std::string(text);
}

template <class T, class Convert>
Result<std::optional<T>> first(Result<Rows> rows, Convert convert) {
    if (!rows) return std::unexpected(std::move(rows).error());
    if (rows->rows.empty()) return std::optional<T>();
    return std::optional<T>(convert(rows->rows.front()));
}

template <class T, class Convert>
Result<std::vector<T>> all(Result<Rows> rows, Convert convert) {
    if (!rows) return std::unexpected(std::move(rows).error());
    std::vector<T> out;
    out.reserve(rows->rows.size());
    for (const auto& row : rows->rows)
        out.push_back(convert(row));
    return out;
}

/// The only column of the only row; empty without one.
Result<std::string> first_text(Result<Rows> rows) {
    if (!rows) return std::unexpected(std::move(rows).error());
    return rows->rows.empty() ? std::string() : text(rows->rows.front(), 0);
}

Result<void> nothing(Result<Rows> rows) {
    if (!rows) return std::unexpected(std::move(rows).error());
    return {};
}

Result<void> same_peer(std::string_view deployment_id,
                       const std::string& owner,
                       std::string_view caller) {
    if (owner == caller || !owner.starts_with("peer:") || !caller.starts_with("peer:")) return {};
    return fail("POLICY_DENIED",
                "deployment " + std::string(deployment_id) + " was begun by " + owner + "; " +
                    std::string(caller) + " may neither go on with it nor end it");
}

}  // namespace

std::string iso_time(std::int64_t time_us) {
    const auto seconds = static_cast<std::time_t>(time_us / 1'000'000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> out{};
    const auto size = std::strftime(out.data(), out.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {out.data(), size};
}

Result<Rows> Journal::run(bool write,
                          std::string_view sql,
                          const std::vector<Param>& params) const {
    return host_.execute(write, sql, params, cleanup(kStoreMs));
}

Result<std::optional<Package>> Journal::package(std::string_view deployment_id) const {
    return first<Package>(run(false, sql::read_package, {{"deployment_id", value(deployment_id)}}),
                          to_package);
}

Result<std::optional<Package>> Journal::package_with_blob(std::string_view blob) const {
    return first<Package>(run(false, sql::find_package_by_blob, {{"blob", value(blob)}}),
                          to_package);
}

Result<std::vector<Package>> Journal::packages(std::string_view state,
                                               std::int64_t before_us) const {
    return all<Package>(
        run(false, sql::packages_in_state, {{"state", value(state)}, {"before_us", before_us}}),
        to_package);
}

Result<std::vector<Package>> Journal::old_packages(std::int64_t before_us) const {
    return all<Package>(
        run(false, sql::old_packages, {{"before_us", before_us}, {"now_us", host_.monotonic_us()}}),
        to_package);
}

std::vector<Param> Journal::package_columns(const Package& package) const {
    return {{"deployment_id", package.deployment_id},
            {"container_name", package.container_name},
            {"origin", package.origin},
            {"blob", package.blob},
            {"bytes", package.bytes},
            {"version", package.version},
            {"config_digest", package.config_digest},
            {"state", package.state},
            {"error_code", package.error_code},
            {"error_message", package.error_message},
            {"now_us", host_.wall_us()}};
}

Result<void> Journal::put(const Package& package) const {
    return nothing(run(true, sql::put_package, package_columns(package)));
}

Result<void> Journal::put_awaited(const Package& package) const {
    return nothing(run(true, sql::put_awaited_package, package_columns(package)));
}

Result<void> Journal::put_arrived(const Package& package) const {
    // Other generations and receivers of this host drop blobs, too: only a transaction is between
    // us.
    auto tx = host_.begin(true, cleanup(kStoreMs));
    if (!tx) return std::unexpected(std::move(tx).error());
    auto done = nothing(tx->execute(sql::put_package, package_columns(package)));
    if (done) done = nothing(tx->execute(sql::lock_blob_users, {{"blob", package.blob}}));
    if (!done) return done;
    if (!host_.stat_blob(package.blob)) {
        return fail("UNAVAILABLE",
                    "the package was removed while it came, as an older one that nobody needed; "
                    "send it again");
    }
    return tx->commit();
}

// The file goes first: a crash in between leaves a row, which the next round finds, and never a
// file that nobody knows of.
Result<void> Journal::drop_blob(Package package) const {
    const auto blob = std::exchange(package.blob, {});
    if (blob.empty()) return {};
    auto tx = host_.begin(true, cleanup(kStoreMs));
    if (!tx) return std::unexpected(std::move(tx).error());
    if (auto done = nothing(tx->execute(sql::lock_blob_users, {{"blob", blob}})); !done)
        return done;
    const auto now = first<Package>(
        tx->execute(sql::read_package, {{"deployment_id", package.deployment_id}}), to_package);
    if (!now) return std::unexpected(now.error());
    if (!*now || (*now)->blob != blob || (*now)->updated_us != package.updated_us) return {};
    const auto users = tx->execute(sql::other_blob_users,
                                   {{"blob", blob}, {"deployment_id", package.deployment_id}});
    if (!users) return std::unexpected(users.error());
    if (number(users->rows.front(), 0) == 0) {
        auto removed = host_.remove_blob(blob);
        if (!removed && removed.error().code != "NOT_FOUND") return removed;
    }
    if (auto done = nothing(tx->execute(sql::put_package, package_columns(package))); !done)
        return done;
    return tx->commit();
}

Result<std::vector<Package>> Journal::stored_packages() const {
    return all<Package>(run(false, sql::stored_packages, {}), to_package);
}

Result<void> Journal::prune(std::int64_t before_us) const {
    if (auto done = nothing(run(true, sql::delete_swaps_before, {{"before_us", before_us}})); !done)
        return done;
    return nothing(run(true, sql::delete_packages_before, {{"before_us", before_us}}));
}

Result<void> Journal::put_image(std::string_view container_name,
                                std::string_view deployment_id,
                                std::string_view config_digest,
                                const OwnImage& image) const {
    return nothing(run(true,
                       sql::put_image,
                       {{"image_ref", image.image_ref},
                        {"container_name", value(container_name)},
                        {"deployment_id", value(deployment_id)},
                        {"config_digest", value(config_digest)},
                        {"image_id", image.image_id},
                        {"now_us", host_.wall_us()}}));
}

Result<std::vector<OwnImage>> Journal::images_with_digest(std::string_view config_digest) const {
    return all<OwnImage>(
        run(false, sql::images_with_digest, {{"config_digest", value(config_digest)}}),
        [](const Row& row) { return OwnImage{text(row, 0), text(row, 1)}; });
}

Result<std::vector<std::pair<std::string, std::string>>> Journal::images_of(
    std::string_view container_name) const {
    return all<std::pair<std::string, std::string>>(
        run(false, sql::images_of_container, {{"container_name", value(container_name)}}),
        [](const Row& row) { return std::pair(text(row, 0), text(row, 1)); });
}

Result<void> Journal::forget_image(std::string_view image_ref) const {
    return nothing(run(true, sql::delete_image, {{"image_ref", value(image_ref)}}));
}

Result<std::string> Journal::image_digest(std::string_view container_name,
                                          std::string_view deployment_id) const {
    return first_text(
        run(false,
            sql::image_digest,
            {{"container_name", value(container_name)}, {"deployment_id", value(deployment_id)}}));
}

Result<std::optional<Swap>> Journal::swap(std::string_view deployment_id) const {
    return first<Swap>(run(false, sql::read_swap, {{"deployment_id", value(deployment_id)}}),
                       to_swap);
}

Result<std::vector<Swap>> Journal::swaps_of(std::string_view container_name) const {
    return all<Swap>(
        run(false, sql::swaps_of_container, {{"container_name", value(container_name)}}), to_swap);
}

Result<std::vector<Swap>> Journal::cut_off_swaps() const {
    return all<Swap>(run(false, sql::cut_off_swaps, {{"now_us", host_.monotonic_us()}}), to_swap);
}

Result<void> Journal::begin(const Swap& swap, std::string_view blueprint) const {
    auto tx = host_.begin(true, cleanup(kStoreMs));
    if (!tx) return std::unexpected(std::move(tx).error());
    auto done = nothing(tx->execute(sql::insert_swap,
                                    {{"deployment_id", swap.deployment_id},
                                     {"container_name", swap.container_name},
                                     {"origin", swap.origin},
                                     {"old_id", swap.old_id},
                                     {"old_policy", swap.old_policy},
                                     {"old_running", std::int64_t{swap.old_running}},
                                     {"old_spec", swap.old_spec},
                                     {"requested_policy", swap.requested_policy},
                                     {"new_id", swap.new_id},
                                     {"image_ref", swap.image_ref},
                                     {"state", swap.state},
                                     {"step", swap.step.empty() ? "begun" : swap.step},
                                     {"now_us", host_.wall_us()}}));
    if (done && !blueprint.empty()) {
        done = nothing(tx->execute(sql::put_blueprint,
                                   {{"deployment_id", swap.deployment_id},
                                    {"value", value(blueprint)},
                                    {"now_us", host_.wall_us()}}));
    }
    if (!done) return done;
    return tx->commit();
}

std::vector<Param> Journal::columns(const Swap& swap) const {
    return {{"deployment_id", swap.deployment_id},
            {"new_id", swap.new_id},
            {"image_ref", swap.image_ref},
            {"requested_policy", swap.requested_policy},
            {"state", swap.state},
            {"step", swap.step},
            {"now_us", host_.wall_us()}};
}

Result<void> Journal::update(const Swap& swap) const {
    return nothing(run(true, sql::update_swap, columns(swap)));
}

Result<std::string> Journal::blueprint(std::string_view deployment_id) const {
    return first_text(run(false, sql::read_blueprint, {{"deployment_id", value(deployment_id)}}));
}

Result<void> Journal::forget_blueprint(std::string_view deployment_id) const {
    return nothing(run(true, sql::delete_blueprint, {{"deployment_id", value(deployment_id)}}));
}

Result<void> Journal::forget_blueprints() const {
    return nothing(run(true, sql::delete_blueprints_without_level, {}));
}

Result<void> Journal::remade(Swap& swap, std::string_view made_id) const {
    auto tx = host_.begin(true, cleanup(kStoreMs));
    if (!tx) return std::unexpected(std::move(tx).error());
    const std::vector<Param> ids{{"container_name", swap.container_name},
                                 {"lost_id", swap.old_id},
                                 {"made_id", value(made_id)}};
    auto done = nothing(tx->execute(sql::remade_as_old, ids));
    if (done) done = nothing(tx->execute(sql::remade_as_new, ids));
    if (done) {
        done = nothing(
            tx->execute(sql::mark_remade,
                        {{"deployment_id", swap.deployment_id}, {"now_us", host_.wall_us()}}));
    }
    if (done) done = tx->commit();
    if (!done) return done;
    swap.old_id = made_id;
    swap.step = kRemade;
    return {};
}

Result<std::vector<Journal::Need>> Journal::needs() const {
    std::vector<Need> out;
    const auto add = [&](std::string_view name, std::string_view deployment_id, int rank) {
        auto digest = image_digest(name, deployment_id);
        if (digest && !digest->empty()) out.push_back({std::move(*digest), rank});
        return digest ? Result<void>() : Result<void>(std::unexpected(digest.error()));
    };
    const auto present = run(false, sql::present_images, {});
    if (!present) return std::unexpected(present.error());
    for (const auto& row : present->rows) {
        const auto image_ref = text(row, 1);
        if (auto done = add(text(row, 0), image_ref.substr(image_ref.rfind(':') + 1), 0); !done)
            return std::unexpected(std::move(done).error());
    }
    const auto levels = run(false, sql::kept_levels, {});
    if (!levels) return std::unexpected(levels.error());
    std::string name;
    int rank = 0;
    for (const auto& row : levels->rows) {
        rank = text(row, 0) == name ? rank + 1 : 1;
        name = text(row, 0);
        const auto spec = parse_object(text(row, 1));
        if (!spec) continue;
        if (auto done = add(name, get_text(*spec, "deployment_id"), rank); !done)
            return std::unexpected(std::move(done).error());
    }
    return out;
}

Result<std::string> Journal::container(std::string_view name) const {
    return first_text(run(false, sql::read_container, {{"name", value(name)}}));
}

Result<void> Journal::settle(const std::vector<Swap>& swaps,
                             std::string_view name,
                             std::string_view container_id,
                             std::string_view image_ref) const {
    auto tx = host_.begin(true, cleanup(kStoreMs));
    if (!tx) return std::unexpected(std::move(tx).error());
    for (const auto& swap : swaps) {
        if (auto done = tx->execute(sql::update_swap, columns(swap)); !done) {
            return std::unexpected(std::move(done).error());
        }
    }
    auto done =
        tx->execute(sql::put_container,
                    {{"name", value(name)},
                     {"container_id", value(container_id)},
                     {"deployment_id", swaps.empty() ? std::string() : swaps.front().deployment_id},
                     {"image_ref", value(image_ref)},
                     {"now_us", host_.wall_us()}});
    if (!done) return std::unexpected(std::move(done).error());
    return tx->commit();
}

Result<Lease> Journal::lease(const LeaseWish& wish) const {
    const auto now_us = host_.monotonic_us();
    auto tx = host_.begin(true, {kStoreMs, 0});
    if (!tx) return std::unexpected(std::move(tx).error());
    const auto rows = tx->execute(sql::read_lease, {{"container_name", wish.container_name}});
    if (!rows) return std::unexpected(rows.error());
    Lease now = rows->rows.empty() ? Lease{} : to_lease(rows->rows.front());
    // Whose token is the latest has it still, also after its end: nobody came since.
    const bool ours =
        now.deployment_id == wish.deployment_id || (wish.token > 0 && wish.token == now.token);
    if (wish.token > 0 && wish.token != now.token) {
        return fail("DEPLOYMENT_LOCKED",
                    "deployment " + wish.deployment_id + " was away, and the lease of " +
                        wish.container_name + " has passed on" +
                        (now.deployment_id.empty() ? "" : " to deployment " + now.deployment_id) +
                        "; it may change nothing any more, start a new one");
    }
    if (now.deployment_id == wish.deployment_id) {
        if (auto done = same_peer(wish.deployment_id, now.caller, wish.caller); !done)
            return std::unexpected(std::move(done).error());
    }
    const bool lives = !now.deployment_id.empty() && now_us < now.expires_us;
    if (!ours && lives && !wish.supersede) {
        return fail("DEPLOYMENT_LOCKED",
                    wish.container_name + " is being deployed by deployment " + now.deployment_id +
                        " from " + now.caller + " since " + iso_time(now.since_us) +
                        "; wait for its end (--queue), take over (--supersede), or cancel it");
    }
    if (!ours) {
        now.caller = wish.caller;
        now.since_us = host_.wall_us();
        ++now.token;
    }
    now.deployment_id = wish.deployment_id;
    now.expires_us = now_us + lease_us_;
    const auto written = tx->execute(sql::write_lease,
                                     {{"container_name", wish.container_name},
                                      {"deployment_id", now.deployment_id},
                                      {"caller", now.caller},
                                      {"token", now.token},
                                      {"since_us", now.since_us},
                                      {"expires_us", now.expires_us}});
    if (!written) return std::unexpected(written.error());
    if (auto done = tx->commit(); !done) return std::unexpected(std::move(done).error());
    return now;
}

Result<void> Journal::check_caller(std::string_view deployment_id, std::string_view caller) const {
    const auto owners = run(false, sql::lease_callers, {{"deployment_id", value(deployment_id)}});
    if (!owners) return std::unexpected(owners.error());
    for (const auto& row : owners->rows) {
        if (auto done = same_peer(deployment_id, text(row, 0), caller); !done) return done;
    }
    return {};
}

Result<bool> Journal::renew_lease(std::string_view container_name,
                                  std::string_view deployment_id) const {
    const auto renewed = run(true,
                             sql::renew_lease,
                             {{"container_name", value(container_name)},
                              {"deployment_id", value(deployment_id)},
                              {"expires_us", host_.monotonic_us() + lease_us_}});
    if (!renewed) return std::unexpected(renewed.error());
    return renewed->affected > 0;
}

Result<bool> Journal::lease_is_lost(std::string_view container_name,
                                    std::string_view deployment_id,
                                    std::int64_t token) const {
    const auto now =
        first<Lease>(run(false, sql::read_lease, {{"container_name", value(container_name)}}),
                     [](const Row& row) { return to_lease(row); });
    if (!now) return std::unexpected(now.error());
    if (!*now) return false;
    if (token > 0) return (*now)->token != token;
    return !(*now)->deployment_id.empty() && (*now)->deployment_id != deployment_id;
}

Result<void> Journal::free_lease(std::string_view deployment_id) const {
    return nothing(run(true, sql::free_leases_of, {{"deployment_id", value(deployment_id)}}));
}

Result<void> Journal::extend_leases() const {
    if (auto done = nothing(run(true, sql::free_leases_of_requests, {})); !done) return done;
    return nothing(
        run(true, sql::extend_leases, {{"expires_us", host_.monotonic_us() + lease_us_}}));
}

}  // namespace onex::receiver
