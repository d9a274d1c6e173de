// Bytes on their way through, counted and hashed: what a streamed request's trailer signs.
#pragma once

#include "host/async/pipe.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <string>

namespace onex::host {

/// Moves everything from `from` to `to`, and the end or the error with it. The error is returned,
/// too.
boost::asio::awaitable<Result<void>> pump(PipePtr from, PipePtr to, Wait wait);

/// A pipe after a pipe. Made by make_shared. [any thread]
class HashingPipe : public std::enable_shared_from_this<HashingPipe> {
  public:
    /// Asked when all bytes of `input` are through: an error breaks the output instead of ending
    /// it.
    using AtEnd = std::function<Result<void>(std::uint64_t bytes, const std::string& digest)>;

    explicit HashingPipe(PipePtr input, AtEnd at_end = {});
    ~HashingPipe();
    HashingPipe(const HashingPipe&) = delete;
    HashingPipe& operator=(const HashingPipe&) = delete;

    [[nodiscard]] const PipePtr& output() const { return output_; }
    /// Begins to move bytes; `wait` bounds each of them.
    void start(boost::asio::any_io_executor executor, Wait wait);
    /// Both sides hear that nothing moves any more; without effect after the end.
    void stop();

    [[nodiscard]] std::uint64_t bytes() const;
    [[nodiscard]] std::string digest() const;  ///< BLAKE3 of what came through, hex

  private:
    boost::asio::awaitable<void> run(Wait wait);

    PipePtr input_;
    PipePtr output_;
    AtEnd at_end_;
    struct Hash;
    std::unique_ptr<Hash> hash_;
};

}  // namespace onex::host
