// Where a test's own host may be stopped: around each commit of a write. The one
// function of the host that is there for tests alone; nothing in the host sets it.
#pragma once

#include <atomic>

namespace onex::host {

/// Called on the committing thread with false right before such a commit, and with true right after
/// it has become durable. Null: nobody looks.
inline std::atomic<void (*)(bool committed)> commit_probe{nullptr};

}  // namespace onex::host
