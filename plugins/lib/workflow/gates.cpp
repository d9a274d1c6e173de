#include "plugins/lib/workflow/gates.hpp"

#include "plugins/lib/workflow/items.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace onex::workflow {

Checks read_checks(const boost::json::object& checks) {
    Checks out;
    for (const auto& member : checks) {
        double score = 0;
        if (member.value().is_bool()) {
            score = member.value().get_bool() ? 1 : 0;
        } else {
            boost::system::error_code no_number;
            score = member.value().to_number<double>(no_number);
            if (no_number) score = 0;
        }
        out.emplace(member.key(), std::clamp(score, 0.0, 1.0));
    }
    return out;
}

void merge_checks(Checks& checks, const Checks& more) {
    for (const auto& [name, score] : more) {
        const auto [place, is_new] = checks.emplace(name, score);
        if (!is_new) place->second = std::min(place->second, score);
    }
}

std::vector<GateScore> score_gates(const Model& model,
                                   std::string_view stage,
                                   const Checks& checks,
                                   std::int64_t duration_ms) {
    std::vector<GateScore> scores;
    for (const auto& gate : model.gates) {
        if (gate.stage != stage) continue;
        double score = 0;
        if (const auto found = checks.find(gate.name); found != checks.end()) {
            score = found->second;
        } else if (gate.target_ms > 0) {
            score = duration_ms <= gate.target_ms
                        ? 1.0
                        : static_cast<double>(gate.target_ms) / static_cast<double>(duration_ms);
        }
        scores.push_back({gate.name,
                          gate.stage,
                          gate.threshold,
                          score,
                          score >= gate.threshold,
                          gate.quality,
                          {}});
    }
    return scores;
}

std::string gate_miss(const GateScore& gate) {
    std::array<char, 96> numbers{};
    std::snprintf(
        numbers.data(), numbers.size(), " scored %.3g and needs %.3g", gate.score, gate.threshold);
    return std::string(gate.quality ? "the quality gate " : "the validation ") + gate.name +
           (gate.stage.empty() ? std::string() : " of " + gate.stage) +
           (gate.item ? " for " + item_text(*gate.item) : std::string()) + numbers.data();
}

boost::json::array gate_settings(const Model& model, std::string_view stage) {
    boost::json::array out;
    for (const auto& gate : model.gates) {
        if (gate.stage == stage) out.push_back(gate.settings);
    }
    return out;
}

}  // namespace onex::workflow
