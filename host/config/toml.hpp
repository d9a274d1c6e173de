// TOML text → JSON, with the line of every value. The only file pair that knows toml++.
#pragma once

#include "host/config/key_lines.hpp"

#include <onex/error.hpp>

#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onex::host {

struct TomlDocument {
    boost::json::object root;
    KeyLines lines;
    /// Values that have no JSON form (dates, infinity): {path, what is wrong}. They are left out of
    /// `root`.
    std::vector<std::pair<std::string, std::string>> problems;
};

/// Errors: VALIDATION_ERROR with message "line: what", by the parser.
Result<TomlDocument> parse_toml(std::string_view text);

}  // namespace onex::host
