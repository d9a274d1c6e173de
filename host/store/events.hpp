// The bus: the table `events` is journal and outbox in one, its readers have offsets (semantics 6).
#pragma once

#include "host/store/store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace onex::host {

inline constexpr std::size_t kTopicBytesMax = 249;
inline constexpr std::size_t kEventJsonBytesMax = 1 << 20;  ///< of a payload, and of metadata
inline constexpr std::size_t kEventJsonDepthMax = 32;       ///< objects and arrays in each other

/// One fact. What the caller leaves empty is filled by publish(): id (UUID v4), time, host id.
struct Event {
    std::int64_t sequence = 0;  ///< position in this host's table; 0 until stored
    std::string id;
    std::string type;   ///< DEPLOYMENT_STARTED
    std::string topic;  ///< dev.omninode-bridge.deployment.started.v1
    std::string key;    ///< partition key; first non-empty of key, correlation_id, source, id
    std::string correlation_id;
    std::string workflow_id;  ///< may be empty
    std::string source;       ///< "<host>/<node>"
    std::int64_t time_us = 0;
    std::string payload;   ///< JSON object
    std::string metadata;  ///< JSON object or empty
};

/// `event` as the original's OnexEnvelopeV1 JSON (original-formats 1.1): all fields, nulls written.
std::string to_envelope(const Event& event, std::string_view environment);

class EventBus {
  public:
    /// `retry_first` is how long a subscription waits after its first failure; it doubles with each
    /// more.
    EventBus(Store& store,
             std::string host_id,
             std::string host_name,
             std::chrono::milliseconds retry_first = std::chrono::milliseconds{1'000});
    /// Ends all subscriptions.
    ~EventBus();
    EventBus(const EventBus&) = delete;
    EventBus& operator=(const EventBus&) = delete;

    /// Appends `event` inside `tx`: it exists exactly if the transaction commits. Returns its id.
    /// An event whose id the table has already is not stored twice. Errors: VALIDATION_ERROR (type,
    /// topic, a payload or metadata that is no JSON object, longer than 1 MiB or deeper than 32),
    /// and those of Transaction::execute.
    Result<std::string> publish(Transaction& tx, Event event);
    /// To be called after the transaction of a publish() has committed: wakes readers.
    void notify();

    struct Query {
        std::int64_t after_sequence = 0;
        std::string workflow_id{};   ///< empty: all
        std::string topic_prefix{};  ///< empty: all
        std::size_t limit = 100;
    };
    /// In order of sequence. [may block]
    Result<std::vector<Event>> read(const Query& query);
    /// Blocks until an event above `after_sequence` may be there, or `wait` is over.
    void wait_for_more(std::int64_t after_sequence, const Wait& wait);

    /// Handles a batch within `tx`; the offset is written in the same transaction when it returns
    /// success. A handler that has broken the transaction has failed, whatever it returns.
    using Handler = std::function<Result<void>(Transaction& tx, const std::vector<Event>& batch)>;
    /// Delivers events of topics that start with `topic_prefix` to `handler`, from the stored
    /// offset of `group` on (a new group: from the oldest), one batch at a time, on a thread of the
    /// bus. A batch that fails is tried again with back-off, one event at a time; an event that
    /// fails 5 times goes to "<topic>.dlq" and is skipped, in any case: what does not fit into a
    /// letter is cut, and an event of which none can be made is reported as a fault. Topics "….dlq"
    /// are delivered only when the prefix itself ends so. A second reader of the same group fails
    /// to move the offset, and its batch is rolled back. `committed` (may be empty) is called on
    /// the same thread after each batch's commit. Dropping the returned value stops the delivery
    /// and waits for the batch in hand, but not on the handler's own thread.
    std::shared_ptr<void> subscribe(std::string group,
                                    std::string topic_prefix,
                                    std::size_t batch_max,
                                    Handler handler,
                                    std::function<void()> committed = {});

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace onex::host
