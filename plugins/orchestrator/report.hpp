// Runs as JSON, for people and programs. Pure.
#pragma once

#include "plugins/orchestrator/engine.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace onex::orchestrator {

/// ISO-8601 in UTC with milliseconds; null for 0.
[[nodiscard]] json::value iso_time(std::int64_t time_us);

/// The answer to a submission.
[[nodiscard]] json::object ticket_report(const Ticket& ticket);

/// The whole status of a run.
Result<json::object> status_report(const workflow::Model& model,
                                   const RunRow& row,
                                   const std::vector<StepRow>& steps,
                                   const std::optional<LiveRun>& live,
                                   std::int64_t now_us);

/// {lines, next, final}
[[nodiscard]] json::object log_report(const std::vector<LogLine>& lines,
                                      std::int64_t after,
                                      bool is_final);

/// A run in a list. What it made is the caller's to add.
[[nodiscard]] json::object list_entry(const RunRow& row, std::int64_t now_us);

[[nodiscard]] std::int64_t run_duration_ms(const RunRow& row, std::int64_t now_us);

}  // namespace onex::orchestrator
