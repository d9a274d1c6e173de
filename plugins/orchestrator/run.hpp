// A run that this process drives.
#pragma once

#include "plugins/orchestrator/rows.hpp"
#include "plugins/orchestrator/run_log.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace onex::orchestrator {

/// What the call that runs now has told.
struct LiveProgress {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    std::string text;
};

/// Of a run that another host has taken over, or is asked to.
struct FollowedRun {
    std::int64_t line = 0;      ///< the last line of its log that is stored here
    std::string revision;       ///< of the news that are stored here
    std::int64_t asked_us = 0;  ///< since when there was no answer; 0: there was one
    std::int64_t pause_ms = 0;  ///< before the next question
    bool own_nodes_told = false;
    bool cancel_known = false;  ///< its owner has stored the cancel
};

struct Run {
    RunRow row;  ///< as stored last; context and state are brought up to date when they are written
    std::shared_ptr<const workflow::Model> model;

    // --- the driver's own: one task at a time
    workflow::RunState state;
    json::object input;
    json::object context;
    std::int64_t attempts_made = 0;
    std::map<std::string, std::string> resolutions;  ///< by step key, as JSON text
    std::map<std::string, std::string> secrets;      ///< by id, resolved; filled when first needed
    std::vector<std::string> secret_values;
    bool target_checked = false;
    FollowedRun followed;
    bool waited = false;       ///< the pause before the pending attempt is over
    std::string approved_key;  ///< of the step that somebody has agreed to last

    std::atomic<bool> is_elsewhere = false;  ///< another host has taken it over
    bool counts = false;  ///< among the running ones of its workflow; the engine's mutex guards it

    // --- guarded by mutex
    std::int64_t heard_us = 0;  ///< when the host that began it asked last; monotonic
    std::mutex mutex;
    bool waiting = false;  ///< a timer will go on with it
    onex_handle timer = 0;
    std::int64_t cancel_us = 0;
    std::string cancel_reason;
    std::string approval_key;  ///< of the step that waits for somebody to agree; or empty
    std::string running_key;   ///< of the call under way, if it can be cancelled
    LiveProgress live;

    RunLog log;
};
using RunPtr = std::shared_ptr<Run>;

}  // namespace onex::orchestrator
