// One running operation: who asked, until when, who hears of it. What a token stands for.
#pragma once

#include "host/async/cancel.hpp"
#include "host/async/pipe.hpp"

#include <onex/error.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace onex::host {

/// How an operation ended.
struct Outcome {
    Result<std::string> output = std::string("{}");
    unsigned http_status = 0;  ///< 0: as the contract says
};

struct ProgressInfo {
    std::uint32_t kind = 0;  ///< ONEX_PROGRESS_…
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    std::string text;
};

/// Views that a plugin gets point into this object, so it lives until the token was given back AND
/// invoke has returned (semantics 4.1). It holds its node's place in the in-flight count meanwhile.
/// [any thread]
class RequestState : public std::enable_shared_from_this<RequestState> {
  public:
    struct Parts {
        const void* node_instance = nullptr;  ///< which generation of the node, to compare with
        std::string node, operation, input, correlation_id, key, caller, content_type;
        PipePtr stream_in, stream_out;
        std::int64_t timeout_ms = 0;
        bool progress_rearms = false;  ///< the timeout counts time without progress
        int hop = 0;
        int depth = 0;
        CancelPtr parent;  ///< cancelled: this request is cancelled, too
        std::function<void(const ProgressInfo&)> on_progress;
        std::function<void(Outcome)> done;  ///< called exactly once: the answer, or the time is up
        std::function<void(Outcome&)> review;         ///< of the plugin's own answer; may refuse it
        std::function<void(const Outcome&)> settled;  ///< called exactly once: how it really ended
        std::shared_ptr<void> in_flight;  ///< the node's place; dropped when the plugin is through
    };

    RequestState(boost::asio::any_io_executor executor, Parts parts);
    ~RequestState();
    RequestState(const RequestState&) = delete;
    RequestState& operator=(const RequestState&) = delete;

    /// Starts the deadline. Once, after construction.
    void arm();

    /// The plugin answers: false if it did before. The client hears it unless the time was up
    /// already.
    bool answer(Outcome outcome);
    /// Something moved.
    void progress(ProgressInfo info);
    void cancel();

    [[nodiscard]] const Parts& parts() const { return parts_; }
    [[nodiscard]] const CancelPtr& cancelled() const { return cancel_; }
    [[nodiscard]] bool timed_out() const;
    [[nodiscard]] std::int64_t timeout_left_ms() const;
    /// The error with which waiting on behalf of this request ends, once it is cancelled.
    [[nodiscard]] Error end_error() const;
    /// Further things that live as long as the request: registrations on its cancellation.
    void keep(std::shared_ptr<void> object);

  private:
    struct Timer;
    void on_timer();
    void finish(Outcome outcome);

    boost::asio::any_io_executor executor_;
    Parts parts_;
    CancelPtr cancel_ = std::make_shared<Cancel>();
    Cancel::Registration parent_registration_;
    mutable std::mutex mutex_;
    bool answered_ = false;  ///< by the plugin
    bool told_ = false;      ///< done was called
    bool timed_out_ = false;
    SteadyClock::time_point deadline_;
    std::unique_ptr<Timer> timer_;
    std::vector<std::shared_ptr<void>> kept_;
};

/// The request that this thread is serving right now, as the outermost invoke of it. Null in
/// background work.
class ServingScope {
  public:
    explicit ServingScope(RequestState* request);
    ~ServingScope();
    ServingScope(const ServingScope&) = delete;
    ServingScope& operator=(const ServingScope&) = delete;
    [[nodiscard]] static RequestState* current();

  private:
    RequestState* before_;
};

}  // namespace onex::host
