// TOML text → JSON, with the line of every value. The only file pair that knows toml++.
#pragma once

#include <onex/error.hpp>

#include <boost/json/object.hpp>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onex::host {

struct TomlDocument {
    boost::json::object root;
    std::map<std::string, int, std::less<>> lines;  ///< dotted path ("host.name", "list.0") → line
    /// Values that have no JSON form (dates, infinity): {path, what is wrong}. They are left out of
    /// `root`.
    std::vector<std::pair<std::string, std::string>> problems;

    /// The line of a path, or of its nearest parent; 1 at last.
    [[nodiscard]] int line(std::string_view path) const;
};

/// Errors: VALIDATION_ERROR with message "line: what", by the parser.
Result<TomlDocument> parse_toml(std::string_view text);

}  // namespace onex::host
