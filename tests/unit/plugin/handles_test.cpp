#include "host/plugin/handles.hpp"

#include "host/async/cancel.hpp"
#include "host/async/pipe.hpp"

#include <gtest/gtest.h>

#include <string>

namespace onex::host {
namespace {

TEST(HandleTable, AStaleHandleMeansNothing) {
    HandleTable<int> a;
    HandleTable<int> b;
    const auto handle = a.add(std::make_shared<int>(1));
    EXPECT_FALSE(b.find(handle));
    EXPECT_EQ(*a.take(handle), 1);
    EXPECT_FALSE(a.take(handle));
    EXPECT_NE(a.add(std::make_shared<int>(2)), handle);
    EXPECT_EQ(a.take_if([](int n) { return n == 2; }).size(), 1U);
}

TEST(Cancel, OneCallbackMayTakeAnotherAway) {
    Cancel cancel;
    Cancel::Registration second;
    int calls = 0;
    const auto first = cancel.on_cancel([&] {
        ++calls;
        second.reset();
    });
    second = cancel.on_cancel([&] { calls += 100; });
    cancel.cancel();
    cancel.cancel();
    EXPECT_EQ(calls, 1);
    (void)cancel.on_cancel([&] { ++calls; });  // too late: at once
    EXPECT_EQ(calls, 2);
}

TEST(Wait, TakesAnyTimeWithoutOverflow) {
    EXPECT_GT(Wait::for_ms(INT64_MAX).deadline, SteadyClock::now());
    EXPECT_LT(Wait::for_ms(INT64_MIN).deadline, SteadyClock::now());
}

TEST(Pipe, AWriterThatGoesBreaksOnlyWhatItDidNotFinish) {
    for (const bool finished : {true, false}) {
        Pipe pipe;
        const Wait wait = Wait::for_ms(5'000);
        ASSERT_TRUE(pipe.push(std::make_shared<const std::string>("x"), wait));
        if (finished) pipe.finish();
        pipe.close_writer();
        EXPECT_EQ(pipe.pop(wait).has_value(), finished);
    }
}

}  // namespace
}  // namespace onex::host
