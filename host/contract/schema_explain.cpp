#include "host/contract/schema_explain.hpp"

#include "host/contract/schema_prepare.hpp"
#include "host/text/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

namespace json = boost::json;

namespace onex::host {
namespace {

/// A failure with the value and the schema that it is about.
struct Place {
    std::string pointer;
    std::string shown;                   ///< "ports[0].host", or "" for the whole document
    const json::value* value = nullptr;  ///< null: the property's name itself
    const json::object* schema = nullptr;
    bool secret = false;
};

bool hidden(const json::object* schema) {
    const auto* mark = schema == nullptr ? nullptr : schema->if_contains("writeOnly");
    return mark != nullptr && mark->is_bool() && mark->get_bool();
}

/// The schema of a member or item of what `schema` describes: the first that says something about
/// it.
const json::object* step(const json::value& root,
                         const json::object* schema,
                         std::string_view name,
                         bool item,
                         int depth = 0) {
    if (schema == nullptr || depth > 8) return nullptr;
    auto resolved = [&](const json::value* inner) -> const json::object* {
        const auto* target = inner == nullptr ? nullptr : follow_refs(root, inner);
        return target == nullptr ? nullptr : target->if_object();
    };
    if (item) {
        if (const auto* found = resolved(schema->if_contains("items"))) return found;
    } else {
        const auto* properties = schema->if_contains("properties");
        if (properties != nullptr && properties->is_object()) {
            if (const auto* found = resolved(properties->get_object().if_contains(name)))
                return found;
        }
        const auto* patterns = schema->if_contains("patternProperties");
        if (patterns != nullptr && patterns->is_object()) {
            for (const auto& member : patterns->get_object()) {
                const auto pattern = Pattern::compile(std::string(member.key()));
                if (pattern && pattern->found_in(name)) return resolved(&member.value());
            }
        }
        if (const auto* found = resolved(schema->if_contains("additionalProperties"))) return found;
    }
    for (const auto* word : {"allOf", "anyOf", "oneOf"}) {
        const auto* parts = schema->if_contains(word);
        if (parts == nullptr || !parts->is_array()) continue;
        for (const auto& part : parts->get_array()) {
            if (const auto* found = step(root, resolved(&part), name, item, depth + 1))
                return found;
        }
    }
    return nullptr;
}

Place locate(const json::value& root,
             const json::value& value,
             const std::vector<std::string>& context) {
    Place place;
    const auto* start = follow_refs(root, &root);
    place.schema = start == nullptr ? nullptr : start->if_object();
    place.value = &value;
    for (std::size_t i = 1; i < context.size(); ++i) {
        const std::string_view name(context[i].data() + 1, context[i].size() - 2);
        const bool item = place.value != nullptr && place.value->is_array();
        place.pointer += '/' + pointer_escape(name);
        if (item) {
            place.shown += '[' + std::string(name) + ']';
        } else {
            place.shown += (place.shown.empty() ? "" : ".") + cut(name, 64);
        }
        place.schema = step(root, place.schema, name, item);
        place.secret = place.secret || hidden(place.schema);
        if (place.value == nullptr) continue;
        if (const auto* array = place.value->if_array()) {
            const auto index =
                static_cast<std::size_t>(std::strtoull(std::string(name).c_str(), nullptr, 10));
            place.value = index < array->size() ? &(*array)[index] : nullptr;
        } else {
            const auto* object = place.value->if_object();
            place.value = object == nullptr ? nullptr : object->if_contains(name);
        }
    }
    return place;
}

std::string words(const json::value& value) {
    const auto* list = value.if_array();
    if (list == nullptr)
        return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
    std::string out;
    for (const auto& item : *list) {
        if (out.size() > 400) return out + ", …";
        out += (out.empty() ? "" : ", ") + words(item);
    }
    return out;
}

/// What the schema at this place says under `keyword`, as text; "" when it is not known.
std::string expected(const Place& place, std::string_view keyword) {
    const auto* found = place.schema == nullptr ? nullptr : place.schema->if_contains(keyword);
    return found == nullptr ? "" : words(*found);
}

std::string shown_value(const Place& place) {
    if (place.secret) return "the value (not shown)";
    return place.value == nullptr ? "the name" : show(*place.value);
}

std::string with(const std::string& before, const std::string& what) {
    return what.empty() ? "" : before + what;
}

std::string quoted_at_end(std::string_view text) {
    const auto first = text.find(": '");
    const auto start = first != std::string_view::npos ? first + 3 : text.find('\'') + 1;
    const auto end = text.rfind('\'');
    return end > start ? std::string(text.substr(start, end - start)) : std::string();
}

std::string type_message(const Place& place) {
    // What fits no int64 is no integer to valijson.
    if (place.value != nullptr && place.value->is_uint64() &&
        expected(place, "type") == "integer") {
        return shown_value(place) + " is too large; at most 9223372036854775807";
    }
    const auto kind = place.value == nullptr ? std::string("the name") : kind_of(*place.value);
    const bool bare = place.value == nullptr || place.value->is_object() ||
                      place.value->is_array() || place.value->is_null();
    const auto subject = bare && !place.secret ? "is " + kind : shown_value(place) + " is " + kind;
    return subject + with("; expected ", expected(place, "type"));
}

std::vector<std::string> property_names(const Place& place) {
    std::vector<std::string> names;
    const auto* properties =
        place.schema == nullptr ? nullptr : place.schema->if_contains("properties");
    if (properties == nullptr || !properties->is_object()) return names;
    for (const auto& member : properties->get_object())
        names.emplace_back(member.key());
    return names;
}

std::string length_message(const Place& place, std::string_view limit, const char* bound) {
    std::size_t size = 0;
    std::string unit = "characters";
    if (place.value != nullptr) {
        if (const auto* text = place.value->if_string()) {
            size = static_cast<std::size_t>(std::ranges::count_if(
                *text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
        } else if (const auto* array = place.value->if_array()) {
            size = array->size();
            unit = "items";
        } else if (const auto* object = place.value->if_object()) {
            size = object->size();
            unit = "members";
        }
    }
    const auto subject = unit == "characters" ? shown_value(place) + " has " : std::string("has ");
    return subject + std::to_string(size) + ' ' + unit +
           with(std::string("; ") + bound, expected(place, limit));
}

/// How valijson begins a sentence, and what is said instead.
struct Wording {
    std::string_view begins;
    std::string (*say)(const Place&, const std::string& description);
};
constexpr std::array kWordings{
    Wording{"Value type not permitted",
            [](const Place& p, const std::string&) { return type_message(p); }},
    Wording{"Failed to match against any enum",
            [](const Place& p, const std::string&) {
                return shown_value(p) + " is not allowed" +
                       with("; expected one of ", expected(p, "enum"));
            }},
    Wording{"Failed to match expected value",
            [](const Place& p, const std::string&) {
                return shown_value(p) + " is not allowed" +
                       with("; expected ", expected(p, "const"));
            }},
    Wording{"Expected number less than or equal",
            [](const Place& p, const std::string&) {
                return shown_value(p) + " is too large" +
                       with("; at most ", expected(p, "maximum"));
            }},
    Wording{"Expected number less than",
            [](const Place& p, const std::string&) {
                return shown_value(p) + " is too large" +
                       with("; less than ", expected(p, "exclusiveMaximum"));
            }},
    Wording{"Expected number greater than or equal",
            [](const Place& p, const std::string&) {
                return shown_value(p) + " is too small" +
                       with("; at least ", expected(p, "minimum"));
            }},
    Wording{"Expected number greater than",
            [](const Place& p, const std::string&) {
                return shown_value(p) + " is too small" +
                       with("; more than ", expected(p, "exclusiveMinimum"));
            }},
    Wording{"String should be no more",
            [](const Place& p, const std::string&) {
                return length_message(p, "maxLength", "at most ");
            }},
    Wording{"String should be no fewer",
            [](const Place& p, const std::string&) {
                return length_message(p, "minLength", "at least ");
            }},
    Wording{"Array should contain no more",
            [](const Place& p, const std::string&) {
                return length_message(p, "maxItems", "at most ");
            }},
    Wording{"Array should contain no fewer",
            [](const Place& p, const std::string&) {
                return length_message(p, "minItems", "at least ");
            }},
    Wording{"Object should have no more",
            [](const Place& p, const std::string&) {
                return length_message(p, "maxProperties", "at most ");
            }},
    Wording{"Object should have no fewer",
            [](const Place& p, const std::string&) {
                return length_message(p, "minProperties", "at least ");
            }},
    Wording{"Value should be a multiple",
            [](const Place& p, const std::string&) {
                return shown_value(p) + " is no multiple" + with(" of ", expected(p, "multipleOf"));
            }},
    Wording{"Failed to any values against subschema in 'contains'",
            [](const Place&, const std::string&) {
                return std::string("no item is of the kind that it must contain");
            }},
    Wording{"Failed to validate against any",
            [](const Place&, const std::string&) {
                return std::string("fits none of the forms that are allowed here");
            }},
    Wording{"Failed to validate against exactly one",
            [](const Place&, const std::string&) {
                return std::string("fits several forms where only one is allowed");
            }},
    Wording{"Target should not validate",
            [](const Place& p, const std::string&) {
                return shown_value(p) + " is of a form that is not allowed here";
            }},
    Wording{"Elements at indexes",
            [](const Place&, const std::string& text) {
                return "items" + text.substr(20, text.find(" violate") - 20) + " are equal";
            }},
};

/// Sentences that only say that something inside failed.
bool summary(std::string_view text) {
    return text.starts_with("Failed to validate against schema associated") ||
           text.starts_with("Failed to validate item") ||
           text.starts_with("Failed to validate against child schema") ||
           text.starts_with("Failed to validate against additional") ||
           text.starts_with("Failed to validate against dependent") ||
           text.starts_with("Failed to validate against a conditional") ||
           text.starts_with("Failed to validate against any");
}

struct Said {
    Violation violation;
    bool is_summary = false;
    bool is_type = false;
};

Said say(const Place& at, const std::string& description) {
    Said said;
    said.is_summary = summary(description);
    said.is_type = description.starts_with("Value type");
    Place place = at;
    std::string text = description;
    if (description.starts_with("Missing required property")) {
        const auto name = quoted_at_end(description);
        place.pointer += '/' + pointer_escape(name);
        said.violation = {place.pointer,
                          (at.shown.empty() ? "" : at.shown + '.') + name + " is missing"};
        return said;
    }
    if (description.starts_with("Object contains a property")) {
        const auto name = quoted_at_end(description);
        const auto names = property_names(at);
        auto hint = did_you_mean(name, names);
        if (hint.empty() && !names.empty() && names.size() <= 24) {
            for (const auto& known : names)
                hint += (hint.empty() ? "; known are " : ", ") + known;
        }
        text = "unknown property '" + cut(name, 64) + "'" + hint;
        place.pointer += '/' + pointer_escape(name);
    } else if (description.starts_with(kOwnWords)) {
        text = shown_value(at) + ' ' + description.substr(1);
    } else {
        const auto* row = std::ranges::find_if(kWordings, [&](const Wording& wording) {
            return description.starts_with(wording.begins);
        });
        if (row != kWordings.end()) text = row->say(at, description);
    }
    said.violation = {place.pointer, at.shown.empty() ? text : at.shown + ": " + text};
    return said;
}

bool below(const std::string& pointer, const std::string& parent) {
    return pointer.starts_with(parent) &&
           (pointer.size() == parent.size() || pointer[parent.size()] == '/');
}

}  // namespace

std::vector<Violation> explain(const json::value& schema,
                               const json::value& value,
                               const std::vector<Failure>& failures) {
    constexpr std::size_t kLookedAtMax = 200;
    std::vector<Said> all;
    for (const auto& failure : failures) {
        if (all.size() == kLookedAtMax) break;
        all.push_back(say(locate(schema, value, failure.context), failure.description));
    }
    // A type that does not fit says nothing new where another alternative failed further inside.
    auto outdone = [&](const Said& one) {
        if (!one.is_type && !one.is_summary) return false;
        return std::ranges::any_of(all, [&](const Said& other) {
            const bool stronger =
                one.is_summary ? !other.is_summary : !other.is_summary && !other.is_type;
            return stronger && below(other.violation.pointer, one.violation.pointer);
        });
    };
    std::vector<Violation> result;
    for (const auto& one : all) {
        const bool repeated = std::ranges::any_of(
            result, [&](const Violation& seen) { return seen.message == one.violation.message; });
        if (!outdone(one) && !repeated) result.push_back(one.violation);
    }
    if (result.empty()) result.push_back({"", "the document does not fit its schema"});
    return result;
}

}  // namespace onex::host
