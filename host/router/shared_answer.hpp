// One run for all who ask at the same time.
#pragma once

#include "host/async/signal.hpp"
#include "host/http/message.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace onex::host {

/// An answer that is dear to make, and the same for everybody: who asks while it is made waits for
/// it, and for `fresh` after its end it is told again. [any thread]
class SharedAnswer {
  public:
    using Make = std::function<boost::asio::awaitable<ServerResponse>()>;

    explicit SharedAnswer(std::chrono::milliseconds fresh) : fresh_(fresh) {}
    SharedAnswer(const SharedAnswer&) = delete;
    SharedAnswer& operator=(const SharedAnswer&) = delete;

    /// This object lives until the answer is there. A wait longer than a minute ends as TIMEOUT.
    boost::asio::awaitable<ServerResponse> get(boost::asio::any_io_executor executor, Make make);

  private:
    struct Run {
        std::optional<ServerResponse> answer;
        std::vector<SignalPtr> waiting;
    };
    class Runner;

    const std::chrono::milliseconds fresh_;
    std::mutex mutex_;
    std::shared_ptr<Run> run_;  ///< the one under way
    std::optional<ServerResponse> last_;
    SteadyClock::time_point fresh_until_;
};

}  // namespace onex::host
