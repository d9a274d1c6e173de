// What this machine lets a container be. Denies by default; the settings of the node open it.
#pragma once

#include "plugins/deployment_receiver/spec.hpp"

#include <functional>
#include <string>
#include <vector>

namespace onex::receiver {

struct Policy {
    std::vector<std::string> allowed_host_mounts;  ///< absolute prefixes
    std::vector<std::string> allowed_network_modes;
    std::vector<std::string> allowed_networks;
    int port_min = 1024;
    int port_max = 65535;
    std::int64_t memory_bytes_max = 0;  ///< 0: no limit
    std::int64_t cpu_nano_max = 0;      ///< 0: no limit
};

/// Reads the policy out of the node's settings. VALIDATION_ERROR names the setting.
Result<Policy> read_policy(const boost::json::object& settings);

/// A path without symlinks, "." and ".."; what doesn't exist yet stays as it is.
using Resolve = std::function<std::string(const std::string&)>;
std::string resolve_path(const std::string& path);

/// `spec` as it may run: host paths are replaced by what they resolve to, limits that the machine
/// sets and nobody asked for are added. POLICY_DENIED and RESOURCE_LIMIT_EXCEEDED say which rule,
/// and how to allow it.
Result<ContainerSpec> admit(const Policy& policy,
                            ContainerSpec spec,
                            const Resolve& resolve = resolve_path);

}  // namespace onex::receiver
