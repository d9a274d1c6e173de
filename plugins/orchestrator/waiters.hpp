// Requests that wait for something about a run: parked, without a thread, until it happened or
// their time is up.
#pragma once

#include <onex/node.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace onex::orchestrator {

/// [any thread]
class Waiters {
  public:
    /// Looks whether there is an answer now; `is_late`: the time is up, so there must be one. May
    /// wait.
    using Look = std::function<std::optional<Result<Answer>>(bool is_late)>;

    explicit Waiters(const Host& host) : host_(host) {}

    /// Answers at once if there is an answer, else keeps the request. QUEUE_FULL when too many
    /// wait.
    void park(Responder responder, std::string workflow_id, std::int64_t deadline_us, Look look);
    /// Something happened to the run: its waiters look again. [worker]
    void notify(std::string_view workflow_id);
    /// Lets those go whose time is up or whose client has gone, and looks for all others. [worker]
    void tick();
    /// Everybody is told that the host stops.
    void close();

  private:
    struct Parked {
        Responder responder;
        std::string workflow_id;
        std::int64_t deadline_us;
        Look look;
    };
    void look_again(std::list<Parked> taken);

    const Host& host_;
    std::mutex mutex_;
    std::list<Parked> parked_;
    bool closed_ = false;
};

}  // namespace onex::orchestrator
