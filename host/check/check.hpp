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
    fuzz,  ///< and random inputs, streams and endings for every operation
    soak,  ///< and many lives with calls at a time, and what they leave behind
};

enum class State { passed, warned, failed, skipped };

struct Outcome {
    std::string name;
    State state = State::passed;
    std::string detail;  ///< why; how much was tried, when fuzz or soak passed
    std::int64_t duration_ms = 0;
};

constexpr std::int64_t kFuzzRounds = 1000;
constexpr std::int64_t kSoakSeconds = 30;

/// How long fuzz and soak go on. A round of fuzz is one call of one operation; a round of soak is
/// one node from create to destroy. 0: without this bound; both 0: kFuzzRounds, kSoakSeconds.
struct Bounds {
    std::uint64_t seed = 1;  ///< with the same seed, round N is the same round again
    std::int64_t rounds = 0;
    std::int64_t seconds = 0;
    unsigned round_seconds = 30;  ///< whoever takes longer for one round hangs
};

/// Runs the checks of `level` on `file`, in order. Without a loadable library only the first ones
/// run. [the process has one thread]
/// `settings` (JSON text, may be empty): what create() gets, and what must fit the contract.
std::vector<Outcome> check_plugin(const std::string& file,
                                  Level level,
                                  const std::string& settings = "",
                                  const Bounds& bounds = {});

}  // namespace onex::host::check
