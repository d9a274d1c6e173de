#include "host/contract/contract.hpp"

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <string>

namespace json = boost::json;

namespace onex::host {
namespace {

json::object error_schema() {
    return {{"type", "object"},
            {"required", json::array{"error"}},
            {"properties",
             {{"error",
               {{"type", "object"},
                {"required", json::array{"code", "message", "correlation_id"}},
                {"properties",
                 {{"code", {{"type", "string"}, {"description", "What a program branches on."}}},
                  {"message", {{"type", "string"}, {"description", "One sentence for a person."}}},
                  {"correlation_id", {{"type", "string"}}},
                  {"details", {{"type", "object"}}}}}}}}}};
}

json::object unified_error_schema() {
    return {{"type", "object"},
            {"required", json::array{"status", "error", "message"}},
            {"properties",
             {{"status", {{"type", "string"}, {"const", "error"}}},
              {"data", {{"type", "null"}}},
              {"error", {{"type", json::array{"object", "string"}}}},
              {"message", {{"type", "string"}}},
              {"metadata", {{"type", "object"}}}}}};
}

json::object security_schemes() {
    auto header = [](const char* name, const char* description) {
        return json::object{
            {"type", "apiKey"}, {"in", "header"}, {"name", name}, {"description", description}};
    };
    return {
        {"token", {{"type", "http"}, {"scheme", "bearer"}, {"description", "The host's token."}}},
        {"hmac",
         header("X-Onex-Signature",
                "HMAC-SHA256 of a peer, with X-Onex-Key, -To, -Timestamp, -Nonce and -Content.")},
        {"original_signature",
         header("X-Deployment-Signature",
                "HMAC-SHA256 of `timestamp.body`, with X-Deployment-Timestamp.")}};
}

json::array security(const OperationContract& operation) {
    if (operation.auth == Auth::none) return {};
    json::array result;
    result.push_back(
        json::object{{operation.auth == Auth::token ? "token" : "hmac", json::array()}});
    if (operation.original_signature)
        result.push_back(json::object{{"original_signature", json::array()}});
    return result;
}

bool in_path(const HttpRoute& route, std::string_view name) {
    return route.path.find('{' + std::string(name) + '}') != std::string::npos;
}

const json::object* object_in(const json::value& schema, const char* key) {
    const auto* object = schema.if_object();
    const auto* found = object == nullptr ? nullptr : object->if_contains(key);
    return found == nullptr ? nullptr : found->if_object();
}

bool required(const json::value& schema, std::string_view name) {
    const auto* object = schema.if_object();
    const auto* list = object == nullptr ? nullptr : object->if_contains("required");
    if (list == nullptr || !list->is_array()) return false;
    return std::ranges::any_of(list->get_array(), [&](const json::value& item) {
        return item.is_string() && item.get_string() == name;
    });
}

/// Properties that come from the path, and for a request without JSON body those of the query.
json::array parameters(const OperationContract& operation, const HttpRoute& route, bool query) {
    json::array result;
    const auto* properties = object_in(operation.input.source(), "properties");
    if (properties == nullptr) return result;
    for (const auto& member : *properties) {
        const bool path = in_path(route, member.key());
        if (!path && !query) continue;
        json::object parameter{
            {"name", member.key()}, {"in", path ? "path" : "query"}, {"schema", member.value()}};
        if (path || required(operation.input.source(), member.key())) parameter["required"] = true;
        if (const auto* fields = member.value().if_object()) {
            if (const auto* text = fields->if_contains("description"))
                parameter["description"] = *text;
        }
        result.push_back(std::move(parameter));
    }
    return result;
}

/// The input without what the path carries.
json::value body_schema(const OperationContract& operation, const HttpRoute& route) {
    json::value schema = operation.input.source();
    auto* object = schema.if_object();
    if (object == nullptr) return schema;
    if (auto* properties = object->if_contains("properties");
        properties != nullptr && properties->is_object()) {
        json::object kept;
        for (auto& member : properties->get_object()) {
            if (!in_path(route, member.key()))
                kept.emplace(member.key(), std::move(member.value()));
        }
        *properties = std::move(kept);
    }
    if (auto* list = object->if_contains("required"); list != nullptr && list->is_array()) {
        json::array kept;
        for (auto& item : list->get_array()) {
            if (!item.is_string() || !in_path(route, item.get_string()))
                kept.push_back(std::move(item));
        }
        *list = std::move(kept);
    }
    return schema;
}

json::object content(std::string_view type, json::value schema) {
    return {{type, {{"schema", std::move(schema)}}}};
}

json::object binary() {
    return {{"type", "string"}, {"format", "binary"}};
}

json::object request_body(const OperationContract& operation, const HttpRoute& route) {
    auto schema = body_schema(operation, route);
    json::object types;
    if (operation.stream_in) {
        types = content("application/octet-stream", binary());
        types["multipart/form-data"] = {
            {"schema",
             {{"type", "object"},
              {"properties", {{"input", std::move(schema)}, {"stream", binary()}}}}}};
    } else {
        types = content("application/json", std::move(schema));
    }
    return {{"required", true}, {"content", std::move(types)}};
}

json::object describe(const NodeContract& node,
                      const OperationContract& operation,
                      const HttpRoute& route) {
    const bool has_body =
        route.method == "POST" || route.method == "PUT" || route.method == "PATCH";
    json::object result{{"operationId", node.name + '.' + operation.name},
                        {"summary", operation.name},
                        {"description", operation.description},
                        {"tags", json::array{node.name}},
                        {"security", security(operation)}};
    auto list = parameters(operation, route, !has_body || operation.stream_in);
    if (!list.empty()) result["parameters"] = std::move(list);
    if (has_body) result["requestBody"] = request_body(operation, route);
    auto success = operation.stream_out ? content(operation.stream_content_type, binary())
                                        : content("application/json", operation.output.source());
    const char* shape =
        node.unified_errors ? "#/components/schemas/UnifiedError" : "#/components/schemas/Error";
    result["responses"] = {{std::to_string(route.status),
                            {{"description", "Success"}, {"content", std::move(success)}}},
                           {"default",
                            {{"description", "Failure"},
                             {"content", content("application/json", {{"$ref", shape}})}}}};
    result["x-onex-node"] = node.name;
    result["x-onex-operation"] = operation.name;
    result["x-onex-timeout-ms"] = operation.timeout_ms;
    if (operation.target_ms > 0) result["x-onex-target-ms"] = operation.target_ms;
    return result;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

}  // namespace

json::object openapi(const std::vector<const NodeContract*>& nodes,
                     std::string_view title,
                     std::string_view version) {
    json::object paths;
    json::array tags;
    for (const auto* node : nodes) {
        bool routed = false;
        for (const auto& operation : node->operations) {
            for (std::size_t i = 0; i < operation.http.size(); ++i) {
                const auto& route = operation.http[i];
                auto described = describe(*node, operation, route);
                // Ids must be unique: an operation's further routes carry a number.
                if (i > 0)
                    described["operationId"] =
                        node->name + '.' + operation.name + '.' + std::to_string(i + 1);
                auto& path = paths[route.path];
                if (!path.is_object()) path = json::object();
                path.get_object()[lower(route.method)] = std::move(described);
                routed = true;
            }
        }
        if (routed)
            tags.push_back(json::object{{"name", node->name}, {"description", node->description}});
    }
    return {{"openapi", "3.1.0"},
            {"info", {{"title", title}, {"version", version}}},
            {"tags", std::move(tags)},
            {"paths", std::move(paths)},
            {"components",
             {{"securitySchemes", security_schemes()},
              {"schemas", {{"Error", error_schema()}, {"UnifiedError", unified_error_schema()}}}}}};
}

}  // namespace onex::host
