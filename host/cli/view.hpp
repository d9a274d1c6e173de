// Reading answers: members of a JSON value by a dotted path, with a fallback when they are not
// there.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace onex::host::cli {

/// The value at `path` ("error.code"), or null when there is none.
const boost::json::value* find(const boost::json::object& object, std::string_view path);

/// The text at `path`; numbers and booleans as JSON writes them, anything else is `fallback`.
std::string text(const boost::json::object& object,
                 std::string_view path,
                 std::string_view fallback = "");
std::int64_t number(const boost::json::object& object,
                    std::string_view path,
                    std::int64_t fallback = 0);
bool flag(const boost::json::object& object, std::string_view path, bool fallback = false);
/// The array or object at `path`, or an empty one.
const boost::json::array& list(const boost::json::object& object, std::string_view path);
const boost::json::object& members(const boost::json::object& object, std::string_view path);

}  // namespace onex::host::cli
