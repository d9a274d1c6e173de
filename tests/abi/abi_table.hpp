// The ABI as a table of text lines, read from the headers themselves, and the rule by which it may
// grow. Knows just enough C for api/onex/abi/*.h, so that it can judge altered copies of them too.
#pragma once

#include <string>
#include <vector>

namespace onex::abi_gate {

/// Every struct, member, constant and type of the headers in `folder`, one line each:
///   struct NAME leaf|extensible SIZE · member STRUCT OFFSET SIZE NAME TYPE ·
///   constant NAME VALUE · type NAME TYPE
/// Throws std::runtime_error with file and text where a header holds what it doesn't understand.
std::vector<std::string> read_table(const std::string& folder);

/// What of `released` is no longer so in `now`; empty when plugins that were built against
/// `released` still work. Allowed: new structs, constants and types; members after the end of an
/// extensible struct.
std::vector<std::string> breaks(const std::vector<std::string>& released,
                                const std::vector<std::string>& now);

}  // namespace onex::abi_gate
