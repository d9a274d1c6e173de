// One connection to a SQLite file: statements, parameters by name, errors as codes.
#pragma once

#include "host/store/store.hpp"

#include <onex/error.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace onex::host {

/// Used by one thread at a time; the owner sees to that. Only sqlite_connection.cpp knows
/// sqlite3.h.
class SqliteConnection {
  public:
    /// Opens (creates, mode 0600) `file` with the pragmas of the store. A reader refuses to write.
    static Result<std::unique_ptr<SqliteConnection>> open(const std::string& file,
                                                          TxMode mode,
                                                          std::chrono::milliseconds busy_timeout);
    ~SqliteConnection();
    SqliteConnection(const SqliteConnection&) = delete;  // Owns a handle and its statements.
    SqliteConnection& operator=(const SqliteConnection&) = delete;

    /// BEGIN IMMEDIATE for a writer, BEGIN DEFERRED for a reader. Until the end of the transaction
    /// every statement stops with TIMEOUT at `deadline`, and soon after `*stop` became true.
    Result<void> begin(SteadyClock::time_point deadline, const std::atomic<bool>* stop);
    Result<SqlResult> execute(std::string_view sql, const std::vector<SqlParam>& params);
    Result<void> commit();
    /// No effect without a transaction. False: the connection is broken and must be dropped.
    bool rollback();

  private:
    struct CloseDatabase {
        void operator()(sqlite3* handle) const noexcept;
    };
    struct FinalizeStatement {
        void operator()(sqlite3_stmt* handle) const noexcept;
    };
    using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;
    struct Cached {
        std::string sql;
        Statement statement;
    };

    explicit SqliteConnection(TxMode mode) : mode_(mode) {}
    Result<void> open_handle(const std::string& file, std::chrono::milliseconds busy_timeout);
    Result<void> run_own(const char* sql);
    Result<sqlite3_stmt*> prepare(std::string_view sql);
    Result<void> bind_all(sqlite3_stmt* statement, const std::vector<SqlParam>& params);
    Result<SqlResult> step_all(sqlite3_stmt* statement);
    [[nodiscard]] std::unexpected<Error> failure() const;
    static int on_progress(void* self);
    static int on_authorize(
        void* self, int action, const char*, const char*, const char*, const char*);

    TxMode mode_;
    bool own_statement_ = false;  ///< BEGIN, COMMIT, PRAGMA: for this class only
    SteadyClock::time_point deadline_ = SteadyClock::time_point::max();
    const std::atomic<bool>* stop_ = nullptr;
    std::unique_ptr<sqlite3, CloseDatabase> handle_;
    // Declared after the handle, so that statements go first. Most recently used in front.
    std::list<Cached> cache_;
    std::unordered_map<std::string_view, std::list<Cached>::iterator> cache_index_;
};

}  // namespace onex::host
