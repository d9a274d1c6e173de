#include "plugins/lib/workflow/fsm.hpp"

#include "plugins/lib/workflow/json_read.hpp"

#include <algorithm>
#include <deque>
#include <map>

namespace onex::workflow {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_landmark(std::string_view state) {
    return same_name(state, kCompleted) || same_name(state, kFailed) ||
           same_name(state, kRollingBack) || same_name(state, kRollbackCompleted);
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

Result<Fsm> Fsm::read(const json::object& fsm_states) {
    Reader read("fsm_states");
    Fsm fsm;
    fsm.initial_ = read.text(fsm_states, "initial_state", true);
    fsm.finals_ = read.texts(fsm_states, "final_states");
    for (const auto* item : read.objects(fsm_states, "states")) {
        fsm.states_.push_back({read.text(*item, "name", true),
                               read.text(*item, "description"),
                               read.texts(*item, "transitions")});
    }
    if (auto ok = read.done(); !ok) return std::unexpected(std::move(ok).error());
    if (auto ok = fsm.verify(); !ok) return std::unexpected(std::move(ok).error());
    fsm.initial_ = fsm.spelled(fsm.initial_);
    return fsm;
}

Result<void> Fsm::verify() const {
    const auto bad = [](std::string message) {
        return fail("VALIDATION_ERROR", "fsm_states: " + std::move(message));
    };
    for (std::size_t i = 0; i < states_.size(); ++i) {
        const auto& state = states_[i];
        if (find(state.name) != &state)
            return bad("the state " + state.name + " is declared twice");
        for (const auto& to : state.transitions) {
            if (!find(to)) return bad(state.name + " leads to " + to + ", which is no state");
        }
        if (is_final(state.name) && !state.transitions.empty()) {
            return bad("the final state " + state.name + " has transitions; take one of both away");
        }
    }
    if (!find(initial_)) return bad("initial_state " + initial_ + " is no state");
    for (const auto& state : finals_) {
        if (!find(state)) return bad("final_states names " + state + ", which is no state");
    }
    for (const auto needed : {kCompleted, kFailed}) {
        if (!find(needed)) return bad("needs a state " + std::string(needed));
    }
    for (const auto last : {kCompleted, kFailed, kRollbackCompleted}) {
        if (find(last) && !is_final(last)) {
            return bad(std::string(last) + " must stand in final_states");
        }
    }
    if (find(kRollingBack)) {
        for (const auto to : {kFailed, kRollbackCompleted}) {
            if (!allows(kRollingBack, to)) {
                return bad("ROLLING_BACK must be able to go to " + std::string(to));
            }
        }
    }
    if (!path(initial_, kCompleted)) {
        return bad("no way leads from " + initial_ + " to COMPLETED; add the transitions");
    }
    return {};
}

const State* Fsm::find(std::string_view state) const {
    const auto found = std::ranges::find_if(
        states_, [&](const State& known) { return same_name(known.name, state); });
    return found == states_.end() ? nullptr : &*found;
}

bool Fsm::is_final(std::string_view state) const {
    return std::ranges::any_of(finals_, [&](const auto& name) { return same_name(name, state); });
}

std::string Fsm::spelled(std::string_view state) const {
    const auto* found = find(state);
    return found ? found->name : std::string();
}

bool Fsm::allows(std::string_view from, std::string_view to) const {
    const auto* state = find(from);
    return state && std::ranges::any_of(state->transitions,
                                        [&](const auto& name) { return same_name(name, to); });
}

Result<void> Fsm::check(std::string_view from, std::string_view to) const {
    if (allows(from, to)) return {};
    return fail(
        "FAILED_PRECONDITION",
        "the contract has no transition from " + std::string(from) + " to " + std::string(to));
}

std::optional<std::vector<std::string>> Fsm::path(std::string_view from,
                                                  std::string_view to) const {
    const auto* start = find(from);
    const auto* goal = find(to);
    if (!start || !goal) return std::nullopt;
    if (start == goal) return std::vector<std::string>{};
    std::map<const State*, const State*> came_from{{start, nullptr}};
    std::deque<const State*> open{start};
    while (!open.empty()) {
        const auto* state = open.front();
        open.pop_front();
        for (const auto& name : state->transitions) {
            const auto* next = find(name);
            if (!next || came_from.contains(next)) continue;
            if (next != goal && (is_landmark(name) || is_final(name))) continue;
            came_from[next] = state;
            if (next != goal) {
                open.push_back(next);
                continue;
            }
            std::vector<std::string> way;
            for (; next != start; next = came_from[next])
                way.push_back(next->name);
            std::ranges::reverse(way);
            return way;
        }
    }
    return std::nullopt;
}

}  // namespace onex::workflow
