// Previous containers that are not there any more: which of them can come back, and how.
#include "plugins/deployment_receiver/swap.hpp"

#include <utility>

namespace onex::receiver {

namespace {

/// The deployment that made a container; empty when it is not one of ours.
std::string own_deployment(const Blueprint& blueprint,
                           std::string_view name,
                           std::string_view name_space) {
    const auto& labels = get_object(blueprint.body, "Labels");
    if (get_text(labels, "onex.container") != name ||
        get_text(labels, "onex.namespace") != name_space)
        return {};
    return get_text(labels, "onex.deployment");
}

}  // namespace

Result<std::optional<Blueprint>> Swapper::blueprint_for(const Swap& past) const {
    const auto text = journal_.blueprint(past.deployment_id);
    if (!text) return std::unexpected(text.error());
    if (text->empty()) return std::optional<Blueprint>();
    auto read = read_blueprint(*text);
    if (!read) return std::unexpected(std::move(read).error());
    return std::optional(std::move(*read));
}

/// An image that came from elsewhere, under its own name or, if that has moved on, by its id.
Result<std::string> Swapper::foreign_image(const Blueprint& blueprint, Wait wait) const {
    for (const auto& reference : {get_text(blueprint.body, "Image"), blueprint.image_id}) {
        const auto found = engine_.image(reference, wait);
        if (found && found->id == blueprint.image_id) return reference;
        if (!found && found.error().code != "NOT_FOUND") return std::unexpected(found.error());
    }
    return fail("NOT_FOUND", "its image is gone, and it was not deployed from here");
}

Result<std::string> Swapper::image_for(const Blueprint& blueprint,
                                       const Swap& past,
                                       const Tell& tell,
                                       Wait wait) {
    const auto own = own_deployment(blueprint, past.container_name, settings_.name_space);
    if (own.empty()) return foreign_image(blueprint, wait);
    auto digest = journal_.image_digest(past.container_name, own);
    if (!digest) return digest;
    Images::Wanted wanted{past.container_name, own, std::move(*digest), {}};
    std::string log;
    auto image = images_.ensure(wanted, tell, log, wait);
    if (image) return std::move(image->image_ref);
    if (image.error().code != "NOT_FOUND") return std::unexpected(std::move(image).error());
    const auto packages = store_.find(own, wanted.config_digest);
    if (!packages) return std::unexpected(packages.error());
    Error why{"NOT_FOUND", "its image is gone, and no package of it is kept", {}, {}};
    for (const auto& package : *packages) {
        if (auto done = store_.verify(package, tell, wait); !done) {
            why = std::move(done).error();
            continue;
        }
        wanted.blob = package.blob;
        image = images_.ensure(wanted, tell, log, wait);
        if (image) return std::move(image->image_ref);
        why = std::move(image).error();
    }
    return std::unexpected(std::move(why));
}

Result<Swapper::WayBack> Swapper::way_back(const Swap& past, bool stands, Wait wait) const {
    WayBack out;
    if (stands) out.comes_from = out.depends_on = "container";
    const auto blueprint = blueprint_for(past);
    if (!blueprint) return std::unexpected(blueprint.error());
    if (!*blueprint) return out;
    const auto own = own_deployment(**blueprint, past.container_name, settings_.name_space);
    bool has_image = false;
    bool has_package = false;
    if (own.empty()) {
        const auto image = foreign_image(**blueprint, wait);
        if (!image && image.error().code != "NOT_FOUND") return std::unexpected(image.error());
        has_image = image.has_value();
    } else {
        const auto digest = journal_.image_digest(past.container_name, own);
        if (!digest) return std::unexpected(digest.error());
        const auto tagged = engine_.image(images_.reference(past.container_name, own), wait);
        if (!tagged && tagged.error().code != "NOT_FOUND") return std::unexpected(tagged.error());
        const auto held = images_.present(*digest, wait);
        if (!held) return std::unexpected(held.error());
        has_image = tagged || *held;
        const auto packages = store_.find(own, *digest);
        if (!packages) return std::unexpected(packages.error());
        has_package = !packages->empty();
    }
    if (!stands) out.comes_from = has_image ? "image" : has_package ? "package" : "";
    if (has_image) out.depends_on = "image";
    if (has_package) out.depends_on = "package";
    return out;
}

Result<void> Swapper::remake(Swap& swap, std::string_view role, const Tell& tell, Wait wait) {
    auto blueprint = blueprint_for(swap);
    if (!blueprint) return std::unexpected(std::move(blueprint).error());
    if (!*blueprint)
        return fail("NOT_FOUND", "it was removed, and nothing is written down to make it anew");
    auto image = image_for(**blueprint, swap, tell, wait);
    if (!image) return std::unexpected(std::move(image).error());
    tell.step();
    auto& body = (*blueprint)->body;
    body["Image"] = *image;
    const auto name = retired_name(swap.container_name, role, swap.deployment_id);
    const auto standing = engine_.find_container(name, wait);
    if (!standing) return std::unexpected(standing.error());
    std::string made_id;
    if (*standing) {
        // Ours, when a crash came between the container and its row.
        const auto& config = get_object(**standing, "Config");
        if (container_running(**standing) ||
            get_object(config, "Labels") != get_object(body, "Labels") ||
            get_text(config, "Image") != *image) {
            return fail("CONFLICT",
                        "a container named " + name + " was made by somebody else; remove it");
        }
        made_id = container_id(**standing);
    } else {
        auto made = engine_.create_container(name, body, wait);
        if (!made) return std::unexpected(std::move(made).error());
        made_id = std::move(*made);
    }
    for (const auto& network : (*blueprint)->networks) {
        const auto& endpoint = network.value();
        auto done = engine_.connect_network(
            network.key(), made_id, wait, endpoint.is_object() ? &endpoint.as_object() : nullptr);
        if (!done) return done;
    }
    host_.log(LogLevel::warn,
              "the previous container " + swap.old_id.substr(0, 12) + " of " + swap.container_name +
                  " was removed by somebody else; it stands anew as " + made_id.substr(0, 12));
    return journal_.remade(swap, made_id);
}

Result<std::vector<Swapper::Kept>> Swapper::kept_of(std::string_view name, Wait wait) const {
    auto swaps = journal_.swaps_of(name);
    if (!swaps) return std::unexpected(std::move(swaps).error());
    std::vector<Kept> out;
    for (auto& past : *swaps) {
        if (past.state != "committed" || past.old_id.empty()) continue;
        const auto stands = engine_.find_container(past.old_id, wait);
        if (!stands) return std::unexpected(stands.error());
        const auto way = way_back(past, stands->has_value(), wait);
        if (!way) return std::unexpected(way.error());
        if (way->comes_from.empty()) continue;
        Level level;
        level.steps = static_cast<int>(out.size()) + 1;
        level.container_id = past.old_id;
        if (*stands) {
            level.version = container_label(**stands, "onex.version");
            level.image = get_text(get_object(**stands, "Config"), "Image");
            level.created = get_text(**stands, "Created");
        } else if (const auto spec = parse_object(past.old_spec)) {
            level.version = get_text(*spec, "version");
            level.image = get_text(*spec, "image_ref");
            level.created = get_text(*spec, "created");
        }
        level.comes_from = way->comes_from;
        level.depends_on = way->depends_on;
        out.push_back({std::move(past), std::move(level)});
    }
    return out;
}

Result<std::vector<Level>> Swapper::levels(std::string_view name, Wait wait) const {
    auto kept = kept_of(name, wait);
    if (!kept) return std::unexpected(std::move(kept).error());
    std::vector<Level> out;
    out.reserve(kept->size());
    for (auto& one : *kept)
        out.push_back(std::move(one.level));
    return out;
}

}  // namespace onex::receiver
