// A store of its own in a temporary folder, with all migrations applied.
#pragma once

#include "host/store/store.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace onex::host::test {

/// A folder that goes with the object.
class TempFolder {
  public:
    TempFolder() {
        std::string form = (std::filesystem::temp_directory_path() / "onex-store-XXXXXX").string();
        if (::mkdtemp(form.data()) != nullptr) path_ = form;
    }
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempFolder(const TempFolder&) = delete;  // Owns a folder.
    TempFolder& operator=(const TempFolder&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

inline const std::string kMigrations = std::string(ONEX_SOURCE_DIR) + "/migrations/sqlite";

class StoreTest : public ::testing::Test {
  protected:
    void SetUp() override { open({}); }

    /// Opens the store anew with other limits; the data stays.
    void open(SqliteConfig config) {
        if (store) store->close();
        config.file = file();
        auto opened = open_sqlite(config);
        ASSERT_TRUE(opened) << opened.error().message;
        store = std::move(*opened);
        auto migrations = Migrations::read(kMigrations);
        ASSERT_TRUE(migrations) << migrations.error().message;
        auto applied = migrations->up(*store);
        ASSERT_TRUE(applied) << applied.error().message;
    }
    [[nodiscard]] std::string file() const { return folder.path() + "/onex.db"; }

    std::unique_ptr<Transaction> begin(TxMode mode) {
        auto tx = store->begin(mode, Wait::for_ms(10'000));
        EXPECT_TRUE(tx) << tx.error().message;
        return tx ? std::move(*tx) : nullptr;
    }
    /// One statement; the first column of the first row, or -1.
    std::int64_t number(std::string_view sql) {
        auto result = execute_once(*store, TxMode::read, sql, {});
        EXPECT_TRUE(result) << result.error().message;
        return result && !result->rows.empty() ? std::get<std::int64_t>(result->rows[0][0]) : -1;
    }

    TempFolder folder;
    std::unique_ptr<Store> store;
};

/// A store that is full while `full` is set: no write begins.
class FullStore final : public Store {
  public:
    explicit FullStore(Store& store) : store_(store) {}
    Result<std::unique_ptr<Transaction>> begin(TxMode mode, Wait wait) override {
        if (full && mode == TxMode::write) return fail("DISK_FULL", "no room, says the test");
        return store_.begin(mode, std::move(wait));
    }
    void close() override { store_.close(); }

    std::atomic<bool> full{false};

  private:
    Store& store_;
};

/// Waits until `condition` holds, at most 10 s.
inline bool eventually(const std::function<bool()>& condition) {
    const auto deadline = SteadyClock::now() + std::chrono::seconds(10);
    while (!condition()) {
        if (SteadyClock::now() >= deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

template <class T>
std::string code(const Result<T>& result) {
    return result ? "ok" : result.error().code;
}

}  // namespace onex::host::test
