// `default` of JSON Schema, which validators ignore. Internal to Schema.
#pragma once

#include <boost/json/value.hpp>

#include <string>
#include <vector>

namespace onex::host {

/// Adds missing properties that have a default, in `value` and in the objects inside it. Adds at
/// most 10 000 values and descends at most 64 levels.
void fill_defaults(const boost::json::value& schema, boost::json::value& value);

/// The `type` words of property `name`; empty when the schema names none.
std::vector<std::string> types_of(const boost::json::value& schema, const std::string& name);

}  // namespace onex::host
