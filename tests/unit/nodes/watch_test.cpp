#include "host/nodes/watch.hpp"

#include "tests/support/temp_dir.hpp"
#include "tests/support/wait.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

namespace onex::host {
namespace {

namespace fs = std::filesystem;

class WatchTest : public ::testing::Test {
  protected:
    void begin(std::vector<std::string> folders) {
        watch = std::make_unique<Watch>(
            io.get_executor(), std::move(folders), [this](const std::string& file) {
                const std::scoped_lock lock(mutex);
                told.push_back(fs::path(file).filename().string());
            });
    }
    void TearDown() override {
        watch.reset();
        work.reset();
        io.stop();
        thread.join();
    }
    [[nodiscard]] std::size_t count() {
        const std::scoped_lock lock(mutex);
        return told.size();
    }
    [[nodiscard]] std::string last() {
        const std::scoped_lock lock(mutex);
        return told.empty() ? "" : told.back();
    }
    bool hears(std::size_t wanted) {
        return test::wait_until([&] { return count() >= wanted; }, 10'000);
    }
    void put(const std::string& name, const std::string& content) {
        test::write_file(path(name + ".tmp"), content);
        fs::rename(path(name + ".tmp"), path(name));
    }
    [[nodiscard]] std::string path(const std::string& name) const {
        return folder.path() + "/" + name;
    }
    test::TempDir folder;
    boost::asio::io_context io;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        io.get_executor()};
    std::thread thread{[this] { io.run(); }};
    std::mutex mutex;
    std::vector<std::string> told;
    std::unique_ptr<Watch> watch;
};

TEST_F(WatchTest, TellsOfLibrariesThatComeAndChangeOnce) {
    put("old.so", "there before");
    begin({folder.path()});
    put("new.so", "1");
    ASSERT_TRUE(hears(1));
    EXPECT_EQ(last(), "new.so");
    put("old.so", "changed");
    ASSERT_TRUE(hears(2));
    EXPECT_EQ(last(), "old.so");
    put("notes.txt", "no library");
    fs::remove(path("new.so"));
    put("third.so", "x");
    ASSERT_TRUE(hears(3));
    EXPECT_EQ(last(), "third.so") << "neither a text nor what went is told";
    EXPECT_EQ(count(), 3U);
    put("new.so", "1");
    ASSERT_TRUE(hears(4)) << "what went and comes again is new";
}

TEST_F(WatchTest, WaitsUntilAFileIsFinished) {
    begin({folder.path()});
    put("marker.so", "the watch has begun");
    ASSERT_TRUE(hears(1));
    {
        std::ofstream out(path("slow.so"));
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(600);
        // A linker that writes all the time.
        while (std::chrono::steady_clock::now() < end)
            out << "piece" << std::flush;
        EXPECT_EQ(count(), 1U) << "not before it is finished";
    }
    ASSERT_TRUE(hears(2));
    EXPECT_EQ(last(), "slow.so");
    EXPECT_EQ(count(), 2U);
}

TEST_F(WatchTest, FindsAFolderThatComesLater) {
    const auto later = folder.path() + "/later";
    begin({folder.path(), later});
    put("marker.so", "the watch has begun");
    ASSERT_TRUE(hears(1));
    fs::create_directory(later);
    put("later/late.so", "x");
    ASSERT_TRUE(hears(2));
    EXPECT_EQ(last(), "late.so");
}

}  // namespace
}  // namespace onex::host
