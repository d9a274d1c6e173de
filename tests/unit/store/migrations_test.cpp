#include "store_fixture.hpp"

#include <fstream>

namespace onex::host::test {
namespace {

class MigrationsTest : public ::testing::Test {
  protected:
    void write(const std::string& name, const std::string& text) {
        std::ofstream(folder.path() + "/" + name) << text;
    }
    void write_pair(const std::string& name, const std::string& up, const std::string& down) {
        write(name + ".sql", up);
        write(name + ".rollback.sql", down);
    }
    std::unique_ptr<Store> open() {
        SqliteConfig config;
        config.file = database.path() + "/onex.db";
        auto store = open_sqlite(config);
        EXPECT_TRUE(store) << store.error().message;
        return std::move(*store);
    }
    TempFolder folder;
    TempFolder database;
};

TEST_F(MigrationsTest, ReadRefusesBadFolders) {
    const struct {
        const char* name;
        std::vector<std::string> files;
        const char* code;
        const char* says;
    } cases[] = {
        {"empty", {}, "NOT_FOUND", "no migrations"},
        {"gap",
         {"001_a.sql", "001_a.rollback.sql", "003_b.sql", "003_b.rollback.sql"},
         "VALIDATION_ERROR",
         "lacks migration 2"},
        {"double",
         {"001_a.sql", "001_a.rollback.sql", "001_b.sql"},
         "VALIDATION_ERROR",
         "two migrations 1"},
        {"no rollback", {"001_a.sql"}, "VALIDATION_ERROR", ".rollback.sql"},
        {"no number", {"first.sql"}, "VALIDATION_ERROR", "NNN_name.sql"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
            std::filesystem::remove(entry);
        for (const auto& file : c.files)
            write(file, "SELECT 1;");
        const auto read = Migrations::read(folder.path());
        EXPECT_EQ(code(read), c.code);
        if (!read) {
            EXPECT_NE(read.error().message.find(c.says), std::string::npos) << read.error().message;
        }
    }
    EXPECT_EQ(code(Migrations::read(folder.path() + "/missing")), "NOT_FOUND");
}

TEST_F(MigrationsTest, UpDownUpAndStatus) {
    const auto store = open();
    auto migrations = Migrations::read(kMigrations);
    ASSERT_TRUE(migrations) << migrations.error().message;
    const int all = static_cast<int>(migrations->status(*store)->size());
    EXPECT_EQ(migrations->up(*store), all);
    EXPECT_EQ(migrations->up(*store), 0);
    EXPECT_EQ(migrations->down(*store, 1), all - 1);
    auto status = migrations->status(*store);
    ASSERT_TRUE(status);
    EXPECT_TRUE(status->at(0).applied);
    EXPECT_GT(status->at(0).applied_at_us, 0);
    EXPECT_FALSE(status->at(1).applied);
    EXPECT_EQ(migrations->down(*store, 0), 1);
    EXPECT_EQ(migrations->up(*store), all);
}

TEST_F(MigrationsTest, AFileThatFailsLeavesNothing) {
    const auto store = open();
    write_pair("001_a",
               "-- It's a comment; with a semicolon.\nCREATE TABLE a (x TEXT DEFAULT ';');\nCREATE "
               "TABLE a (y TEXT);",
               "DROP TABLE a;");
    const auto failed = Migrations::read(folder.path())->up(*store);
    EXPECT_EQ(code(failed), "VALIDATION_ERROR");
    EXPECT_NE(failed.error().message.find("migration a"), std::string::npos)
        << failed.error().message;
    write("001_a.sql",
          "-- It's a comment; with a semicolon.\nCREATE TABLE a (x TEXT DEFAULT ';');");
    EXPECT_EQ(Migrations::read(folder.path())->up(*store), 1);
}

TEST_F(MigrationsTest, KnowsChangedFilesAndNewerDatabases) {
    const auto store = open();
    write_pair("001_a", "CREATE TABLE a (x TEXT);", "DROP TABLE a;");
    write_pair("002_b", "CREATE TABLE b (x TEXT);", "DROP TABLE b;");
    ASSERT_EQ(Migrations::read(folder.path())->up(*store), 2);
    write("001_a.sql", "CREATE TABLE a (y TEXT);");
    EXPECT_EQ(code(Migrations::read(folder.path())->status(*store)), "VALIDATION_ERROR");
    write("001_a.sql", "CREATE TABLE a (x TEXT);");
    std::filesystem::remove(folder.path() + "/002_b.sql");
    std::filesystem::remove(folder.path() + "/002_b.rollback.sql");
    const auto newer = Migrations::read(folder.path())->up(*store);
    ASSERT_EQ(code(newer), "VALIDATION_ERROR");
    EXPECT_NE(newer.error().message.find("newer"), std::string::npos);
}

}  // namespace
}  // namespace onex::host::test
