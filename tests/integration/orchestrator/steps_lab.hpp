// The garden's workflow with other operations in its second stage.
#pragma once

#include "tests/integration/orchestrator/garden_lab.hpp"

#include <boost/json/serialize.hpp>

#include <string>

namespace onex::test {

class StepsLab : public GardenLab {
  protected:
    /// The contract with this text in place of the second stage's operations, and `without` that
    /// text.
    [[nodiscard]] static std::string contract(const std::string& operations,
                                              const std::string& without = {}) {
        auto yaml =
            read_file(ONEX_SOURCE_DIR "/tests/integration/orchestrator/garden_workflow.yaml");
        const auto replace = [&](const std::string& from, const std::string& by) {
            const auto at = yaml.find(from);
            EXPECT_NE(at, std::string::npos) << from;
            if (at != std::string::npos) yaml.replace(at, from.size(), by);
        };
        replace("operations: [{name: paint}, {name: dig}]", "operations: " + operations);
        if (!without.empty()) replace(without, "");
        return yaml;
    }
    [[nodiscard]] std::string begin_contract(const std::string& yaml,
                                             const boost::json::object& run_input,
                                             std::int64_t timeout_ms = 0) const {
        boost::json::object body{{"contract", yaml}, {"input", run_input}};
        if (timeout_ms > 0) body["timeout_ms"] = timeout_ms;
        const auto answer = host_->ask("POST", "/api/v1/workflows", boost::json::serialize(body));
        EXPECT_EQ(answer.status, 202U) << answer;
        return answer.status == 202 ? std::string(answer.json.at("workflow_id").as_string()) : "";
    }
    [[nodiscard]] std::string begin_with(const std::string& operations,
                                         boost::json::object plan = {},
                                         const std::string& without = {}) const {
        return begin_contract(contract(operations, without), input(std::move(plan)));
    }
};

}  // namespace onex::test
