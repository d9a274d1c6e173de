// YAML text → JSON, with the line of every value. The only file pair that knows yaml-cpp.
#pragma once

#include <onex/error.hpp>

#include <boost/json/value.hpp>

#include <map>
#include <string>
#include <string_view>

namespace onex::host {

struct YamlDocument {
    boost::json::value root;
    /// JSON pointer → {line, column}, both from 1.
    struct Place {
        int line = 0;
        int column = 0;
    };
    std::map<std::string, Place, std::less<>> places;

    /// "file:line:column" of a pointer, or of its nearest parent that has one.
    [[nodiscard]] std::string where(std::string_view file, std::string_view pointer) const;
};

/// One document; scalars by the YAML 1.2 core schema ("no" is a string, 0.80 a double, 1.0 a
/// double, quoted text always a string). Errors: VALIDATION_ERROR with line and column: syntax,
/// several documents, a key twice, aliases that expand beyond 100 000 values, depth over 64, text
/// over 4 MiB.
Result<YamlDocument> parse_yaml(std::string_view text);

}  // namespace onex::host
