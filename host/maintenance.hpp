// What a host forgets, in time.
#pragma once

#include "host/store/keys.hpp"
#include "host/store/nonces.hpp"
#include "host/store/store.hpp"

#include <cstdint>

namespace onex::host {

/// What goes by age goes whether it was read or not. What goes by size waits for its readers, but
/// only for those whose offset has moved within `days`: a group of a plugin that was removed must
/// not switch the budget off. Such a group, should it come back, misses what is older than `days`
/// anyhow, and of the rest what the budget had no room for. One that lives but finds nothing under
/// its prefix stores its offset each kScannedAheadMax events, so it holds back no more than those.
struct Keep {
    std::int64_t days = 90;          ///< of events
    std::int64_t bytes = 2LL << 30;  ///< of events: beyond that the oldest go that every reader has
};

/// Removes nonces that expired, idempotency keys a day after their end, and events that are too old
/// or too many; then stores the outcomes that found no room before. Failures are logged; the next
/// round tries again. Blocks.
void prune(Store& store, OperationKeys& keys, Nonces& nonces, Keep keep);

}  // namespace onex::host
