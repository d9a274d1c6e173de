#include "host/async/pipe.hpp"

#include "host/async/signal.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

namespace asio = boost::asio;

namespace onex::host {

struct Pipe::State {
    explicit State(std::size_t limit) : chunks_max(std::max<std::size_t>(limit, 1)) {}

    const std::size_t chunks_max;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Chunk> chunks;
    std::optional<Error> failure;
    std::weak_ptr<Signal> reader;  // the coroutines that wait now
    std::weak_ptr<Signal> writer;
    std::function<void()> when_abandoned;
    std::uint64_t bytes = 0;
    bool finished = false;
    bool reader_closed = false;

    [[nodiscard]] bool is_abandoned() const { return failure || reader_closed; }

    // Call with the mutex held, after each change. Firing only posts, so it is safe here.
    void wake() {
        changed.notify_all();
        if (const auto signal = reader.lock()) signal->fire();
        if (const auto signal = writer.lock()) signal->fire();
    }

    // An answer, or nothing when the caller has to wait. The mutex is held.
    std::optional<Result<void>> try_push(Chunk& chunk) {
        if (failure) return std::unexpected(*failure);
        if (reader_closed) return onex::fail("CANCELLED", "the reader of this stream went away");
        if (finished) return onex::fail("FAILED_PRECONDITION", "the stream was finished already");
        if (!chunk || chunk->empty()) return Result<void>{};
        if (chunks.size() >= chunks_max) return std::nullopt;
        bytes += chunk->size();
        chunks.push_back(std::move(chunk));
        wake();
        return Result<void>{};
    }

    std::optional<Result<Chunk>> try_pop(Chunk&) {
        if (failure) return std::unexpected(*failure);
        if (reader_closed) return onex::fail("CANCELLED", "the stream was closed by its reader");
        if (!chunks.empty()) {
            Chunk first = std::move(chunks.front());
            chunks.pop_front();
            wake();
            return first;
        }
        if (finished) return Chunk{};
        return std::nullopt;
    }

    // `by_writer`: what it has finished stays readable.
    void abandon(std::optional<Error> error, bool by_writer = false) {
        std::function<void()> callback;
        {
            const std::scoped_lock lock(mutex);
            if (is_abandoned()) return;
            if (error && finished && (by_writer || chunks.empty())) return;
            if (error) {
                failure = std::move(error);
            } else {
                reader_closed = true;
            }
            chunks.clear();
            callback = std::exchange(when_abandoned, {});
            wake();
        }
        if (callback) callback();
    }

    static Error over(const Wait& wait) {
        if (wait.cancel && wait.cancel->cancelled()) {
            return {"CANCELLED", "cancelled while waiting for a stream", {}, {}};
        }
        return {"TIMEOUT", "no progress of a stream before the deadline", {}, {}};
    }

    // Both forms of both ends. `attempt` is try_push or try_pop; `slot` is reader or writer.
    template <class T>
    static Result<T> block(std::shared_ptr<State> self,
                           std::optional<Result<T>> (State::*attempt)(Chunk&),
                           Chunk chunk,
                           const Wait& wait) {
        Cancel::Registration registration;
        if (wait.cancel) {
            registration = wait.cancel->on_cancel([self] {
                const std::scoped_lock lock(self->mutex);
                self->changed.notify_all();
            });
        }
        std::unique_lock lock(self->mutex);
        for (;;) {
            if (wait.cancel && wait.cancel->cancelled()) return std::unexpected(over(wait));
            if (auto done = (self.get()->*attempt)(chunk)) return *std::move(done);
            if (wait.over()) return std::unexpected(over(wait));
            // Some standard libraries overflow on time_point::max().
            const auto soon = SteadyClock::now() + std::chrono::hours(1);
            self->changed.wait_until(lock, std::min(wait.deadline, soon));
        }
    }

    template <class T>
    static asio::awaitable<Result<T>> suspend(std::shared_ptr<State> self,
                                              std::optional<Result<T>> (State::*attempt)(Chunk&),
                                              std::weak_ptr<Signal> State::* slot,
                                              Chunk chunk,
                                              Wait wait) {
        SignalPtr signal;
        Cancel::Registration registration;
        for (;;) {
            if (wait.cancel && wait.cancel->cancelled()) co_return std::unexpected(over(wait));
            {
                const std::scoped_lock lock(self->mutex);
                auto done = (self.get()->*attempt)(chunk);
                if (done) co_return *std::move(done);
                if (signal) self.get()->*slot = signal;
            }
            if (SteadyClock::now() >= wait.deadline) co_return std::unexpected(over(wait));
            if (!signal) {  // The fast way needs none; now look again with it in place.
                auto executor = co_await asio::this_coro::executor;
                signal = std::make_shared<Signal>(executor);
                if (wait.cancel) {
                    registration = wait.cancel->on_cancel([signal] { signal->fire(); });
                }
                continue;
            }
            co_await signal->wait(wait.deadline);
        }
    }
};

Pipe::Pipe(std::size_t chunks_max) : state_(std::make_shared<State>(chunks_max)) {}
Pipe::~Pipe() = default;

Result<void> Pipe::push(Chunk chunk, Wait wait) {
    return State::block<void>(state_, &State::try_push, std::move(chunk), wait);
}

asio::awaitable<Result<void>> Pipe::async_push(Chunk chunk, Wait wait) {
    return State::suspend<void>(
        state_, &State::try_push, &State::writer, std::move(chunk), std::move(wait));
}

Result<Chunk> Pipe::pop(Wait wait) {
    return State::block<Chunk>(state_, &State::try_pop, {}, wait);
}

asio::awaitable<Result<Chunk>> Pipe::async_pop(Wait wait) {
    return State::suspend<Chunk>(state_, &State::try_pop, &State::reader, {}, std::move(wait));
}

void Pipe::finish() {
    std::function<void()> dropped;
    const std::scoped_lock lock(state_->mutex);
    state_->finished = true;
    dropped.swap(state_->when_abandoned);
    state_->wake();
}

void Pipe::fail(Error error) {
    state_->abandon(std::move(error));
}
void Pipe::close_writer() {
    state_->abandon(Error{"CANCELLED", "the writer went away before the end", {}, {}}, true);
}
void Pipe::close_reader() {
    state_->abandon(std::nullopt);
}

bool Pipe::abandoned() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->is_abandoned();
}

void Pipe::on_abandoned(std::function<void()> callback) {
    {
        const std::scoped_lock lock(state_->mutex);
        if (!state_->is_abandoned()) {
            std::swap(state_->when_abandoned, callback);
            return;
        }
    }
    if (callback) callback();
}

std::uint64_t Pipe::bytes_through() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->bytes;
}

}  // namespace onex::host
