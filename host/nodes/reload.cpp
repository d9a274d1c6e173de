// The changes of a running host's nodes: one at a time, and each either done or undone.
#include "host/crash_guard.hpp"
#include "host/log.hpp"
#include "host/nodes/control.hpp"
#include "host/nodes/lifecycle.hpp"
#include "host/nodes/turn.hpp"
#include "host/store/ids.hpp"
#include "host/worker/worker.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

namespace onex::host {

namespace {

constexpr std::int64_t kTurnMs = 60'000;
constexpr std::int64_t kOldestMs = 60'000;   // for the oldest of three generations to end
constexpr std::int64_t kQuiesceMs = 10'000;  // of a node's quiesce, resume, save, load
constexpr std::int64_t kDrainMs = 5'000;     // of requests, before state is saved
constexpr std::size_t kRetiringMax = 2;      // beside the one that serves
constexpr auto kProbation = std::chrono::seconds(30);
constexpr int kInternalMax = 3;  // INTERNAL answers of a new generation before it goes back

Error with_prefix(std::string prefix, Error error) {
    error.message = std::move(prefix) + error.message;
    return error;
}

}  // namespace

Result<NodeStatus> Lifecycle::reload(const std::string& name) {
    const Turn turn(*this, kTurnMs);
    if (!turn) return std::unexpected(turn.error());
    auto section = section_of(name);
    if (!section) return std::unexpected(std::move(section).error());
    auto from = locate(*section);
    if (!from) return std::unexpected(std::move(from).error());
    auto done = replace(*section, *from, "asked by hand");
    if (done) kept_.accept(name, done->digest);
    return done;
}

Result<NodeStatus> Lifecycle::rollback(const std::string& name) {
    const Turn turn(*this, kTurnMs);
    if (!turn) return std::unexpected(turn.error());
    auto section = section_of(name);
    if (!section) return std::unexpected(std::move(section).error());
    return go_back(*section, "asked by hand", false);
}

Result<NodeStatus> Lifecycle::go_back(const NodeSection& section,
                                      const std::string& why,
                                      bool state_lost) {
    const auto previous = kept_.previous(section.name);
    if (!previous) {
        return fail("NOT_FOUND",
                    "no earlier version of " + section.name +
                        " is kept; one is, after its first reload with a changed file");
    }
    const auto bad = kept_.current(section.name);
    auto from = locate(section);
    Found kept{previous->path, from && from->own, true, previous->digest};
    kept.state_lost = state_lost;
    auto done = replace(section, kept, why);
    if (done) kept_.accept(section.name, previous->digest);
    if (done && bad) kept_.refuse(section.name, bad->digest, "rolled back: " + why);
    return done;
}

Result<NodeStatus> Lifecycle::replace(const NodeSection& section,
                                      const Found& from,
                                      const std::string& why) {
    const auto began = SteadyClock::now();
    const auto name = section.name;
    const bool runs = runtime_.dispatcher->node(name) != nullptr;
    auto done = try_replace(section, from);
    const std::chrono::duration<double, std::milli> took = SteadyClock::now() - began;
    (void)runtime_.metrics.record(reloads_, {name, done ? "ok" : "refused"}, 1);
    if (!done) {
        // Of one that does not run it is told why: that stays.
        if (runs) {
            note_error(name,
                       "not reloaded from " + from.file + " (" + why +
                           "), the version before it serves on: " + done.error().message);
        }
        return std::unexpected(std::move(done).error());
    }
    const std::scoped_lock lock(mutex_);
    auto& slot = slots_.at(name);
    slot.last_error.clear();
    auto status = status_of(slot);
    log(LogLevel::info,
        "reloaded (" + why + ") to " + status.version + ", generation " +
            std::to_string(status.generation) + ", " + status.digest.substr(0, 12) + ", in " +
            std::to_string(static_cast<long>(took.count())) + " ms",
        {{"node", name}});
    return status;
}

Result<void> Lifecycle::try_replace(const NodeSection& section, Found from) {
    const auto& name = section.name;
    const auto old = runtime_.dispatcher->node(name);
    if (!old) {
        return fail("FAILED_PRECONDITION",
                    name + " does not run; `onex-host plugin enable " + name + "` starts it");
    }
    if (!retirement_.wait_fewer(name, kRetiringMax, SteadyClock::now())) {
        log(LogLevel::info,
            "waits for an earlier generation to end before there is another one",
            {{"node", name}});
    }
    if (!retirement_.wait_fewer(name, kRetiringMax, deadline_in(kOldestMs))) {
        return fail("UNAVAILABLE",
                    "three generations of " + name + " are alive; the earlier ones are busy with " +
                        retirement_.busy_with(name));
    }
    if (auto fit = prepare(section, from); !fit) return fit;
    std::uint32_t generation = 0;
    {
        const std::scoped_lock lock(mutex_);
        generation = ++slots_.at(name).generation_made;
    }
    auto next = create(section, from, generation);
    if (!next) return std::unexpected(std::move(next).error());
    const bool same_file = (*next)->image()->digest() == old->image()->digest();
    auto swapped = listeners_.check(serving_with(*next, name));
    if (swapped) swapped = listeners_.open(serving_with(*next, name));
    if (swapped) {
        // Before the swap, so that a crash right after it finds who is to blame.
        if (!from.proven && !same_file) kept_.begin_probation(name, (*next)->image()->digest());
        swapped =
            old->has_state() ? replace_with_state(old, *next, from) : replace_beside(old, *next);
    }
    if (swapped) {
        if (from.proven) {
            const std::scoped_lock lock(mutex_);
            slots_.at(name).probation_end = {};
        }
        kept_.keep(name, (*next)->image()->copy(), (*next)->image()->digest());
        return {};
    }
    listeners_.publish(serving_with(nullptr, ""));  // What was opened for it closes again.
    retirement_.retire(std::move(*next));
    return swapped;
}

Result<void> Lifecycle::replace_beside(const std::shared_ptr<NodeInstance>& old,
                                       const std::shared_ptr<NodeInstance>& next) {
    if (auto quiet = on_control(kQuiesceMs, [old, place = old->hold()] { return old->quiesce(); });
        !quiet) {
        resume(old);
        return std::unexpected(
            with_prefix("the running version does not quiesce: ", std::move(quiet).error()));
    }
    if (auto started = start(next); !started) {
        resume(old);
        return started;
    }
    swap(old, next);
    return {};
}

Result<void> Lifecycle::replace_with_state(const std::shared_ptr<NodeInstance>& old,
                                           const std::shared_ptr<NodeInstance>& next,
                                           const Found& from) {
    auto& parking = runtime_.dispatcher->parking();
    parking.close(old->name());
    old->set_phase(Phase::gated);
    auto done = carry_state(old, next, from);
    if (done) {
        swap(old, next);
    } else {
        resume(old);
        old->set_phase(Phase::serving);
    }
    parking.open(old->name());
    return done;
}

Result<void> Lifecycle::carry_state(const std::shared_ptr<NodeInstance>& old,
                                    const std::shared_ptr<NodeInstance>& next,
                                    const Found& from) {
    if (auto quiet = on_control(kQuiesceMs, [old, place = old->hold()] { return old->quiesce(); });
        !quiet) {
        return std::unexpected(
            with_prefix("the running version does not quiesce: ", std::move(quiet).error()));
    }
    if (!old->wait_requests(deadline_in(kDrainMs))) {
        return fail("UNAVAILABLE",
                    "its state can't be saved while it is busy with " + old->busy_with() +
                        "; try again when that has ended");
    }
    // From here on calls from inside other calls wait at the gate, too: nothing of this node that
    // they could block is running any more.
    old->set_phase(Phase::retired);
    const auto saved =
        std::make_shared<Result<SavedState>>(fail("UNAVAILABLE", "its process has crashed since"));
    auto carried = on_control(
        kQuiesceMs,
        [this, saved, old, next, from, place = old->hold(), to = next->hold()]() -> Result<void> {
            if (!from.state_lost) *saved = old->save();
            auto loaded =
                *saved ? next->load(**saved) : Result<void>(std::unexpected(saved->error()));
            return loaded || !from.proven ? loaded : load_earlier(*next, loaded.error());
        });
    if (!carried) return carried;
    if (auto started = start(next); !started) return started;
    if (!*saved) return {};
    const std::scoped_lock lock(mutex_);
    auto& slot = slots_.at(old->name());
    slot.saved_by = old->image()->digest();
    slot.saved = std::move(**saved);
    return {};
}

Result<void> Lifecycle::load_earlier(NodeInstance& next, const Error& why) const {
    SavedState saved;
    bool is_own = false;
    {
        const std::scoped_lock lock(mutex_);
        const auto& slot = slots_.at(next.name());
        is_own = slot.saved_by == next.image()->digest();
        if (is_own) saved = slot.saved;
    }
    if (is_own && next.has_state() && next.load(saved)) {
        log(LogLevel::warn,
            "goes on with its own state of the time before it was replaced, since that of the "
            "version after it can't be taken: " +
                why.message,
            {{"node", next.name()}});
        return {};
    }
    log(LogLevel::warn, "begins without state: " + why.message, {{"node", next.name()}});
    return {};
}

void Lifecycle::resume(const std::shared_ptr<NodeInstance>& old) {
    auto resumed = on_control(kQuiesceMs, [old, place = old->hold()] { return old->resume(); });
    if (!resumed)
        note_error(old->name(), "the running version did not resume: " + resumed.error().message);
}

void Lifecycle::swap(const std::shared_ptr<NodeInstance>& old,
                     const std::shared_ptr<NodeInstance>& next) {
    const auto& name = next->name();
    const auto nodes = serving_with(next, "");
    {
        const std::scoped_lock lock(mutex_);
        auto& slot = slots_.at(name);
        slot.section = next->section();
        slot.node = next;
        slot.generation = next->generation();
        slot.state = "serving";
        slot.internal_errors = 0;
        slot.going_back = false;
        // With another configuration a file's probation goes on, or stays over.
        if (!old || old->image()->digest() != next->image()->digest())
            slot.probation_end = SteadyClock::now() + kProbation;
    }
    runtime_.dispatcher->set_nodes(nodes);
    listeners_.publish(nodes);
    (void)runtime_.metrics.record(generations_, {name}, next->generation());
    if (old) {
        old->end_subscriptions();
        retirement_.retire(old);
    }
}

void Lifecycle::heard_internal(const NodeInstance& node, const Error& error) {
    {
        const std::scoped_lock lock(mutex_);
        const auto slot = slots_.find(node.name());
        if (slot == slots_.end() || slot->second.node.get() != &node) return;
        if (SteadyClock::now() >= slot->second.probation_end) return;
        if (++slot->second.internal_errors < kInternalMax) return;
    }
    take_back(
        node.name(), node.generation(), "answered INTERNAL three times", error.message, false);
}

void Lifecycle::heard_worker_end(const std::string& name,
                                 std::uint32_t generation,
                                 const std::string& how) {
    {
        const std::scoped_lock lock(mutex_);
        const auto slot = slots_.find(name);
        if (slot == slots_.end() || !slot->second.node || slot->second.generation != generation)
            return;
        slot->second.last_error = how;
        if (SteadyClock::now() >= slot->second.probation_end) return;
    }
    take_back(name, generation, "crashed", how, true);
}

void Lifecycle::take_back(const std::string& name,
                          std::uint32_t generation,
                          const std::string& why,
                          const std::string& detail,
                          bool state_lost) {
    {
        const std::scoped_lock lock(mutex_);
        const auto slot = slots_.find(name);
        if (slot == slots_.end() || slot->second.generation != generation) return;
        if (std::exchange(slot->second.going_back, true)) return;
    }
    const bool posted = runtime_.workers.post([this, name, generation, why, detail, state_lost] {
        const Turn turn(*this, kTurnMs);
        auto section = section_of(name);
        if (!section) return;
        {
            const std::scoped_lock lock(mutex_);
            const auto slot = slots_.find(name);
            if (slot == slots_.end() || slot->second.generation != generation) return;
            if (!slot->second.node) return;
            slot->second.going_back = static_cast<bool>(turn);  // Else the next event asks again.
        }
        const auto previous = kept_.previous(name);
        if (!turn || !previous || kept_.refused(name, previous->digest)) return;
        if (auto back = go_back(*section, "it " + why + " within 30 s", state_lost); back) {
            (void)runtime_.metrics.record(reloads_, {name, "back"}, 1);
            note_error(name,
                       "the new version " + why + " within 30 s (" + detail +
                           "): the version before it serves again");
        }
    });
    if (posted) return;
    // All workers are busy: the next such event asks again.
    const std::scoped_lock lock(mutex_);
    if (const auto slot = slots_.find(name); slot != slots_.end()) slot->second.going_back = false;
}

void Lifecycle::library_changed(const std::string& file) {
    bool used = false;
    for (const auto& status : list()) {
        auto section = section_of(status.name);
        auto from = section ? locate(*section) : Result<Found>(std::unexpected(Error{}));
        if (!from || from->file != file) continue;
        used = true;
        const bool failed = status.state == "failed";
        if (section->reload != "auto" || (status.state != "serving" && !failed)) continue;
        const Turn turn(*this, kTurnMs);
        if (!turn) return note_error(status.name, turn.error().message);
        const auto digest = digest_of_file(file);
        if (!digest || *digest == status.digest) continue;
        if (const auto why = kept_.refused(status.name, *digest)) {
            note_error(status.name, file + " is not loaded again: " + *why);
            continue;
        }
        if (failed) {  // Perhaps this one does what the one before it did not.
            if (auto added = add(*section); !added) note_failed(status.name, added.error().message);
            continue;
        }
        from->digest = *digest;
        (void)replace(*section, *from, "the file changed");
    }
    if (!used) library_appeared(file);
}

void Lifecycle::library_appeared(const std::string& file) {
    NodeSection section;
    section.plugin = section.name = std::filesystem::path(file).stem().string();
    const auto log_toml = [&section] {  // A line each, to be copied out of the log.
        log(LogLevel::info, "    [nodes." + section.name + "]");
        log(LogLevel::info, "    plugin = \"" + section.plugin + "\"");
    };
    Found from{file};
    if (auto fit = prepare(section, from); !fit) {
        log(LogLevel::warn, "a new library is not used: " + fit.error().message);
        return;
    }
    // Its contract is read in a worker process: nothing of it runs here before somebody wants it.
    auto image = start_worker(places_.program, from.staged, {});
    auto contract = image ? read_node_contract((*image)->entry().contract, file)
                          : Result<NodeContract>(std::unexpected(image.error()));
    if (!contract) {
        log(LogLevel::warn, file + " is not used: " + contract.error().message);
    } else if (!contract->autostart) {
        log(LogLevel::info, file + " is available, not configured; to use it, add");
        log_toml();
    } else if (auto started = load(section.plugin, section.name); !started) {
        log(LogLevel::warn, file + " was not started: " + started.error().message);
    } else {
        log(LogLevel::info,
            "started with its defaults, as its contract allows; to keep it, add",
            {{"node", section.name}});
        log_toml();
    }
}

}  // namespace onex::host
