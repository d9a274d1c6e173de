// Values by a JSON Schema.
#include "host/check/random_values.hpp"
#include "host/contract/schema.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace onex::host::check {

namespace json = boost::json;

namespace {

constexpr int kDepthMax = 12;
constexpr int kGuesses = 12;
constexpr double kExact = 9.0e15;  ///< integers up to here are exact as a double

/// `part` of a combination laid over `whole`.
void lay_over(json::object& whole, const json::object& part) {
    for (const auto& [key, value] : part) {
        auto* old = whole.if_contains(key);
        if (old && key == "properties" && old->is_object() && value.is_object()) {
            for (const auto& [name, schema] : value.get_object())
                old->get_object()[name] = schema;
        } else if (old && key == "required" && old->is_array() && value.is_array()) {
            for (const auto& name : value.get_array())
                old->get_array().push_back(name);
        } else {
            whole[key] = value;
        }
    }
}

class Maker {
  public:
    Maker(const json::value& root, Dice& dice) : root_(root), dice_(dice) {}

    json::value make(const json::value& schema, int depth) {
        const auto* given = schema.if_object();
        if (!given || given->empty() || depth > kDepthMax) return random_json(dice_, 1);
        const auto flat = flatten(*given, depth);
        if (const auto* value = flat.if_contains("const")) return *value;
        for (const auto& [key, odds] : {std::pair{"enum", 1U}, {"examples", 3U}}) {
            const auto* list = flat.if_contains(key);
            if (list && list->is_array() && !list->get_array().empty() && dice_.one_in(odds))
                return list->get_array()[dice_.below(list->get_array().size())];
        }
        const auto* fallback = flat.if_contains("default");
        if (fallback && dice_.one_in(8)) return *fallback;
        return of_type(type_of(flat), flat, depth);
    }

  private:
    /// Follows a reference and picks one way through combinations.
    json::object flatten(const json::object& schema, int depth) {
        json::object out = schema;
        if (depth > kDepthMax) return out;
        if (const auto* ref = schema.if_contains("$ref"); ref && ref->is_string()) {
            out.erase("$ref");
            const std::string where(ref->get_string());
            boost::system::error_code ec;
            const auto* target =
                where.starts_with('#') ? root_.find_pointer(where.substr(1), ec) : nullptr;
            if (target && target->is_object())
                lay_over(out, flatten(target->get_object(), depth + 1));
        }
        for (const auto* key : {"allOf", "anyOf", "oneOf"}) {
            const auto* found = out.if_contains(key);
            if (!found || !found->is_array() || found->get_array().empty()) continue;
            const auto parts = found->get_array();
            out.erase(key);
            const auto chosen = dice_.below(parts.size());
            for (std::size_t i = 0; i < parts.size(); ++i) {
                const bool counts = std::string_view(key) == "allOf" || i == chosen;
                if (counts && parts[i].is_object())
                    lay_over(out, flatten(parts[i].get_object(), depth + 1));
            }
        }
        return out;
    }

    std::string type_of(const json::object& schema) {
        if (const auto* type = schema.if_contains("type")) {
            if (type->is_string()) return std::string(type->get_string());
            if (type->is_array() && !type->get_array().empty()) {
                const auto& one = type->get_array()[dice_.below(type->get_array().size())];
                if (one.is_string()) return std::string(one.get_string());
            }
        }
        const std::pair<const char*, const char*> telling[] = {{"properties", "object"},
                                                               {"required", "object"},
                                                               {"items", "array"},
                                                               {"pattern", "string"},
                                                               {"minLength", "string"},
                                                               {"maxLength", "string"},
                                                               {"minimum", "number"},
                                                               {"maximum", "number"}};
        for (const auto& [key, type] : telling) {
            if (schema.contains(key)) return type;
        }
        return "";
    }

    json::value of_type(const std::string& type, const json::object& schema, int depth) {
        if (type == "object") return object(schema, depth);
        if (type == "array") return array(schema, depth);
        if (type == "string") return json::string(text(schema));
        if (type == "integer") return integer(schema);
        if (type == "number") return number(schema);
        if (type == "boolean") return dice_.one_in(2);
        if (type == "null") return nullptr;
        return random_json(dice_, 2);
    }

    static double limit(const json::object& schema, const char* key, double otherwise) {
        const auto* found = schema.if_contains(key);
        return found && found->is_number() ? found->to_number<double>() : otherwise;
    }
    static std::size_t size_limit(const json::object& schema,
                                  const char* key,
                                  std::size_t otherwise) {
        const auto value = limit(schema, key, -1);
        return value < 0 ? otherwise : static_cast<std::size_t>(std::min(value, 1e6));
    }

    json::value integer(const json::object& schema) {
        const auto low = std::ceil(std::max(limit(schema, "minimum", -kExact),
                                            limit(schema, "exclusiveMinimum", -kExact) + 1));
        const auto high = std::floor(std::min(limit(schema, "maximum", kExact),
                                              limit(schema, "exclusiveMaximum", kExact) - 1));
        const auto first = static_cast<std::int64_t>(std::clamp(low, -kExact, kExact));
        const auto last = static_cast<std::int64_t>(std::clamp(high, -kExact, kExact));
        const auto span = static_cast<std::uint64_t>(std::max<std::int64_t>(last - first, 0));
        auto out = first + static_cast<std::int64_t>(dice_.next() % (span + 1));
        if (dice_.one_in(2)) {
            out = dice_.any_of<std::int64_t>(
                {first, last, 0, 1, -1, 2, std::int64_t{1} << 31U, std::int64_t{1} << 32U});
        }
        if (const auto step = limit(schema, "multipleOf", 0); step >= 1)
            out -= out % static_cast<std::int64_t>(std::min(step, kExact));
        return std::clamp(out, first, std::max(first, last));
    }

    json::value number(const json::object& schema) {
        if (dice_.one_in(3)) return integer(schema);
        const auto low = limit(schema, "minimum", limit(schema, "exclusiveMinimum", -1e6));
        const auto high = limit(schema, "maximum", limit(schema, "exclusiveMaximum", 1e6));
        const auto part = static_cast<double>(dice_.next() >> 11U) / 9007199254740992.0;
        return low + (high - low) * part;
    }

    std::string text(const json::object& schema) {
        if (const auto* pattern = schema.if_contains("pattern"); pattern && pattern->is_string())
            return text_of_pattern(std::string(pattern->get_string()), dice_);
        if (const auto* format = schema.if_contains("format"); format && format->is_string())
            return of_format(std::string(format->get_string()));
        const auto low = size_limit(schema, "minLength", 0);
        const auto high = std::max(low, size_limit(schema, "maxLength", low + 40));
        if (dice_.one_in(4)) return random_text(dice_, low, low);
        if (dice_.one_in(8)) return random_text(dice_, high, high);
        return random_text(dice_, low, std::min(high, low + 20));
    }

    std::string of_format(const std::string& format) {
        if (format == "date-time")
            return dice_.any_of({"2026-02-28T23:59:59Z", "1970-01-01T00:00:00.000001+01:00"});
        if (format == "date") return "2024-02-29";
        if (format == "time") return "23:59:59Z";
        if (format == "uuid")
            return text_of_pattern(
                "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                "[0-9a-f]{12}",
                dice_);
        if (format == "uri" || format == "uri-reference" || format == "url")
            return dice_.any_of({"http://localhost:1/a?b=c#d", "https://example.org/%20"});
        if (format == "email") return "somebody@example.org";
        if (format == "hostname") return "example.org";
        if (format == "ipv4") return dice_.any_of({"127.0.0.1", "255.255.255.255"});
        if (format == "ipv6") return dice_.any_of({"::1", "fe80::1"});
        return random_text(dice_, 0, 20);
    }

    json::value array(const json::object& schema, int depth) {
        const auto low = size_limit(schema, "minItems", 0);
        const auto high = std::max(low, size_limit(schema, "maxItems", low + 4));
        auto count = low + dice_.below(std::min(high, low + 4) - low + 1);
        if (dice_.one_in(16)) count = std::min<std::size_t>(high, 1000);
        const auto* items = schema.if_contains("items");
        const json::value anything = json::object();
        json::array out;
        for (std::size_t i = 0; i < count; ++i)
            out.push_back(make(items ? *items : anything, depth + 1));
        return out;
    }

    json::value object(const json::object& schema, int depth) {
        std::vector<std::string> required;
        if (const auto* names = schema.if_contains("required"); names && names->is_array()) {
            for (const auto& name : names->get_array()) {
                if (name.is_string()) required.emplace_back(name.get_string());
            }
        }
        json::object out;
        const auto* properties = schema.if_contains("properties");
        if (properties && properties->is_object()) {
            for (const auto& [name, inner] : properties->get_object()) {
                const bool needed =
                    std::find(required.begin(), required.end(), name) != required.end();
                if (needed || dice_.one_in(2)) out[name] = make(inner, depth + 1);
            }
        }
        const auto* more = schema.if_contains("additionalProperties");
        const bool none = more && more->is_bool() && !more->get_bool();
        if (!none && dice_.one_in(more && more->is_object() ? 2 : 10)) {
            const json::value anything = json::object();
            for (auto left = 1 + dice_.below(3); left > 0; --left)
                out[random_text(dice_, 1, 8)] =
                    make(more && more->is_object() ? *more : anything, depth + 1);
        }
        for (const auto& name : required) {
            if (!out.contains(name)) out[name] = random_json(dice_, 1);
        }
        return out;
    }

    const json::value& root_;
    Dice& dice_;
};

}  // namespace

json::value guess_by_schema(const json::value& schema, Dice& dice) {
    return Maker(schema, dice).make(schema, 0);
}

std::optional<json::value> random_by_schema(const Schema& schema, Dice& dice) {
    for (int i = 0; i < kGuesses; ++i) {
        auto out = guess_by_schema(schema.source(), dice);
        // An operation's input is an object, whatever its schema forgets to say.
        if (out.is_object() && schema.check(out)) return out;
    }
    return std::nullopt;
}

std::string valid_input(const Schema& schema, Dice& dice) {
    const auto value = random_by_schema(schema, dice);
    return value ? json::serialize(*value) : "{}";
}

}  // namespace onex::host::check
