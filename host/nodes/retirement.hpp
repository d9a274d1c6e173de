// Where generations go that serve no more: they end what they have, then they are destroyed and
// their images leave.
#pragma once

#include "host/metrics.hpp"
#include "host/plugin/node.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace onex::host {

/// One thread of its own looks after them all, since the end of a request may be hours away. Work
/// in the plugins' code runs on workers. [any thread]
class Retirement {
  public:
    /// `control` runs the nodes' code at their end, and outlives this object. What holds a
    /// generation for longer than `tell_after` is told, once.
    Retirement(Runtime& runtime,
               Workers& control,
               std::chrono::milliseconds tell_after = std::chrono::minutes(1));
    ~Retirement();
    Retirement(const Retirement&) = delete;
    Retirement& operator=(const Retirement&) = delete;

    /// From here on nobody else refers to it but the requests that it still has.
    void retire(std::shared_ptr<NodeInstance> node);
    /// Fewer than `most` generations of the node are still ending what they have? Waits for that.
    bool wait_fewer(const std::string& node, std::size_t most, SteadyClock::time_point deadline);
    [[nodiscard]] std::size_t retiring(const std::string& node) const;
    /// "generation 3: hash, hash": what holds them, for people.
    [[nodiscard]] std::string busy_with(const std::string& node) const;
    /// Images of ended generations that are mapped all the same.
    [[nodiscard]] std::size_t images_mapped(const std::string& node) const;
    /// Ends all of them: what runs gets until `deadline`, then it is cancelled. False: some code
    /// did not come back.
    bool stop(SteadyClock::time_point deadline);

  private:
    struct Image {
        std::string node;
        std::string copy;
        SteadyClock::time_point since;
        bool told = false;  ///< that it stays
    };
    struct Leaving {
        std::shared_ptr<NodeInstance> node;
        SteadyClock::time_point since;
        bool told = false;  ///< that it takes long
    };
    void run();
    /// One that takes long and has not been told of, or null.
    std::shared_ptr<NodeInstance> take_late();
    void shut_down(const std::shared_ptr<NodeInstance>& node, SteadyClock::time_point deadline);
    void look_at_images();

    Runtime& runtime_;
    Workers& control_;
    const std::chrono::milliseconds tell_after_;
    MetricId pinned_ = 0;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Leaving> nodes_;
    std::vector<Image> images_;
    bool stopping_ = false;
    bool stuck_ = false;
    std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace onex::host
