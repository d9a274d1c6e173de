// Can a run of this workflow go back where its contract says that something is undone?
#include "host/contract/findings.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace json = boost::json;

namespace onex::host {
namespace {

const json::array& list(const json::object& from, std::string_view key) {
    static const json::array none;
    const auto* value = from.if_contains(key);
    return value != nullptr && value->is_array() ? value->get_array() : none;
}

const json::object& object(const json::object& from, std::string_view key) {
    static const json::object none;
    const auto* value = from.if_contains(key);
    return value != nullptr && value->is_object() ? value->get_object() : none;
}

std::string text(const json::object& from, std::string_view key) {
    const auto* value = from.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

/// Names of states are compared without case.
std::string upper(std::string name) {
    std::ranges::transform(name, name.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return name;
}

struct Stage {
    std::string pointer;
    const json::object* document = nullptr;
    std::int64_t number = 0;
    std::string state;
};

class UndoChecker {
  public:
    UndoChecker(const json::object& root, Findings& findings) : root_(root), findings_(findings) {}

    void run() {
        for (const auto& state : list(object(root_, "fsm_states"), "states")) {
            const auto& own = state.get_object();
            auto& next = next_[upper(text(own, "name"))];
            for (const auto& to : list(own, "transitions"))
                next.push_back(upper(std::string(to.get_string())));
        }
        const auto stages = in_order();
        const bool can_compensate = compensations(stages);
        if (!can_compensate && text(object(root_, "coordination"), "rollback_strategy").empty())
            irreversible(stages);
    }

  private:
    /// Dependencies first, then by number, as the engine orders them; each with its state.
    std::vector<Stage> in_order() {
        std::vector<Stage> open;
        std::size_t place = 0;
        for (const auto& item : list(root_, "workflow_stages")) {
            const auto& document = item.get_object();
            const auto* number = document.if_contains("stage_number");
            open.push_back({"/workflow_stages/" + std::to_string(place),
                            &document,
                            number != nullptr && number->is_int64()
                                ? number->get_int64()
                                : static_cast<std::int64_t>(place) + 1,
                            upper(text(document, "state"))});
            ++place;
        }
        const auto way = main_way();
        std::vector<Stage> ordered;
        std::set<std::string> ended;
        while (!open.empty()) {
            auto best = open.end();
            for (auto it = open.begin(); it != open.end(); ++it) {
                const auto& dependencies = list(*it->document, "dependencies");
                const bool waits = std::ranges::any_of(dependencies, [&](const auto& on) {
                    return !ended.contains(std::string(on.get_string()));
                });
                if (!waits && (best == open.end() || it->number < best->number)) best = it;
            }
            if (best == open.end()) break;  // A circle, which is told elsewhere.
            if (best->state.empty() && ordered.size() < way.size())
                best->state = way[ordered.size()];
            ended.insert(text(*best->document, "stage_name"));
            ordered.push_back(std::move(*best));
            open.erase(best);
        }
        return ordered;
    }

    /// The states between the initial one and COMPLETED on the shortest way.
    std::vector<std::string> main_way() {
        const std::set<std::string> landmarks{"FAILED", "ROLLING_BACK", "ROLLBACK_COMPLETED"};
        const auto initial = upper(text(object(root_, "fsm_states"), "initial_state"));
        std::map<std::string, std::string> came_from{{initial, ""}};
        std::deque<std::string> open{initial};
        while (!open.empty()) {
            const auto at = open.front();
            open.pop_front();
            for (const auto& to : next_[at]) {
                if (landmarks.contains(to) || !came_from.emplace(to, at).second) continue;
                open.push_back(to);
            }
        }
        std::vector<std::string> way;
        const auto end = came_from.find("COMPLETED");
        if (end == came_from.end()) return way;
        for (auto at = end->second; !at.empty() && at != initial; at = came_from[at])
            way.push_back(at);
        std::ranges::reverse(way);
        return way;
    }

    /// From the first stage on that has something to compensate, each has to lead to ROLLING_BACK.
    bool compensations(const std::vector<Stage>& stages) {
        std::string first;
        for (const auto& stage : stages) {
            std::string place = stage.pointer;
            std::size_t i = 0;
            for (const auto& item : list(*stage.document, "operations")) {
                const auto& operation = item.get_object();
                const auto pointer = stage.pointer + "/operations/" + std::to_string(i++);
                if (!first.empty() || !operation.contains("compensate")) continue;
                first = text(operation, "name");
                place = pointer + "/compensate";
            }
            if (first.empty() || leads_back(stage.state)) continue;
            findings_.error(place,
                            "the stage '" + text(*stage.document, "stage_name") + "' runs in '" +
                                stage.state + "', which can't go to ROLLING_BACK: '" + first +
                                "' could not be compensated when it fails there; add the "
                                "transition");
        }
        return !first.empty();
    }

    bool leads_back(const std::string& state) {
        // A stage without a state is told elsewhere.
        return state.empty() ||
               std::ranges::find(next_[state], "ROLLING_BACK") != next_[state].end();
    }

    void irreversible(const std::vector<Stage>& stages) {
        for (const auto& stage : stages) {
            std::size_t i = 0;
            for (const auto& item : list(*stage.document, "operations")) {
                const auto pointer = stage.pointer + "/operations/" + std::to_string(i++);
                const auto* reversible = item.get_object().if_contains("reversible");
                if (reversible == nullptr || reversible->get_bool()) continue;
                findings_.note(pointer + "/reversible",
                               "without effect here: nothing in this workflow is rolled back");
            }
        }
    }

    const json::object& root_;
    Findings& findings_;
    std::map<std::string, std::vector<std::string>> next_;
};

}  // namespace

void check_way_back(const json::object& workflow, Findings& findings) {
    UndoChecker(workflow, findings).run();
}

}  // namespace onex::host
