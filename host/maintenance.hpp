// What a host forgets, in time.
#pragma once

#include "host/store/keys.hpp"
#include "host/store/nonces.hpp"
#include "host/store/store.hpp"

#include <cstdint>

namespace onex::host {

/// Removes nonces that expired, idempotency keys a day after their end, and events older than
/// `keep_days`. Failures are logged; the next round tries again. Blocks.
void prune(Store& store, OperationKeys& keys, Nonces& nonces, std::int64_t keep_days);

}  // namespace onex::host
