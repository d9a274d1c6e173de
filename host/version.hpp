// The version of this program; the parts that tell it need nothing else of the composition root.
#pragma once

#include <string_view>

namespace onex::host {

/// E.g. "0.1.0".
std::string_view host_version();

}  // namespace onex::host
