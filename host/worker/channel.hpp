// One end of the socket between a host and a worker: frames out, frames in, and who waits for which
// reply.
#pragma once

#include "host/async/cancel.hpp"
#include "host/process/spawn.hpp"
#include "host/worker/wire.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace onex::host::worker {

/// [any thread], but run() which one thread has. A frame that is not sound, or a peer that does not
/// read for half a minute, closes the channel.
class Channel {
  public:
    /// What comes in: calls (to be answered by reply(id)) and notices. On the reading thread; must
    /// not wait.
    using Handler = std::function<void(Type type, Method method, std::uint64_t id, std::string)>;

    explicit Channel(Fd socket);
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    /// Reads frames until the channel is closed, by either side.
    void run(const Handler& handler);
    void close();
    [[nodiscard]] bool closed() const { return closed_; }

    /// Asks, and waits. `on_notice` hears notices that name the call, on this thread. Errors:
    /// UNAVAILABLE (closed), TIMEOUT, RESOURCE_LIMIT_EXCEEDED (too large for a frame).
    Result<std::string> call(
        Method method,
        const Packer& input,
        SteadyClock::time_point deadline,
        const std::function<void(Method method, std::string_view body)>& on_notice = {});
    /// False: closed, or too large.
    bool notice(Method method, std::uint64_t id, const Packer& body);
    bool reply(std::uint64_t id, const Packer& body);

    /// Brings a notice to the call that it names; false when none waits.
    bool hand_over(Method method, std::uint64_t id, std::string body);

  private:
    struct Waiting {
        std::deque<std::pair<Method, std::string>> notices;
        std::string reply;
        bool replied = false;
    };
    bool send(const Head& head, const std::string& body);
    bool read_exactly(void* to, std::size_t size);

    Fd socket_;
    std::atomic<bool> closed_{false};
    std::mutex writing_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, std::shared_ptr<Waiting>> waiting_;
};

}  // namespace onex::host::worker
