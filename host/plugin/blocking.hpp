// Runs a coroutine of the I/O threads for a worker thread that waits for it.
#pragma once

#include "host/async/report.hpp"

#include <onex/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <future>
#include <memory>
#include <utility>

namespace onex::host {

/// The coroutine bounds its own time by the Wait that it was made with; this waits for its end, so
/// that what it refers to outlives it. Never call it on an I/O thread.
template <class T>
Result<T> run_blocking(const boost::asio::any_io_executor& executor,
                       boost::asio::awaitable<Result<T>> work) {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    auto future = promise->get_future();
    boost::asio::co_spawn(
        executor, std::move(work), [promise](std::exception_ptr failed, Result<T> result) {
            if (failed) {
                const auto why = what_of(failed);
                report_fault("an I/O task ended with an exception: " + why);
                promise->set_value(fail("INTERNAL", "an I/O task failed unexpectedly: " + why));
            } else {
                promise->set_value(std::move(result));
            }
        });
    return future.get();
}

}  // namespace onex::host
