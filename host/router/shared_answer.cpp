#include "host/router/shared_answer.hpp"

#include "host/router/respond.hpp"

#include <utility>

namespace onex::host {

namespace asio = boost::asio;

namespace {

constexpr auto kWaitMax = std::chrono::seconds(60);

}  // namespace

/// Wakes those who wait, however the run ends.
class SharedAnswer::Runner {
  public:
    Runner(SharedAnswer& of, std::shared_ptr<Run> run) : of_(of), run_(std::move(run)) {}
    ~Runner() {
        const std::scoped_lock lock(of_.mutex_);
        of_.run_.reset();
        for (const auto& signal : run_->waiting)
            signal->fire();
    }
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    void done(const ServerResponse& answer) {
        const std::scoped_lock lock(of_.mutex_);
        run_->answer = answer;
        of_.last_ = answer;
        of_.fresh_until_ = SteadyClock::now() + of_.fresh_;
    }

  private:
    SharedAnswer& of_;
    std::shared_ptr<Run> run_;
};

asio::awaitable<ServerResponse> SharedAnswer::get(asio::any_io_executor executor, Make make) {
    const auto deadline = SteadyClock::now() + kWaitMax;
    std::shared_ptr<Run> run;
    bool mine = false;
    while (!mine) {
        SignalPtr signal;
        {
            const std::scoped_lock lock(mutex_);
            if (run && run->answer) co_return *run->answer;
            if (last_ && SteadyClock::now() < fresh_until_) co_return *last_;
            mine = run_ == nullptr;
            if (mine) run_ = std::make_shared<Run>();
            run = run_;
            if (!mine) {
                signal = std::make_shared<Signal>(executor);
                run->waiting.push_back(signal);
            }
        }
        if (mine) break;
        const bool woken = co_await signal->wait(deadline);
        if (!woken)
            co_return error_response(
                {"TIMEOUT", "the checks take longer than a minute; see the log", {}, {}}, "");
    }
    Runner runner(*this, run);
    auto answer = co_await make();
    runner.done(answer);
    co_return answer;
}

}  // namespace onex::host
