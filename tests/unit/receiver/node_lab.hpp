// The whole receiver in a fake host, with its real SQL on a database in memory and a scripted
// engine.
#pragma once

#include <onex/json.hpp>
#include <onex/testing.hpp>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace onex::receiver {

/// SQLite in memory, with all migrations; each statement is a transaction of its own.
class Database {
  public:
    Database() {
        sqlite3* opened = nullptr;
        EXPECT_EQ(sqlite3_open(":memory:", &opened), SQLITE_OK);
        db_.reset(opened);
        std::vector<std::filesystem::path> files;
        for (const auto& entry :
             std::filesystem::directory_iterator(ONEX_SOURCE_DIR "/migrations/sqlite")) {
            if (!entry.path().string().ends_with(".rollback.sql")) files.push_back(entry.path());
        }
        std::ranges::sort(files);
        for (const auto& file : files) {
            std::ifstream in(file);
            const std::string sql(std::istreambuf_iterator<char>(in), {});
            EXPECT_EQ(sqlite3_exec(opened, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
                << file << ": " << sqlite3_errmsg(opened);
        }
    }
    Result<Rows> run(const std::string& sql, const testing::Arguments& arguments) {
        sqlite3_stmt* prepared = nullptr;
        if (sqlite3_prepare_v2(db_.get(), sql.c_str(), -1, &prepared, nullptr) != SQLITE_OK)
            return fail("VALIDATION_ERROR", sqlite3_errmsg(db_.get()));
        const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(prepared,
                                                                              sqlite3_finalize);
        for (const auto& [name, value] : arguments) {
            const auto at = sqlite3_bind_parameter_index(prepared, (":" + name).c_str());
            if (const auto* n = std::get_if<std::int64_t>(&value)) {
                sqlite3_bind_int64(prepared, at, *n);
            } else if (const auto* text = std::get_if<std::string>(&value)) {
                sqlite3_bind_text(prepared, at, text->c_str(), -1, SQLITE_TRANSIENT);
            }
        }
        Rows out;
        int step = 0;
        while ((step = sqlite3_step(prepared)) == SQLITE_ROW) {
            auto& row = out.rows.emplace_back();
            for (int i = 0; i < sqlite3_column_count(prepared); ++i) {
                if (sqlite3_column_type(prepared, i) == SQLITE_INTEGER) {
                    row.emplace_back(std::int64_t{sqlite3_column_int64(prepared, i)});
                } else {
                    row.emplace_back(std::string(
                        reinterpret_cast<const char*>(sqlite3_column_text(prepared, i))));
                }
            }
        }
        if (step != SQLITE_DONE) return fail("CONFLICT", sqlite3_errmsg(db_.get()));
        out.affected = sqlite3_changes(db_.get());
        return out;
    }
    /// The first column of the first row, as text; empty without one.
    std::string text(const std::string& sql) {
        const auto rows = run(sql, {});
        EXPECT_TRUE(rows) << rows.error().message;
        if (!rows || rows->rows.empty()) return {};
        const auto& value = rows->rows.front().front();
        const auto* number = std::get_if<std::int64_t>(&value);
        return number ? std::to_string(*number) : std::get<std::string>(value);
    }

  private:
    std::unique_ptr<sqlite3, int (*)(sqlite3*)> db_{nullptr, sqlite3_close};
};

class NodeLab : public ::testing::Test {
  protected:
    void SetUp() override {
        fake_.settings = R"({"docker_socket":"tcp://engine:1"})";
        // By value: a hook may run statements of its own.
        fake_.on_sql = [this](std::string sql, const testing::Arguments& arguments) {
            if (on_statement_) on_statement_(sql);
            return database_.run(sql, arguments);
        };
        fake_.on_http = [this](const testing::HttpSeen& seen) -> Result<testing::HttpScript> {
            if (!has_engine_) return fail("UNAVAILABLE", "nobody answers");
            if (seen.url.ends_with("/version")) {
                return testing::HttpScript{
                    200, {}, R"({"ApiVersion":"1.41","MinAPIVersion":"1.12","Arch":"amd64"})"};
            }
            return testing::HttpScript{404, {}, R"({"message":"no such thing"})"};
        };
        fake_.on_call = [this](const testing::CallSeen& seen) -> Result<std::string> {
            own_calls_.push_back(seen);
            return "{}";
        };
    }
    void make() {
        auto made = testing::FakeNode::create(onex_plugin_entry_v1, fake_);
        ASSERT_TRUE(made) << made.error().message;
        node_ = std::move(*made);
        ASSERT_TRUE(node_->start());
        fake_.advance(0);
    }
    testing::Answered upload(const std::string& id,
                             const std::string& bytes,
                             json::object more,
                             const std::string& caller = "peer:laptop") {
        more["deployment_id"] = id;
        testing::FakeNode::CallOptions options;
        options.stream_in = bytes;
        options.has_stream_in = true;
        options.caller = caller;
        return node_->call("receive_package", json::serialize(more), std::move(options), 0);
    }
    testing::Answered ask(const std::string& operation,
                          const json::object& input,
                          const std::string& caller = "peer:laptop") {
        testing::FakeNode::CallOptions options;
        options.caller = caller;
        return node_->call(operation, json::serialize(input), std::move(options), 0);
    }
    std::string state(const std::string& id) {
        return database_.text("SELECT state FROM packages WHERE deployment_id = '" + id + "'");
    }
    std::string blob(const std::string& id) {
        return database_.text("SELECT blob FROM packages WHERE deployment_id = '" + id + "'");
    }
    /// Whose the name is: "deployment caller".
    std::string lease(const std::string& name) {
        return database_.text(
            "SELECT deployment_id || ' ' || caller FROM leases WHERE container_name = '" + name +
            "'");
    }
    [[nodiscard]] int steps_of(const std::string& id) const {
        return static_cast<int>(std::ranges::count_if(own_calls_, [&](const auto& seen) {
            return seen.input.find("\"" + id + "\"") != std::string::npos;
        }));
    }

    testing::FakeHost fake_;
    Database database_;
    std::function<void(const std::string& sql)> on_statement_;
    std::vector<testing::CallSeen> own_calls_;
    bool has_engine_ = true;
    std::unique_ptr<testing::FakeNode> node_;  ///< ends first
};

inline json::object container(const std::string& name) {
    return {{"container_name", name}, {"deployment_config", json::object()}};
}

}  // namespace onex::receiver
