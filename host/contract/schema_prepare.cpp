#include "host/contract/schema_prepare.hpp"

#include "host/contract/formats.hpp"
#include "host/text/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace json = boost::json;

namespace onex::host {
namespace {

constexpr std::size_t kDepthMax = 64;
constexpr std::size_t kSchemasMax = 10'000;
constexpr int kRefChainMax = 32;

/// What a keyword's value holds.
enum class Holds { plain, schema, schema_list, schema_map, schema_or_list, dependencies, dropped };
struct Keyword {
    std::string_view name;
    Holds holds;
    bool in_place = false;  ///< its schemas see the same value again
};
constexpr std::array kKeywords{
    Keyword{"properties", Holds::schema_map},
    Keyword{"patternProperties", Holds::schema_map},
    Keyword{"definitions", Holds::schema_map},
    Keyword{"$defs", Holds::schema_map},
    Keyword{"additionalProperties", Holds::schema},
    Keyword{"items", Holds::schema_or_list},
    Keyword{"additionalItems", Holds::schema},
    Keyword{"contains", Holds::schema},
    Keyword{"propertyNames", Holds::schema},
    Keyword{"not", Holds::schema, true},
    Keyword{"if", Holds::schema, true},
    Keyword{"then", Holds::schema, true},
    Keyword{"else", Holds::schema, true},
    Keyword{"allOf", Holds::schema_list, true},
    Keyword{"anyOf", Holds::schema_list, true},
    Keyword{"oneOf", Holds::schema_list, true},
    Keyword{"dependencies", Holds::dependencies, true},
    Keyword{"type", Holds::plain},
    Keyword{"enum", Holds::plain},
    Keyword{"const", Holds::plain},
    Keyword{"required", Holds::plain},
    Keyword{"minimum", Holds::plain},
    Keyword{"maximum", Holds::plain},
    Keyword{"exclusiveMinimum", Holds::plain},
    Keyword{"exclusiveMaximum", Holds::plain},
    Keyword{"multipleOf", Holds::plain},
    Keyword{"minLength", Holds::plain},
    Keyword{"maxLength", Holds::plain},
    Keyword{"minItems", Holds::plain},
    Keyword{"maxItems", Holds::plain},
    Keyword{"uniqueItems", Holds::plain},
    Keyword{"minProperties", Holds::plain},
    Keyword{"maxProperties", Holds::plain},
    Keyword{"pattern", Holds::plain},
    Keyword{"format", Holds::plain},
    Keyword{"$ref", Holds::plain},
    // For people and tools. `id` must not reach valijson, which resolves it with a regular
    // expression.
    Keyword{"default", Holds::dropped},
    Keyword{"title", Holds::dropped},
    Keyword{"description", Holds::dropped},
    Keyword{"example", Holds::dropped},
    Keyword{"examples", Holds::dropped},
    Keyword{"deprecated", Holds::dropped},
    Keyword{"readOnly", Holds::dropped},
    Keyword{"writeOnly", Holds::dropped},
    Keyword{"id", Holds::dropped},
    Keyword{"$id", Holds::dropped},
    Keyword{"$schema", Holds::dropped},
    Keyword{"$comment", Holds::dropped},
};

const Keyword* keyword(std::string_view name) {
    const auto* row = std::ranges::find(kKeywords, name, &Keyword::name);
    return row == kKeywords.end() ? nullptr : row;
}

std::unexpected<Error> bad(const std::string& at, const std::string& what) {
    return fail("VALIDATION_ERROR", "schema" + (at.empty() ? "" : " " + at) + ": " + what);
}

/// Walks a schema and writes its counterpart for valijson.
class Preparer {
  public:
    Preparer(const json::value& root, PreparedSchema& out, bool nested)
        : root_(root), out_(out), nested_(nested) {}

    Result<json::value> schema(const json::value& source,
                               const std::string& at,
                               std::size_t depth) {
        if (source.is_bool()) return source;
        const auto* object = source.if_object();
        if (object == nullptr) return bad(at, "a schema must be a mapping, not " + show(source));
        if (depth > kDepthMax) return bad(at, "nested deeper than " + std::to_string(kDepthMax));
        if (++count_ > kSchemasMax)
            return bad(at, "more than " + std::to_string(kSchemasMax) + " schemas");
        json::object result;
        for (const auto& member : *object) {
            const std::string name(member.key());
            const auto place = at + '/' + pointer_escape(name);
            const auto* row = keyword(name);
            if (row == nullptr) {
                if (!name.starts_with("x-")) {
                    out_.remarks.push_back(place + ": the keyword has no effect here" + hint(name));
                }
                continue;
            }
            if (name == "default") out_.has_defaults = true;
            if (row->holds == Holds::dropped || name == "patternProperties") continue;
            if (name == "additionalProperties" && object->contains("patternProperties")) continue;
            auto value = convert(*row, member.value(), place, depth);
            if (!value) return std::unexpected(std::move(value).error());
            if (name == "format" && value->is_null()) continue;
            result[replaced(name)] = std::move(*value);
        }
        if (const auto* patterns = object->if_contains("patternProperties")) {
            auto number = members(*object, *patterns, at);
            if (!number) return std::unexpected(std::move(number).error());
            result[kMembersWord] = *number;
        }
        set_apart(result);
        return result;
    }

  private:
    /// valijson 1.0 keeps the schema of this word under its parent's place: behind a `$ref` it
    /// would take the parent for it. In an `allOf` of its own it has a place that no `$ref` names.
    static void set_apart(json::object& schema) {
        auto* names = schema.if_contains("propertyNames");
        if (names == nullptr) return;
        json::object apart;
        apart["propertyNames"] = std::move(*names);
        schema.erase("propertyNames");
        auto& all = schema["allOf"];
        if (!all.is_array()) all = json::array();
        all.get_array().push_back(std::move(apart));
    }

    static std::string hint(const std::string& name) {
        std::vector<std::string> names;
        for (const auto& row : kKeywords)
            names.emplace_back(row.name);
        return did_you_mean(name, names);
    }

    static std::string replaced(const std::string& name) {
        if (name == "pattern") return kPatternWord;
        if (name == "format") return kFormatWord;
        return name;
    }

    Result<json::value> convert(const Keyword& row,
                                const json::value& value,
                                const std::string& place,
                                std::size_t depth) {
        switch (row.holds) {
            case Holds::schema:
                return schema(value, place, depth + 1);
            case Holds::schema_list:
                return list(value, place, depth);
            case Holds::schema_or_list:
                return value.is_array() ? list(value, place, depth)
                                        : schema(value, place, depth + 1);
            case Holds::schema_map:
                return map(value, place, depth, false);
            case Holds::dependencies:
                return map(value, place, depth, true);
            case Holds::plain:
            case Holds::dropped:
                break;
        }
        if (row.name == "pattern") return pattern(value, place);
        if (row.name == "format") return format(value, place);
        if (row.name == "$ref") return reference(value, place);
        return value;
    }

    Result<json::value> list(const json::value& value,
                             const std::string& place,
                             std::size_t depth) {
        const auto* array = value.if_array();
        if (array == nullptr) return bad(place, "must be a list of schemas");
        json::array result;
        for (std::size_t i = 0; i < array->size(); ++i) {
            auto item = schema((*array)[i], place + '/' + std::to_string(i), depth + 1);
            if (!item) return item;
            result.push_back(std::move(*item));
        }
        return result;
    }

    Result<json::value> map(const json::value& value,
                            const std::string& place,
                            std::size_t depth,
                            bool lists_allowed) {
        const auto* object = value.if_object();
        if (object == nullptr) return bad(place, "must be a mapping of schemas");
        json::object result;
        for (const auto& member : *object) {
            if (lists_allowed && member.value().is_array()) {
                result.emplace(member.key(), member.value());
                continue;
            }
            auto item =
                schema(member.value(), place + '/' + pointer_escape(member.key()), depth + 1);
            if (!item) return item;
            result.emplace(member.key(), std::move(*item));
        }
        return result;
    }

    Result<json::value> pattern(const json::value& value, const std::string& place) {
        if (!value.is_string()) return bad(place, "must be a string");
        const std::string text(value.get_string());
        if (!out_.patterns.contains(text)) {
            auto compiled = Pattern::compile(text);
            if (!compiled) return bad(place, compiled.error().message);
            out_.patterns.emplace(text, std::move(*compiled));
        }
        return value;
    }

    Result<json::value> format(const json::value& value, const std::string& place) {
        if (!value.is_string()) return bad(place, "must be a string");
        if (known_format(value.get_string())) return value;
        out_.remarks.push_back(place + ": the format '" + std::string(value.get_string()) +
                               "' is not checked here");
        return nullptr;
    }

    Result<json::value> reference(const json::value& value, const std::string& place) {
        if (!value.is_string()) return bad(place, "must be a string");
        const std::string_view text = value.get_string();
        if (nested_) {
            return bad(place,
                       "$ref inside patternProperties is not supported; write the schema out");
        }
        if (text != "#" && !text.starts_with("#/")) {
            return bad(place, "'" + std::string(text) + "' leads outside; only #/… is supported");
        }
        const json::value self{{"$ref", text}};
        if (follow_refs(root_, &self) == nullptr) {
            return bad(place, "'" + std::string(text) + "' leads nowhere, or round in a circle");
        }
        return value;
    }

    Result<std::int64_t> members(const json::object& object,
                                 const json::value& patterns,
                                 const std::string& at) {
        MemberRules rules;
        const auto place = at + "/patternProperties";
        if (!patterns.is_object()) return bad(place, "must be a mapping of schemas");
        for (const auto& member : patterns.get_object()) {
            const auto here = place + '/' + pointer_escape(member.key());
            auto compiled = Pattern::compile(std::string(member.key()));
            if (!compiled) return bad(here, compiled.error().message);
            auto inner = nested(member.value(), here);
            if (!inner) return std::unexpected(std::move(inner).error());
            rules.by_pattern.emplace_back(std::move(*compiled), std::move(*inner));
        }
        if (const auto* properties = object.if_contains("properties")) {
            if (properties->is_object()) {
                for (const auto& member : properties->get_object())
                    rules.named.emplace(member.key());
            }
        }
        if (const auto* additional = object.if_contains("additionalProperties")) {
            auto inner = nested(*additional, at + "/additionalProperties");
            if (!inner) return std::unexpected(std::move(inner).error());
            rules.additional = std::move(*inner);
        }
        out_.members.push_back(std::move(rules));
        return static_cast<std::int64_t>(out_.members.size()) - 1;
    }

    Result<std::shared_ptr<const PreparedSchema>> nested(const json::value& source,
                                                         const std::string& at) {
        auto inner = std::make_shared<PreparedSchema>();
        Preparer preparer(source, *inner, true);
        auto text = preparer.schema(source, at, 1 + std::ranges::count(at, '/'));
        if (!text) return std::unexpected(std::move(text).error());
        inner->text = std::move(*text);
        for (auto& remark : inner->remarks)
            out_.remarks.push_back(std::move(remark));
        out_.has_defaults |= inner->has_defaults;
        return inner;
    }

    const json::value& root_;
    PreparedSchema& out_;
    bool nested_;
    std::size_t count_ = 0;
};

/// Finds schemas that apply themselves to the same value without end, e.g. {"allOf": [{"$ref":
/// "#"}]}.
class CircleFinder {
  public:
    explicit CircleFinder(const json::value& root) : root_(root) {}

    [[nodiscard]] bool circular(const json::value& schema) {
        const auto* target = follow_refs(root_, &schema);
        if (target == nullptr || !target->is_object()) return false;
        if (done_.contains(target)) return false;
        if (!open_.insert(target).second) return true;
        for (const auto& member : target->get_object()) {
            const auto* row = keyword(member.key());
            if (row != nullptr && row->in_place && any(*row, member.value())) return true;
        }
        open_.erase(target);
        done_.insert(target);
        return false;
    }

    /// Every schema under `value`, wherever it stands.
    [[nodiscard]] bool circular_below(const json::value& value) {
        if (circular(value)) return true;
        if (const auto* object = value.if_object()) {
            return std::ranges::any_of(*object,
                                       [&](const auto& m) { return circular_below(m.value()); });
        }
        if (const auto* array = value.if_array()) {
            return std::ranges::any_of(*array,
                                       [&](const auto& item) { return circular_below(item); });
        }
        return false;
    }

  private:
    [[nodiscard]] bool any(const Keyword& row, const json::value& value) {
        if (row.holds == Holds::dependencies && value.is_object()) {
            return std::ranges::any_of(value.get_object(),
                                       [&](const auto& m) { return circular(m.value()); });
        }
        if (const auto* array = value.if_array()) {
            return std::ranges::any_of(*array, [&](const auto& item) { return circular(item); });
        }
        return circular(value);
    }

    const json::value& root_;
    std::set<const json::value*> open_;
    std::set<const json::value*> done_;
};

[[nodiscard]] bool too_deep(const json::value& value, std::size_t left) {
    if (left == 0) return true;
    if (const auto* object = value.if_object()) {
        return std::ranges::any_of(*object,
                                   [&](const auto& m) { return too_deep(m.value(), left - 1); });
    }
    if (const auto* array = value.if_array()) {
        return std::ranges::any_of(*array,
                                   [&](const auto& item) { return too_deep(item, left - 1); });
    }
    return false;
}

}  // namespace

const json::value* follow_refs(const json::value& root, const json::value* schema) {
    for (int steps = 0; schema != nullptr && steps < kRefChainMax; ++steps) {
        const auto* object = schema->if_object();
        const auto* ref = object == nullptr ? nullptr : object->if_contains("$ref");
        if (ref == nullptr || !ref->is_string()) return schema;
        const std::string_view text = ref->get_string();
        if (!text.starts_with('#')) return nullptr;
        boost::system::error_code failed;
        schema = root.find_pointer(text.substr(1), failed);
    }
    return nullptr;
}

Result<PreparedSchema> prepare_schema(const json::value& schema) {
    // Twice the depth of schemas: every second level is a word such as `properties`.
    if (too_deep(schema, 2 * kDepthMax + 2)) {
        return bad("", "nested deeper than " + std::to_string(kDepthMax));
    }
    PreparedSchema result;
    Preparer preparer(schema, result, false);
    auto text = preparer.schema(schema, "", 0);
    if (!text) return std::unexpected(std::move(text).error());
    result.text = std::move(*text);
    CircleFinder circles(schema);
    if (circles.circular_below(schema)) return bad("", "a schema refers to itself without end");
    return result;
}

}  // namespace onex::host
