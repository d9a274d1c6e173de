#include "host/store/sqlite_connection.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace onex::host {

namespace {

constexpr std::size_t kStatementsMax = 256;
constexpr std::size_t kRowsMax = 100'000;
constexpr int kProgressSteps = 20'000;  ///< virtual machine steps between two looks at the clock

/// SQLite would create the file with the umask's mode; WAL and shared memory take over the file's
/// mode.
Result<void> create_private(const std::string& file) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail("UNAVAILABLE", "cannot open database " + file + ": " + std::strerror(errno));
    }
    const bool closed_to_others = ::fchmod(fd, 0600) == 0;
    ::close(fd);
    if (!closed_to_others) {
        return fail("UNAVAILABLE",
                    "cannot set mode 0600 on database " + file + "; check its owner");
    }
    return {};
}

std::string_view code_of_sqlite(int extended) {
    switch (extended) {
        case SQLITE_IOERR_WRITE:
        case SQLITE_IOERR_FSYNC:
        case SQLITE_IOERR_DIR_FSYNC:
        case SQLITE_IOERR_TRUNCATE:
        case SQLITE_IOERR_SHMSIZE:
            return "DISK_FULL";
        default:
            break;
    }
    switch (extended & 0xff) {
        case SQLITE_FULL:
            return "DISK_FULL";
        case SQLITE_CONSTRAINT:
            return "CONFLICT";
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_CANTOPEN:
            return "UNAVAILABLE";
        case SQLITE_INTERRUPT:
            return "TIMEOUT";
        case SQLITE_ERROR:
        case SQLITE_MISMATCH:
        case SQLITE_RANGE:
        case SQLITE_TOOBIG:
        case SQLITE_READONLY:
        case SQLITE_AUTH:
            return "VALIDATION_ERROR";
        default:
            return "INTERNAL";
    }
}

struct BindValue {
    sqlite3_stmt* statement;
    int index;
    // The values outlive the statement's run: bind_all's caller holds them, and clears the
    // bindings.
    int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
    int operator()(std::int64_t value) const { return sqlite3_bind_int64(statement, index, value); }
    int operator()(double value) const { return sqlite3_bind_double(statement, index, value); }
    int operator()(const std::string& value) const {
        return sqlite3_bind_text64(
            statement, index, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
    }
    int operator()(const SqlBytes& value) const {
        if (value.empty()) return sqlite3_bind_zeroblob(statement, index, 0);  // Not NULL.
        return sqlite3_bind_blob64(statement, index, value.data(), value.size(), SQLITE_STATIC);
    }
};

SqlValue column_value(sqlite3_stmt* statement, int column) {
    switch (sqlite3_column_type(statement, column)) {
        case SQLITE_INTEGER:
            return sqlite3_column_int64(statement, column);
        case SQLITE_FLOAT:
            return sqlite3_column_double(statement, column);
        case SQLITE_TEXT: {
            const auto* text =
                reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
            return std::string(text,
                               static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
        }
        case SQLITE_BLOB: {
            const auto* bytes =
                static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, column));
            return SqlBytes(bytes, bytes + sqlite3_column_bytes(statement, column));
        }
        default:
            return std::monostate{};
    }
}

}  // namespace

void SqliteConnection::CloseDatabase::operator()(sqlite3* handle) const noexcept {
    sqlite3_close_v2(handle);
}

void SqliteConnection::FinalizeStatement::operator()(sqlite3_stmt* handle) const noexcept {
    sqlite3_finalize(handle);
}

SqliteConnection::~SqliteConnection() = default;

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(
    const std::string& file, TxMode mode, std::chrono::milliseconds busy_timeout) {
    auto created = create_private(file);
    if (!created) return std::unexpected(std::move(created).error());
    std::unique_ptr<SqliteConnection> connection(new SqliteConnection(mode));
    auto opened = connection->open_handle(file, busy_timeout);
    if (!opened) return std::unexpected(std::move(opened).error());
    return connection;
}

Result<void> SqliteConnection::open_handle(const std::string& file,
                                           std::chrono::milliseconds busy_timeout) {
    sqlite3* handle = nullptr;
    const int opened = sqlite3_open_v2(
        file.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    handle_.reset(handle);
    if (opened != SQLITE_OK) {
        return fail("UNAVAILABLE", "cannot open database " + file + ": " + sqlite3_errstr(opened));
    }
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_timeout(handle, static_cast<int>(busy_timeout.count()));
    sqlite3_progress_handler(handle, kProgressSteps, &SqliteConnection::on_progress, this);
    sqlite3_set_authorizer(handle, &SqliteConnection::on_authorize, this);
    auto ready = run_own(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864;"
        // macOS: fsync() alone stops at the drive's cache there.
        "PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;"
        "PRAGMA trusted_schema = OFF;");
    if (ready && mode_ == TxMode::read) ready = run_own("PRAGMA query_only = ON;");
    return ready;
}

Result<void> SqliteConnection::begin(SteadyClock::time_point deadline,
                                     const std::atomic<bool>* stop) {
    auto begun = run_own(mode_ == TxMode::write ? "BEGIN IMMEDIATE" : "BEGIN DEFERRED");
    if (!begun) return begun;
    deadline_ = deadline;
    stop_ = stop;
    return {};
}

Result<void> SqliteConnection::commit() {
    // Past this point the clock no longer counts: a commit that was interrupted half-way helps
    // nobody.
    deadline_ = SteadyClock::time_point::max();
    stop_ = nullptr;
    return run_own("COMMIT");
}

bool SqliteConnection::rollback() {
    deadline_ = SteadyClock::time_point::max();
    stop_ = nullptr;
    if (sqlite3_get_autocommit(handle_.get()) != 0) return true;  // SQLite has rolled back itself.
    return run_own("ROLLBACK").has_value();
}

Result<SqlResult> SqliteConnection::execute(std::string_view sql,
                                            const std::vector<SqlParam>& params) {
    auto statement = prepare(sql);
    if (!statement) return std::unexpected(std::move(statement).error());
    auto bound = bind_all(*statement, params);
    Result<SqlResult> result =
        bound ? step_all(*statement) : std::unexpected(std::move(bound).error());
    sqlite3_reset(*statement);
    sqlite3_clear_bindings(*statement);
    return result;
}

Result<void> SqliteConnection::run_own(const char* sql) {
    own_statement_ = true;
    const int status = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
    own_statement_ = false;
    if (status != SQLITE_OK) return failure();
    return {};
}

Result<sqlite3_stmt*> SqliteConnection::prepare(std::string_view sql) {
    if (const auto found = cache_index_.find(sql); found != cache_index_.end()) {
        cache_.splice(cache_.begin(), cache_, found->second);
        return cache_.front().statement.get();
    }
    sqlite3_stmt* raw = nullptr;
    const char* tail = nullptr;
    const char* const end = sql.data() + sql.size();
    if (sqlite3_prepare_v3(handle_.get(),
                           sql.data(),
                           static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT,
                           &raw,
                           &tail) != SQLITE_OK) {
        return failure();
    }
    Statement statement(raw);
    if (!statement) return fail("VALIDATION_ERROR", "the SQL holds no statement");
    sqlite3_stmt* second = nullptr;  // A comment may follow, nothing else.
    const int rest =
        sqlite3_prepare_v2(handle_.get(), tail, static_cast<int>(end - tail), &second, nullptr);
    const Statement second_owner(second);
    if (rest != SQLITE_OK || second != nullptr) {
        return fail("VALIDATION_ERROR",
                    "the SQL holds more than one statement; execute them one by one");
    }
    if (cache_.size() >= kStatementsMax) {
        cache_index_.erase(cache_.back().sql);
        cache_.pop_back();
    }
    cache_.push_front({std::string(sql), std::move(statement)});
    cache_index_.emplace(cache_.front().sql, cache_.begin());
    return cache_.front().statement.get();
}

Result<void> SqliteConnection::bind_all(sqlite3_stmt* statement,
                                        const std::vector<SqlParam>& params) {
    const int count = sqlite3_bind_parameter_count(statement);
    std::vector<bool> bound(static_cast<std::size_t>(count) + 1, false);
    for (const auto& param : params) {
        const int index = sqlite3_bind_parameter_index(statement, (":" + param.name).c_str());
        if (index == 0) {
            return fail("VALIDATION_ERROR", "parameter " + param.name + " is not in the SQL");
        }
        if (bound[static_cast<std::size_t>(index)]) {
            return fail("VALIDATION_ERROR", "parameter " + param.name + " is given twice");
        }
        bound[static_cast<std::size_t>(index)] = true;
        if (std::visit(BindValue{statement, index}, param.value) != SQLITE_OK) return failure();
    }
    for (int index = 1; index <= count; ++index) {
        if (bound[static_cast<std::size_t>(index)]) continue;
        const char* name = sqlite3_bind_parameter_name(statement, index);
        if (name == nullptr || *name != ':') {
            return fail("VALIDATION_ERROR",
                        "parameter " + std::string(name != nullptr ? name : "?") +
                            " has no name; write :name");
        }
        return fail("VALIDATION_ERROR",
                    "parameter " + std::string(name + 1) + " of the SQL is not given");
    }
    return {};
}

Result<SqlResult> SqliteConnection::step_all(sqlite3_stmt* statement) {
    SqlResult result;
    const int columns = sqlite3_column_count(statement);
    for (int column = 0; column < columns; ++column) {
        result.columns.emplace_back(sqlite3_column_name(statement, column));
    }
    int status = SQLITE_ROW;
    while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
        if (result.rows.size() == kRowsMax) {
            return fail("VALIDATION_ERROR",
                        "the SQL yields more than " + std::to_string(kRowsMax) +
                            " rows; add LIMIT and read on from the last one");
        }
        SqlRow row;
        row.reserve(static_cast<std::size_t>(columns));
        for (int column = 0; column < columns; ++column) {
            row.push_back(column_value(statement, column));
        }
        result.rows.push_back(std::move(row));
    }
    if (status != SQLITE_DONE) return failure();
    if (sqlite3_stmt_readonly(statement) == 0) {
        result.rows_affected = sqlite3_changes64(handle_.get());
    }
    return result;
}

std::unexpected<Error> SqliteConnection::failure() const {
    const int extended = sqlite3_extended_errcode(handle_.get());
    const auto code = code_of_sqlite(extended);
    std::string message = "database: " + std::string(sqlite3_errmsg(handle_.get()));
    if (code == "DISK_FULL") message += "; free space on the disk of the data folder";
    if (code == "TIMEOUT") message = "database: the statement outlived its transaction's time";
    if ((extended & 0xff) == SQLITE_BUSY) message += "; another process holds it, try again";
    if ((extended & 0xff) == SQLITE_READONLY) {
        message = "database: a read transaction can't write; begin it with mode write";
    }
    if ((extended & 0xff) == SQLITE_AUTH) {
        message = "database: transactions, PRAGMA and ATTACH are the store's own business";
    }
    return fail(code, std::move(message));
}

int SqliteConnection::on_progress(void* self) {
    const auto& connection = *static_cast<const SqliteConnection*>(self);
    const bool stopped = connection.stop_ != nullptr && connection.stop_->load();
    return stopped || SteadyClock::now() >= connection.deadline_ ? 1 : 0;
}

int SqliteConnection::on_authorize(
    void* self, int action, const char*, const char*, const char*, const char*) {
    switch (action) {
        case SQLITE_TRANSACTION:
        case SQLITE_SAVEPOINT:
        case SQLITE_PRAGMA:
        case SQLITE_ATTACH:
        case SQLITE_DETACH:
            return static_cast<const SqliteConnection*>(self)->own_statement_ ? SQLITE_OK
                                                                              : SQLITE_DENY;
        default:
            return SQLITE_OK;
    }
}

}  // namespace onex::host
