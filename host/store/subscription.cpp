#include "host/store/subscription.hpp"

#include "events_sql.hpp"
#include "host/async/report.hpp"
#include "host/store/ids.hpp"

#include <onex/utf8.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <utility>

namespace onex::host {

namespace {

namespace json = boost::json;

constexpr int kAttemptsMax = 5;
constexpr std::chrono::milliseconds kBackoffMax{30'000};
constexpr std::chrono::minutes kIdleWait{1};
constexpr std::string_view kDeadLetterEnd = ".dlq";
constexpr std::size_t kBeginningBytes = 64 * 1024;
constexpr std::size_t kWordsBytes = 4 * 1024;

std::string cut(std::string_view text, std::size_t bytes_max) {
    return valid_utf8(text.substr(0, bytes_max));
}

/// What stands for a payload that a letter cannot hold.
json::value beginning_of(const std::string& payload) {
    return json::object{
        {"cut", true}, {"bytes", payload.size()}, {"beginning", cut(payload, kBeginningBytes)}};
}

/// The original's producer-side shape (original-formats 2.5), made to fit whatever `event` is: it
/// may have been written by another program.
Event dead_letter(const Event& event, const Error& why) {
    json::error_code ec;
    json::parse_options options;
    options.max_depth = kEventJsonDepthMax - 1;  // In the letter it stands one level deeper.
    auto data = json::parse(event.payload, ec, {}, options);
    if (ec) data = beginning_of(event.payload);
    json::object payload{{"original_topic", cut(event.topic, kTopicBytesMax)},
                         {"original_key", cut(event.key, kWordsBytes)},
                         {"original_data", std::move(data)},
                         {"failure_reason", cut(why.code + ": " + why.message, kWordsBytes)},
                         {"failure_timestamp", iso_time(now_us())},
                         {"retry_attempts", kAttemptsMax}};
    Event letter;
    letter.type = event.type;
    letter.topic = event.topic.substr(0, kTopicBytesMax - kDeadLetterEnd.size());
    letter.topic += kDeadLetterEnd;
    letter.key = event.key;
    letter.correlation_id = event.correlation_id;
    letter.workflow_id = event.workflow_id;
    letter.payload = json::serialize(payload);
    if (letter.payload.size() > kEventJsonBytesMax) {
        payload["original_data"] = beginning_of(event.payload);
        letter.payload = json::serialize(payload);
    }
    letter.metadata = json::serialize(json::object{{"original_event_id", event.id}});
    return letter;
}

}  // namespace

Event to_event(const SqlRow& row) {
    const auto text = [&row](std::size_t column) { return std::get<std::string>(row[column]); };
    Event event;
    event.sequence = std::get<std::int64_t>(row[0]);
    event.id = text(1);
    event.type = text(2);
    event.topic = text(3);
    event.key = text(4);
    event.correlation_id = text(5);
    event.workflow_id = text(6);
    event.source = text(7);
    event.time_us = std::get<std::int64_t>(row[8]);
    event.payload = text(9);
    event.metadata = text(10);
    return event;
}

bool is_dead_letter_topic(std::string_view topic) {
    return topic.ends_with(kDeadLetterEnd);
}

EventDelivery::EventDelivery(EventBus& bus,
                             Store& store,
                             Config config,
                             EventBus::Handler handler,
                             std::function<void()> committed)
    : bus_(bus),
      store_(store),
      config_(std::move(config)),
      handler_(std::move(handler)),
      committed_(std::move(committed)),
      thread_([this] { run(); }) {}

EventDelivery::~EventDelivery() {
    stop();
}

bool EventDelivery::stop() {
    cancel_->cancel();
    {
        const std::scoped_lock lock(mutex_);
        wakes_.notify_all();
    }
    if (thread_.get_id() == std::this_thread::get_id()) return false;
    std::call_once(joined_, [this] { thread_.join(); });
    return true;
}

void EventDelivery::run() {
    while (!stopping()) {
        auto done =
            caught<void>([&] { return position_known_ ? deliver_next() : load_position(); });
        // An error here is the store's: the events stay where they are, so waiting is all there is
        // to do.
        if (!done && !stopping()) back_off(++failures_);
    }
}

Result<void> EventDelivery::load_position() {
    auto inserted = execute_once(store_,
                                 TxMode::write,
                                 sql::insert_subscription,
                                 {{"group_name", config_.group},
                                  {"topic_prefix", config_.topic_prefix},
                                  {"now_us", now_us()}});
    if (!inserted) return std::unexpected(std::move(inserted).error());
    auto found =
        execute_once(store_, TxMode::read, sql::read_position, {{"group_name", config_.group}});
    if (!found) return std::unexpected(std::move(found).error());
    position_ = std::get<std::int64_t>(found->rows.at(0)[0]);
    scanned_ = position_;
    position_known_ = true;
    failures_ = 0;
    return {};
}

Result<std::vector<Event>> EventDelivery::next_batch() {
    auto tx = store_.begin(TxMode::read, Wait::for_ms(10'000, cancel_));
    if (!tx) return std::unexpected(std::move(tx).error());
    auto last = (*tx)->execute(sql::last_sequence, {});
    if (!last) return std::unexpected(std::move(last).error());
    // After a failure events come one by one, so that one bad event doesn't take its neighbours
    // along.
    const std::size_t limit = failures_ > 0 ? 1 : std::max<std::size_t>(config_.batch_max, 1);
    auto found = (*tx)->execute(is_dead_letter_topic(config_.topic_prefix)
                                    ? sql::read_events
                                    : sql::read_events_but_dead_letters,
                                {{"after", scanned_},
                                 {"topic_prefix", config_.topic_prefix},
                                 {"limit", static_cast<std::int64_t>(limit)}});
    if (!found) return std::unexpected(std::move(found).error());
    std::vector<Event> batch;
    for (const auto& row : found->rows)
        batch.push_back(to_event(row));
    if (batch.empty() && !last->rows.empty()) {
        scanned_ = std::max(scanned_, std::get<std::int64_t>(last->rows[0][0]));
    }
    return batch;
}

Result<void> EventDelivery::move(Transaction& tx, std::int64_t to) {
    auto moved = tx.execute(sql::move_position,
                            {{"group_name", config_.group},
                             {"topic_prefix", config_.topic_prefix},
                             {"position", to},
                             {"old_position", position_},
                             {"now_us", now_us()}});
    if (!moved) return std::unexpected(std::move(moved).error());
    if (moved->rows_affected == 1) return {};
    // Somebody else reads as this group and was faster: what was done here is undone, and read
    // anew.
    position_known_ = false;
    return fail(
        "CONFLICT",
        "subscription " + config_.group + " has two readers; each needs a group of its own");
}

Result<void> EventDelivery::deliver_next() {
    auto batch = next_batch();
    if (!batch) return std::unexpected(std::move(batch).error());
    if (batch->empty()) {
        if (scanned_ - position_ >= kScannedAheadMax) return store_scanned();
        bus_.wait_for_more(scanned_, {SteadyClock::now() + kIdleWait, cancel_});
        return {};
    }
    auto tx = store_.begin(TxMode::write, Wait::for_ms(10'000, cancel_));
    if (!tx) return std::unexpected(std::move(tx).error());
    const auto last = batch->back().sequence;
    auto handled = caught<void>([&] { return handler_(**tx, *batch); });
    auto moved = handled ? move(**tx, last) : Result<void>{};
    // What the transaction was rolled back for was the handler's to report, and will not get
    // better.
    if (!moved && moved.error().code == "FAILED_PRECONDITION") handled = moved;
    if (!handled) {
        tx->reset();
        if (++failures_ < kAttemptsMax) {
            back_off(failures_);
            return {};
        }
        return bury(batch->front(), handled.error());
    }
    if (!moved) return moved;
    auto committed = (*tx)->commit();
    if (!committed) return committed;
    position_ = scanned_ = last;
    failures_ = 0;
    if (committed_) committed_();
    bus_.notify();  // The handler may have published in the transaction.
    return {};
}

Result<void> EventDelivery::store_scanned() {
    auto tx = store_.begin(TxMode::write, Wait::for_ms(10'000, cancel_));
    if (!tx) return std::unexpected(std::move(tx).error());
    auto moved = move(**tx, scanned_);
    // Another reader of the group was faster: nothing of ours is lost, it is just read anew.
    if (!moved && moved.error().code == "CONFLICT") return {};
    if (!moved) return moved;
    auto committed = (*tx)->commit();
    if (!committed) return committed;
    position_ = scanned_;
    return {};
}

Result<void> EventDelivery::bury(const Event& event, const Error& why) {
    auto tx = store_.begin(TxMode::write, Wait::for_ms(10'000, cancel_));
    if (!tx) return std::unexpected(std::move(tx).error());
    auto published = bus_.publish(**tx, dead_letter(event, why));
    if (!published) {
        const auto& refused = published.error();
        if (refused.code != "VALIDATION_ERROR") return std::unexpected(refused);
        // One event must not stop its readers for ever.
        report_fault("subscription " + config_.group + " skips event " + event.id + " of " +
                     event.topic + ", which it could not handle (" + why.code + ": " + why.message +
                     "), without a dead letter: " + refused.message);
        tx->reset();
        tx = store_.begin(TxMode::write, Wait::for_ms(10'000, cancel_));
        if (!tx) return std::unexpected(std::move(tx).error());
    }
    auto moved = move(**tx, event.sequence);
    if (!moved) return moved;
    auto committed = (*tx)->commit();
    if (!committed) return committed;
    position_ = scanned_ = event.sequence;
    failures_ = 0;
    bus_.notify();
    return {};
}

void EventDelivery::back_off(int failures) {
    const std::chrono::milliseconds doubled =
        config_.retry_first * (1LL << std::min(failures - 1, 20));
    const auto delay = std::min(doubled, kBackoffMax);
    const auto until = SteadyClock::now() + delay;
    std::unique_lock lock(mutex_);
    while (!stopping() && SteadyClock::now() < until)
        wakes_.wait_until(lock, until);
}

}  // namespace onex::host
