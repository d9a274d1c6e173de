#include "plugins/deployment_receiver/policy.hpp"

#include <onex/json.hpp>

#include <algorithm>
#include <filesystem>

namespace onex::receiver {

namespace {

std::vector<std::string> texts(const json::object& settings, std::string_view name) {
    std::vector<std::string> out;
    const auto* list = settings.if_contains(name);
    if (!list || !list->is_array()) return out;
    for (const auto& value : list->as_array()) {
        if (value.is_string()) out.emplace_back(value.as_string());
    }
    return out;
}

bool is_below(const std::string& path, const std::string& prefix) {
    if (prefix == "/") return true;
    return path == prefix || path.starts_with(prefix + "/");
}

bool holds(const std::vector<std::string>& list, const std::string& name) {
    return std::ranges::find(list, name) != list.end() ||
           std::ranges::find(list, "*") != list.end();
}

std::unexpected<Error> denied(std::string message) {
    return fail("POLICY_DENIED", std::move(message));
}

Result<void> admit_networks(const Policy& policy, const ContainerSpec& spec) {
    if (!holds(policy.allowed_network_modes, spec.network_mode)) {
        return denied("network_mode " + spec.network_mode +
                      " is not allowed here; add it to allowed_network_modes of the receiver");
    }
    for (const auto& network : spec.networks) {
        // Such names are modes in Docker's eyes, and would get around the rule above.
        if (network == "host" || network == "none" || network.starts_with("container:")) {
            return denied("network " + network + " can't be joined; it is a network mode");
        }
        if (!holds(policy.allowed_networks, network)) {
            return denied("network " + network +
                          " is not allowed here; add it to allowed_networks of the receiver");
        }
    }
    return {};
}

Result<void> admit_mounts(const Policy& policy, ContainerSpec& spec, const Resolve& resolve) {
    for (auto& volume : spec.volumes) {
        const auto lexical = std::filesystem::path(volume.host_path).lexically_normal().string();
        const auto real = resolve(volume.host_path);
        const bool is_allowed =
            std::ranges::any_of(policy.allowed_host_mounts, [&](const std::string& prefix) {
                const auto normal = std::filesystem::path(prefix).lexically_normal().string();
                const auto plain = normal.size() > 1 && normal.ends_with('/')
                                       ? normal.substr(0, normal.size() - 1)
                                       : normal;
                return is_below(lexical, plain) && is_below(real, resolve(plain));
            });
        if (!is_allowed) {
            return denied(
                "mounting " + volume.host_path.substr(0, 200) +
                (real == volume.host_path ? std::string()
                                          : " (which is " + real.substr(0, 200) + ")") +
                " is not allowed here; add its folder to allowed_host_mounts of the receiver");
        }
        volume.host_path = real;
    }
    return {};
}

}  // namespace

std::string resolve_path(const std::string& path) {
    std::error_code ec;
    const auto real = std::filesystem::weakly_canonical(path, ec);
    // What can't be resolved is compared as written and mounted as written; Docker then says what
    // is wrong.
    auto text = (ec ? std::filesystem::path(path).lexically_normal() : real).string();
    while (text.size() > 1 && text.ends_with('/'))
        text.pop_back();
    return text;
}

Result<Policy> read_policy(const json::object& settings) {
    Policy policy;
    policy.allowed_host_mounts = texts(settings, "allowed_host_mounts");
    for (const auto& prefix : policy.allowed_host_mounts) {
        if (!prefix.starts_with('/')) {
            return fail("VALIDATION_ERROR",
                        "allowed_host_mounts: " + prefix + " is no absolute path");
        }
    }
    policy.allowed_network_modes = texts(settings, "allowed_network_modes");
    if (!settings.contains("allowed_network_modes")) policy.allowed_network_modes = {"bridge"};
    policy.allowed_networks = texts(settings, "allowed_networks");
    policy.port_min = static_cast<int>(get_number(settings, "port_min", policy.port_min));
    policy.port_max = static_cast<int>(get_number(settings, "port_max", policy.port_max));
    if (policy.port_min > policy.port_max) {
        return fail("VALIDATION_ERROR",
                    "port_min is " + std::to_string(policy.port_min) + ", above port_max " +
                        std::to_string(policy.port_max));
    }
    if (const auto memory = get_text(settings, "memory_limit_max"); !memory.empty()) {
        const auto bytes = read_memory(memory);
        if (!bytes)
            return fail("VALIDATION_ERROR",
                        "memory_limit_max is \"" + memory + "\"; expected for example \"2g\"");
        policy.memory_bytes_max = *bytes;
    }
    if (const auto cpu = get_text(settings, "cpu_limit_max"); !cpu.empty()) {
        const auto nano = read_cpu(cpu);
        if (!nano)
            return fail("VALIDATION_ERROR",
                        "cpu_limit_max is \"" + cpu + "\"; expected for example \"2.0\"");
        policy.cpu_nano_max = *nano;
    }
    return policy;
}

Result<ContainerSpec> admit(const Policy& policy, ContainerSpec spec, const Resolve& resolve) {
    if (auto done = admit_networks(policy, spec); !done)
        return std::unexpected(std::move(done).error());
    for (const auto& port : spec.ports) {
        if (port.host_port < policy.port_min || port.host_port > policy.port_max) {
            return denied("host port " + std::to_string(port.host_port) + " is outside " +
                          std::to_string(policy.port_min) + ".." + std::to_string(policy.port_max) +
                          "; use another port, or change port_min and port_max of the receiver");
        }
    }
    if (auto done = admit_mounts(policy, spec, resolve); !done)
        return std::unexpected(std::move(done).error());

    const auto limit = [](std::int64_t& asked, std::int64_t most) {
        if (most == 0) return true;
        if (asked == 0) asked = most;
        return asked <= most;
    };
    if (!limit(spec.memory_bytes, policy.memory_bytes_max)) {
        return fail("RESOURCE_LIMIT_EXCEEDED",
                    "memory_limit asks for " + std::to_string(spec.memory_bytes >> 20) +
                        " MiB; this machine gives a container at most " +
                        std::to_string(policy.memory_bytes_max >> 20) +
                        " MiB (memory_limit_max of the receiver)");
    }
    if (!limit(spec.cpu_nano, policy.cpu_nano_max)) {
        return fail("RESOURCE_LIMIT_EXCEEDED",
                    "cpu_limit asks for " + std::to_string(spec.cpu_nano / 10'000'000) +
                        " hundredths of a processor; this machine gives a container at most " +
                        std::to_string(policy.cpu_nano_max / 10'000'000) +
                        " (cpu_limit_max of the receiver)");
    }
    return spec;
}

}  // namespace onex::receiver
