// A changed configuration becomes the nodes of a running host.
#include "host/log.hpp"
#include "host/nodes/config_change.hpp"
#include "host/nodes/lifecycle.hpp"
#include "host/nodes/turn.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace onex::host {

namespace json = boost::json;

namespace {

constexpr std::int64_t kTurnMs = 60'000;

const NodeSection* find(const std::vector<NodeSection>& nodes, const std::string& name) {
    const auto found =
        std::find_if(nodes.begin(), nodes.end(), [&](const auto& one) { return one.name == name; });
    return found == nodes.end() ? nullptr : &*found;
}

}  // namespace

/// What was done, by name.
struct Lifecycle::Applied {
    json::array added, removed, reloaded, disabled, failed;
};

Result<Lifecycle::Prepared> Lifecycle::check_change(const Config& next,
                                                    const ConfigChange& change) const {
    Prepared out;
    std::string wrong;
    for (const auto* sections : {&change.added, &change.changed}) {
        for (const auto& section : *sections) {
            auto from = choose(section);
            auto fit = from ? prepare(section, *from) : Result<void>(std::unexpected(from.error()));
            if (fit) {
                out.emplace(section.name, std::move(*from));
                continue;
            }
            wrong += wrong.empty() ? "" : "\n";
            if (from) wrong += place_of(section, next.file) + "]: ";  // Else it says so itself.
            wrong += fit.error().message;
        }
    }
    if (wrong.empty()) return out;
    return fail("VALIDATION_ERROR", wrong + "; nothing was changed");
}

void Lifecycle::apply_section(const NodeSection& section, const Found& from, Applied& applied) {
    const auto& name = section.name;
    const bool runs = runtime_.dispatcher->node(name) != nullptr;
    if (const auto why = kept_.disabled(name); why && !runs) {
        note_disabled(section, *why);
        applied.disabled.emplace_back(name);
        return;
    }
    auto done = runs ? replace(section, from, "its configuration changed") : add(section, from);
    if (done) {
        (runs ? applied.reloaded : applied.added).emplace_back(name);
        return;
    }
    if (!runs) note_failed(name, done.error().message);
    applied.failed.push_back(json::object{
        {"node", name}, {"code", done.error().code}, {"message", done.error().message}});
    // The next time it counts as a change again.
    std::erase_if(current_.nodes, [&](const auto& one) { return one.name == name; });
    if (!runs) return;
    if (auto before = section_of(name)) current_.nodes.push_back(std::move(*before));
}

void Lifecycle::note_disabled(const NodeSection& section, const std::string& why) {
    const std::scoped_lock lock(mutex_);
    auto& slot = slots_[section.name];
    slot.section = section;
    slot.state = "disabled";
    slot.last_error = why;
    if (std::find(order_.begin(), order_.end(), section.name) == order_.end())
        order_.push_back(section.name);
}

void Lifecycle::note_failed(const std::string& name, const std::string& message) {
    note_error(name, "not started: " + message);
    const std::scoped_lock lock(mutex_);
    const auto slot = slots_.find(name);
    if (slot != slots_.end()) slot->second.state = "failed";
}

Result<json::object> Lifecycle::apply(const Config& next) {
    const Turn turn(*this, kTurnMs);
    if (!turn) return std::unexpected(turn.error());
    const auto change = compare(current_, next);
    // Everything is looked at before anything changes.
    const auto prepared = check_change(next, change);
    if (!prepared) return std::unexpected(prepared.error());
    current_.nodes = next.nodes;
    Applied applied;
    for (const auto& name : change.removed) {
        (void)remove(name);
        if (const auto* off = find(next.nodes, name)) {
            note_disabled(*off, "enabled = false");
        } else {
            drop_slot(name);
        }
        applied.removed.emplace_back(name);
    }
    for (const auto* sections : {&change.changed, &change.added}) {
        for (const auto& section : *sections)
            apply_section(section, prepared->at(section.name), applied);
    }
    json::array restart;
    for (const auto& key : change.restart_needed)
        restart.emplace_back(key);
    if (!restart.empty()) {
        log(LogLevel::warn,
            "these changes of the configuration need a restart: " + json::serialize(restart));
    }
    return json::object{{"added", std::move(applied.added)},
                        {"removed", std::move(applied.removed)},
                        {"reloaded", std::move(applied.reloaded)},
                        {"disabled", std::move(applied.disabled)},
                        {"failed", std::move(applied.failed)},
                        {"restart_needed", std::move(restart)}};
}

}  // namespace onex::host
