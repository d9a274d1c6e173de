// What the lifecycle tells of nodes and of libraries that are none yet.
#include "host/nodes/lifecycle.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

namespace onex::host {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

json::array texts(const char* const* list) {
    json::array out;
    for (; list && *list; ++list)
        out.emplace_back(*list);
    return out;
}

/// Takes out what the contract marks `writeOnly: true`.
void hide_secrets(json::value& value, const json::value& schema) {
    const auto* described = schema.if_object();
    if (!described) return;
    const auto* secret = described->if_contains("writeOnly");
    if (secret && secret->is_bool() && secret->as_bool()) {
        value = "(not shown)";
        return;
    }
    const auto* properties = described->if_contains("properties");
    if (value.is_object() && properties && properties->is_object()) {
        for (auto& member : value.as_object()) {
            const auto* inside = properties->as_object().if_contains(member.key());
            if (inside) hide_secrets(member.value(), *inside);
        }
    }
    const auto* items = described->if_contains("items");
    if (value.is_array() && items) {
        for (auto& item : value.as_array())
            hide_secrets(item, *items);
    }
}

json::array operations(const NodeContract& contract) {
    json::array out;
    for (const auto& operation : contract.operations) {
        json::array routes;
        for (const auto& http : operation.http)
            routes.emplace_back(http.method + " " + http.path);
        out.push_back(json::object{{"name", operation.name}, {"routes", std::move(routes)}});
    }
    return out;
}

}  // namespace

json::object to_json(const NodeStatus& status) {
    return {{"name", status.name},
            {"plugin", status.plugin},
            {"version", status.version},
            {"abi", status.abi},
            {"file", status.file},
            {"digest", status.digest},
            {"state", status.state},
            {"isolation", status.isolation},
            {"listen", status.listen},
            {"generation", status.generation},
            {"since_us", status.since_us},
            {"in_flight", status.in_flight},
            {"retiring", status.retiring},
            {"images_mapped", status.images_mapped},
            {"last_error", status.last_error}};
}

json::array Lifecycle::available() const {
    std::set<std::string> used;
    for (const auto& status : list())
        used.insert(status.plugin);
    json::array out;
    for (const auto& dir : runtime_.config.host.plugin_dirs) {
        std::error_code ec;
        std::set<std::string> found;
        for (const auto& entry : fs::directory_iterator(dir, ec)) {
            const auto ending = entry.path().extension();
            if (ending != ".so" && ending != ".dylib") continue;
            if (used.insert(entry.path().stem().string()).second)
                found.insert(entry.path().string());
        }
        for (const auto& file : found) {
            const auto plugin = fs::path(file).stem().string();
            out.push_back(
                json::object{{"plugin", plugin},
                             {"file", file},
                             {"state", "available"},
                             {"toml", "[nodes." + plugin + "]\nplugin = \"" + plugin + "\"\n"}});
        }
    }
    return out;
}

Result<json::object> Lifecycle::inspect(const std::string& name) const {
    if (auto known = section_of(name); !known) return std::unexpected(std::move(known).error());
    std::shared_ptr<NodeInstance> node;
    json::object out;
    NodeSection section;
    {
        const std::scoped_lock lock(mutex_);
        const auto slot = slots_.find(name);
        if (slot == slots_.end()) return fail("NOT_FOUND", "the node " + name + " has just gone");
        out = to_json(status_of(slot->second));
        node = slot->second.node;
        section = slot->second.section;
    }
    out["reload"] = section.reload;
    out["pinned"] = section.blake3;
    const auto busy = retirement_.busy_with(name);
    out["retiring_busy_with"] = busy;
    const auto previous = kept_.previous(name);
    out["previous"] =
        previous ? json::value(json::object{{"file", previous->path}, {"digest", previous->digest}})
                 : json::value(nullptr);
    if (!node) return out;
    const auto& entry = node->image()->entry();
    boost::system::error_code ec;
    auto settings = json::parse(node->settings(), ec);
    hide_secrets(settings, node->contract().settings.source());
    out["settings"] = std::move(settings);
    out["operations"] = operations(node->contract());
    out["requires_services"] = texts(entry.requires_services);
    out["optional_services"] = texts(entry.optional_services);
    out["build"] = entry.build ? entry.build : "";
    out["running"] = node->busy_with();
    out["worker"] = node->image()->describe();
    return out;
}

}  // namespace onex::host
