// What a container shall be: deployment_config as values, and what Docker is told. Pure.
#pragma once

#include <onex/error.hpp>

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onex::receiver {

struct PortMapping {
    int host_port = 0;
    int container_port = 0;
    std::string protocol = "tcp";
};

struct Volume {
    std::string host_path;
    std::string container_path;
    std::string mode = "rw";
};

/// deployment_config, read and checked for itself; what the policy allows is another question.
struct ContainerSpec {
    std::vector<std::pair<std::string, std::string>> environment;
    std::vector<PortMapping> ports;
    std::vector<Volume> volumes;
    std::string network_mode = "bridge";
    std::vector<std::string> networks;
    std::string restart_policy = "unless-stopped";
    std::vector<std::pair<std::string, std::string>> labels;
    std::int64_t cpu_nano = 0;      ///< 0: no limit
    std::int64_t memory_bytes = 0;  ///< 0: no limit
    bool adopt = false;
};

/// Who a container is; becomes its labels.
struct Identity {
    std::string name;
    std::string name_space;
    std::string deployment_id;
    std::string workflow_id;
    std::string image_ref;
    std::string version;
    std::string publish_address;
};

/// Reads deployment_config. VALIDATION_ERROR names the field, what it is and what it may be; values
/// of environment variables are never part of it.
Result<ContainerSpec> read_spec(const boost::json::object& config);

/// The body of POST /containers/create: restart policy `no`, the first of `networks` (or the
/// network mode).
boost::json::object create_body(const ContainerSpec& spec, const Identity& identity);

/// "1.5" → 1 500 000 000. VALIDATION_ERROR for anything else than a positive decimal number.
Result<std::int64_t> read_cpu(std::string_view text);
/// "512m" → bytes; units b, k, m, g. VALIDATION_ERROR otherwise; Docker's least is 6 MiB.
Result<std::int64_t> read_memory(std::string_view text);

/// The name that a container gets when it makes room: "web.prev.1a2b3c4d5e6f". It ends in a digest
/// of the whole id, which is free text: release-001 and release-002 may not meet, nor a '/' get
/// into a name.
std::string retired_name(std::string_view name,
                         std::string_view role,
                         std::string_view deployment_id);

}  // namespace onex::receiver
