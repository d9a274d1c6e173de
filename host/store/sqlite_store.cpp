// Who may use which connection, in what order, and for how long.
#include "host/store/commit_probe.hpp"
#include "host/store/sqlite_connection.hpp"
#include "host/store/store.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace onex::host {

namespace {

using ConnectionPtr = std::unique_ptr<SqliteConnection>;

Error closed_error() {
    return {"UNAVAILABLE", "the store is closed; the host is stopping", {}, {}};
}

class Session;

/// The connections, the queues before them, and the open transactions. Sessions keep it alive, so
/// that a transaction may outlive its store. Locks: a session's before this one, never the other
/// way round.
class Core : public std::enable_shared_from_this<Core> {
  public:
    explicit Core(SqliteConfig config) : config_(std::move(config)) {
        pools_[0].free = std::max<std::size_t>(config_.readers_max, 1);
        pools_[1].free = 1;
    }

    Result<std::shared_ptr<Session>> begin(TxMode mode, const Wait& wait);
    /// Gives the turn to whoever waits longest. A null connection was dropped as broken.
    void release(std::uint64_t session, TxMode mode, ConnectionPtr connection);
    /// Ends sessions that outlive their time, until close(). Runs on a thread of the store.
    void reap();
    void close();
    void keep(TxMode mode, ConnectionPtr connection) {
        pool(mode).idle.push_back(std::move(connection));
    }

  private:
    struct Waiter {
        std::condition_variable ready;
        bool granted = false;
    };
    struct Pool {
        std::size_t free = 0;  ///< turns that nobody holds
        std::vector<ConnectionPtr> idle;
        std::deque<std::shared_ptr<Waiter>> waiting;
    };

    Pool& pool(TxMode mode) { return pools_[mode == TxMode::write ? 1 : 0]; }
    Result<void> take_turn(Pool& pool, const Wait& wait);
    Result<ConnectionPtr> take_connection(TxMode mode);

    SqliteConfig config_;
    std::mutex mutex_;
    std::condition_variable reaper_wakes_;
    Pool pools_[2];
    // In order of begin, hence of expiry: all sessions live equally long.
    std::map<std::uint64_t, std::weak_ptr<Session>> sessions_;
    std::uint64_t next_session_ = 1;
    bool closed_ = false;
};

/// What a Transaction stands on. Its owner, the reaper and close() meet here.
class Session {
  public:
    Session(std::shared_ptr<Core> core,
            std::uint64_t id,
            TxMode mode,
            SteadyClock::time_point expires)
        : core_(std::move(core)), id_(id), mode_(mode), expires_(expires) {}

    Result<void> begin(ConnectionPtr connection) {
        const std::scoped_lock lock(mutex_);
        auto begun = connection->begin(expires_, &stop_);
        if (begun) {
            connection_ = std::move(connection);
        } else {
            core_->release(id_, mode_, nullptr);
        }
        return begun;
    }

    Result<SqlResult> execute(std::string_view sql, const std::vector<SqlParam>& params) {
        const std::scoped_lock lock(mutex_);
        auto usable = check();
        if (!usable) return std::unexpected(std::move(usable).error());
        auto result = connection_->execute(sql, params);
        if (!result) {
            if (stop_) {
                end(closed_error());
                return fail(ended_.code, ended_.message);
            }
            end({result.error().code == "TIMEOUT" ? "TIMEOUT" : "FAILED_PRECONDITION",
                 "the transaction was rolled back when a statement failed: " +
                     result.error().message,
                 {},
                 {}});
        }
        return result;
    }

    Result<void> commit() {
        const std::scoped_lock lock(mutex_);
        auto usable = check();
        if (!usable) return usable;
        auto* const probe = mode_ == TxMode::write ? commit_probe.load() : nullptr;
        if (probe) probe(false);
        auto committed = connection_->commit();
        if (probe) probe(true);
        end({"FAILED_PRECONDITION", "the transaction has ended; begin another one", {}, {}});
        return committed;
    }

    /// Rolls back if the transaction is open; `why` is what later calls answer.
    void end_with(Error why) {
        const std::scoped_lock lock(mutex_);
        if (connection_) end(std::move(why));
    }
    void stop() { stop_ = true; }
    [[nodiscard]] SteadyClock::time_point expires() const { return expires_; }
    [[nodiscard]] Error expired_error() const {
        return {"TIMEOUT",
                "the transaction was open too long and was rolled back; keep it short",
                {},
                {}};
    }

  private:
    Result<void> check() {
        if (connection_ && stop_) end(closed_error());
        if (connection_ && SteadyClock::now() >= expires_) end(expired_error());
        if (!connection_) return std::unexpected(ended_);
        return {};
    }
    void end(Error why) {
        ended_ = std::move(why);
        if (!connection_->rollback()) connection_.reset();
        core_->release(id_, mode_, std::move(connection_));
        connection_ = nullptr;
    }

    std::shared_ptr<Core> core_;
    std::uint64_t id_;
    TxMode mode_;
    SteadyClock::time_point expires_;
    std::atomic<bool> stop_ = false;
    std::mutex mutex_;
    ConnectionPtr connection_;  ///< null once ended
    Error ended_;
};

Result<void> Core::take_turn(Pool& pool, const Wait& wait) {
    const auto waiter = std::make_shared<Waiter>();
    {
        const std::scoped_lock lock(mutex_);
        if (closed_) return std::unexpected(closed_error());
        if (pool.free > 0) {
            --pool.free;
            return {};
        }
        if (pool.waiting.size() >= config_.queue_max) {
            return fail("QUEUE_FULL",
                        std::to_string(config_.queue_max) +
                            " calls wait for the database already; try again later");
        }
        pool.waiting.push_back(waiter);
    }
    Cancel::Registration registration;
    if (wait.cancel) {
        // Taking the lock makes sure that the wait below has begun or will see the cancel.
        registration = wait.cancel->on_cancel([core = shared_from_this(), waiter] {
            const std::scoped_lock lock(core->mutex_);
            waiter->ready.notify_one();
        });
    }
    std::unique_lock lock(mutex_);
    while (!waiter->granted && !closed_ && !wait.over()) {
        waiter->ready.wait_until(
            lock, std::min(wait.deadline, SteadyClock::now() + std::chrono::minutes(1)));
    }
    if (waiter->granted) return {};
    std::erase(pool.waiting, waiter);
    if (closed_) return std::unexpected(closed_error());
    if (wait.cancel && wait.cancel->cancelled()) {
        return fail("CANCELLED", "cancelled while waiting for the database");
    }
    return fail("TIMEOUT", "the database was not free in time; other transactions hold it");
}

Result<ConnectionPtr> Core::take_connection(TxMode mode) {
    {
        const std::scoped_lock lock(mutex_);
        if (closed_) return std::unexpected(closed_error());
        auto& idle = pool(mode).idle;
        if (!idle.empty()) {
            auto connection = std::move(idle.back());
            idle.pop_back();
            return connection;
        }
    }
    return SqliteConnection::open(config_.file, mode, config_.busy_timeout);
}

Result<std::shared_ptr<Session>> Core::begin(TxMode mode, const Wait& wait) {
    auto turn = take_turn(pool(mode), wait);
    if (!turn) return std::unexpected(std::move(turn).error());
    auto connection = take_connection(mode);
    if (!connection) {
        release(0, mode, nullptr);
        return std::unexpected(std::move(connection).error());
    }
    std::shared_ptr<Session> session;
    {
        const std::scoped_lock lock(mutex_);
        const auto id = next_session_++;
        session = std::make_shared<Session>(
            shared_from_this(), id, mode, SteadyClock::now() + config_.transaction_max);
        sessions_.emplace(id, session);
        if (sessions_.size() == 1) reaper_wakes_.notify_one();
    }
    auto begun = session->begin(std::move(*connection));
    if (!begun) return std::unexpected(std::move(begun).error());
    const std::scoped_lock lock(mutex_);
    if (closed_) session->stop();  // close() may have looked before begin() was through.
    return session;
}

void Core::release(std::uint64_t session, TxMode mode, ConnectionPtr connection) {
    const std::scoped_lock lock(mutex_);
    sessions_.erase(session);
    auto& own = pool(mode);
    if (connection && !closed_) own.idle.push_back(std::move(connection));
    if (own.waiting.empty()) {
        ++own.free;
        return;
    }
    own.waiting.front()->granted = true;
    own.waiting.front()->ready.notify_one();
    own.waiting.pop_front();
}

void Core::reap() {
    std::unique_lock lock(mutex_);
    while (!closed_) {
        if (sessions_.empty()) {
            reaper_wakes_.wait(lock);
            continue;
        }
        const auto first = sessions_.begin();
        const auto session = first->second.lock();
        if (!session) {
            sessions_.erase(first);
            continue;
        }
        const auto expires = session->expires();
        if (SteadyClock::now() < expires) {
            reaper_wakes_.wait_until(lock, expires);
            continue;
        }
        sessions_.erase(first);
        lock.unlock();
        session->end_with(session->expired_error());
        lock.lock();
    }
}

void Core::close() {
    std::vector<std::shared_ptr<Session>> open;
    std::vector<ConnectionPtr> idle;
    {
        const std::scoped_lock lock(mutex_);
        closed_ = true;
        for (const auto& [id, weak] : sessions_) {
            if (auto session = weak.lock()) open.push_back(std::move(session));
        }
        for (auto& each : pools_) {
            for (auto& connection : each.idle)
                idle.push_back(std::move(connection));
            each.idle.clear();
            for (const auto& waiter : each.waiting)
                waiter->ready.notify_one();
        }
        reaper_wakes_.notify_one();
    }
    for (const auto& session : open) {
        session->stop();
        session->end_with(closed_error());
    }
}

class SqliteTransaction : public Transaction {
  public:
    explicit SqliteTransaction(std::shared_ptr<Session> session) : session_(std::move(session)) {}
    ~SqliteTransaction() override { end(); }
    SqliteTransaction(const SqliteTransaction&) = delete;  // One transaction, one end.
    SqliteTransaction& operator=(const SqliteTransaction&) = delete;

    Result<SqlResult> execute(std::string_view sql, const std::vector<SqlParam>& params) override {
        return session_->execute(sql, params);
    }
    Result<void> commit() override { return session_->commit(); }
    void rollback() override { end(); }

  private:
    void end() {
        session_->end_with(
            {"FAILED_PRECONDITION", "the transaction was rolled back; begin another one", {}, {}});
    }
    std::shared_ptr<Session> session_;
};

class SqliteStore : public Store {
  public:
    explicit SqliteStore(std::shared_ptr<Core> core)
        : core_(std::move(core)), reaper_([core = core_] { core->reap(); }) {}
    ~SqliteStore() override { SqliteStore::close(); }
    SqliteStore(const SqliteStore&) = delete;  // Owns a thread.
    SqliteStore& operator=(const SqliteStore&) = delete;

    Result<std::unique_ptr<Transaction>> begin(TxMode mode, Wait wait) override {
        auto session = core_->begin(mode, wait);
        if (!session) return std::unexpected(std::move(session).error());
        return std::make_unique<SqliteTransaction>(std::move(*session));
    }
    void close() override {
        core_->close();
        std::call_once(joined_, [this] { reaper_.join(); });
    }

  private:
    std::shared_ptr<Core> core_;
    std::once_flag joined_;
    std::thread reaper_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite(SqliteConfig config) {
    // The writer comes first: it makes the file and switches it to WAL before any reader looks.
    auto writer = SqliteConnection::open(config.file, TxMode::write, config.busy_timeout);
    if (!writer) return std::unexpected(std::move(writer).error());
    auto core = std::make_shared<Core>(std::move(config));
    core->keep(TxMode::write, std::move(*writer));
    return std::make_unique<SqliteStore>(std::move(core));
}

Result<SqlResult> execute_once(Store& store,
                               TxMode mode,
                               std::string_view sql,
                               const std::vector<SqlParam>& params) {
    auto tx = store.begin(mode, Wait::for_ms(10'000));
    if (!tx) return std::unexpected(std::move(tx).error());
    auto result = (*tx)->execute(sql, params);
    if (!result) return result;
    auto committed = (*tx)->commit();
    if (!committed) return std::unexpected(std::move(committed).error());
    return result;
}

}  // namespace onex::host
