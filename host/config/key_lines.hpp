// Where each key of a TOML stands, for messages.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace onex::host {

struct KeyLines {
    std::map<std::string, int, std::less<>> at;  ///< dotted path ("host.name", "list.0") → line

    /// The line of a path, or of its nearest parent; 1 at last.
    [[nodiscard]] int of(std::string_view path) const;
};

}  // namespace onex::host
