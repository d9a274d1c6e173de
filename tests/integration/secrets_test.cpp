// Secret values of a deployment: the container has them, the table `secrets`, and nobody else.
#include "tests/integration/deployment_lab.hpp"

#include <boost/json/serialize.hpp>
#include <sqlite3.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace onex::test {
namespace json = boost::json;
namespace {

/// The rows of `sql`, each joined by spaces.
std::vector<std::string> rows_of(sqlite3* db, const std::string& sql, const std::string& text) {
    sqlite3_stmt* prepared = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(db, sql.c_str(), -1, &prepared, nullptr), SQLITE_OK)
        << sql << ": " << sqlite3_errmsg(db);
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(prepared,
                                                                          sqlite3_finalize);
    if (sqlite3_bind_parameter_count(prepared) > 0)
        sqlite3_bind_text(prepared, 1, text.c_str(), -1, SQLITE_TRANSIENT);
    std::vector<std::string> out;
    while (sqlite3_step(prepared) == SQLITE_ROW) {
        const auto* column = sqlite3_column_text(prepared, 0);
        out.emplace_back(column ? reinterpret_cast<const char*>(column) : "");
    }
    return out;
}

/// "table.column" → how often `text` stands there, in the whole database of a host that has ended.
std::map<std::string, int> places(const HostProcess& host, const std::string& text) {
    std::map<std::string, int> out;
    sqlite3* opened = nullptr;
    const auto file = host.data_dir() + "/onex.db";
    const bool is_open =
        sqlite3_open_v2(file.c_str(), &opened, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK;
    const std::unique_ptr<sqlite3, int (*)(sqlite3*)> db(opened, sqlite3_close);
    EXPECT_TRUE(is_open) << file;
    const auto tables =
        rows_of(db.get(), "SELECT name FROM sqlite_schema WHERE type = 'table'", {});
    EXPECT_GT(tables.size(), 10U);
    for (const auto& table : tables) {
        for (const auto& column :
             rows_of(db.get(), "SELECT name FROM pragma_table_info(?)", table)) {
            const auto found =
                rows_of(db.get(),
                        "SELECT count(*) FROM \"" + table + "\" WHERE instr(CAST(\"" + column +
                            "\" AS BLOB), CAST(? AS BLOB)) > 0",
                        text);
            if (found != std::vector<std::string>{"0"})
                out[table + "." + column] = found.empty() ? -1 : std::stoi(found[0]);
        }
    }
    return out;
}

class Secrets : public DeploymentLab {
  protected:
    /// Files of a host, its database left out, that have `text` in them.
    [[nodiscard]] static std::string files_with(const HostProcess& host, const std::string& text) {
        return shell(
                   "grep -rlaF --exclude=onex.db --exclude=onex.db-wal --exclude=onex.db-shm -e '" +
                   text + "' " + host.data_dir() + " " + host.data_dir() + ".log")
            .output;
    }
    [[nodiscard]] json::object with_environment(const std::string& version,
                                                json::object environment) {
        auto out = input(version);
        out["deployment_config"].as_object()["environment_variables"] = std::move(environment);
        return out;
    }
};

TEST_F(Secrets, AreInTheContainerAndNowhereElse) {
    const struct {
        const char* name;
        std::string value;
        std::string given;
    } secrets[] = {
        {"PLAIN", "marker-9a8b7c6d5e4f", "marker-9a8b7c6d5e4f"},
        {"FROM_ENV", "marker-0f1e2d3c4b5a", "env:ONEX_TEST_MARKER"},
        {"SHORT", "q7-Zx!9", "env:ONEX_TEST_SHORT"},
        {"FROM_FILE", "marker-1122aabb3344", "file:" + folder_.path() + "/given"},
    };
    laptop_environment_ = {{"ONEX_TEST_MARKER", secrets[1].value},
                           {"ONEX_TEST_SHORT", secrets[2].value}};
    write_file(folder_.path() + "/given", secrets[3].value + "\n");
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    json::object environment;
    for (const auto& secret : secrets)
        environment[secret.name] = secret.given;

    // The second one retires a container that has them.
    std::string told;
    for (const auto* version : {"v1", "v2"}) {
        const auto run = deploy(with_environment(version, environment));
        ASSERT_EQ(run.state(), "COMPLETED") << run;
        EXPECT_EQ(served(), version);
        told += json::serialize(run.status) +
                laptop_->ask("GET", "/workflows/" + run.id + "/logs?limit=500").body +
                laptop_->cli("status " + run.id + " --json").output;
    }
    const auto inspected = studio_engine_->docker("inspect " + app_).output;
    // A failed one tells more than a good one does: here its container says what it was given.
    auto chatty = with_environment("v3", environment);
    make_context("v3",
                 Service::healthy,
                 std::string("FROM ") + kBase +
                     "\nCMD [\"/bin/busybox\", \"sh\", \"-c\", \"env; exit 3\"]\n");
    const auto failed = deploy(chatty);
    EXPECT_EQ(failed.state(), "ROLLBACK_COMPLETED") << failed;
    told += json::serialize(failed.status) +
            laptop_->ask("GET", "/workflows/" + failed.id + "/logs?limit=500").body;
    EXPECT_EQ(laptop_->stop(), 0);
    EXPECT_EQ(studio_->stop(), 0);

    EXPECT_NE(files_with(*laptop_, "ready"), "") << "nothing is found where nothing is looked at";
    const std::map<std::string, int> none;
    for (const auto& secret : secrets) {
        SCOPED_TRACE(secret.name);
        EXPECT_NE(inspected.find(std::string(secret.name) + "=" + secret.value), std::string::npos)
            << inspected;
        EXPECT_EQ(told.find(secret.value), std::string::npos) << told;
        for (const auto* host : {laptop_.get(), studio_.get()})
            EXPECT_EQ(files_with(*host, secret.value), "");
        // The runs have ended, so their values are gone; a container that may come back has them.
        EXPECT_EQ(places(*laptop_, secret.value), none);
        EXPECT_EQ(places(*studio_, secret.value),
                  (std::map<std::string, int>{{"secrets.value", 1}}));
    }
    EXPECT_EQ(std::filesystem::status(studio_->data_dir() + "/onex.db").permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(Secrets, ThatCannotBeHadEndTheRunAndAreNamed) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    for (const auto& given :
         {std::string("env:ONEX_TEST_NO_SUCH"), "file:" + folder_.path() + "/no-such-file"}) {
        SCOPED_TRACE(given);
        const auto run = deploy(with_environment("v1", {{"PASSWORD", given}}));
        EXPECT_EQ(run.state(), "FAILED") << run;
        EXPECT_NE(run.message().find(given.substr(given.find(':') + 1)), std::string::npos) << run;
        EXPECT_EQ(containers(), 0);
    }
}

}  // namespace
}  // namespace onex::test
