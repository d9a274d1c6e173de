// What a schema can't say about a workflow contract: names that must exist, circles, states.
#include "host/contract/contract_schemas.hpp"
#include "host/contract/findings.hpp"
#include "host/text/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>

namespace json = boost::json;

namespace onex::host {
namespace {

/// Keys that a contract may carry though nothing in this host reads them.
constexpr std::array<std::string_view, 9> kWithoutEffect{
    "/performance_requirements/memory_usage",
    "/dependencies/libraries",
    "/testing",
    "/security",
    "/operational",
    "/monitoring/traces",
    "/associated_documents",
    "/coordination/state_persistence",
    // Every step is stored before and after it, so that each one is a checkpoint.
    "/coordination/checkpoint_stages",
};

const json::value* at(const json::value& root, std::string_view pointer) {
    boost::system::error_code failed;
    return root.find_pointer(pointer, failed);
}

/// Calls `see(pointer, item)` for each item of the list at `pointer`, if there is one.
template <class See>
void each(const json::value& root, const std::string& pointer, See see) {
    const auto* value = at(root, pointer);
    const auto* list = value == nullptr ? nullptr : value->if_array();
    if (list == nullptr) return;
    for (std::size_t i = 0; i < list->size(); ++i)
        see(pointer + '/' + std::to_string(i), (*list)[i]);
}

std::string text(const json::value& value, const char* key) {
    const auto* found = value.is_object() ? value.get_object().if_contains(key) : nullptr;
    return found != nullptr && found->is_string() ? std::string(found->get_string())
                                                  : std::string();
}

class WorkflowChecker {
  public:
    WorkflowChecker(const json::value& root, Findings& findings)
        : root_(root), findings_(findings) {}

    void run(const std::string& folder) {
        stages();
        circles();
        states();
        check_way_back(root_.get_object(), findings_);
        check_repeats(root_.get_object(), findings_);
        check_health_checks(root_.get_object(), findings_);
        coordination();
        gates();
        retries();
        fallback();
        actions();
        schemas();
        inputs();
        subcontracts(folder);
        for (const auto pointer : kWithoutEffect) {
            if (at(root_, pointer) != nullptr) {
                findings_.note(std::string(pointer),
                               std::string(pointer.substr(1)) + ": declared, without effect here");
            }
        }
    }

  private:
    void unknown(const std::string& pointer,
                 const std::string& what,
                 const std::string& name,
                 const std::set<std::string>& known) {
        const std::vector<std::string> names(known.begin(), known.end());
        findings_.error(pointer, "unknown " + what + " '" + name + "'" + did_you_mean(name, names));
    }

    void stages() {
        each(root_, "/workflow_stages", [&](const std::string& pointer, const json::value& stage) {
            const auto name = text(stage, "stage_name");
            if (!stages_.insert(name).second) {
                findings_.error(pointer + "/stage_name",
                                "the stage '" + name + "' is declared twice");
            }
            each(root_,
                 pointer + "/operations",
                 [&](const std::string& place, const json::value& operation) {
                     const auto operation_name = text(operation, "name");
                     if (!operations_.insert(operation_name).second) {
                         findings_.note(
                             place,
                             "the operation '" + operation_name + "' is called more than once");
                     }
                     const auto* undo = at(operation, "/compensate");
                     if (undo == nullptr) return;
                     undo_.insert(undo->is_string() ? std::string(undo->get_string())
                                                    : text(*undo, "name"));
                 });
        });
        each(root_, "/workflow_stages", [&](const std::string& pointer, const json::value& stage) {
            const auto name = text(stage, "stage_name");
            each(root_,
                 pointer + "/dependencies",
                 [&](const std::string& place, const json::value& on) {
                     const std::string dependency(on.get_string());
                     if (!stages_.contains(dependency))
                         unknown(place, "stage", dependency, stages_);
                     depends_[name].insert(dependency);
                 });
        });
    }

    /// Takes stages away whose dependencies are gone; what is left depends on itself.
    void circles() {
        std::set<std::string> left = stages_;
        for (bool moved = true; moved;) {
            moved = std::erase_if(left, [&](const std::string& stage) {
                        return std::ranges::none_of(
                            depends_[stage], [&](const auto& on) { return left.contains(on); });
                    }) > 0;
        }
        if (left.empty()) return;
        std::string names;
        for (const auto& stage : left)
            names += (names.empty() ? "" : ", ") + stage;
        findings_.error("/workflow_stages", "the stages wait for each other in a circle: " + names);
    }

    void states() {
        each(
            root_, "/fsm_states/states", [&](const std::string& pointer, const json::value& state) {
                const auto name = text(state, "name");
                if (!states_.insert(name).second) {
                    findings_.error(pointer + "/name",
                                    "the state '" + name + "' is declared twice");
                }
            });
        std::map<std::string, std::set<std::string>> next;
        each(
            root_, "/fsm_states/states", [&](const std::string& pointer, const json::value& state) {
                each(root_,
                     pointer + "/transitions",
                     [&](const std::string& place, const json::value& to) {
                         const std::string name(to.get_string());
                         if (!states_.contains(name)) unknown(place, "state", name, states_);
                         next[text(state, "name")].insert(name);
                     });
            });
        const auto initial = text(*at(root_, "/fsm_states"), "initial_state");
        if (!states_.contains(initial))
            unknown("/fsm_states/initial_state", "state", initial, states_);
        each(root_,
             "/fsm_states/final_states",
             [&](const std::string& place, const json::value& state) {
                 const std::string name(state.get_string());
                 if (!states_.contains(name)) unknown(place, "state", name, states_);
             });
        each(root_, "/workflow_stages", [&](const std::string& pointer, const json::value& stage) {
            const auto state = text(stage, "state");
            if (!state.empty() && !states_.contains(state))
                unknown(pointer + "/state", "state", state, states_);
        });
        reach(initial, next);
    }

    void reach(const std::string& initial,
               const std::map<std::string, std::set<std::string>>& next) {
        std::set<std::string> reached{initial};
        std::vector<std::string> open{initial};
        while (!open.empty()) {
            const auto state = open.back();
            open.pop_back();
            const auto found = next.find(state);
            if (found == next.end()) continue;
            for (const auto& to : found->second) {
                if (reached.insert(to).second) open.push_back(to);
            }
        }
        const bool completes = std::ranges::any_of(reached, [](std::string name) {
            std::ranges::transform(name, name.begin(), [](char c) {
                return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
            });
            return name == "COMPLETED";
        });
        if (!completes) {
            findings_.error(
                "/fsm_states",
                "no way leads from '" + initial + "' to COMPLETED; add the transitions");
        }
        for (const auto& state : states_) {
            if (!reached.contains(state)) {
                findings_.warning("/fsm_states", "the state '" + state + "' can't be reached");
            }
        }
    }

    void coordination() {
        const auto known = [&](const std::string& pointer, const std::string& name) {
            if (!stages_.contains(name)) unknown(pointer, "stage", name, stages_);
        };
        each(root_,
             "/coordination/checkpoint_stages",
             [&](const std::string& pointer, const json::value& stage) {
                 known(pointer, std::string(stage.get_string()));
             });
        each(root_,
             "/coordination/parallel_stages",
             [&](const std::string& pointer, const json::value& group) {
                 if (group.is_string()) known(pointer, std::string(group.get_string()));
                 each(root_, pointer, [&](const std::string& place, const json::value& stage) {
                     known(place, std::string(stage.get_string()));
                 });
             });
        const auto* parallel = at(root_, "/coordination/parallel_stages");
        if (parallel != nullptr && parallel->is_array() && !parallel->get_array().empty()) {
            findings_.note("/coordination/parallel_stages",
                           "coordination/parallel_stages: declared, without effect here: stages "
                           "run one after the other");
        }
        const auto* mode = at(root_, "/coordination/execution_mode");
        if (mode != nullptr && mode->is_string() && !mode->get_string().starts_with("sequential")) {
            findings_.note("/coordination/execution_mode",
                           "coordination/execution_mode: declared, without effect here: stages run "
                           "one after the other");
        }
        each(root_,
             "/coordination/validation_gates",
             [&](const std::string& pointer, const json::value& gate) {
                 known(pointer + "/stage", text(gate, "stage"));
             });
        if (const auto* targets = at(root_, "/performance_requirements/stage_targets")) {
            for (const auto& member : targets->get_object()) {
                known("/performance_requirements/stage_targets/" + pointer_escape(member.key()),
                      std::string(member.key()));
            }
        }
    }

    void fallback() {
        const auto* strategy = at(root_, "/error_handling/fallback_strategy");
        if (strategy == nullptr) return;
        const std::string name(strategy->get_string());
        if (name == "abort" && !undo_.empty()) {
            findings_.warning(
                "/error_handling/fallback_strategy",
                "with abort nothing is rolled back: '" + *undo_.begin() + "' is never called");
        }
        if (name != "abort" && name != "rollback" && name != "rollback_and_notify") {
            findings_.warning("/error_handling/fallback_strategy",
                              "'" + cut(name, 64) +
                                  "' is unknown and counts as rollback_and_notify" +
                                  did_you_mean(name, {"abort", "rollback", "rollback_and_notify"}));
        }
    }

    /// Two of the actions do something; the others name what happens anyway.
    void actions() {
        each(root_,
             "/error_handling/error_codes",
             [&](const std::string& pointer, const json::value& rule) {
                 const auto action = text(rule, "action");
                 if (action.empty()) return;
                 const auto* retry = at(rule, "/retry_allowed");
                 if (action == "abort_workflow" || action == "manual_intervention_required") {
                     if (retry != nullptr && retry->is_bool() && retry->get_bool()) {
                         findings_.warning(
                             pointer + "/retry_allowed",
                             text(rule, "code") + " is never retried: its action is " + action);
                     }
                     return;
                 }
                 findings_.note(pointer + "/action",
                                "the action '" + cut(action, 64) +
                                    "': declared, without effect here: retry_allowed decides about "
                                    "attempts, the states about a rollback");
             });
    }

    void gates() {
        std::set<std::string> names;
        each(root_, "/quality_gates", [&](const std::string& pointer, const json::value& gate) {
            const auto stage = text(gate, "stage");
            if (stage != "completed" && !stages_.contains(stage))
                unknown(pointer + "/stage", "stage", stage, stages_);
            if (!names.insert(text(gate, "name")).second) {
                findings_.error(pointer + "/name",
                                "the gate '" + text(gate, "name") + "' is declared twice");
            }
        });
    }

    void retries() {
        if (const auto* strategy = at(root_, "/coordination/rollback_strategy"))
            undo_.emplace(strategy->get_string());
        for (const std::string pointer : {"/error_handling/retry_policy/operation_retries",
                                          "/error_handling/operation_retries"}) {
            const auto* retries = at(root_, pointer);
            if (retries == nullptr) continue;
            for (const auto& member : retries->get_object()) {
                const std::string name(member.key());
                if (operations_.contains(name) || undo_.contains(name)) continue;
                const std::vector<std::string> known(operations_.begin(), operations_.end());
                findings_.warning(
                    pointer + '/' + pointer_escape(name),
                    "no stage calls the operation '" + name + "'" + did_you_mean(name, known));
            }
        }
    }

    void schemas() {
        for (const std::string key : {"input_state", "output_state"}) {
            const auto* schema = at(root_, '/' + key);
            if (schema == nullptr) continue;
            auto compiled = Schema::compile(*schema);
            if (!compiled) {
                findings_.error('/' + key, key + ": " + compiled.error().message);
                continue;
            }
            for (const auto& remark : compiled->remarks())
                findings_.note('/' + key, key + remark);
        }
    }

    /// Keys whose values name properties of the input.
    void inputs() {
        const auto* properties = at(root_, "/input_state/properties");
        const auto known = [&](const std::string& pointer) {
            const auto* value = at(root_, pointer);
            if (value == nullptr) return;
            const std::string name(value->get_string());
            if (properties == nullptr || !properties->is_object() ||
                !properties->get_object().contains(name)) {
                findings_.error(pointer, "'" + name + "' is no property of input_state");
            }
        };
        known("/subject");
        known("/target/host");
        known("/target/port");
    }

    void subcontracts(const std::string& folder) {
        each(root_, "/subcontracts/refs", [&](const std::string& pointer, const json::value& ref) {
            const std::string name(ref.get_string());
            std::error_code failed;
            if (!std::filesystem::exists(std::filesystem::path(folder) / name, failed)) {
                findings_.warning(
                    pointer,
                    "the subcontract " + cut(name, 128) + " does not exist and is left out");
            }
        });
    }

    const json::value& root_;
    Findings& findings_;
    std::set<std::string> stages_;
    std::set<std::string> operations_;
    std::set<std::string> undo_;  ///< what rolls back
    std::set<std::string> states_;
    std::map<std::string, std::set<std::string>> depends_;
};

}  // namespace

void check_workflow_document(const YamlDocument& document,
                             const std::string& folder,
                             Findings& findings) {
    if (!check_document(workflow_contract_schema(), document, findings)) return;
    WorkflowChecker checker(document.root, findings);
    checker.run(folder);
}

}  // namespace onex::host
