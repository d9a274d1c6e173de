// A task that fills a stream while somebody else reads it.
#pragma once

#include <onex/node.hpp>

#include <functional>
#include <memory>

namespace onex::sender {

/// Runs a function on another worker that writes into a pipe. Its end is waited for: when this
/// object goes, nothing of it runs any more.
class Producer {
  public:
    /// Writes everything into `out`; returning without an error finishes the stream, an error
    /// breaks it for the reader too. Each of its waits must have an end (the request's): join() has
    /// no other.
    using Work = std::function<Result<void>(Stream& out)>;

    /// Starts `work`; `reader` becomes the other end. Errors: QUEUE_FULL.
    static Result<Producer> start(const Host& host, Work work, Stream& reader);

    Producer(Producer&&) noexcept = default;
    Producer& operator=(Producer&&) = delete;
    ~Producer();

    /// Waits for the end of the work, after the reader was read to its end or closed. Answers its
    /// error. [may block]
    Result<void> join();

    /// What came of both sides: `consumed` is the reader's. Of two failures the one that came
    /// first, since the other side only sees a broken stream. [may block]
    template <class T>
    Result<T> settle(Result<T> consumed) {
        auto produced = join();
        // CANCELLED is what writing to a reader that went away answers; then the reader knows why.
        if (!produced && produced.error().code != "CANCELLED") {
            return std::unexpected(std::move(produced).error());
        }
        return consumed;
    }

  private:
    struct State;
    explicit Producer(std::shared_ptr<State> state) : state_(std::move(state)) {}

    std::shared_ptr<State> state_;
};

/// Reports a sign of life every second while it exists: for waits in which the other side works
/// without a word. After five minutes it falls silent, and the operation's own time limit counts
/// again.
class Heartbeat {
  public:
    Heartbeat(const Host& host, const Request& request, std::string text);
    Heartbeat(const Heartbeat&) = delete;
    Heartbeat& operator=(const Heartbeat&) = delete;
    ~Heartbeat() { stop(); }
    void stop();

  private:
    struct State;
    const Host& host_;
    std::shared_ptr<State> state_;
    onex_handle task_ = 0;
};

}  // namespace onex::sender
