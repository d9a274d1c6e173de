#include "plugins/deployment_receiver/swap.hpp"

#include <cctype>
#include <cstdlib>

namespace onex::receiver {

std::string container_id(const json::object& inspected) {
    return get_text(inspected, "Id");
}

std::string container_name(const json::object& inspected) {
    auto name = get_text(inspected, "Name");
    if (name.starts_with('/')) name.erase(0, 1);
    return name;
}

std::string container_label(const json::object& inspected, std::string_view label) {
    return get_text(get_object(get_object(inspected, "Config"), "Labels"), label);
}

std::string container_policy(const json::object& inspected) {
    const auto& policy = get_object(get_object(inspected, "HostConfig"), "RestartPolicy");
    const auto name = get_text(policy, "Name", "no");
    const auto count = get_number(policy, "MaximumRetryCount");
    if (name.empty()) return "no";
    return count > 0 ? name + ":" + std::to_string(count) : name;
}

bool container_running(const json::object& inspected) {
    return get_bool(get_object(inspected, "State"), "Running");
}

int taken_port(std::string_view message) {
    const auto said = message.find("port is already allocated") != std::string_view::npos ||
                      message.find("address already in use") != std::string_view::npos ||
                      message.find("Ports are not available") != std::string_view::npos;
    if (!said) return 0;
    // "Bind for 0.0.0.0:8080 failed", "listen tcp4 0.0.0.0:8080: bind": the number after an
    // address.
    for (std::size_t at = message.find(':'); at != std::string_view::npos;
         at = message.find(':', at + 1)) {
        if (at == 0 || std::isdigit(static_cast<unsigned char>(message[at - 1])) == 0) continue;
        const int port = std::atoi(std::string(message.substr(at + 1, 5)).c_str());
        if (port > 0) return port;
    }
    return 0;
}

namespace {
/// Where a published port answers, as seen from this machine.
std::string published_at(const json::object& inspected, const PortMapping& port) {
    const auto& published = get_object(get_object(inspected, "HostConfig"), "PortBindings");
    const auto* bindings =
        published.if_contains(std::to_string(port.container_port) + "/" + port.protocol);
    if (bindings == nullptr || !bindings->is_array()) return "127.0.0.1";
    for (const auto& binding : bindings->as_array()) {
        if (!binding.is_object()) continue;
        const auto address = get_text(binding.as_object(), "HostIp");
        if (address.empty() || address == "0.0.0.0" || address == "::") return "127.0.0.1";
        return address.find(':') == std::string::npos ? address : "[" + address + "]";
    }
    return "127.0.0.1";
}
}  // namespace

std::string Swapper::base_url(const json::object& inspected, const ContainerSpec& spec) {
    const auto first = [&]() -> const PortMapping* {
        for (const auto& port : spec.ports) {
            if (port.protocol == "tcp") return &port;
        }
        return nullptr;
    }();
    const auto at = [](const std::string& address, int port) {
        return "http://" + address + ":" + std::to_string(port);
    };
    if (spec.network_mode == "host")
        return first ? at("127.0.0.1", first->container_port) : std::string();
    if (first && spec.network_mode == "bridge")
        return at(published_at(inspected, *first), first->host_port);
    // Nothing is published: the container's own address and the first port that its image names.
    const auto& networks = get_object(get_object(inspected, "NetworkSettings"), "Networks");
    const auto& exposed = get_object(get_object(inspected, "Config"), "ExposedPorts");
    for (const auto& network : networks) {
        if (!network.value().is_object()) continue;
        const auto address = get_text(network.value().as_object(), "IPAddress");
        for (const auto& port : exposed) {
            const std::string name(port.key());
            if (!address.empty() && name.ends_with("/tcp"))
                return at(address, std::atoi(name.c_str()));
        }
    }
    return {};
}

std::string Swapper::address_of(const json::object& inspected,
                                const ContainerSpec& spec,
                                std::int64_t port) {
    const PortMapping* mapping = nullptr;
    for (const auto& one : spec.ports) {
        if (one.protocol != "tcp" || (port > 0 && one.container_port != port)) continue;
        mapping = &one;
        break;
    }
    if (port == 0 && mapping) port = mapping->container_port;
    const auto at = [](const std::string& address, std::int64_t number) {
        return address + ":" + std::to_string(number);
    };
    if (port == 0) return {};
    if (spec.network_mode == "host") return at("127.0.0.1", port);
#ifdef __linux__
    // Docker's proxy takes connections for a published port also while nobody listens behind it.
    const auto& networks = get_object(get_object(inspected, "NetworkSettings"), "Networks");
    for (const auto& network : networks) {
        if (!network.value().is_object()) continue;
        const auto address = get_text(network.value().as_object(), "IPAddress");
        if (!address.empty()) return at(address, port);
    }
#endif
    return mapping ? at(published_at(inspected, *mapping), mapping->host_port) : std::string();
}

Result<bool> Swapper::is_ours(const json::object& inspected, std::string_view name) const {
    if (container_label(inspected, "onex.container") == name &&
        container_label(inspected, "onex.namespace") == settings_.name_space) {
        return true;
    }
    const auto known = journal_.container(name);
    if (!known) return std::unexpected(known.error());
    return *known == container_id(inspected);
}

/// A deployment that ended without commit or rollback has left its swap behind. If its container
/// runs, it is the one to replace; if not, the one before it comes back first, since that is what
/// "previous" means.
Result<void> Swapper::close_older(std::string_view name,
                                  std::string_view deployment_id,
                                  Wait wait) {
    auto left = left_by(name, deployment_id);
    if (!left) return std::unexpected(std::move(left).error());
    for (auto& older : *left) {
        const auto runs = new_one_runs(older, wait);
        if (!runs) return std::unexpected(runs.error());
        if (*runs) {
            older.state = "committed";
            older.step = "superseded";
            if (auto done = journal_.update(older); !done) return done;
            continue;
        }
        auto restored = restore(older.deployment_id, name, Tell(host_, 0), wait);
        if (restored) continue;
        // What somebody has removed can't come back, and nothing is left to protect.
        const auto old = engine_.find_container(older.old_id, wait);
        if (!old || *old) return std::unexpected(std::move(restored).error());
        host_.log(LogLevel::warn, restored.error().message);
        if (auto done = settle_by_hand(older.deployment_id, "undone"); !done) return done;
    }
    return {};
}

Result<std::vector<Swap>> Swapper::left_by(std::string_view name, std::string_view but) const {
    auto swaps = journal_.swaps_of(name);
    if (!swaps) return swaps;
    std::erase_if(*swaps, [&](const Swap& swap) {
        return swap.deployment_id == but || (swap.state != "open" && swap.state != "failed");
    });
    return swaps;
}

Result<bool> Swapper::new_one_runs(const Swap& swap, Wait wait) {
    if (swap.new_id.empty()) return false;
    const auto standing = engine_.find_container(swap.new_id, wait);
    if (!standing) return std::unexpected(standing.error());
    return *standing && container_running(**standing);
}

Result<Swap> Swapper::begin(std::string_view name,
                            std::string_view deployment_id,
                            std::string_view origin,
                            const ContainerSpec& spec,
                            Wait wait) {
    auto known = journal_.swap(deployment_id);
    if (!known) return std::unexpected(std::move(known).error());
    Swap swap;
    if (*known) {
        swap = std::move(**known);
        if (swap.state != "open" && swap.state != "committed") {
            return fail("CONFLICT",
                        "deployment " + swap.deployment_id + " of " + swap.container_name + " is " +
                            swap.state + " already; start a new deployment");
        }
    } else {
        if (auto done = close_older(name, deployment_id, wait); !done)
            return std::unexpected(std::move(done).error());
        auto old = engine_.find_container(name, wait);
        if (!old) return std::unexpected(std::move(old).error());
        swap.deployment_id = deployment_id;
        swap.container_name = name;
        swap.origin = origin;
        swap.requested_policy = spec.restart_policy;
        std::string blueprint;
        if (*old) {
            const auto& inspected = **old;
            const auto ours = is_ours(inspected, name);
            if (!ours) return std::unexpected(ours.error());
            if (!*ours && !spec.adopt) {
                return fail(
                    "POLICY_DENIED",
                    "a container named " + std::string(name) +
                        " exists that onex didn't start; pass --adopt to replace it and keep it as "
                        "the previous one, or choose another name");
            }
            if (get_bool(get_object(inspected, "HostConfig"), "AutoRemove")) {
                return fail(
                    "POLICY_DENIED",
                    "the container " + std::string(name) +
                        " was started with --rm: Docker would delete it when it stops, and nothing "
                        "could be rolled back; start it without --rm first");
            }
            swap.old_id = container_id(inspected);
            swap.old_policy = container_policy(inspected);
            swap.old_running = container_running(inspected);
            const auto& host = get_object(inspected, "HostConfig");
            blueprint = write_blueprint(blueprint_of(inspected));
            json::object old_spec{{"deployment_id", container_label(inspected, "onex.deployment")},
                                  {"version", container_label(inspected, "onex.version")},
                                  {"created", get_text(inspected, "Created")},
                                  {"image_ref", get_text(get_object(inspected, "Config"), "Image")},
                                  {"image", get_text(inspected, "Image")},
                                  {"network_mode", get_text(host, "NetworkMode")}};
            if (const auto* mounts = inspected.if_contains("Mounts")) old_spec["mounts"] = *mounts;
            if (const auto* ports = host.if_contains("PortBindings")) old_spec["ports"] = *ports;
            json::array networks;
            for (const auto& network :
                 get_object(get_object(inspected, "NetworkSettings"), "Networks")) {
                networks.emplace_back(network.key());
            }
            old_spec["networks"] = std::move(networks);
            swap.old_spec = json::serialize(old_spec);
        }
        swap.state = "open";
        if (auto done = journal_.begin(swap, blueprint); !done)
            return std::unexpected(std::move(done).error());
    }
    if (swap.state == "open" && !swap.old_id.empty()) {
        auto done = engine_.set_restart_policy(swap.old_id, "no", wait);
        if (!done && done.error().code != "NOT_FOUND")
            return std::unexpected(std::move(done).error());
    }
    return swap;
}

/// The old container makes room: it keeps everything but its name, and stops.
Result<void> Swapper::retire(const Swap& swap, std::string_view role, Wait wait) {
    if (swap.old_id.empty()) return {};
    auto old = engine_.find_container(swap.old_id, wait);
    if (!old) return std::unexpected(std::move(old).error());
    if (!*old) {
        host_.log(
            LogLevel::warn,
            "the previous container of " + swap.container_name + " was removed by somebody else");
        return {};
    }
    if (container_name(**old) == swap.container_name) {
        auto done = engine_.rename_container(
            swap.old_id, retired_name(swap.container_name, role, swap.deployment_id), wait);
        if (!done) return done;
    }
    return container_running(**old)
               ? engine_.stop_container(swap.old_id, settings_.stop_grace_s, wait)
               : Result<void>();
}

Result<Swap> Swapper::replace(
    Swap swap, const ContainerSpec& spec, const Identity& identity, const Tell& tell, Wait wait) {
    if (swap.state == "committed") return swap;
    swap.image_ref = identity.image_ref;
    swap.step = "replacing";
    if (auto done = journal_.update(swap); !done) return std::unexpected(std::move(done).error());
    tell.step();
    if (auto done = retire(swap, "prev", wait); !done)
        return std::unexpected(std::move(done).error());
    tell.step();

    auto standing = engine_.find_container(swap.container_name, wait);
    if (!standing) return std::unexpected(std::move(standing).error());
    if (*standing && container_label(**standing, "onex.deployment") == swap.deployment_id) {
        swap.new_id = container_id(**standing);
    } else if (*standing) {
        return fail("CONFLICT",
                    "a container named " + swap.container_name +
                        " was made by somebody else meanwhile; try again");
    } else {
        auto made =
            engine_.create_container(swap.container_name, create_body(spec, identity), wait);
        if (!made) {
            if (made.error().code == "VALIDATION_ERROR") {
                return fail("DEPLOYMENT_FAILED",
                            "Docker refuses this container: " + made.error().message);
            }
            return std::unexpected(std::move(made).error());
        }
        swap.new_id = std::move(*made);
    }
    swap.step = "created";
    if (auto done = journal_.update(swap); !done) return std::unexpected(std::move(done).error());
    for (std::size_t i = 1; i < spec.networks.size(); ++i) {
        auto done = engine_.connect_network(spec.networks[i], swap.new_id, wait);
        if (!done) return std::unexpected(std::move(done).error());
    }
    return swap;
}

Result<void> Swapper::start(Swap swap, const ContainerSpec& spec, Wait wait) {
    if (swap.new_id.empty()) {
        return fail("FAILED_PRECONDITION",
                    "deployment " + swap.deployment_id +
                        " has made no container yet; call deploy_container first");
    }
    auto done = engine_.start_container(swap.new_id, wait);
    if (!done) {
        const auto& message = done.error().message;
        if (const auto port = taken_port(message); port > 0) {
            json::object details{{"port", port}, {"checks", {{"no_port_conflicts", 0}}}};
            return fail("DEPLOYMENT_FAILED",
                        "port " + std::to_string(port) + " is taken on " + settings_.host +
                            "; stop what uses it or choose another host port",
                        json::serialize(details));
        }
        if (done.error().code == "DOCKER_ERROR" || done.error().code == "VALIDATION_ERROR") {
            return fail("DEPLOYMENT_FAILED",
                        "the container " + swap.container_name + " does not start: " + message);
        }
        return done;
    }
    swap.step = "started";
    swap.requested_policy = spec.restart_policy;
    return journal_.update(swap);
}

Result<void> Swapper::commit(std::string_view deployment_id, Wait wait) {
    auto known = journal_.swap(deployment_id);
    if (!known) return std::unexpected(std::move(known).error());
    if (!*known || (*known)->new_id.empty()) return {};
    auto& swap = **known;
    if (swap.state == "committed") prune(swap.container_name, wait);  // A crash came before it.
    if (swap.state != "open") return {};
    auto standing = engine_.find_container(swap.new_id, wait);
    if (!standing) return std::unexpected(std::move(standing).error());
    if (!*standing) {
        return fail("DEPLOYMENT_FAILED",
                    "the new container of " + swap.container_name +
                        " was removed by somebody else before the deployment was complete");
    }
    auto done = engine_.set_restart_policy(swap.new_id, swap.requested_policy, wait);
    // It was well, and until now nothing would start it again: an engine that was restarted in
    // between has left it stopped.
    if (done && !container_running(**standing)) done = engine_.start_container(swap.new_id, wait);
    if (!done) return done;
    swap.state = "committed";
    swap.step = "committed";
    if (done = journal_.settle({swap}, swap.container_name, swap.new_id, swap.image_ref); !done)
        return done;
    prune(swap.container_name, wait);
    return {};
}

Result<void> Swapper::settle_by_hand(std::string_view deployment_id, std::string_view state) {
    auto known = journal_.swap(deployment_id);
    if (!known) return std::unexpected(std::move(known).error());
    if (!*known || ((*known)->state != "open" && (*known)->state != "failed")) return {};
    (*known)->state = state;
    (*known)->step = "by hand";
    return journal_.update(**known);
}

Result<void> Swapper::abandon(std::string_view deployment_id) {
    auto known = journal_.swap(deployment_id);
    if (!known) return std::unexpected(std::move(known).error());
    if (!*known || (*known)->state != "open") return {};
    (*known)->state = "failed";
    return journal_.update(**known);
}

}  // namespace onex::receiver
