#include "host/cli/deploy_input.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <sstream>
#include <utility>

namespace onex::host::cli {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

std::unexpected<Error> usage(std::string message) {
    return fail("VALIDATION_ERROR", std::move(message));
}

std::optional<std::int64_t> port_number(std::string_view text) {
    std::int64_t port = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (port < 1 || port > 65535) return std::nullopt;
    return port;
}

Result<json::object> pairs(const std::vector<std::string>& given, std::string_view flag) {
    json::object out;
    for (const auto& pair : given) {
        const auto equals = pair.find('=');
        if (equals == 0 || equals == std::string::npos) {
            return usage(std::string(flag) + " '" + pair + "' is not NAME=VALUE");
        }
        out[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    return out;
}

Result<json::array> port_mappings(const std::vector<std::string>& given) {
    json::array out;
    for (const auto& port : given) {
        const auto slash = port.find('/');
        const auto protocol = slash == std::string::npos ? "tcp" : port.substr(slash + 1);
        const std::string_view numbers = std::string_view(port).substr(0, slash);
        const auto colon = numbers.find(':');
        const auto outside = port_number(numbers.substr(0, colon));
        const auto inside =
            colon == std::string_view::npos ? std::nullopt : port_number(numbers.substr(colon + 1));
        if (!outside || !inside || (protocol != "tcp" && protocol != "udp")) {
            return usage("--port '" + port + "' is not HOST:CONTAINER, as in 8080:80 or 53:53/udp");
        }
        json::object mapping{{"host_port", *outside}, {"container_port", *inside}};
        if (protocol != "tcp") mapping["protocol"] = protocol;
        out.push_back(std::move(mapping));
    }
    return out;
}

Result<json::array> volume_mounts(const std::vector<std::string>& given) {
    json::array out;
    for (const auto& volume : given) {
        const auto first = volume.find(':');
        const auto second = first == std::string::npos ? first : volume.find(':', first + 1);
        const auto mode = second == std::string::npos ? "rw" : volume.substr(second + 1);
        const bool right = first != std::string::npos && volume.front() == '/' &&
                           first + 1 < volume.size() && volume[first + 1] == '/' &&
                           (mode == "ro" || mode == "rw");
        if (!right) {
            return usage("--volume '" + volume +
                         "' is not /HOST/PATH:/CONTAINER/PATH[:ro]; both paths are absolute");
        }
        out.push_back(json::object{{"host_path", volume.substr(0, first)},
                                   {"container_path", volume.substr(first + 1, second - first - 1)},
                                   {"mode", mode}});
    }
    return out;
}

void put(json::object& object, std::string_view key, const std::string& value) {
    if (!value.empty()) object[key] = value;
}

Result<json::object> build_options(const DeployOptions& options, const std::string& folder) {
    json::object out;
    const auto context = (fs::path(folder) / options.context).lexically_normal();
    out["build_context"] = context.string();
    put(out, "dockerfile_path", options.dockerfile);
    if (!options.build_args.empty()) {
        auto arguments = pairs(options.build_args, "--build-arg");
        if (!arguments) return std::unexpected(std::move(arguments).error());
        out["build_args"] = std::move(*arguments);
    }
    if (options.no_cache) out["no_cache"] = true;
    if (options.pull) out["pull"] = true;
    put(out, "target", options.build_target);
    put(out, "platform", options.platform);
    return out;
}

Result<json::object> container_options(const DeployOptions& options) {
    json::object out;
    if (!options.env.empty()) {
        auto variables = pairs(options.env, "--env");
        if (!variables) return variables;
        out["environment_variables"] = std::move(*variables);
    }
    if (!options.ports.empty()) {
        auto ports = port_mappings(options.ports);
        if (!ports) return std::unexpected(std::move(ports).error());
        out["port_mappings"] = std::move(*ports);
    }
    if (!options.volumes.empty()) {
        auto volumes = volume_mounts(options.volumes);
        if (!volumes) return std::unexpected(std::move(volumes).error());
        out["volumes"] = std::move(*volumes);
    }
    if (!options.labels.empty()) {
        auto labels = pairs(options.labels, "--label");
        if (!labels) return labels;
        out["labels"] = std::move(*labels);
    }
    // "bridge", "host" and "none" are modes; any other name is a network to join.
    json::array networks;
    for (const auto& network : options.networks) {
        if (network == "bridge" || network == "host" || network == "none") {
            out["network_mode"] = network;
        } else {
            networks.emplace_back(network);
        }
    }
    if (!networks.empty()) out["networks"] = std::move(networks);
    json::object limits;
    put(limits, "memory_limit", options.memory);
    put(limits, "cpu_limit", options.cpus);
    if (!limits.empty()) out["resource_limits"] = std::move(limits);
    put(out, "restart_policy", options.restart);
    if (options.adopt) out["adopt"] = true;
    return out;
}

json::object health_options(const DeployOptions& options) {
    json::object out;
    put(out, "health_endpoint", options.health_path);
    if (options.health_status) out["expected_status_code"] = *options.health_status;
    if (options.health_retries) out["max_retries"] = *options.health_retries;
    if (options.health_tcp) {
        out["type"] = "tcp";
        out["port"] = *options.health_tcp;
    }
    if (!options.health_exec.empty()) {
        out["type"] = "exec";
        json::array command;
        std::istringstream words(options.health_exec);
        for (std::string word; words >> word;)
            command.emplace_back(word);
        out["command"] = std::move(command);
    }
    if (const auto equals = options.health_json.find('='); equals != std::string::npos) {
        out["json_field"] = options.health_json.substr(0, equals);
        out["json_value"] = options.health_json.substr(equals + 1);
    }
    if (options.health_min_ms) out["min_healthy_ms"] = *options.health_min_ms;
    if (options.health_watch_ms) out["watch_ms"] = *options.health_watch_ms;
    if (options.health_interval_ms) out["retry_interval_ms"] = *options.health_interval_ms;
    return out;
}

std::string names_of(const std::vector<KnownPeer>& peers) {
    std::string out;
    for (const auto& peer : peers)
        out += (out.empty() ? "" : ", ") + peer.name;
    return out;
}

}  // namespace

Result<Target> resolve_target(std::string_view to, const std::vector<KnownPeer>& peers) {
    if (to.empty()) {
        if (peers.size() == 1) {
            const auto& only = peers[0];
            return Target{only.host, only.port, only.name, only.in_clear};
        }
        return usage(peers.empty()
                         ? "this host knows no peer; add [peers.NAME] to its configuration"
                         : "--to is missing; the peers are " + names_of(peers));
    }
    for (const auto& peer : peers) {
        if (peer.name == to) return Target{peer.host, peer.port, peer.name, peer.in_clear};
    }
    const auto colon = to.rfind(':');
    Target target{
        .host = std::string(to.substr(0, colon)), .port = 8001, .peer = {}, .in_clear = false};
    if (colon != std::string_view::npos) {
        const auto port = port_number(to.substr(colon + 1));
        if (!port || target.host.empty()) {
            return usage("--to '" + std::string(to) + "' is not PEER or HOST[:PORT]");
        }
        target.port = *port;
    } else if (to.find('.') == std::string_view::npos && to != "localhost") {
        return usage("no peer is named '" + std::string(to) + "'; " +
                     (peers.empty() ? "none is configured" : "the peers are " + names_of(peers)) +
                     "; a host name without a dot needs its port, as in " + std::string(to) +
                     ":8001");
    }
    return target;
}

Result<json::object> make_deploy_input(const DeployOptions& options,
                                       const Target& target,
                                       const std::string& folder) {
    json::object input{{"container_name", options.name},
                       {"remote_host", target.host},
                       {"remote_port", target.port}};
    put(input, "image_tag", options.tag);
    put(input, "compression", options.compression);
    if (options.image.empty()) {
        auto build = build_options(options, folder);
        if (!build) return build;
        input["build_options"] = std::move(*build);
    } else {
        input["image"] = options.image;
    }
    auto container = container_options(options);
    if (!container) return container;
    if (!container->empty()) input["deployment_config"] = std::move(*container);
    auto health = health_options(options);
    if (!health.empty()) input["health_check_config"] = std::move(health);
    if (options.queue) input["when_locked"] = "queue";
    if (options.supersede) input["when_locked"] = "supersede";
    if (options.no_rollback) input["rollback_on_failure"] = false;
    if (options.skip_health) input["skip_health_validation"] = true;
    return input;
}

}  // namespace onex::host::cli
