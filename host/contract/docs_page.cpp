// The page at /docs: one file, nothing loaded from elsewhere, everything escaped.
#include "host/contract/contract.hpp"
#include "host/text/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <string>
#include <string_view>

namespace json = boost::json;

namespace onex::host {
namespace {

constexpr int kDepthMax = 6;

constexpr std::string_view kStyle = R"css(
:root{--ink:#1d2433;--soft:#5b6577;--line:#e2e6ee;--paper:#fff;--back:#f6f7fa;--code:#f0f2f7;--get:#0b7a4b;--post:#1c5fd0;--put:#9a5b00;--delete:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9f0;--soft:#9aa4b8;--line:#2c3444;--paper:#1a2030;--back:#121723;--code:#232b3d;--get:#4cc38a;--post:#7aa7ff;--put:#e0a54a;--delete:#ff8a80}}
*{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1rem 4rem}h1{margin:0}h2{margin:2.5rem 0 .5rem}h3{font-size:.95rem;margin:1.2rem 0 .4rem}
p{margin:.3rem 0}.soft{color:var(--soft)}details{background:var(--paper);border:1px solid var(--line);border-radius:8px;margin:.6rem 0}
summary{cursor:pointer;padding:.6rem .9rem;display:flex;gap:.7rem;align-items:center;flex-wrap:wrap}
details>div{padding:0 .9rem .9rem;border-top:1px solid var(--line)}code,pre{font:13px/1.5 ui-monospace,monospace}
pre{background:var(--code);border-radius:6px;padding:.7rem;overflow-x:auto;margin:.3rem 0}.method{font-weight:700;min-width:4rem}
.get{color:var(--get)}.post{color:var(--post)}.put,.patch{color:var(--put)}.delete{color:var(--delete)}
.tag{margin-left:auto;border:1px solid var(--line);border-radius:99px;padding:0 .6rem;font-size:.8rem;color:var(--soft)}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line)}
th{font-size:.8rem;color:var(--soft);font-weight:600}.need{color:var(--delete)}
)css";

std::string text(const json::object& from, const char* key) {
    const auto* value = from.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

const json::object* inner(const json::object& from, const char* key) {
    const auto* value = from.if_contains(key);
    return value == nullptr ? nullptr : value->if_object();
}

std::string type_of(const json::object& schema) {
    const auto* type = schema.if_contains("type");
    if (type == nullptr) return schema.contains("enum") ? "one of" : "any";
    if (type->is_string()) return std::string(type->get_string());
    std::string out;
    if (const auto* list = type->if_array()) {
        for (const auto& item : *list) {
            if (item.is_string())
                out += (out.empty() ? "" : " or ") + std::string(item.get_string());
        }
    }
    return out;
}

/// "1024 ≤ value ≤ 65535, default 8001".
std::string bounds(const json::object& schema) {
    static constexpr std::pair<const char*, const char*> kWords[] = {{"enum", ""},
                                                                     {"const", "always "},
                                                                     {"minimum", "≥ "},
                                                                     {"maximum", "≤ "},
                                                                     {"minLength", "length ≥ "},
                                                                     {"maxLength", "length ≤ "},
                                                                     {"minItems", "items ≥ "},
                                                                     {"maxItems", "items ≤ "},
                                                                     {"pattern", "matches "},
                                                                     {"format", "format "},
                                                                     {"default", "default "}};
    std::string out;
    for (const auto& [key, word] : kWords) {
        const auto* value = schema.if_contains(key);
        if (value == nullptr) continue;
        const auto shown =
            value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
        out += (out.empty() ? "" : ", ") + std::string(word) + "<code>" + markup_escape(shown) +
               "</code>";
    }
    return out;
}

bool listed(const json::object& schema, std::string_view name) {
    const auto* list = schema.if_contains("required");
    if (list == nullptr || !list->is_array()) return false;
    for (const auto& item : list->get_array()) {
        if (item.is_string() && item.get_string() == name) return true;
    }
    return false;
}

void rows(const json::object& schema, const std::string& prefix, int depth, std::string& out) {
    if (depth > kDepthMax) return;
    if (const auto* properties = inner(schema, "properties")) {
        for (const auto& member : *properties) {
            static const json::object kAnything;
            const auto* field = member.value().if_object();
            if (field == nullptr) field = &kAnything;
            const auto name = prefix + std::string(member.key());
            out += "<tr><td><code>" + markup_escape(name) + "</code>";
            if (listed(schema, member.key())) out += " <span class=need title=required>*</span>";
            out += "</td><td>" + markup_escape(type_of(*field)) + "</td><td>" + bounds(*field) +
                   "</td><td>" + markup_escape(text(*field, "description")) + "</td></tr>";
            rows(*field, name + '.', depth + 1, out);
        }
    }
    if (const auto* items = inner(schema, "items")) {
        rows(*items,
             prefix.empty() ? "[]." : prefix.substr(0, prefix.size() - 1) + "[].",
             depth + 1,
             out);
    }
}

std::string table(const char* title, const json::object* schema) {
    if (schema == nullptr) return {};
    std::string body;
    rows(*schema, "", 0, body);
    if (body.empty()) return {};
    return std::string("<h3>") + title +
           "</h3><table><tr><th>name<th>type<th>allowed<th>meaning</tr>" + body + "</table>";
}

const json::object* schema_of(const json::object& holder, const char* type) {
    const auto* content = inner(holder, "content");
    const auto* media = content == nullptr ? nullptr : inner(*content, type);
    return media == nullptr ? nullptr : inner(*media, "schema");
}

std::string auth_of(const json::object& operation) {
    const auto* list = operation.if_contains("security");
    std::string out;
    if (list != nullptr && list->is_array()) {
        for (const auto& item : list->get_array()) {
            const auto* scheme = item.if_object();
            if (scheme != nullptr && !scheme->empty()) {
                out += (out.empty() ? "" : " or ") + std::string(scheme->begin()->key());
            }
        }
    }
    return out.empty() ? "open" : out;
}

/// An example value that fits a schema, for curl.
json::value example(const json::object& schema, int depth) {
    for (const char* key : {"example", "default", "const"}) {
        if (const auto* value = schema.if_contains(key)) return *value;
    }
    if (const auto* list = schema.if_contains("enum");
        list != nullptr && list->is_array() && !list->get_array().empty()) {
        return list->get_array().front();
    }
    const auto type = type_of(schema);
    if (type.starts_with("integer") || type.starts_with("number")) {
        const auto* least = schema.if_contains("minimum");
        return least != nullptr ? *least : json::value(1);
    }
    if (type.starts_with("boolean")) return true;
    if (type.starts_with("array")) return json::array();
    if (type.starts_with("string")) return "…";
    json::object result;
    const auto* properties = inner(schema, "properties");
    if (properties == nullptr || depth > kDepthMax) return result;
    for (const auto& member : *properties) {
        const auto* field = member.value().if_object();
        if (field != nullptr && listed(schema, member.key()))
            result[member.key()] = example(*field, depth + 1);
    }
    return result;
}

/// `'` ends a quoted word of the shell.
std::string shell_quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') {
            out += "'\\''";
        } else {
            out += c;
        }
    }
    return out + "'";
}

std::string curl(const std::string& method,
                 const std::string& path,
                 const json::object& operation) {
    std::string out = "curl";
    if (method != "GET") out += " -X " + method;
    const auto auth = auth_of(operation);
    if (auth.starts_with("token")) out += " -H \"Authorization: Bearer $ONEX_TOKEN\"";
    const auto* body = inner(operation, "requestBody");
    if (body != nullptr) {
        if (const auto* schema = schema_of(*body, "application/json")) {
            out += " -H 'Content-Type: application/json' -d " +
                   shell_quoted(json::serialize(example(*schema, 0)));
        } else {
            out += " -H 'Content-Type: application/octet-stream' -T FILE";
        }
    }
    out += ' ' + shell_quoted("http://HOST:PORT" + path);
    if (auth.starts_with("hmac")) out += "   # signed by a peer: onex-host does that";
    return out;
}

std::string parameter_table(const json::object& operation) {
    const auto* list = operation.if_contains("parameters");
    if (list == nullptr || !list->is_array()) return {};
    std::string out =
        "<h3>Parameters</h3><table><tr><th>name<th>in<th>type<th>allowed<th>meaning</tr>";
    for (const auto& item : list->get_array()) {
        const auto& parameter = item.get_object();
        static const json::object kAnything;
        const auto* schema = inner(parameter, "schema");
        if (schema == nullptr) schema = &kAnything;
        out += "<tr><td><code>" + markup_escape(text(parameter, "name")) + "</code>" +
               (parameter.contains("required") ? " <span class=need title=required>*</span>" : "") +
               "</td><td>" + markup_escape(text(parameter, "in")) + "</td><td>" +
               markup_escape(type_of(*schema)) + "</td><td>" + bounds(*schema) + "</td><td>" +
               markup_escape(text(parameter, "description")) + "</td></tr>";
    }
    return out + "</table>";
}

std::string operation_html(const std::string& method,
                           const std::string& path,
                           const json::object& operation) {
    std::string upper = method;
    for (char& c : upper)
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    std::string out =
        "<details><summary><span class=\"method " + markup_escape(method) + "\">" +
        markup_escape(upper) + "</span><code>" + markup_escape(path) + "</code><span class=soft>" +
        markup_escape(text(operation, "x-onex-operation")) + "</span><span class=tag>" +
        markup_escape(auth_of(operation)) + "</span></summary><div><p>" +
        markup_escape(text(operation, "description")) + "</p>";
    out += parameter_table(operation);
    if (const auto* body = inner(operation, "requestBody")) {
        out += table("Request", schema_of(*body, "application/json"));
    }
    if (const auto* responses = inner(operation, "responses")) {
        for (const auto& member : *responses) {
            const auto* response = member.value().if_object();
            if (response == nullptr || member.key() == "default") continue;
            out += table(("Response " + markup_escape(member.key())).c_str(),
                         schema_of(*response, "application/json"));
        }
    }
    return out + "<h3>Try it</h3><pre>" + markup_escape(curl(upper, path, operation)) +
           "</pre></div></details>\n";
}

}  // namespace

std::string docs_page(const json::object& openapi) {
    static const json::object kNothing;
    const auto* info = inner(openapi, "info");
    if (info == nullptr) info = &kNothing;
    const auto title = markup_escape(text(*info, "title"));
    std::string out =
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content=\"width=device-width,initial-scale=1\"><title>" +
        title + "</title><style>" + std::string(kStyle) + "</style><main><h1>" + title +
        "</h1><p class=soft>version " + markup_escape(text(*info, "version")) +
        " · <a href=\"/openapi.json\">openapi.json</a> · <span class=need>*</span> required</p>\n";
    const auto* tags = openapi.if_contains("tags");
    const auto* paths = inner(openapi, "paths");
    if (tags == nullptr || !tags->is_array() || paths == nullptr) return out + "</main></html>\n";
    for (const auto& item : tags->get_array()) {
        const auto& tag = item.get_object();
        const auto name = text(tag, "name");
        out += "<h2>" + markup_escape(name) + "</h2><p class=soft>" +
               markup_escape(text(tag, "description")) + "</p>\n";
        for (const auto& path : *paths) {
            for (const auto& method : path.value().get_object()) {
                const auto& operation = method.value().get_object();
                if (text(operation, "x-onex-node") != name) continue;
                out +=
                    operation_html(std::string(method.key()), std::string(path.key()), operation);
            }
        }
    }
    return out + "</main></html>\n";
}

}  // namespace onex::host
