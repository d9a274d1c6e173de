#include "host/cli/view.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <array>
#include <cstdio>

namespace onex::host::cli {

namespace json = boost::json;

const json::value* find(const json::object& object, std::string_view path) {
    const json::object* inside = &object;
    while (true) {
        const auto dot = path.find('.');
        const auto* value = inside->if_contains(path.substr(0, dot));
        if (!value || dot == std::string_view::npos) return value;
        if (!value->is_object()) return nullptr;
        inside = &value->get_object();
        path.remove_prefix(dot + 1);
    }
}

std::string text(const json::object& object, std::string_view path, std::string_view fallback) {
    const auto* value = find(object, path);
    if (!value || value->is_null() || value->is_structured()) return std::string(fallback);
    if (value->is_string()) return std::string(value->get_string());
    if (value->is_double()) {
        std::array<char, 32> out{};
        std::snprintf(out.data(), out.size(), "%g", value->get_double());
        return out.data();
    }
    return json::serialize(*value);
}

std::int64_t number(const json::object& object, std::string_view path, std::int64_t fallback) {
    const auto* value = find(object, path);
    if (!value || !value->is_number()) return fallback;
    if (value->is_double()) return static_cast<std::int64_t>(value->get_double());
    return value->is_int64() ? value->get_int64() : static_cast<std::int64_t>(value->get_uint64());
}

bool flag(const json::object& object, std::string_view path, bool fallback) {
    const auto* value = find(object, path);
    return value && value->is_bool() ? value->get_bool() : fallback;
}

const json::array& list(const json::object& object, std::string_view path) {
    static const json::array none;
    const auto* value = find(object, path);
    return value && value->is_array() ? value->get_array() : none;
}

const json::object& members(const json::object& object, std::string_view path) {
    static const json::object none;
    const auto* value = find(object, path);
    return value && value->is_object() ? value->get_object() : none;
}

}  // namespace onex::host::cli
