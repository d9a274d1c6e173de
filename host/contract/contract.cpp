#include "host/contract/contract.hpp"

#include "host/contract/contract_schemas.hpp"
#include "host/contract/findings.hpp"
#include "host/text/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace json = boost::json;

namespace onex::host {
namespace {

/// Members by name in byte order, so that equal schemas have equal text.
json::value canonical(const json::value& value) {
    if (const auto* array = value.if_array()) {
        json::array items;
        for (const auto& item : *array)
            items.push_back(canonical(item));
        return items;
    }
    const auto* object = value.if_object();
    if (object == nullptr) return value;
    std::vector<const json::key_value_pair*> members;
    for (const auto& member : *object)
        members.push_back(&member);
    std::ranges::sort(
        members, {}, [](const auto* member) { return std::string_view(member->key()); });
    json::object sorted;
    for (const auto* member : members)
        sorted.emplace(member->key(), canonical(member->value()));
    return sorted;
}

std::string sha256_hex(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
        out += kHex[digest[i] >> 4U];
        out += kHex[digest[i] & 15U];
    }
    return out;
}

// The document was checked against its schema: a key that is there has the right type.
void read(const json::object& from, const char* key, std::string& to) {
    if (const auto* value = from.if_contains(key)) to = value->get_string();
}
void read(const json::object& from, const char* key, bool& to) {
    if (const auto* value = from.if_contains(key)) to = value->get_bool();
}
void read(const json::object& from, const char* key, double& to) {
    if (const auto* value = from.if_contains(key)) to = value->to_number<double>();
}
template <std::integral Number>
void read(const json::object& from, const char* key, Number& to) {
    if (const auto* value = from.if_contains(key)) to = value->to_number<Number>();
}
void read(const json::object& from, const char* key, std::vector<std::string>& to) {
    const auto* value = from.if_contains(key);
    if (value == nullptr) return;
    for (const auto& item : value->get_array())
        to.emplace_back(item.get_string());
}
template <class Enum, std::size_t count>
void read(const json::object& from,
          const char* key,
          const std::array<std::pair<std::string_view, Enum>, count>& words,
          Enum& to) {
    const auto* value = from.if_contains(key);
    if (value == nullptr) return;
    for (const auto& [word, meaning] : words) {
        if (value->get_string() == word) to = meaning;
    }
}

constexpr std::array kAuth{std::pair{std::string_view("none"), Auth::none},
                           std::pair{std::string_view("token"), Auth::token},
                           std::pair{std::string_view("hmac"), Auth::hmac}};
constexpr std::array kPlacement{std::pair{std::string_view("source"), Placement::source},
                                std::pair{std::string_view("target"), Placement::target}};
constexpr std::array kDisconnect{std::pair{std::string_view("cancel"), OnDisconnect::cancel},
                                 std::pair{std::string_view("continue"), OnDisconnect::proceed}};

class Reader {
  public:
    explicit Reader(Findings& findings) : findings_(findings) {}

    NodeContract node(const json::object& document) {
        NodeContract result;
        const auto& identity = document.at("node_identity").get_object();
        read(identity, "name", result.name);
        read(identity, "node_type", result.node_type);
        read(identity, "version", result.version);
        read(identity, "description", result.description);
        if (result.description.empty()) read(document, "description", result.description);
        std::string shape;
        read(document, "error_shape", shape);
        result.unified_errors = shape == "unified";
        read(document, "autostart", result.autostart);
        result.settings = schema(document, "settings", "");
        if (const auto* operations = document.if_contains("io_operations")) {
            for (std::size_t i = 0; i < operations->get_array().size(); ++i) {
                const auto& source = operations->get_array()[i].get_object();
                result.operations.push_back(
                    operation(document, source, "/io_operations/" + std::to_string(i)));
            }
        }
        check_unique(result);
        result.source = document;
        return result;
    }

  private:
    Schema schema(const json::object& from, const char* key, const std::string& at) {
        const auto* source = from.if_contains(key);
        if (source == nullptr) return {};
        const auto place = at + '/' + key;
        auto compiled = Schema::compile(*source);
        if (!compiled) {
            findings_.error(place, std::string(key) + ": " + compiled.error().message);
            return {};
        }
        for (const auto& remark : compiled->remarks())
            findings_.note(place, std::string(key) + remark);
        return *std::move(compiled);
    }

    OperationContract operation(const json::object& document,
                                const json::object& from,
                                const std::string& at) {
        OperationContract to;
        read(from, "name", to.name);
        read(from, "description", to.description);
        read(from, "auth", kAuth, to.auth);
        read(from, "original_signature", to.original_signature);
        read(from, "unsigned_upload", to.unsigned_upload);
        read(document, "placement", kPlacement, to.placement);
        read(from, "placement", kPlacement, to.placement);
        to.remote = to.placement == Placement::target;
        read(document, "remote", to.remote);
        read(from, "remote", to.remote);
        read(from, "nonblocking", to.nonblocking);
        read(from, "on_disconnect", kDisconnect, to.on_disconnect);
        read(from, "timeout_ms", to.timeout_ms);
        read(from, "progress", to.progress);
        read(from, "target_ms", to.target_ms);
        read(from, "body_bytes_max", to.body_bytes_max);
        read(from, "stream_in", to.stream_in);
        read(from, "stream_out", to.stream_out);
        read(from, "stream_content_type", to.stream_content_type);
        read(from, "gates", to.gates);
        read(from, "run_end", to.run_end);
        read(from, "run_renew", to.run_renew);
        read(from, "redact", to.redact);
        if (const auto* errors = from.if_contains("errors")) {
            for (const auto& item : errors->get_array()) {
                auto& mapping = to.errors.emplace_back();
                read(item.get_object(), "code", mapping.code);
                read(item.get_object(), "as", mapping.as);
                read(item.get_object(), "permanent", mapping.permanent);
                read(item.get_object(), "wait", mapping.wait);
            }
        }
        to.input = schema(from, "input", at);
        to.output = schema(from, "output", at);
        to.input_digest = sha256_hex(json::serialize(canonical(to.input.source())));
        to.output_digest = sha256_hex(json::serialize(canonical(to.output.source())));
        read_routes(from, at, to);
        if (to.nonblocking && (to.stream_in || to.stream_out)) {
            findings_.error(
                at + "/nonblocking",
                to.name + ": a nonblocking operation can't stream; leave one of them out");
        }
        return to;
    }

    void read_routes(const json::object& from, const std::string& at, OperationContract& to) {
        const auto* http = from.if_contains("http");
        if (http == nullptr) return;
        if (const auto* list = http->if_array()) {
            for (std::size_t i = 0; i < list->size(); ++i) {
                read_route((*list)[i].get_object(), at + "/http/" + std::to_string(i), to);
            }
        } else {
            read_route(http->get_object(), at + "/http", to);
        }
    }

    void read_route(const json::object& from, const std::string& at, OperationContract& to) {
        HttpRoute route{"POST", "", 200};
        read(from, "method", route.method);
        read(from, "path", route.path);
        read(from, "status", route.status);
        check_path(route, at + "/path", to);
        to.http.push_back(std::move(route));
    }

    /// Each `{name}` is a whole segment and a string or integer property of the input.
    void check_path(const HttpRoute& route,
                    const std::string& at,
                    const OperationContract& operation) {
        std::string_view rest = route.path;
        std::set<std::string> seen;
        while (!rest.empty()) {
            rest.remove_prefix(1);
            const auto segment = rest.substr(0, rest.find('/'));
            rest.remove_prefix(segment.size());
            if (segment.find_first_of("{}") == std::string_view::npos) continue;
            const std::string name(segment.size() < 2 ? "" : segment.substr(1, segment.size() - 2));
            if (segment.front() != '{' || segment.back() != '}' || name.empty() ||
                name.find_first_of("{}") != std::string::npos) {
                findings_.error(at,
                                route.path + ": a parameter must be a whole segment such as /{id}");
                continue;
            }
            if (!seen.insert(name).second) {
                findings_.error(at, route.path + ": {" + name + "} stands twice");
            }
            const auto typed = operation.input.typed(name, "1");
            if (!declares(operation.input.source(), name) || !typed ||
                !(typed->is_string() || typed->is_int64())) {
                findings_.error(at,
                                route.path + ": {" + name +
                                    "} must be a property of input with type string or integer");
            }
        }
    }

    static bool declares(const json::value& schema, const std::string& name) {
        const auto* object = schema.if_object();
        const auto* properties = object == nullptr ? nullptr : object->if_contains("properties");
        return properties != nullptr && properties->is_object() &&
               properties->get_object().contains(name);
    }

    void check_unique(const NodeContract& node) {
        std::set<std::string> names;
        std::set<std::string> routes;
        for (std::size_t i = 0; i < node.operations.size(); ++i) {
            const auto& operation = node.operations[i];
            const auto at = "/io_operations/" + std::to_string(i);
            if (!names.insert(operation.name).second) {
                findings_.error(at + "/name",
                                "the operation '" + operation.name + "' is declared twice");
            }
            for (const auto& route : operation.http) {
                if (!routes.insert(route.method + ' ' + route.path).second) {
                    findings_.error(at + "/http",
                                    route.method + ' ' + route.path + " is claimed twice");
                }
            }
        }
    }

    Findings& findings_;
};

}  // namespace

const OperationContract* NodeContract::find(std::string_view operation) const {
    const auto found = std::ranges::find(operations, operation, &OperationContract::name);
    return found == operations.end() ? nullptr : &*found;
}

NodeContract read_node_document(const YamlDocument& document, Findings& findings) {
    if (!check_document(node_contract_schema(), document, findings)) return {};
    Reader reader(findings);
    return reader.node(document.root.get_object());
}

Result<NodeContract> read_node_contract(std::string_view text, std::string_view file) {
    auto document = parse_yaml(text);
    if (!document) {
        return fail("VALIDATION_ERROR", std::string(file) + ": " + document.error().message);
    }
    Findings findings(*document, std::string(file));
    auto contract = read_node_document(*document, findings);
    std::string problems;
    for (const auto& finding : findings.take()) {
        if (finding.level != Finding::Level::error) continue;
        problems += (problems.empty() ? "" : "\n") + finding.where + ": " + finding.message;
    }
    if (!problems.empty()) return fail("VALIDATION_ERROR", std::move(problems));
    return contract;
}

}  // namespace onex::host
