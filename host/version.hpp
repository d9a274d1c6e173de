// The version of this program.
#pragma once

#include <string_view>

namespace onex::host {

/// "0.1.0", as CMakeLists.txt has it.
std::string_view host_version();

}  // namespace onex::host
