// Control work runs plugins' code, which may not come back: always with a limit.
#pragma once

#include "host/async/cancel.hpp"
#include "host/async/report.hpp"
#include "host/async/workers.hpp"

#include <onex/error.hpp>

#include <functional>
#include <future>
#include <memory>
#include <utility>

namespace onex::host {

/// Runs it on a worker, since nodes may wait in it, and waits for its end. After a TIMEOUT it still
/// runs: `work` refers to nothing that goes before the workers do.
template <class T>
Result<T> on_control(Workers& workers,
                     SteadyClock::time_point deadline,
                     std::function<Result<T>()> work) {
    const auto promise = std::make_shared<std::promise<Result<T>>>();
    auto future = promise->get_future();
    if (!workers.post([promise, work = std::move(work)] { promise->set_value(caught<T>(work)); }))
        return fail("QUEUE_FULL", "no worker for control work; try again in a moment");
    if (future.wait_until(deadline) == std::future_status::ready) return future.get();
    return fail("TIMEOUT", "the node's code does not come back; see its log lines before this");
}

}  // namespace onex::host
