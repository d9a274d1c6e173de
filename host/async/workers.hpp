// Threads for plugin code and other blocking work.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace onex::host {

/// A pool that grows on demand up to `threads_max` and shrinks when idle for 30 s. Work beyond that
/// waits in a bounded queue. [any thread]
class Workers {
  public:
    Workers(std::string name, std::size_t threads_max, std::size_t queue_max);
    ~Workers();  ///< waits for everything that runs or is queued
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// False when queue and pool are full; the caller answers QUEUE_FULL. An exception that leaves
    /// `work` is reported and ends nothing else: who waits for `work` must hear of its end by
    /// other means.
    [[nodiscard]] bool post(std::function<void()> work);
    [[nodiscard]] std::size_t threads() const;

    /// Is the calling thread one of any pool's? Waiting services refuse to run elsewhere.
    [[nodiscard]] static bool on_worker();

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace onex::host
