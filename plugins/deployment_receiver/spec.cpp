#include "plugins/deployment_receiver/spec.hpp"

#include "package/sha256.hpp"

#include <onex/json.hpp>

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

namespace onex::receiver {

namespace {

std::unexpected<Error> invalid(std::string message) {
    return fail("VALIDATION_ERROR", "deployment_config." + std::move(message));
}

bool is_environment_name(std::string_view name) {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    if (name.empty() || !letter(name.front())) return false;
    return std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

/// The text of a scalar; numbers and booleans as JSON writes them.
Result<std::string> scalar(const json::value& value, const std::string& field) {
    if (value.is_string()) {
        std::string text(value.as_string());
        if (text.find('\0') != std::string::npos) return invalid(field + " holds a NUL byte");
        return text;
    }
    if (value.is_object() && value.as_object().contains("$secret")) {
        return invalid(field + " is a reference to a secret that nobody resolved; send its value");
    }
    if (value.is_object() || value.is_array() || value.is_null()) {
        return invalid(field + " must be a text, a number or a boolean");
    }
    return json::serialize(value);
}

Result<void> read_environment(const json::object& from, ContainerSpec& spec) {
    for (const auto& [key, value] : from) {
        const std::string name(key);
        if (!is_environment_name(name)) {
            return invalid("environment_variables: " + name.substr(0, 80) +
                           " is no name of a variable; expected letters, digits and _");
        }
        auto text = scalar(value, "environment_variables." + name);
        if (!text) return std::unexpected(std::move(text).error());
        spec.environment.emplace_back(name, std::move(*text));
    }
    return {};
}

Result<void> read_labels(const json::object& from, ContainerSpec& spec) {
    for (const auto& [key, value] : from) {
        const std::string name(key);
        if (name.empty() || name.starts_with("onex.")) {
            return invalid("labels: " + name +
                           " is not yours to set; labels that begin with onex. are the host's");
        }
        auto text = scalar(value, "labels." + name);
        if (!text) return std::unexpected(std::move(text).error());
        spec.labels.emplace_back(name, std::move(*text));
    }
    return {};
}

Result<void> read_ports(const json::array& from, ContainerSpec& spec) {
    std::set<std::pair<int, std::string>> seen;
    for (const auto& entry : from) {
        if (!entry.is_object()) return invalid("port_mappings holds something that is no object");
        const auto& object = entry.as_object();
        const auto host = get_number(object, "host_port");
        const auto container = get_number(object, "container_port");
        const auto protocol = get_text(object, "protocol", "tcp");
        for (const auto& [port, field] :
             {std::pair(host, "host_port"), std::pair(container, "container_port")}) {
            if (port < 1 || port > 65535) {
                return invalid("port_mappings: " + std::string(field) + " is " +
                               std::to_string(port) + "; expected 1..65535");
            }
        }
        if (protocol != "tcp" && protocol != "udp") {
            return invalid("port_mappings: protocol is " + protocol + "; expected tcp or udp");
        }
        if (!seen.emplace(static_cast<int>(host), protocol).second) {
            return invalid("port_mappings names host port " + std::to_string(host) + " twice");
        }
        spec.ports.push_back({static_cast<int>(host), static_cast<int>(container), protocol});
    }
    return {};
}

Result<void> read_volumes(const json::array& from, ContainerSpec& spec) {
    for (const auto& entry : from) {
        if (!entry.is_object()) return invalid("volumes holds something that is no object");
        Volume volume{get_text(entry.as_object(), "host_path"),
                      get_text(entry.as_object(), "container_path"),
                      get_text(entry.as_object(), "mode", "rw")};
        for (const auto& path : {volume.host_path, volume.container_path}) {
            if (!path.starts_with('/') || path.find('\0') != std::string::npos) {
                return invalid("volumes: " + path.substr(0, 200) + " is no absolute path");
            }
        }
        if (volume.container_path.find_first_not_of('/') == std::string::npos) {
            return invalid("volumes: nothing can be mounted on / of a container");
        }
        if (volume.mode != "rw" && volume.mode != "ro")
            return invalid("volumes: mode is " + volume.mode + "; expected ro or rw");
        spec.volumes.push_back(std::move(volume));
    }
    return {};
}

Result<void> read_limits(const json::object& from, ContainerSpec& spec) {
    for (const auto& [key, value] : from) {
        if (key == "cpu_limit" || key == "memory_limit") {
            const std::string field(key);
            const auto text = scalar(value, "resource_limits." + field);
            if (!text) return std::unexpected(text.error());
            const auto read = field == "cpu_limit" ? read_cpu(*text) : read_memory(*text);
            if (!read) return std::unexpected(read.error());
            (field == "cpu_limit" ? spec.cpu_nano : spec.memory_bytes) = *read;
        } else {
            return invalid("resource_limits." + std::string(key) +
                           " is unknown; expected cpu_limit or memory_limit");
        }
    }
    return {};
}

Result<void> read_choice(const json::value& value,
                         const char* field,
                         std::initializer_list<std::string_view> allowed,
                         std::string& out) {
    std::string list;
    for (const auto choice : allowed) {
        if (value.is_string() && value.as_string() == choice) {
            out = choice;
            return {};
        }
        list += (list.empty() ? "" : ", ") + std::string(choice);
    }
    return invalid(std::string(field) + " is none of " + list);
}

Result<void> read_field(std::string_view key, const json::value& value, ContainerSpec& spec) {
    const std::string name(key);
    const auto needs = [&](const char* what) { return invalid(name + " must be " + what); };
    if (name == "environment_variables")
        return value.is_object() ? read_environment(value.as_object(), spec) : needs("an object");
    if (name == "labels")
        return value.is_object() ? read_labels(value.as_object(), spec) : needs("an object");
    if (name == "resource_limits")
        return value.is_object() ? read_limits(value.as_object(), spec) : needs("an object");
    if (name == "port_mappings")
        return value.is_array() ? read_ports(value.as_array(), spec) : needs("a list");
    if (name == "volumes")
        return value.is_array() ? read_volumes(value.as_array(), spec) : needs("a list");
    if (name == "network_mode")
        return read_choice(value, "network_mode", {"bridge", "host", "none"}, spec.network_mode);
    if (name == "restart_policy") {
        return read_choice(value,
                           "restart_policy",
                           {"no", "always", "on-failure", "unless-stopped"},
                           spec.restart_policy);
    }
    if (name == "adopt") {
        if (!value.is_bool()) return needs("true or false");
        spec.adopt = value.as_bool();
        return {};
    }
    if (name == "networks") {
        if (!value.is_array()) return needs("a list");
        for (const auto& network : value.as_array()) {
            if (!network.is_string() || network.as_string().empty())
                return needs("a list of names");
            spec.networks.emplace_back(network.as_string());
        }
        return {};
    }
    return invalid(name.substr(0, 80) +
                   " is unknown; expected environment_variables, port_mappings, volumes, "
                   "network_mode, networks, "
                   "restart_policy, labels, resource_limits or adopt");
}

}  // namespace

Result<std::int64_t> read_cpu(std::string_view text) {
    const auto bad = [&] {
        return invalid("resource_limits.cpu_limit is \"" + std::string(text.substr(0, 40)) +
                       "\"; expected a number of processors such as \"1.5\"");
    };
    const auto point = std::min(text.find('.'), text.size());
    const auto whole_text = text.substr(0, point);
    auto part = point < text.size() ? std::string(text.substr(point + 1)) : std::string("0");
    if (whole_text.empty() || whole_text.size() > 4 || part.empty() || part.size() > 9)
        return bad();
    part.resize(9, '0');
    std::int64_t nano = 0;
    for (const char c : std::string(whole_text) + part) {
        if (c < '0' || c > '9') return bad();
        nano = nano * 10 + (c - '0');
    }
    if (nano == 0) return bad();
    return nano;
}

Result<std::int64_t> read_memory(std::string_view text) {
    std::int64_t amount = 0;
    const char* end = text.data() + text.size();
    const auto [at, ec] = std::from_chars(text.data(), end, amount);
    const std::string unit(at, end);
    const int shift = unit.empty() || unit == "b" ? 0
                      : unit == "k"               ? 10
                      : unit == "m"               ? 20
                      : unit == "g"               ? 30
                                                  : -1;
    if (ec != std::errc{} || shift < 0 || amount <= 0 ||
        amount > (std::int64_t{1} << 52) >> shift) {
        return invalid("resource_limits.memory_limit is \"" + std::string(text.substr(0, 40)) +
                       "\"; expected a number with b, k, m or g such as \"512m\"");
    }
    const auto bytes = amount << shift;
    if (bytes < 6 << 20)
        return invalid("resource_limits.memory_limit is below 6m, the least that Docker takes");
    return bytes;
}

Result<ContainerSpec> read_spec(const json::object& config) {
    ContainerSpec spec;
    for (const auto& [key, value] : config) {
        if (auto done = read_field(key, value, spec); !done)
            return std::unexpected(std::move(done).error());
    }
    if (!spec.networks.empty() && spec.network_mode != "bridge") {
        return invalid("networks can't be joined with network_mode " + spec.network_mode);
    }
    return spec;
}

json::object create_body(const ContainerSpec& spec, const Identity& identity) {
    json::array environment;
    for (const auto& [name, value] : spec.environment)
        environment.emplace_back(name + "=" + value);
    json::object labels;
    for (const auto& [name, value] : spec.labels)
        labels[name] = value;
    labels["onex.container"] = identity.name;
    labels["onex.namespace"] = identity.name_space;
    labels["onex.deployment"] = identity.deployment_id;
    labels["onex.workflow"] = identity.workflow_id;
    labels["onex.version"] = identity.version;

    json::object exposed;
    json::object bindings;
    // Only a bridged container has ports of its own to publish.
    if (spec.network_mode == "bridge") {
        for (const auto& port : spec.ports) {
            const auto inner = std::to_string(port.container_port) + "/" + port.protocol;
            exposed[inner] = json::object();
            auto& list = bindings[inner];
            if (!list.is_array()) list = json::array();
            list.as_array().push_back(json::object{{"HostIp", identity.publish_address},
                                                   {"HostPort", std::to_string(port.host_port)}});
        }
    }
    json::array mounts;
    for (const auto& volume : spec.volumes) {
        mounts.push_back(json::object{{"Type", "bind"},
                                      {"Source", volume.host_path},
                                      {"Target", volume.container_path},
                                      {"ReadOnly", volume.mode == "ro"}});
    }
    json::object host{
        {"RestartPolicy", {{"Name", "no"}}},
        {"NetworkMode", spec.networks.empty() ? spec.network_mode : spec.networks.front()},
        {"PortBindings", std::move(bindings)},
        {"Mounts", std::move(mounts)},
        {"Privileged", false}};
    if (spec.cpu_nano > 0) host["NanoCpus"] = spec.cpu_nano;
    if (spec.memory_bytes > 0) host["Memory"] = spec.memory_bytes;
    return {{"Image", identity.image_ref},
            {"Env", std::move(environment)},
            {"Labels", std::move(labels)},
            {"ExposedPorts", std::move(exposed)},
            {"HostConfig", std::move(host)}};
}

std::string retired_name(std::string_view name,
                         std::string_view role,
                         std::string_view deployment_id) {
    return std::string(name) + "." + std::string(role) + "." +
           package::sha256_hex(deployment_id).substr(0, 12);
}

}  // namespace onex::receiver
