// A bounded pipe of byte chunks between threads and coroutines: how a body moves through the host
// without ever being collected.
#pragma once

#include "host/async/cancel.hpp"

#include <onex/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace onex::host {

/// Bytes that several holders share; nobody changes them once they were pushed.
using Chunk = std::shared_ptr<const std::string>;
inline constexpr std::size_t kChunkBytes = 256 * 1024;

/// One writer, one reader, at most `chunks_max` chunks between them. Both ends have a blocking and
/// an awaiting form. The reader sees all chunks that were pushed before finish(), then end of
/// stream; after fail() by either side both sides get that error at once. [any thread]
class Pipe {
  public:
    explicit Pipe(std::size_t chunks_max = 2);
    ~Pipe();
    Pipe(const Pipe&) = delete;  // Two ends hold a shared_ptr to one pipe.
    Pipe& operator=(const Pipe&) = delete;

    /// Blocks while the pipe is full. Errors: TIMEOUT, CANCELLED, or what the other side failed
    /// with.
    Result<void> push(Chunk chunk, Wait wait);
    boost::asio::awaitable<Result<void>> async_push(Chunk chunk, Wait wait);

    /// The next chunk; an empty pointer at the end of the stream.
    Result<Chunk> pop(Wait wait);
    boost::asio::awaitable<Result<Chunk>> async_pop(Wait wait);

    /// The writer is done; nothing may be pushed any more.
    void finish();
    /// Ends the pipe for both sides with `error`. The first call wins; after finish() and a drained
    /// pipe it has no effect.
    void fail(Error error);
    /// The writer goes away: unless it has finished, the reader gets CANCELLED.
    void close_writer();
    /// The reader goes away: the writer's next push fails with CANCELLED.
    void close_reader();

    /// True once the pipe has failed or its reader went away: pushing has no point any more.
    [[nodiscard]] bool abandoned() const;
    /// Calls `callback` once, when abandoned() becomes true, at once if it is; for a writer that
    /// waits for something else meanwhile. Replaces the callback set before; an empty one, and
    /// finish(), take it away. It runs on the thread that abandons and must not block.
    void on_abandoned(std::function<void()> callback);

    [[nodiscard]] std::uint64_t bytes_through() const;  ///< pushed so far

  private:
    struct State;
    std::shared_ptr<State> state_;
};

using PipePtr = std::shared_ptr<Pipe>;

}  // namespace onex::host
