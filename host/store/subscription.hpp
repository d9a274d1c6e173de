// One reader of the bus: what EventBus::subscribe() runs.
#pragma once

#include "host/store/events.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace onex::host {

/// The columns of the read_… statements of events.sql, in their order.
[[nodiscard]] Event to_event(const SqlRow& row);

/// Does `topic` carry what others could not handle?
[[nodiscard]] bool is_dead_letter_topic(std::string_view topic);

/// So many events that are nothing for a group are passed before its offset is stored: it need not
/// cost a write each, and what the offset holds back from being pruned stays bounded.
inline constexpr std::int64_t kScannedAheadMax = 256;

/// A thread that delivers batches until stop(). `bus` and `store` outlive it.
class EventDelivery {
  public:
    struct Config {
        std::string group;
        std::string topic_prefix;
        std::size_t batch_max = 1;
        std::chrono::milliseconds retry_first{1'000};
    };
    EventDelivery(EventBus& bus,
                  Store& store,
                  Config config,
                  EventBus::Handler handler,
                  std::function<void()> committed);
    ~EventDelivery();
    EventDelivery(const EventDelivery&) = delete;  // Owns a thread.
    EventDelivery& operator=(const EventDelivery&) = delete;

    /// Ends the delivery and waits for the batch in hand. On the handler's own thread it cannot
    /// wait: false, and somebody else has to call it again. [any thread]
    bool stop();

  private:
    void run();
    Result<void> load_position();
    Result<void> deliver_next();
    Result<std::vector<Event>> next_batch();
    Result<void> store_scanned();
    Result<void> move(Transaction& tx, std::int64_t to);
    Result<void> bury(const Event& event, const Error& why);
    void back_off(int failures);
    [[nodiscard]] bool stopping() const { return cancel_->cancelled(); }

    EventBus& bus_;
    Store& store_;
    Config config_;
    EventBus::Handler handler_;
    std::function<void()> committed_;
    CancelPtr cancel_ = std::make_shared<Cancel>();

    // Of the thread alone.
    bool position_known_ = false;
    std::int64_t position_ = 0;  ///< as stored
    std::int64_t scanned_ = 0;   ///< nothing for us up to here, though not stored
    int failures_ = 0;           ///< of the event right after position_, or of the store

    std::mutex mutex_;
    std::condition_variable wakes_;
    std::once_flag joined_;
    std::thread thread_;
};

}  // namespace onex::host
