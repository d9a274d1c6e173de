// Nodes that come and go while the host runs.
#include "host/config/values.hpp"
#include "host/crash_guard.hpp"
#include "host/log.hpp"
#include "host/nodes/lifecycle.hpp"
#include "host/nodes/turn.hpp"

#include <algorithm>
#include <utility>

namespace onex::host {

namespace {

constexpr std::int64_t kTurnMs = 60'000;
constexpr std::int64_t kQuiesceMs = 10'000;
constexpr auto kByHand = "it was disabled by hand";

}  // namespace

Result<NodeStatus> Lifecycle::add(const NodeSection& section) {
    auto from = choose(section);
    if (!from) return std::unexpected(std::move(from).error());
    return add(section, std::move(*from));
}

Result<NodeStatus> Lifecycle::add(const NodeSection& section, Found from) {
    const auto& name = section.name;
    if (auto fit = prepare(section, from); !fit) return std::unexpected(std::move(fit).error());
    std::uint32_t generation = 1;
    {
        const std::scoped_lock lock(mutex_);
        auto& slot = slots_[name];
        slot.section = section;
        slot.state = "starting";
        generation = ++slot.generation_made;
        if (std::find(order_.begin(), order_.end(), name) == order_.end()) order_.push_back(name);
    }
    auto node = create(section, from, generation);
    if (!node) return std::unexpected(std::move(node).error());
    auto started = listeners_.check(serving_with(*node, ""));
    if (started) started = listeners_.open(serving_with(*node, ""));
    if (started) started = start(*node);
    if (!started) {
        listeners_.publish(serving_with(nullptr, ""));
        retirement_.retire(std::move(*node));
        return std::unexpected(std::move(started).error());
    }
    swap(nullptr, *node);
    kept_.keep(name, (*node)->image()->copy(), (*node)->image()->digest());
    log(LogLevel::info,
        "started " + section.plugin + " " + (*node)->plugin_version(),
        {{"node", name}});
    const std::scoped_lock lock(mutex_);
    auto& slot = slots_.at(name);
    slot.last_error.clear();
    return status_of(slot);
}

Result<void> Lifecycle::remove(const std::string& name) {
    const auto node = runtime_.dispatcher->node(name);
    if (!node) return {};
    if (auto quiet =
            on_control(kQuiesceMs, [node, place = node->hold()] { return node->quiesce(); });
        !quiet) {
        note_error(name, "quiesce failed: " + quiet.error().message);
    }
    const auto nodes = serving_with(nullptr, name);
    {
        const std::scoped_lock lock(mutex_);
        slots_.at(name).node.reset();
    }
    runtime_.dispatcher->set_nodes(nodes);
    listeners_.publish(nodes);
    node->end_subscriptions();
    retirement_.retire(node);
    return {};
}

void Lifecycle::drop_slot(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    slots_.erase(name);
    std::erase(order_, name);
}

Result<NodeStatus> Lifecycle::load(const std::string& plugin, const std::string& as) {
    const Turn turn(*this, kTurnMs);
    if (!turn) return std::unexpected(turn.error());
    NodeSection section;
    section.name = as.empty() ? plugin : as;
    section.plugin = plugin;
    if (!is_node_name(section.name) || !is_node_name(plugin)) {
        return fail("VALIDATION_ERROR", "a name starts with a-z and holds a-z, 0-9, _ and -");
    }
    if (section_of(section.name)) {
        return fail("CONFLICT",
                    "there is a node " + section.name + " already; name another one with --as");
    }
    // One that was unloaded comes back as the file has it.
    const auto known =
        std::find_if(current_.nodes.begin(), current_.nodes.end(), [&](const auto& one) {
            return one.name == section.name && one.plugin == plugin;
        });
    if (known != current_.nodes.end()) section = *known;
    section.enabled = true;
    auto status = add(section);
    if (!status) drop_slot(section.name);
    return status;
}

Result<void> Lifecycle::unload(const std::string& name) {
    const Turn turn(*this, kTurnMs);
    if (!turn) return std::unexpected(turn.error());
    if (auto known = section_of(name); !known) return std::unexpected(std::move(known).error());
    auto removed = remove(name);
    if (removed) {
        drop_slot(name);
        log(LogLevel::info, "unloaded", {{"node", name}});
    }
    return removed;
}

Result<NodeStatus> Lifecycle::enable(const std::string& name) {
    const Turn turn(*this, kTurnMs);
    if (!turn) return std::unexpected(turn.error());
    auto section = section_of(name);
    if (!section) return std::unexpected(std::move(section).error());
    kept_.clear_disabled(name);
    kept_.forget_refusals(name);
    forget_crashes(places_.crash_file, name);
    if (runtime_.dispatcher->node(name)) {
        const std::scoped_lock lock(mutex_);
        return status_of(slots_.at(name));
    }
    auto status = add(*section);
    if (!status) note_failed(name, status.error().message);
    return status;
}

Result<void> Lifecycle::disable(const std::string& name) {
    const Turn turn(*this, kTurnMs);
    if (!turn) return std::unexpected(turn.error());
    if (auto known = section_of(name); !known) return std::unexpected(std::move(known).error());
    kept_.set_disabled(name, kByHand);
    auto removed = remove(name);
    const std::scoped_lock lock(mutex_);
    slots_.at(name).state = "disabled";
    slots_.at(name).last_error = kByHand;
    return removed;
}

}  // namespace onex::host
