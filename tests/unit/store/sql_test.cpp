// Every statement of every part, prepared on both engines: one dialect, proven (semantics 5.2).
#include "store_fixture.hpp"

#include <pqxx/pqxx>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>

namespace onex::host::test {
namespace {

namespace fs = std::filesystem;

struct Statement {
    std::string name;  ///< file:statement
    std::string sql;
};

std::string read_file(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<Statement> all_statements() {
    static const std::regex mark("-- name: ([a-z][a-z0-9_]*)\n");
    std::vector<Statement> statements;
    for (const auto* part : {"/host", "/plugins"}) {
        for (const auto& entry :
             fs::recursive_directory_iterator(std::string(ONEX_SOURCE_DIR) + part)) {
            if (entry.path().extension() != ".sql") continue;
            const auto text = read_file(entry.path());
            for (std::sregex_iterator it(text.begin(), text.end(), mark), end; it != end; ++it) {
                const auto begins = static_cast<std::size_t>(it->position() + it->length());
                const auto ends = std::min(text.find("-- name: ", begins), text.size());
                // Without what stands above the next one.
                static const std::regex comment("(^|\n)--[^\n]*");
                statements.push_back(
                    {entry.path().filename().string() + ":" + (*it)[1].str(),
                     std::regex_replace(text.substr(begins, ends - begins), comment, "")});
            }
        }
    }
    return statements;
}

/// The migration files of one engine in order of number, `.rollback.sql` ones if `down`, then
/// reversed.
std::vector<fs::path> migration_files(const std::string& engine, bool down) {
    std::vector<fs::path> files;
    for (const auto& entry :
         fs::directory_iterator(std::string(ONEX_SOURCE_DIR) + "/migrations/" + engine)) {
        if (entry.path().string().ends_with(".rollback.sql") == down) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    if (down) std::ranges::reverse(files);
    return files;
}

/// The table of Migrations itself comes before any migration.
std::string own_table() {
    for (const auto& statement : all_statements()) {
        if (statement.name == "migrations.sql:create_schema_migrations") return statement.sql;
    }
    return {};
}

/// table.column of what the SQLite migrations make.
std::vector<std::string> sqlite_columns(sqlite3* database) {
    std::vector<std::string> columns;
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(
        database,
        "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c "
        "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY 1",
        -1,
        &statement,
        nullptr);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        columns.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)));
    }
    sqlite3_finalize(statement);
    std::ranges::sort(columns);
    return columns;
}

using Database = std::unique_ptr<sqlite3, int (*)(sqlite3*)>;
Database migrated_sqlite() {
    sqlite3* raw = nullptr;
    sqlite3_open(":memory:", &raw);
    Database database(raw, &sqlite3_close);
    std::string script = own_table();
    for (const auto& file : migration_files("sqlite", false))
        script += read_file(file);
    char* why = nullptr;
    EXPECT_EQ(sqlite3_exec(raw, script.c_str(), nullptr, nullptr, &why), SQLITE_OK)
        << (why != nullptr ? why : "");
    sqlite3_free(why);
    return database;
}

TEST(Sql, EveryStatementPreparesOnSqlite) {
    const auto database = migrated_sqlite();
    EXPECT_GE(all_statements().size(), 10U);
    for (const auto& statement : all_statements()) {
        sqlite3_stmt* prepared = nullptr;
        EXPECT_EQ(sqlite3_prepare_v2(database.get(), statement.sql.c_str(), -1, &prepared, nullptr),
                  SQLITE_OK)
            << statement.name << ": " << sqlite3_errmsg(database.get());
        sqlite3_finalize(prepared);
    }
}

/// Runs `argv` as the system's user postgres; PostgreSQL refuses to run as root.
int run_as_postgres(std::vector<std::string> argv) {
    std::vector<std::string> all{
        "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"};
    all.insert(all.end(), argv.begin(), argv.end());
    std::vector<char*> raw;
    for (auto& each : all)
        raw.push_back(each.data());
    raw.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        if (std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(126);
        ::execvp(raw[0], raw.data());
        ::_exit(127);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// A server of its own: unix socket only, in a temporary folder.
class PostgreSql : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root, to start PostgreSQL as the user postgres";
        if (fs::exists("/usr/lib/postgresql")) {
            for (const auto& version : fs::directory_iterator("/usr/lib/postgresql")) {
                if (fs::exists(version.path() / "bin/initdb"))
                    bin = version.path().string() + "/bin/";
            }
        }
        if (bin.empty()) GTEST_SKIP() << "no /usr/lib/postgresql/*/bin; install postgresql";
        ASSERT_EQ(std::system(("chown postgres " + folder.path()).c_str()), 0);
        data = folder.path() + "/data";
        ASSERT_EQ(
            run_as_postgres({bin + "initdb", "-D", data, "-A", "trust", "-E", "UTF8", "--no-sync"}),
            0);
        started =
            run_as_postgres({bin + "pg_ctl",
                             "start",
                             "-w",
                             "-t",
                             "30",
                             "-D",
                             data,
                             "-l",
                             folder.path() + "/log",
                             "-o",
                             "-c listen_addresses='' -c fsync=off -c unix_socket_directories=" +
                                 folder.path()}) == 0;
        ASSERT_TRUE(started) << read_file(folder.path() + "/log");
    }
    void TearDown() override {
        if (!started) return;
        EXPECT_EQ(run_as_postgres({bin + "pg_ctl", "stop", "-w", "-m", "immediate", "-D", data}),
                  0);
    }
    static void run_files(pqxx::connection& connection, bool down) {
        for (const auto& file : migration_files("postgresql", down)) {
            SCOPED_TRACE(file.filename().string());
            pqxx::work work(connection);
            work.exec(read_file(file));
            work.commit();
        }
    }
    TempFolder folder;
    std::string bin, data;
    bool started = false;
};

/// `:name` becomes `$n`, the same name the same number; text in quotes stays.
std::string numbered(const std::string& sql) {
    static const std::regex token("'[^']*'|--[^\n]*|:([a-z_][a-z0-9_]*)");
    std::map<std::string, std::size_t> numbers;
    std::string out;
    auto last = sql.begin();
    for (std::sregex_iterator it(sql.begin(), sql.end(), token), end; it != end; ++it) {
        out.append(last, (*it)[0].first);
        last = (*it)[0].second;
        if (!(*it)[1].matched) {
            out += it->str();
            continue;
        }
        out +=
            "$" + std::to_string(numbers.emplace((*it)[1].str(), numbers.size() + 1).first->second);
    }
    return out.append(last, sql.end());
}

TEST_F(PostgreSql, TheSameMigrationsAndStatementsHold) {
    pqxx::connection connection("host=" + folder.path() + " user=postgres dbname=postgres");
    {
        pqxx::work work(connection);
        work.exec(own_table());
        work.commit();
    }
    run_files(connection, false);
    run_files(connection, true);
    run_files(connection, false);

    pqxx::nontransaction query(connection);
    std::vector<std::string> columns;
    for (const auto& row :
         query.exec("SELECT table_name || '.' || column_name FROM information_schema.columns "
                    "WHERE table_schema = 'public'")) {
        columns.push_back(row[0].as<std::string>());
    }
    std::ranges::sort(columns);
    const auto database = migrated_sqlite();
    EXPECT_EQ(columns, sqlite_columns(database.get()));

    for (const auto& statement : all_statements()) {
        SCOPED_TRACE(statement.name);
        auto sql = numbered(statement.sql);
        sql.erase(sql.find_last_of(';'));
        if (sql.starts_with("CREATE")) continue;  // Has been run above; PREPARE takes no DDL.
        EXPECT_NO_THROW(query.exec("PREPARE p AS " + sql + "; DEALLOCATE p")) << sql;
    }
}

}  // namespace
}  // namespace onex::host::test
