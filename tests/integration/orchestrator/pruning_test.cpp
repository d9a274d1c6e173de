// Runs that ended long ago are forgotten, with all that belongs to them; what is needed stays.
#include "tests/integration/orchestrator/garden_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>
#include <sqlite3.h>

namespace onex::test {

namespace {

constexpr const char* kTables[] = {"steps", "run_logs", "artifacts", "secrets"};

void change(const std::string& file, const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(file.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
}

}  // namespace

TEST_F(GardenLab, ForgetsRunsThatEndedLongAgo) {
    std::vector<std::string> ids;
    for (int i = 0; i < 4; ++i) {
        ids.push_back(begin(input()));
        ASSERT_EQ(text(wait_for(ids.back()), "state"), "COMPLETED");
    }
    const auto go = folder_.path() + "/go";
    const auto open = begin(input({{"dig", "wait_for:" + go}}));
    ASSERT_TRUE(in_operation(open, "dig"));
    for (const auto& id : ids)
        EXPECT_NE(query("SELECT count(*) FROM steps WHERE workflow_id = :id", id), "0");
    host_->stop();
    // A hundred days pass.
    change(host_->data_dir() + "/onex.db",
           "UPDATE runs SET queued_us = queued_us - 8640000000000,"
           " finished_us = finished_us - 8640000000000");
    ASSERT_TRUE(host_->start()) << host_->log();
    // The run that has not ended is the newest; with it one more stays for a rollback.
    ASSERT_TRUE(wait_until(
        [&] { return query("SELECT count(*) FROM runs WHERE workflow_id <> :id", "") == "2"; }));
    for (std::size_t i = 0; i < ids.size(); ++i) {
        SCOPED_TRACE(i);
        const bool stays = i == 3;
        EXPECT_EQ(query("SELECT count(*) FROM runs WHERE workflow_id = :id", ids[i]),
                  stays ? "1" : "0");
        EXPECT_EQ(
            query("SELECT min(1, count(*)) FROM fsm_transitions WHERE entity_id = :id", ids[i]),
            stays ? "1" : "0");
        for (const auto* table : kTables) {
            if (stays) continue;
            EXPECT_EQ(
                query(std::string("SELECT count(*) FROM ") + table + " WHERE workflow_id = :id",
                      ids[i]),
                "0")
                << table;
        }
    }
    EXPECT_EQ(host_->ask("GET", "/workflows/" + ids[0] + "/status").status, 404U);
    touch("go");
    EXPECT_EQ(text(wait_for(open), "state"), "COMPLETED");
}

}  // namespace onex::test
