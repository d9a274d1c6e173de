#include "plugins/deployment_sender/producer.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace onex::sender {
namespace {

constexpr std::int64_t kBeatMs = 1'000;
constexpr int kBeatsMax = 300;

}  // namespace

struct Producer::State {
    std::mutex mutex;
    std::condition_variable ended;
    std::optional<Result<void>> result;

    void end(Result<void> with) {
        const std::lock_guard lock(mutex);
        if (!result) result = std::move(with);
        ended.notify_all();
    }
};

Result<Producer> Producer::start(const Host& host, Work work, Stream& reader) {
    auto pipe = host.pipe();
    if (!pipe) return std::unexpected(std::move(pipe).error());
    // The task owns its end of the pipe and tells the state when it goes, run or dropped.
    struct Task {
        Work work;
        Stream out;
        std::shared_ptr<State> state;
        ~Task() { state->end(fail("UNAVAILABLE", "the host is stopping; try again")); }
    };
    auto state = std::make_shared<State>();
    auto task = std::make_shared<Task>(std::move(work), std::move(pipe->second), state);
    auto posted = host.post([task] {
        Result<void> done;
        try {
            done = task->work(task->out);
        } catch (const std::exception& e) {
            done = fail("INTERNAL", std::string("unexpected: ") + e.what());
        }
        if (done) {
            task->out.finish();
        } else {
            task->out.fail(done.error());
        }
        task->work = nullptr;  // It may refer to what the waiting side is about to destroy.
        task->state->end(std::move(done));
    });
    task.reset();
    if (!posted) return std::unexpected(std::move(posted).error());
    reader = std::move(pipe->first);
    return Producer(std::move(state));
}

Producer::~Producer() {
    if (state_) (void)join();
}

Result<void> Producer::join() {
    std::unique_lock lock(state_->mutex);
    state_->ended.wait(lock, [&] { return state_->result.has_value(); });
    return *state_->result;
}

struct Heartbeat::State {
    std::mutex mutex;
    const Request* request;
    std::string text;
    int beats = 0;
};

Heartbeat::Heartbeat(const Host& host, const Request& request, std::string text)
    : host_(host), state_(std::make_shared<State>()) {
    state_->request = &request;
    state_->text = std::move(text);
    auto task = host.every(kBeatMs, [state = state_] {
        const std::lock_guard lock(state->mutex);
        if (state->request && state->beats++ < kBeatsMax)
            state->request->progress_step(state->text);
    });
    // Without it only the patience of the time limit is shorter.
    if (task) task_ = *task;
}

void Heartbeat::stop() {
    if (!task_) return;
    host_.cancel(std::exchange(task_, 0));
    const std::lock_guard lock(state_->mutex);
    state_->request = nullptr;
}

}  // namespace onex::sender
