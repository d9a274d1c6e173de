// Blocking work for a coroutine: runs on a pool, the coroutine goes on where it was.
#pragma once

#include "host/async/report.hpp"
#include "host/async/workers.hpp"

#include <onex/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace onex::host {

/// Runs `work` on `pool` and awaits its result. Errors: QUEUE_FULL, INTERNAL, or `work`'s own.
template <class T>
boost::asio::awaitable<Result<T>> on_worker(Workers& pool,
                                            boost::asio::any_io_executor executor,
                                            std::function<Result<T>()> work) {
    namespace asio = boost::asio;
    auto start = [&pool, &executor, &work](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        const auto bound = asio::get_associated_executor(*shared, executor);
        auto finish = [shared, bound](Result<T> result) {
            asio::post(bound, [shared, result = std::move(result)]() mutable {
                (*shared)(std::move(result));
            });
        };
        const bool posted =
            pool.post([finish, work = std::move(work)] { finish(caught<T>(work)); });
        if (!posted) finish(fail("QUEUE_FULL", "all workers are busy; try again in a moment"));
    };
    auto result = co_await asio::async_initiate<decltype(asio::use_awaitable), void(Result<T>)>(
        start, asio::use_awaitable);
    co_return result;
}

}  // namespace onex::host
