#include "store_fixture.hpp"

#include <sys/stat.h>

#include <atomic>
#include <thread>

namespace onex::host::test {
namespace {

class SqliteStore : public StoreTest {
  protected:
    void SetUp() override {
        StoreTest::SetUp();
        auto made = execute_once(
            *store,
            TxMode::write,
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b REAL, c BLOB) STRICT",
            {});
        ASSERT_TRUE(made) << made.error().message;
    }
    Result<SqlResult> insert(Transaction& tx, std::int64_t id) {
        return tx.execute("INSERT INTO t (id) VALUES (:id)", {{"id", id}});
    }
};

TEST_F(SqliteStore, KeepsEveryTypeOfValue) {
    const SqlRow row{std::int64_t{1} << 62, std::string("a\0b'", 4), 0.1, SqlBytes{0, 255}};
    ASSERT_TRUE(execute_once(*store,
                             TxMode::write,
                             "INSERT INTO t (c, b, a, id) VALUES (:c, :b, :a, :id)",
                             {{"id", row[0]}, {"a", row[1]}, {"b", row[2]}, {"c", row[3]}}));
    ASSERT_TRUE(execute_once(*store,
                             TxMode::write,
                             "INSERT INTO t (id, a, c) VALUES (1, :a, :c)",
                             {{"a", std::string()}, {"c", SqlBytes{}}}));
    auto found =
        execute_once(*store, TxMode::read, "SELECT id, a, b, c FROM t ORDER BY id DESC", {});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->columns, (std::vector<std::string>{"id", "a", "b", "c"}));
    EXPECT_EQ(found->rows[0], row);
    EXPECT_EQ(found->rows[1],
              (SqlRow{std::int64_t{1}, std::string(), std::monostate{}, SqlBytes{}}));
}

TEST_F(SqliteStore, RefusesWrongStatementsAndParameters) {
    const struct {
        const char* name;
        TxMode mode;
        const char* sql;
        std::vector<SqlParam> params;
        const char* code;
        const char* says;
    } cases[] = {
        {"syntax", TxMode::read, "SELEC 1", {}, "VALIDATION_ERROR", "syntax"},
        {"empty", TxMode::read, " -- nothing", {}, "VALIDATION_ERROR", "no statement"},
        {"two statements",
         TxMode::read,
         "SELECT 1; SELECT 2",
         {},
         "VALIDATION_ERROR",
         "more than one"},
        {"comment after", TxMode::read, "SELECT 1; -- done", {}, "ok", ""},
        {"not given", TxMode::read, "SELECT :x", {}, "VALIDATION_ERROR", "parameter x"},
        {"not in the SQL",
         TxMode::read,
         "SELECT 1",
         {{"y", {}}},
         "VALIDATION_ERROR",
         "parameter y"},
        {"given twice",
         TxMode::read,
         "SELECT :x",
         {{"x", {}}, {"x", {}}},
         "VALIDATION_ERROR",
         "twice"},
        {"no name", TxMode::read, "SELECT ?", {}, "VALIDATION_ERROR", ":name"},
        {"write in a read", TxMode::read, "DELETE FROM t", {}, "VALIDATION_ERROR", "mode write"},
        {"commit by hand", TxMode::write, "COMMIT", {}, "VALIDATION_ERROR", "own business"},
        {"pragma",
         TxMode::write,
         "PRAGMA synchronous = OFF",
         {},
         "VALIDATION_ERROR",
         "own business"},
        {"attach", TxMode::write, "ATTACH '/tmp/x' AS x", {}, "VALIDATION_ERROR", "own business"},
        {"wrong type", TxMode::write, "INSERT INTO t (b) VALUES ('x')", {}, "CONFLICT", "REAL"},
        {"too many rows",
         TxMode::read,
         "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100001) SELECT i "
         "FROM n",
         {},
         "VALIDATION_ERROR",
         "LIMIT"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto result = execute_once(*store, c.mode, c.sql, c.params);
        EXPECT_EQ(code(result), c.code);
        if (!result) {
            EXPECT_NE(result.error().message.find(c.says), std::string::npos)
                << result.error().message;
        }
    }
}

TEST_F(SqliteStore, AFailedStatementRollsBackItsTransaction) {
    auto tx = begin(TxMode::write);
    ASSERT_TRUE(insert(*tx, 1));
    EXPECT_EQ(code(insert(*tx, 1)), "CONFLICT");
    EXPECT_EQ(code(insert(*tx, 2)), "FAILED_PRECONDITION");
    EXPECT_EQ(code(tx->commit()), "FAILED_PRECONDITION");
    EXPECT_EQ(number("SELECT count(*) FROM t"), 0);
}

TEST_F(SqliteStore, DroppingRollsBackAndPassesTheTurnOnFromAnyThread) {
    auto tx = begin(TxMode::write);
    ASSERT_TRUE(insert(*tx, 1));
    std::thread([dropped = std::move(tx)]() mutable { dropped.reset(); }).join();
    auto next = begin(TxMode::write);
    ASSERT_TRUE(insert(*next, 2));
    ASSERT_TRUE(next->commit());
    EXPECT_EQ(number("SELECT max(id) * 10 + count(*) FROM t"), 21);
}

TEST_F(SqliteStore, AReaderKeepsItsSnapshot) {
    auto reader = begin(TxMode::read);
    const auto count = [&] {
        auto result = reader->execute("SELECT count(*) FROM t", {});
        return result ? std::get<std::int64_t>(result->rows[0][0]) : -1;
    };
    EXPECT_EQ(count(), 0);
    ASSERT_TRUE(execute_once(*store, TxMode::write, "INSERT INTO t (id) VALUES (1)", {}));
    EXPECT_EQ(count(), 0);
    EXPECT_EQ(number("SELECT count(*) FROM t"), 1);
}

TEST_F(SqliteStore, WritersTakeTurns) {
    std::atomic<int> failed = 0;
    ASSERT_TRUE(execute_once(*store, TxMode::write, "INSERT INTO t (id, b) VALUES (1, 0)", {}));
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 5; ++n) {
                auto tx = store->begin(TxMode::write, Wait::for_ms(10'000));
                auto read = tx ? (*tx)->execute("SELECT b FROM t", {}) : fail(tx.error().code, "");
                if (!read) {
                    ++failed;
                    continue;
                }
                const double next = std::get<double>(read->rows[0][0]) + 1;
                if (!(*tx)->execute("UPDATE t SET b = :b", {{"b", next}}) || !(*tx)->commit())
                    ++failed;
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(number("SELECT CAST(b AS INTEGER) FROM t"), 20);
}

TEST_F(SqliteStore, WaitsAreBoundedInTimeAndNumber) {
    open({.readers_max = 1, .queue_max = 1});
    for (const auto mode : {TxMode::write, TxMode::read}) {
        auto holder = begin(mode);
        EXPECT_EQ(code(store->begin(mode, Wait::for_ms(1))), "TIMEOUT");
        const auto cancel = std::make_shared<Cancel>();
        std::string waited = "QUEUE_FULL";
        std::thread waiting([&] {  // The probe below may hold the only place for a moment.
            while (waited == "QUEUE_FULL")
                waited = code(store->begin(mode, {.cancel = cancel}));
        });
        EXPECT_TRUE(
            eventually([&] { return code(store->begin(mode, Wait::for_ms(1))) == "QUEUE_FULL"; }));
        cancel->cancel();
        waiting.join();
        EXPECT_EQ(waited, "CANCELLED");
    }
}

TEST_F(SqliteStore, ATransactionEndsWhenItsTimeIsUp) {
    open({.transaction_max = std::chrono::milliseconds{50}});
    auto idle = begin(TxMode::write);
    ASSERT_TRUE(insert(*idle, 1));
    auto next =
        begin(TxMode::write);  // Has to wait, and gets its turn though nobody touches `idle`.
    EXPECT_EQ(code(insert(*idle, 2)), "TIMEOUT");
    EXPECT_EQ(code(idle->commit()), "TIMEOUT");
    next.reset();
    auto busy = begin(TxMode::read);
    const auto endless = busy->execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        {});
    EXPECT_EQ(code(endless), "TIMEOUT");
    EXPECT_EQ(number("SELECT count(*) FROM t"), 0);
}

TEST_F(SqliteStore, CloseEndsWhatIsOpenAndWhatWaits) {
    auto tx = begin(TxMode::write);
    ASSERT_TRUE(insert(*tx, 1));
    std::string waited;
    std::thread waiting([&] { waited = code(store->begin(TxMode::write, Wait::for_ms(10'000))); });
    store->close();
    waiting.join();
    EXPECT_EQ(waited, "UNAVAILABLE");
    EXPECT_EQ(code(insert(*tx, 2)), "UNAVAILABLE");
    EXPECT_EQ(code(store->begin(TxMode::read, Wait::for_ms(10))), "UNAVAILABLE");
    store.reset();  // `tx` outlives it.
    tx.reset();
    open({});
    EXPECT_EQ(number("SELECT count(*) FROM t"), 0);
}

TEST_F(SqliteStore, AnotherProcessThatHoldsTheLockIsUnavailable) {
    SqliteConfig config{.busy_timeout = std::chrono::milliseconds{1}};
    config.file = file();
    auto other = open_sqlite(config);
    ASSERT_TRUE(other);
    const auto tx = begin(TxMode::write);
    EXPECT_EQ(code((*other)->begin(TxMode::write, Wait::for_ms(1'000))), "UNAVAILABLE");
}

TEST_F(SqliteStore, TheFileIsForItsOwnerAlone) {
    for (const auto* suffix : {"", "-wal", "-shm"}) {
        struct stat found{};
        ASSERT_EQ(::stat((file() + suffix).c_str(), &found), 0) << suffix;
        EXPECT_EQ(found.st_mode & 0777U, 0600U) << suffix;
    }
    SqliteConfig nowhere;
    nowhere.file = folder.path() + "/missing/onex.db";
    EXPECT_EQ(code(open_sqlite(nowhere)), "UNAVAILABLE");
}

TEST_F(SqliteStore, MoreStatementsThanTheCacheHolds) {
    auto tx = begin(TxMode::read);
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 300; ++i) {
            auto result = tx->execute("SELECT " + std::to_string(i), {});
            ASSERT_TRUE(result);
            ASSERT_EQ(std::get<std::int64_t>(result->rows[0][0]), i);
        }
    }
}

}  // namespace
}  // namespace onex::host::test
