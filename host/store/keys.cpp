#include "host/store/keys.hpp"

#include "host/store/ids.hpp"
#include "keys_sql.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace onex::host {

namespace {

namespace json = boost::json;

struct KeyRow {
    std::string operation, input_hash, state, answer, boot_id;
};

KeyRow to_row(const SqlRow& row) {
    const auto text = [&row](std::size_t column) { return std::get<std::string>(row[column]); };
    return {text(0), text(1), text(2), text(3), text(4)};
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

std::unexpected<Error> not_running(const std::string& key) {
    return onex::fail("NOT_FOUND", "operation key " + key + " isn't running here");
}

}  // namespace

struct OperationKeys::Waiters {
    std::mutex mutex;
    std::condition_variable changed;
    std::uint64_t ended = 0;  ///< counts finish() and fail()

    void wake() {
        const std::scoped_lock lock(mutex);
        changed.notify_all();
    }
};

OperationKeys::OperationKeys(Store& store, std::string boot_id)
    : store_(store), boot_id_(std::move(boot_id)), waiters_(std::make_shared<Waiters>()) {}

OperationKeys::~OperationKeys() = default;

Result<KeyBegun> OperationKeys::begin(const std::string& key,
                                      const std::string& operation,
                                      const std::string& input_hash) {
    auto tx = store_.begin(TxMode::write, Wait::for_ms(10'000));
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
        if (row.operation != operation || row.input_hash != input_hash) {
            return onex::fail("CONFLICT",
                              "operation key " + key + " was used for " + row.operation +
                                  " with another input; use a new key");
        }
        if (row.state == "done") return KeyBegun{KeyState::done, row.answer};
        if (row.state == "running" && row.boot_id == boot_id_)
            return KeyBegun{KeyState::running, {}};
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
    if (wait.cancel)
        registration = wait.cancel->on_cancel([waiters = waiters_] { waiters->wake(); });
    while (true) {
        std::uint64_t seen = 0;
        {
            const std::scoped_lock lock(waiters_->mutex);
            seen = waiters_->ended;
        }
        auto found = execute_once(store_, TxMode::read, sql::read_key, {{"key", key}});
        if (!found) return std::unexpected(std::move(found).error());
        if (found->rows.empty()) return not_running(key);
        const auto row = to_row(found->rows[0]);
        if (row.state == "done") return row.answer;
        if (row.state == "failed") return std::unexpected(from_json(row.answer));
        if (row.boot_id != boot_id_) return not_running(key);
        std::unique_lock lock(waiters_->mutex);
        while (waiters_->ended == seen && !wait.over()) {
            waiters_->changed.wait_until(
                lock, std::min(wait.deadline, SteadyClock::now() + std::chrono::minutes(1)));
        }
        if (waiters_->ended != seen) continue;
        if (wait.cancel && wait.cancel->cancelled()) {
            return onex::fail("CANCELLED", "cancelled while waiting for operation key " + key);
        }
        return onex::fail("TIMEOUT", "operation key " + key + " is still running; ask again later");
    }
}

Result<void> OperationKeys::end(const std::string& key,
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
    if (!ended) return std::unexpected(std::move(ended).error());
    if (ended->rows_affected == 0) return not_running(key);
    const std::scoped_lock lock(waiters_->mutex);
    ++waiters_->ended;
    waiters_->changed.notify_all();
    return {};
}

Result<void> OperationKeys::finish(const std::string& key, const std::string& answer_json) {
    return end(key, "done", answer_json);
}

Result<void> OperationKeys::fail(const std::string& key, const Error& error) {
    return end(key, "failed", to_json(error));
}

Result<std::int64_t> OperationKeys::forget(const std::string& workflow_id) {
    auto removed =
        execute_once(store_, TxMode::write, sql::forget_keys, {{"prefix", workflow_id + "/"}});
    if (!removed) return std::unexpected(std::move(removed).error());
    return removed->rows_affected;
}

Result<std::int64_t> OperationKeys::prune(std::int64_t before_us) {
    auto removed = execute_once(
        store_, TxMode::write, sql::prune_keys, {{"before_us", before_us}, {"boot_id", boot_id_}});
    if (!removed) return std::unexpected(std::move(removed).error());
    return removed->rows_affected;
}

}  // namespace onex::host
