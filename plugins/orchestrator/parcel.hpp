// What two orchestrators tell each other about a run that one hands over to the other
// (semantics 1.2): the parcel that goes over, and the news that come back. Pure: rows to JSON and
// back.
#pragma once

#include "plugins/orchestrator/rows.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace onex::orchestrator {

/// All that the next owner needs to go on with a run.
struct Parcel {
    RunRow run;
    std::vector<StepRow> steps;
    std::vector<LogLine> lines;             ///< the last ones
    std::vector<workflow::Secret> secrets;  ///< values, never references
    std::string taker;                      ///< what the giver calls the host that takes it
    std::int64_t now_us = 0;                ///< by the giver's clock
};
[[nodiscard]] json::object to_json(const Parcel& parcel);
/// The run as a row of the taker: `now_us` is its clock. Who runs an operation is told from its
/// side: what the giver itself ran has nobody here who wants to hear of the end. Errors:
/// VALIDATION_ERROR.
Result<Parcel> read_parcel(const json::object& message, std::int64_t now_us);

/// A run as its owner has it, for the host that began it.
struct News {
    std::string revision;        ///< changes with everything but `done`, `total` and `text`
    bool changed = false;        ///< what follows is told, up to the progress
    RunRow run;                  ///< state, context, times, end and cancel
    std::vector<StepRow> steps;  ///< those after the hand-over
    std::vector<TransitionRow> transitions;
    std::vector<EventRow> events;
    std::vector<LogLine> lines;
    bool more_lines = false;
    std::vector<workflow::Artifact> artifacts;  ///< with the end
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    std::string text;
};
[[nodiscard]] json::object to_json(const News& news);
/// `owner` is what this host calls the one that tells: operations that it ran itself are its.
/// Errors: VALIDATION_ERROR.
Result<News> read_news(const json::object& message, const std::string& owner);

}  // namespace onex::orchestrator
