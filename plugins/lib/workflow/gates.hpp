// Scores quality gates and validations. Pure.
#pragma once

#include "plugins/lib/workflow/model.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace onex::workflow {

/// The lowest score that anything reported for each name.
using Checks = std::map<std::string, double, std::less<>>;

struct GateScore {
    std::string name;
    std::string stage;  ///< empty: the end of the run
    double threshold = 1.0;
    double score = 0;
    bool passed = false;
    bool quality = true;
    std::shared_ptr<const Item> item{};  ///< of the round of a repeated stage
    /// A miss stops the run at threshold 1 and only warns below it.
    [[nodiscard]] bool stops() const { return !passed && threshold >= 1.0; }
};

/// The numbers (and booleans) of `checks`, each between 0 and 1; anything else counts 0.
[[nodiscard]] Checks read_checks(const boost::json::object& checks);
/// Takes `more` over; where both know a name, the lower score stays.
void merge_checks(Checks& checks, const Checks& more);

/// Scores the gates and validations of `stage` (empty: of the end of the run). One that nobody
/// reports scores 0, or by duration when it has a target: min(1, target / actual).
[[nodiscard]] std::vector<GateScore> score_gates(const Model& model,
                                                 std::string_view stage,
                                                 const Checks& checks,
                                                 std::int64_t duration_ms);

/// One sentence about a gate that was missed.
[[nodiscard]] std::string gate_miss(const GateScore& gate);

/// `run.gates` of an operation of that stage: every key that the contract gives each gate.
[[nodiscard]] boost::json::array gate_settings(const Model& model, std::string_view stage);

}  // namespace onex::workflow
