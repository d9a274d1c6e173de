// valijson's findings in words a person can act on. Internal to Schema.
#pragma once

#include <boost/json/value.hpp>

#include <string>
#include <vector>

namespace onex::host {

/// Marks a description that is already worded, up to the value it is about.
inline constexpr const char* kOwnWords = "\x01";

/// As valijson reports it: {"<root>", "[ports]", "[0]"} and a sentence.
struct Failure {
    std::vector<std::string> context;
    std::string description;
};

struct Violation {
    std::string pointer;  ///< JSON pointer into the value
    std::string message;  ///< "ports[0]: 'x' is a string; expected integer"
};

/// At least one; sentences that only repeat that an inner value failed are left out. Values of
/// properties that the schema marks `writeOnly: true` are not shown.
std::vector<Violation> explain(const boost::json::value& schema,
                               const boost::json::value& value,
                               const std::vector<Failure>& failures);

}  // namespace onex::host
