// What a new configuration asks of a running host. Pure.
#pragma once

#include "host/config/config.hpp"

#include <string>
#include <vector>

namespace onex::host {

struct ConfigChange {
    std::vector<NodeSection> added;
    std::vector<NodeSection> changed;  ///< a reload of the node makes it so
    std::vector<std::string> removed;  ///< also those that are `enabled = false` now
    /// What only a restart changes: "[store]", "[peers.studio]", "[nodes.x] tls" …
    std::vector<std::string> restart_needed;

    [[nodiscard]] bool empty() const {
        return added.empty() && changed.empty() && removed.empty() && restart_needed.empty();
    }
};

ConfigChange compare(const Config& now, const Config& next);

}  // namespace onex::host
