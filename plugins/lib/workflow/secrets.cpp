#include "plugins/lib/workflow/secrets.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <algorithm>

namespace json = boost::json;

namespace onex::workflow {
namespace {

constexpr std::string_view kSecret = "$secret";
constexpr std::size_t kScrubBytesMin = 6;

/// The id, when `value` is exactly {"$secret": id}.
const json::string* id_of(const json::value& value) {
    const auto* object = value.if_object();
    if (!object || object->size() != 1) return nullptr;
    const auto* id = object->if_contains(kSecret);
    return id ? id->if_string() : nullptr;
}

void take_all(json::value& value,
              const std::function<std::string()>& make_id,
              std::vector<Secret>& secrets) {
    if (auto* object = value.if_object()) {
        for (auto& member : *object)
            take_all(member.value(), make_id, secrets);
    } else if (auto* array = value.if_array()) {
        for (auto& item : *array)
            take_all(item, make_id, secrets);
    } else if (!value.is_null()) {
        secrets.push_back(
            {make_id(),
             value.is_string() ? std::string(value.get_string()) : json::serialize(value)});
        value = json::object{{kSecret, secrets.back().id}};
    }
}

void take_at(json::object& object,
             std::string_view path,
             const std::function<std::string()>& make_id,
             std::vector<Secret>& secrets) {
    const auto dot = path.find('.');
    auto* value = object.if_contains(path.substr(0, dot));
    if (!value) return;
    if (dot == std::string_view::npos) {
        take_all(*value, make_id, secrets);
        return;
    }
    if (auto* inner = value->if_object()) take_at(*inner, path.substr(dot + 1), make_id, secrets);
    if (auto* list = value->if_array()) {
        for (auto& item : *list) {
            if (item.is_object()) {
                take_at(item.get_object(), path.substr(dot + 1), make_id, secrets);
            }
        }
    }
}

/// Calls `see` for each {"$secret": id} below `value`; it may replace it.
template <class Value, class See>
Result<void> each_secret(Value& value, const See& see) {
    if (id_of(value)) return see(value);
    if (value.is_object()) {
        for (auto& member : value.get_object()) {
            if (auto ok = each_secret(member.value(), see); !ok) return ok;
        }
    } else if (value.is_array()) {
        for (auto& item : value.get_array()) {
            if (auto ok = each_secret(item, see); !ok) return ok;
        }
    }
    return {};
}

}  // namespace

std::vector<Secret> take_secrets(json::object& input,
                                 const std::vector<std::string>& redact_fields,
                                 const std::function<std::string()>& make_id) {
    std::vector<Secret> secrets;
    for (const auto& path : redact_fields)
        take_at(input, path, make_id, secrets);
    return secrets;
}

std::vector<std::string> secret_ids(const json::value& value) {
    std::vector<std::string> ids;
    (void)each_secret(value, [&](const json::value& found) -> Result<void> {
        ids.emplace_back(*id_of(found));
        return {};
    });
    return ids;
}

Result<void> reveal(json::value& value,
                    const std::function<Result<std::string>(const std::string& id)>& lookup) {
    return each_secret(value, [&](json::value& found) -> Result<void> {
        auto text = lookup(std::string(*id_of(found)));
        if (!text) return std::unexpected(std::move(text).error());
        found = json::string(*text);
        return {};
    });
}

json::value without_ids(const json::value& value, const std::vector<Secret>& secrets) {
    auto out = value;
    (void)each_secret(out, [&](json::value& found) -> Result<void> {
        const auto secret =
            std::ranges::find(secrets, std::string_view(*id_of(found)), &Secret::id);
        found = json::object{{kSecret, secret == secrets.end() ? "" : secret->value}};
        return {};
    });
    return out;
}

std::string scrub(std::string text, const std::vector<std::string>& values) {
    constexpr std::string_view kStars = "***";
    for (const auto& value : values) {
        if (value.size() < kScrubBytesMin) continue;
        for (auto at = text.find(value); at != std::string::npos;
             at = text.find(value, at + kStars.size())) {
            text.replace(at, value.size(), kStars);
        }
    }
    return text;
}

void scrub(json::value& value, const std::vector<std::string>& values) {
    if (values.empty()) return;
    if (auto* text = value.if_string()) {
        *text = scrub(std::string(*text), values);
    } else if (auto* array = value.if_array()) {
        for (auto& item : *array)
            scrub(item, values);
    } else if (auto* object = value.if_object()) {
        json::object out;
        for (auto& member : *object) {
            scrub(member.value(), values);
            out.insert_or_assign(scrub(std::string(member.key()), values),
                                 std::move(member.value()));
        }
        *object = std::move(out);
    }
}

}  // namespace onex::workflow
