#include "host/store/keys.hpp"

#include "host/store/ids.hpp"
#include "keys_sql.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace onex::host {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kStoreWait{10'000};

struct KeyRow {
    std::string operation, input_hash, state, answer;
};

KeyRow to_row(const SqlRow& row) {
    const auto text = [&row](std::size_t column) { return std::get<std::string>(row[column]); };
    return {text(0), text(1), text(2), text(3)};
}

std::string to_json(const Error& error) {
    return json::serialize(json::object{{"code", error.code},
                                        {"message", error.message},
                                        {"details", error.details},
                                        {"correlation_id", error.correlation_id}});
}

Error from_json(const std::string& text) {
    const auto value = json::parse(text);
    const auto field = [&value](std::string_view name) {
        return json::value_to<std::string>(value.at(name));
    };
    return {field("code"), field("message"), field("details"), field("correlation_id")};
}

std::unexpected<Error> used_for(const std::string& key, const std::string& operation) {
    return onex::fail("CONFLICT",
                      "operation key " + key + " was used for " + operation +
                          " with another input; use a new key");
}

std::unexpected<Error> not_running(const std::string& key) {
    return onex::fail("NOT_FOUND", "operation key " + key + " isn't running here");
}

}  // namespace

/// A key that this process began and whose end isn't stored yet.
struct OperationKeys::Held {
    enum class Phase {
        beginning,  ///< its row is being written
        running,
        ending,  ///< its outcome is being stored
        kept,    ///< its outcome could not be stored
    };
    Phase phase = Phase::beginning;
    std::string operation, input_hash;
    std::string outcome, answer;  ///< the row's state and answer, once they are known
};

struct OperationKeys::State {
    std::mutex mutex;
    std::condition_variable changed;  ///< some key's phase, or a cancel
    std::map<std::string, Held> held;

    void wake() {
        const std::scoped_lock lock(mutex);
        changed.notify_all();
    }
    void set_phase(const std::string& key, Held::Phase phase) {
        const std::scoped_lock lock(mutex);
        held.at(key).phase = phase;
        changed.notify_all();
    }
    void drop(const std::string& key) {
        const std::scoped_lock lock(mutex);
        held.erase(key);
        changed.notify_all();
    }
};

OperationKeys::OperationKeys(Store& store, std::string boot_id)
    : store_(store), boot_id_(std::move(boot_id)), state_(std::make_shared<State>()) {}

OperationKeys::~OperationKeys() = default;

Result<KeyBegun> OperationKeys::begin(const std::string& key,
                                      const std::string& operation,
                                      const std::string& input_hash) {
    {
        std::unique_lock lock(state_->mutex);
        auto& held = state_->held;
        const auto settled = [&] {
            const auto found = held.find(key);
            return found == held.end() || found->second.phase == Held::Phase::running ||
                   found->second.phase == Held::Phase::kept;
        };
        if (!state_->changed.wait_for(lock, kStoreWait, settled))
            return onex::fail("TIMEOUT", "the database was not free in time");
        if (const auto found = held.find(key); found != held.end()) {
            const auto& one = found->second;
            if (one.operation != operation || one.input_hash != input_hash)
                return used_for(key, one.operation);
            if (one.phase == Held::Phase::running) return KeyBegun{KeyState::running, {}};
            if (one.outcome == "done") return KeyBegun{KeyState::done, one.answer};
            held.erase(found);  // It failed and may run again.
        }
        held.emplace(key, Held{Held::Phase::beginning, operation, input_hash, {}, {}});
    }
    // Whatever comes of it, the key does not stay as it is.
    bool started = false;
    const std::shared_ptr<void> settled(nullptr, [&](void*) {
        if (!started) state_->drop(key);
    });
    auto begun = begin_row(key, operation, input_hash);
    started = begun && begun->state == KeyState::started;
    if (started) state_->set_phase(key, Held::Phase::running);
    return begun;
}

/// With `key` held, so that nobody else in this process is at its row.
Result<KeyBegun> OperationKeys::begin_row(const std::string& key,
                                          const std::string& operation,
                                          const std::string& input_hash) {
    auto tx = store_.begin(TxMode::write, Wait::for_ms(kStoreWait.count()));
    if (!tx) return std::unexpected(std::move(tx).error());
    auto inserted = (*tx)->execute(sql::insert_key,
                                   {{"key", key},
                                    {"operation", operation},
                                    {"input_hash", input_hash},
                                    {"boot_id", boot_id_},
                                    {"now_us", now_us()}});
    if (!inserted) return std::unexpected(std::move(inserted).error());
    if (inserted->rows_affected == 0) {
        auto found = (*tx)->execute(sql::read_key, {{"key", key}});
        if (!found) return std::unexpected(std::move(found).error());
        const auto row = to_row(found->rows.at(0));
        if (row.operation != operation || row.input_hash != input_hash)
            return used_for(key, row.operation);
        if (row.state == "done") return KeyBegun{KeyState::done, row.answer};
        // Whatever the row says of running: it isn't so, or the key would have been held already.
        auto restarted = (*tx)->execute(
            sql::restart_key, {{"key", key}, {"boot_id", boot_id_}, {"now_us", now_us()}});
        if (!restarted) return std::unexpected(std::move(restarted).error());
    }
    auto committed = (*tx)->commit();
    if (!committed) return std::unexpected(std::move(committed).error());
    return KeyBegun{KeyState::started, {}};
}

Result<std::string> OperationKeys::join(const std::string& key, const Wait& wait) {
    Cancel::Registration registration;
    if (wait.cancel) registration = wait.cancel->on_cancel([state = state_] { state->wake(); });
    std::unique_lock lock(state_->mutex);
    auto& held = state_->held;
    for (auto found = held.find(key); found != held.end(); found = held.find(key)) {
        const auto& one = found->second;
        if (one.phase == Held::Phase::kept) {
            if (one.outcome == "done") return one.answer;
            return std::unexpected(from_json(one.answer));
        }
        if (wait.cancel && wait.cancel->cancelled())
            return onex::fail("CANCELLED", "cancelled while waiting for operation key " + key);
        if (wait.over()) {
            return onex::fail("TIMEOUT",
                              "operation key " + key + " is still running; ask again later");
        }
        state_->changed.wait_until(
            lock, std::min(wait.deadline, SteadyClock::now() + std::chrono::minutes(1)));
    }
    lock.unlock();
    auto stored = execute_once(store_, TxMode::read, sql::read_key, {{"key", key}});
    if (!stored) return std::unexpected(std::move(stored).error());
    if (stored->rows.empty()) return not_running(key);
    const auto row = to_row(stored->rows[0]);
    if (row.state == "done") return row.answer;
    if (row.state == "failed") return std::unexpected(from_json(row.answer));
    return not_running(key);
}

Result<void> OperationKeys::end(const std::string& key,
                                const std::string& state,
                                const std::string& answer) {
    {
        const std::scoped_lock lock(state_->mutex);
        const auto found = state_->held.find(key);
        if (found == state_->held.end() || found->second.phase != Held::Phase::running)
            return not_running(key);
        found->second.phase = Held::Phase::ending;
        found->second.outcome = state;
        found->second.answer = answer;
    }
    auto stored = store_end(key, state, answer);
    if (stored) (void)store_kept();  // There is room again.
    return stored;
}

/// With `key` held as ending.
Result<void> OperationKeys::store_end(const std::string& key,
                                      const std::string& state,
                                      const std::string& answer) {
    auto ended = execute_once(store_,
                              TxMode::write,
                              sql::end_key,
                              {{"key", key},
                               {"state", state},
                               {"answer", answer},
                               {"boot_id", boot_id_},
                               {"now_us", now_us()}});
    if (!ended) {
        state_->set_phase(key, Held::Phase::kept);
        return std::unexpected(std::move(ended).error());
    }
    state_->drop(key);
    if (ended->rows_affected == 0) return not_running(key);  // Another boot has it by now.
    return {};
}

std::size_t OperationKeys::store_kept() {
    std::set<std::string> tried;
    while (true) {
        std::string key;
        Held one;
        {
            const std::scoped_lock lock(state_->mutex);
            const auto kept = std::ranges::find_if(state_->held, [&](const auto& held) {
                return held.second.phase == Held::Phase::kept && !tried.contains(held.first);
            });
            if (kept == state_->held.end()) break;
            kept->second.phase = Held::Phase::ending;
            key = kept->first;
            one = kept->second;
        }
        tried.insert(key);
        // A store that takes none of them now costs one wait, not one for each.
        auto stored = store_end(key, one.outcome, one.answer);
        if (!stored && stored.error().code != "NOT_FOUND") break;
    }
    const std::scoped_lock lock(state_->mutex);
    return static_cast<std::size_t>(std::ranges::count_if(
        state_->held, [](const auto& held) { return held.second.phase == Held::Phase::kept; }));
}

Result<void> OperationKeys::finish(const std::string& key, const std::string& answer_json) {
    return end(key, "done", answer_json);
}

Result<void> OperationKeys::fail(const std::string& key, const Error& error) {
    return end(key, "failed", to_json(error));
}

Result<std::int64_t> OperationKeys::prune(std::int64_t before_us) {
    auto removed = execute_once(
        store_, TxMode::write, sql::prune_keys, {{"before_us", before_us}, {"boot_id", boot_id_}});
    if (!removed) return std::unexpected(std::move(removed).error());
    return removed->rows_affected;
}

}  // namespace onex::host
