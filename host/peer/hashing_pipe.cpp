#include "host/peer/hashing_pipe.hpp"

#include "host/async/report.hpp"
#include "host/store/digest.hpp"

#include <boost/asio/co_spawn.hpp>

#include <mutex>
#include <utility>

namespace onex::host {

namespace asio = boost::asio;

asio::awaitable<Result<void>> pump(PipePtr from, PipePtr to, Wait wait) {
    while (true) {
        auto chunk = co_await from->async_pop(wait);
        if (!chunk) {
            to->fail(chunk.error());
            co_return std::unexpected(std::move(chunk).error());
        }
        if (!*chunk) {
            to->finish();
            co_return Result<void>{};
        }
        auto pushed = co_await to->async_push(*chunk, wait);
        if (!pushed) {
            from->close_reader();
            co_return pushed;
        }
    }
}

struct HashingPipe::Hash {
    mutable std::mutex mutex;
    Digest digest;
    std::uint64_t bytes = 0;
};

HashingPipe::HashingPipe(PipePtr input, AtEnd at_end)
    : input_(std::move(input)),
      output_(std::make_shared<Pipe>()),
      at_end_(std::move(at_end)),
      hash_(std::make_unique<Hash>()) {}

HashingPipe::~HashingPipe() = default;

void HashingPipe::start(asio::any_io_executor executor, Wait wait) {
    asio::co_spawn(std::move(executor),
                   run(std::move(wait)),
                   [self = shared_from_this()](const std::exception_ptr& failed) {
                       report_task(failed);
                       if (failed) self->stop();
                   });
}

asio::awaitable<void> HashingPipe::run(Wait wait) {
    while (true) {
        auto chunk = co_await input_->async_pop(wait);
        if (!chunk) {
            output_->fail(std::move(chunk).error());
            co_return;
        }
        if (!*chunk) break;
        {
            const std::scoped_lock lock(hash_->mutex);
            hash_->digest.update(**chunk);
            hash_->bytes += (*chunk)->size();
        }
        auto pushed = co_await output_->async_push(*chunk, wait);
        if (!pushed) {
            input_->close_reader();
            co_return;
        }
    }
    const auto ended = at_end_ ? at_end_(bytes(), digest()) : Result<void>{};
    if (ended) {
        output_->finish();
    } else {
        output_->fail(ended.error());
    }
}

void HashingPipe::stop() {
    input_->close_reader();
    output_->fail({"CANCELLED", "the transfer was stopped", {}, {}});
}

std::uint64_t HashingPipe::bytes() const {
    const std::scoped_lock lock(hash_->mutex);
    return hash_->bytes;
}

std::string HashingPipe::digest() const {
    const std::scoped_lock lock(hash_->mutex);
    return hash_->digest.hex();
}

}  // namespace onex::host
