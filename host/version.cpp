#include "host/version.hpp"

namespace onex::host {

std::string_view host_version() {
    return ONEX_HOST_VERSION;
}

}  // namespace onex::host
