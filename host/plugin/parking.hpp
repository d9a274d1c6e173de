// Where calls wait while a node with state in memory changes generations.
#pragma once

#include "host/async/cancel.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace onex::host {

inline constexpr std::size_t kParkedMax = 1000;      ///< calls of one node
inline constexpr std::int64_t kParkedMsMax = 5'000;  ///< for one call

/// A gate per node. No thread is held by what waits at it. [any thread]
class Parking {
  public:
    explicit Parking(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
    ~Parking();
    Parking(const Parking&) = delete;
    Parking& operator=(const Parking&) = delete;

    void close(const std::string& node);
    /// Lets everybody go on, each by its own `proceed`.
    void open(const std::string& node);

    enum class Answer { parked, open, full };
    /// Parks a call: `proceed(true)` when the gate opens, `proceed(false)` when it waited too long;
    /// exactly once, and only when the answer is `parked`.
    Answer park(const std::string& node, std::function<void(bool opened)> proceed);

    /// Calls that wait at the node's gate.
    [[nodiscard]] std::size_t waiting(const std::string& node) const;

  private:
    struct Waiter;
    boost::asio::any_io_executor executor_;
    mutable std::mutex mutex_;
    std::map<std::string, std::vector<std::shared_ptr<Waiter>>> gates_;  ///< the closed ones
};

}  // namespace onex::host
