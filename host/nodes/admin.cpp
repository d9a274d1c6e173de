#include "host/nodes/admin.hpp"

namespace onex::host {

namespace json = boost::json;

namespace {

Result<json::value> told(const Result<NodeStatus>& status) {
    if (!status) return std::unexpected(status.error());
    return to_json(*status);
}

Result<json::value> told(const Result<void>& done, const char* what, const std::string& name) {
    if (!done) return std::unexpected(done.error());
    return json::object{{"name", name}, {"state", what}};
}

json::object list(const Lifecycle& lifecycle) {
    json::array nodes;
    for (const auto& status : lifecycle.list())
        nodes.push_back(to_json(status));
    return {{"nodes", std::move(nodes)}, {"available", lifecycle.available()}};
}

}  // namespace

Result<json::value> administer(Lifecycle& lifecycle,
                               const std::function<Result<Config>()>& read,
                               std::string_view verb,
                               const std::string& name,
                               const json::object& body) {
    if (verb == "list") return list(lifecycle);
    if (verb == "inspect") {
        auto node = lifecycle.inspect(name);
        if (!node) return std::unexpected(std::move(node).error());
        return std::move(*node);
    }
    if (verb == "reload") return told(lifecycle.reload(name));
    if (verb == "rollback") return told(lifecycle.rollback(name));
    if (verb == "enable") return told(lifecycle.enable(name));
    if (verb == "disable") return told(lifecycle.disable(name), "disabled", name);
    if (verb == "unload") return told(lifecycle.unload(name), "unloaded", name);
    if (verb == "load") {
        const auto* as = body.if_contains("as");
        if (as && !as->is_string()) return fail("VALIDATION_ERROR", "`as` is a node's name");
        return told(lifecycle.load(name, as ? std::string(as->as_string()) : std::string()));
    }
    if (verb == "config") {
        auto next = read();
        if (!next) return std::unexpected(std::move(next).error());
        auto changed = lifecycle.apply(*next);
        if (!changed) return std::unexpected(std::move(changed).error());
        return std::move(*changed);
    }
    return fail("NOT_FOUND", "plugins know no `" + std::string(verb) + "`");
}

}  // namespace onex::host
