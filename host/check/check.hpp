// onex-host plugin check: does a library keep what the ABI asks of it? Every check runs in a child
// process of its own with an alarm, so that a plugin that crashes or hangs fails one check and
// nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace onex::host::check {

enum class Level {
    load,  ///< file, load, entry, contract, one create: what is asked before a node may start
    full,  ///< and everything that a node may meet
};

enum class State { passed, warned, failed, skipped };

struct Outcome {
    std::string name;
    State state = State::passed;
    std::string detail;  ///< why; empty when it passed
    std::int64_t duration_ms = 0;
};

/// Runs the checks of `level` on `file`, in order. Without a loadable library only the first ones
/// run. [the process has one thread]
/// `settings` (JSON text, may be empty): what create() gets, and what must fit the contract.
std::vector<Outcome> check_plugin(const std::string& file,
                                  Level level,
                                  const std::string& settings = "");

}  // namespace onex::host::check
