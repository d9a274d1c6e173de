#include "host/async/workers.hpp"

#include "host/async/report.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

namespace onex::host {
namespace {

TEST(Workers, RefusesWhatFitsNeitherPoolNorQueue) {
    std::latch release{1};
    std::latch busy{2};
    std::atomic<int> done = 0;
    {
        Workers workers("test", 2, 3);
        for (int i = 0; i < 2; ++i) {
            ASSERT_TRUE(workers.post([&] {
                busy.count_down();
                release.wait();
                ++done;
            }));
        }
        busy.wait();
        for (int i = 0; i < 3; ++i)
            ASSERT_TRUE(workers.post([&] { ++done; }));
        EXPECT_FALSE(workers.post([&] { ++done; }));
        EXPECT_EQ(workers.threads(), 2U);
        release.count_down();
    }
    EXPECT_EQ(done, 5);  // The destructor waits for all that was taken.
}

TEST(Workers, WorkThatThrowsIsReportedAndEndsNothingElse) {
    static std::mutex mutex;
    static std::string heard;
    set_fault_reporter([](std::string_view message) noexcept {
        const std::scoped_lock lock(mutex);
        heard = message;
    });
    std::atomic<int> done = 0;
    {
        Workers workers("test", 1, 3);
        ASSERT_TRUE(workers.post([] { throw std::runtime_error("the reason"); }));
        ASSERT_TRUE(workers.post([&] { ++done; }));
    }
    EXPECT_EQ(done, 1);
    EXPECT_NE(heard.find("the reason"), std::string::npos) << heard;
    const auto work = [] -> Result<int> { throw std::runtime_error("another reason"); };
    const auto caught_here = caught<int>(work);
    ASSERT_FALSE(caught_here);
    EXPECT_EQ(caught_here.error().code, "INTERNAL");
    EXPECT_NE(heard.find("another reason"), std::string::npos) << heard;
    set_fault_reporter(nullptr);
}

TEST(Workers, ReusesIdleThreadsAndKnowsItsOwn) {
    EXPECT_FALSE(Workers::on_worker());
    std::mutex mutex;
    std::set<std::thread::id> seen;
    Workers workers("a-name-longer-than-15-characters", 8, 8);
    for (int i = 0; i < 20; ++i) {
        std::latch done{1};
        ASSERT_TRUE(workers.post([&] {
            EXPECT_TRUE(Workers::on_worker());
            const std::scoped_lock lock(mutex);
            seen.insert(std::this_thread::get_id());
            done.count_down();
        }));
        done.wait();
    }
    EXPECT_LE(workers.threads(), seen.size());
    EXPECT_LT(seen.size(), 9U);
}

TEST(Workers, WorkMayPostMore) {
    std::atomic<int> done = 0;
    {
        Workers workers("test", 1, 4);
        std::latch posted{1};
        ASSERT_TRUE(workers.post([&] {
            EXPECT_TRUE(workers.post([&] { ++done; }));
            posted.count_down();
        }));
        posted.wait();
    }
    EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace onex::host
