#include "host/plugin/request.hpp"

#include <boost/asio/steady_timer.hpp>

#include <exception>
#include <utility>

namespace onex::host {

namespace asio = boost::asio;

struct RequestState::Timer {
    explicit Timer(const asio::any_io_executor& executor) : timer(executor) {}
    asio::steady_timer timer;
};

RequestState::RequestState(asio::any_io_executor executor, Parts parts)
    : executor_(std::move(executor)),
      parts_(std::move(parts)),
      deadline_(deadline_in(parts_.timeout_ms)),
      timer_(std::make_unique<Timer>(executor_)) {}

RequestState::~RequestState() {
    // A token that the plugin never gave back: the caller must hear something all the same.
    if (!answered_) {
        Outcome outcome{fail("UNAVAILABLE", "the node dropped the request; try again"), 0};
        if (parts_.settled) parts_.settled(outcome);
        finish(std::move(outcome));
    }
}

void RequestState::arm() {
    if (parts_.parent) {
        parent_registration_ = parts_.parent->on_cancel([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->cancel();
        });
    }
    on_timer();
}

// The timer is only ever touched under the mutex. It re-arms itself while progress moves the
// deadline, so that a sign of life costs no system call.
void RequestState::on_timer() {
    bool up = false;
    {
        const std::scoped_lock lock(mutex_);
        if (answered_) return;
        up = SteadyClock::now() >= deadline_;
        if (!up) {
            timer_->timer.expires_at(deadline_);
            timer_->timer.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
                const auto self = weak.lock();
                if (self && !ec) self->on_timer();
            });
            return;
        }
        timed_out_ = true;
    }
    finish({std::unexpected(end_error()), 0});
    cancel_->cancel();
}

bool RequestState::answer(Outcome outcome) {
    {
        const std::scoped_lock lock(mutex_);
        if (answered_) return false;
        answered_ = true;
        timer_->timer.cancel();
    }
    try {
        if (parts_.review) parts_.review(outcome);
    } catch (const std::exception& e) {  // The caller must hear something all the same.
        outcome = {fail("INTERNAL", std::string("the answer could not be checked: ") + e.what()),
                   0};
    }
    if (parts_.settled) parts_.settled(outcome);
    finish(std::move(outcome));
    parent_registration_.reset();
    std::vector<std::shared_ptr<void>> kept;
    {
        const std::scoped_lock lock(mutex_);
        kept.swap(kept_);
    }
    return true;
}

void RequestState::finish(Outcome outcome) {
    {
        const std::scoped_lock lock(mutex_);
        if (told_) return;
        told_ = true;
    }
    if (!outcome.output && outcome.output.error().correlation_id.empty()) {
        outcome.output.error().correlation_id = parts_.correlation_id;
    }
    if (parts_.stream_out) {
        if (outcome.output) {
            parts_.stream_out->finish();
        } else {
            parts_.stream_out->fail(outcome.output.error());
        }
    }
    if (parts_.stream_in) parts_.stream_in->close_reader();
    if (parts_.done) parts_.done(std::move(outcome));
}

void RequestState::progress(ProgressInfo info) {
    if (parts_.progress_rearms) {
        const std::scoped_lock lock(mutex_);
        deadline_ = deadline_in(parts_.timeout_ms);
    }
    if (parts_.on_progress) parts_.on_progress(info);
}

void RequestState::cancel() {
    cancel_->cancel();
}

bool RequestState::timed_out() const {
    const std::scoped_lock lock(mutex_);
    return timed_out_;
}

std::int64_t RequestState::timeout_left_ms() const {
    const std::scoped_lock lock(mutex_);
    const auto left = deadline_ - SteadyClock::now();
    return std::max<std::int64_t>(
        0, std::chrono::duration_cast<std::chrono::milliseconds>(left).count());
}

Error RequestState::end_error() const {
    if (!timed_out())
        return {"CANCELLED", parts_.operation + " was cancelled", {}, parts_.correlation_id};
    return {"TIMEOUT",
            parts_.operation +
                (parts_.progress_rearms ? " made no progress for " : " took longer than ") +
                std::to_string(parts_.timeout_ms) + " ms",
            {},
            parts_.correlation_id};
}

void RequestState::keep(std::shared_ptr<void> object) {
    const std::scoped_lock lock(mutex_);
    if (!answered_) kept_.push_back(std::move(object));
}

namespace {
thread_local RequestState* serving = nullptr;
}  // namespace

ServingScope::ServingScope(RequestState* request) : before_(serving) {
    serving = request;
}
ServingScope::~ServingScope() {
    serving = before_;
}
RequestState* ServingScope::current() {
    return serving;
}

}  // namespace onex::host
