// Forgets runs that ended long ago (semantics 5.3).
#pragma once

#include <onex/host.hpp>

#include <atomic>
#include <cstdint>
#include <string>

namespace onex::orchestrator {

struct PruneLimits {
    std::int64_t keep_us = 0;    ///< how long an ended run stays
    std::int64_t bytes_max = 0;  ///< of all runs with their steps, logs and artifacts
};

/// Looks shortly after the start and then each hour. A run goes with its steps, transitions, log,
/// artifacts and secrets, in one transaction; the last two runs of each workflow and subject stay
/// whatever their age, since a rollback goes back to them, and so does what has not ended.
class Pruning {
  public:
    Pruning(const Host& host, std::string host_id, PruneLimits limits)
        : host_(host), host_id_(std::move(host_id)), limits_(limits) {}

    Result<void> start();  ///< [control]
    void quiesce() { quiet_ = true; }
    void resume() { quiet_ = false; }
    /// Removes what is too old, then the oldest until the rest is small enough. How many runs went.
    /// [worker]
    Result<std::int64_t> prune();

  private:
    /// Removes at most a batch of runs that ended before then; how many there were.
    Result<std::int64_t> remove_before(std::int64_t before_us);
    void round();

    const Host& host_;
    const std::string host_id_;
    const PruneLimits limits_;
    std::atomic<bool> quiet_{false};
};

}  // namespace onex::orchestrator
