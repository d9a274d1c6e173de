// SQL with named parameters over one engine: SQLite now, PostgreSQL later. No engine type leaves
// its file.
#pragma once

#include "host/async/cancel.hpp"

#include <onex/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace onex::host {

using SqlBytes = std::vector<std::uint8_t>;
/// null, int64, double, text, bytes: all there is (semantics 5.2). Time is int64 in µs, bool is 0
/// or 1.
using SqlValue = std::variant<std::monostate, std::int64_t, double, std::string, SqlBytes>;

struct SqlParam {
    std::string name;  ///< without the colon
    SqlValue value;
};

using SqlRow = std::vector<SqlValue>;

struct SqlResult {
    std::vector<std::string> columns;
    std::vector<SqlRow> rows;  ///< copied out; no cursor outlives the call
    std::int64_t rows_affected = 0;
};

/// One transaction. Ends by commit(), by rollback(), or by its destructor, which rolls back. Used
/// by one thread at a time, destroyed on any. Older than 5 s it is rolled back and every call
/// answers TIMEOUT. A statement that fails rolls it back too (PostgreSQL would abort it): use ON
/// CONFLICT instead of going on after an error. Later calls answer FAILED_PRECONDITION.
class Transaction {
  public:
    virtual ~Transaction() = default;
    /// Runs one statement with parameters `:name`. Errors: CONFLICT (unique or check constraint),
    /// VALIDATION_ERROR (SQL, a parameter that is missing or that the SQL lacks, a write in a read
    /// transaction), DISK_FULL, UNAVAILABLE (busy, closed), TIMEOUT. At most 100 000 rows.
    virtual Result<SqlResult> execute(std::string_view sql,
                                      const std::vector<SqlParam>& params) = 0;
    virtual Result<void> commit() = 0;
    virtual void rollback() = 0;
};

enum class TxMode { read, write };

/// [any thread], blocks; never on an I/O thread.
class Store {
  public:
    virtual ~Store() = default;
    /// A write transaction waits for its turn in a bounded queue: one writer (BEGIN IMMEDIATE),
    /// several readers. Errors: TIMEOUT, CANCELLED, QUEUE_FULL, UNAVAILABLE.
    virtual Result<std::unique_ptr<Transaction>> begin(TxMode mode, Wait wait) = 0;
    /// Closes the engine; open transactions roll back, later calls answer UNAVAILABLE.
    virtual void close() = 0;
};

struct SqliteConfig {
    std::string file{};
    std::size_t readers_max = 4;
    std::size_t queue_max = 1024;                      ///< calls that wait for a turn, per mode
    std::chrono::milliseconds transaction_max{5'000};  ///< then it is rolled back, idle or not
    std::chrono::milliseconds busy_timeout{2'000};     ///< for the lock of another process
};
/// Opens (creates, mode 0600) the database: WAL, synchronous=FULL, foreign keys on.
Result<std::unique_ptr<Store>> open_sqlite(SqliteConfig config);

/// Convenience for one statement in a transaction of its own.
Result<SqlResult> execute_once(Store& store,
                               TxMode mode,
                               std::string_view sql,
                               const std::vector<SqlParam>& params);

/// One file of migrations/<engine>/: NNN_name.sql with NNN_name.rollback.sql beside it.
struct Migration {
    int number = 0;
    std::string name;
    bool applied = false;
    std::int64_t applied_at_us = 0;
};
class Migrations {
  public:
    /// Reads the folder. Errors: NOT_FOUND, VALIDATION_ERROR (gap, double number, rollback file
    /// missing).
    static Result<Migrations> read(const std::string& folder);
    /// All, with whether they are applied. An applied file whose text changed since is
    /// VALIDATION_ERROR.
    Result<std::vector<Migration>> status(Store& store) const;
    Result<int> up(
        Store& store) const;  ///< applies what is missing, each in one transaction; the count
    Result<int> down(Store& store,
                     int to_number) const;  ///< rolls back everything above `to_number`

  private:
    struct File {
        int number;
        std::string name, up_sql, down_sql;
    };
    std::vector<File> files_;
};

}  // namespace onex::host
