// Findings of a contract check, collected with their places. Internal to this folder.
#pragma once

#include "host/contract/contract.hpp"
#include "host/contract/yaml.hpp"

#include <string>
#include <utility>
#include <vector>

namespace onex::host {

class Findings {
  public:
    /// `document` must outlive this.
    Findings(const YamlDocument& document, std::string file)
        : document_(document), file_(std::move(file)) {}

    void error(const std::string& pointer, std::string message) {
        add(Finding::Level::error, pointer, std::move(message));
    }
    void warning(const std::string& pointer, std::string message) {
        add(Finding::Level::warning, pointer, std::move(message));
    }
    void note(const std::string& pointer, std::string message) {
        add(Finding::Level::note, pointer, std::move(message));
    }
    [[nodiscard]] std::vector<Finding> take() { return std::exchange(all_, {}); }

  private:
    void add(Finding::Level level, const std::string& pointer, std::string message) {
        all_.push_back({level, document_.where(file_, pointer), std::move(message)});
    }

    const YamlDocument& document_;
    std::string file_;
    std::vector<Finding> all_;
};

/// Adds what `schema` finds in the document; false when that is anything.
bool check_document(const Schema& schema, const YamlDocument& document, Findings& findings);
/// Reads what was understood; its result counts only when no error was found.
NodeContract read_node_document(const YamlDocument& document, Findings& findings);
/// All rules of a workflow contract. `folder` is where `subcontracts.refs` are looked for.
void check_workflow_document(const YamlDocument& document,
                             const std::string& folder,
                             Findings& findings);
/// Of those rules: can a run go back wherever `compensate` and `reversible` ask for it?
void check_way_back(const boost::json::object& workflow, Findings& findings);
/// Of those rules: what `foreach` says.
void check_repeats(const boost::json::object& workflow, Findings& findings);
/// Of those rules: is there something to ask in each of `health_checks`?
void check_health_checks(const boost::json::object& workflow, Findings& findings);

}  // namespace onex::host
