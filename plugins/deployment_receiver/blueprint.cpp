#include "plugins/deployment_receiver/blueprint.hpp"

#include <onex/json.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace onex::receiver {

namespace {

constexpr std::size_t kShortId = 12;

const json::array& get_array(const json::object& object, std::string_view name) {
    static const json::array none;
    const auto* value = object.if_contains(name);
    return value && value->is_array() ? value->as_array() : none;
}

/// "name:/data:ro" mounts at /data.
bool is_bound_at(const json::array& binds, std::string_view destination) {
    return std::ranges::any_of(binds, [&](const json::value& bind) {
        if (!bind.is_string()) return false;
        const std::string_view text = bind.as_string();
        const auto colon = text.find(':');
        if (colon == std::string_view::npos) return false;
        const auto rest = text.substr(colon + 1);
        return rest.substr(0, rest.find(':')) == destination;
    });
}

/// A volume that an image asked for has a name that nobody chose; its data shall be there again.
void name_volumes(const json::object& inspected, json::object& host) {
    json::array mounts = get_array(host, "Mounts");
    for (const auto& value : get_array(inspected, "Mounts")) {
        if (!value.is_object()) continue;
        const auto& mount = value.as_object();
        const auto name = get_text(mount, "Name");
        const auto destination = get_text(mount, "Destination");
        if (get_text(mount, "Type") != "volume" || name.empty()) continue;
        if (is_bound_at(get_array(host, "Binds"), destination)) continue;
        const auto known = std::ranges::find_if(mounts, [&](const json::value& one) {
            return one.is_object() && get_text(one.as_object(), "Target") == destination;
        });
        if (known != mounts.end()) {
            auto& own = known->as_object();
            if (get_text(own, "Source").empty()) own["Source"] = name;
            continue;
        }
        mounts.push_back(json::object{{"Type", "volume"},
                                      {"Source", name},
                                      {"Target", destination},
                                      {"ReadOnly", !get_bool(mount, "RW", true)}});
    }
    if (!mounts.empty()) host["Mounts"] = std::move(mounts);
}

/// What was asked for of a network; addresses that the engine gave out are its own affair.
json::object endpoint_of(const json::object& network, std::string_view id) {
    json::object out;
    for (const auto* name : {"IPAMConfig", "Links", "DriverOpts"}) {
        const auto* value = network.if_contains(name);
        if (value && !value->is_null()) out[name] = *value;
    }
    json::array aliases;
    for (const auto& alias : get_array(network, "Aliases")) {
        if (alias.is_string() && alias.as_string() != id.substr(0, kShortId))
            aliases.push_back(alias);
    }
    if (!aliases.empty()) out["Aliases"] = std::move(aliases);
    return out;
}

}  // namespace

Blueprint blueprint_of(const json::object& inspected) {
    Blueprint out;
    const auto id = get_text(inspected, "Id");
    out.image_id = get_text(inspected, "Image");
    out.body = get_object(inspected, "Config");
    auto host = get_object(inspected, "HostConfig");
    const auto mode = get_text(host, "NetworkMode");
    // The engine's default is the container's own id, and of course not that of another one.
    if (get_text(out.body, "Hostname") == id.substr(0, kShortId) || mode.starts_with("container:"))
        out.body.erase("Hostname");
    host["RestartPolicy"] = json::object{{"Name", "no"}};
    name_volumes(inspected, host);
    out.body["HostConfig"] = std::move(host);
    static constexpr std::array<std::string_view, 4> kBuiltIn{"default", "bridge", "host", "none"};
    for (const auto& network : get_object(get_object(inspected, "NetworkSettings"), "Networks")) {
        if (!network.value().is_object()) continue;
        const auto& settings = network.value().as_object();
        const std::string_view name = network.key();
        const bool is_built_in = std::ranges::find(kBuiltIn, name) != kBuiltIn.end();
        auto endpoint = is_built_in ? json::object() : endpoint_of(settings, id);
        const bool is_first = name == mode || get_text(settings, "NetworkID") == mode ||
                              (name == "bridge" && (mode == "default" || mode.empty()));
        if (!is_first) {
            out.networks[name] = std::move(endpoint);
        } else if (!endpoint.empty()) {
            out.body["NetworkingConfig"] =
                json::object{{"EndpointsConfig", json::object{{name, std::move(endpoint)}}}};
        }
    }
    return out;
}

std::string write_blueprint(const Blueprint& blueprint) {
    return json::serialize(json::object{{"body", blueprint.body},
                                        {"networks", blueprint.networks},
                                        {"image_id", blueprint.image_id}});
}

Result<Blueprint> read_blueprint(const std::string& text) {
    const auto parsed = parse_object(text);
    if (!parsed) return std::unexpected(parsed.error());
    Blueprint out{get_object(*parsed, "body"),
                  get_object(*parsed, "networks"),
                  get_text(*parsed, "image_id")};
    if (out.body.empty()) return fail("VALIDATION_ERROR", "what is kept is no container");
    return out;
}

}  // namespace onex::receiver
