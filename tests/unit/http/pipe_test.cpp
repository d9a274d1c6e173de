#include "host/async/pipe.hpp"

#include "http_fixture.hpp"

#include <atomic>

namespace onex::host {
namespace {

asio::awaitable<Result<void>> push(PipePtr pipe, Chunk chunk, Wait wait) {
    co_return co_await pipe->async_push(chunk, wait);
}
asio::awaitable<Result<Chunk>> pop(PipePtr pipe, Wait wait) {
    co_return co_await pipe->async_pop(wait);
}

TEST(Pipe, KeepsOrderAndEnds) {
    Pipe pipe(3);
    const Wait wait = Wait::for_ms(5000);
    ASSERT_TRUE(pipe.push(chunk_of("a"), wait));
    ASSERT_TRUE(pipe.push(chunk_of(""), wait));  // no end, just nothing
    ASSERT_TRUE(pipe.push(chunk_of("b"), wait));
    pipe.finish();
    EXPECT_EQ(**pipe.pop(wait), "a");
    EXPECT_EQ(**pipe.pop(wait), "b");
    EXPECT_EQ(*pipe.pop(wait), nullptr);
    EXPECT_EQ(*pipe.pop(wait), nullptr);
    EXPECT_EQ(pipe.bytes_through(), 2u);
    EXPECT_EQ(pipe.push(chunk_of("c"), wait).error().code, "FAILED_PRECONDITION");
    pipe.fail({"INTERNAL", "late", {}, {}});  // without effect
    EXPECT_EQ(*pipe.pop(wait), nullptr);
}

TEST(Pipe, IsBounded) {
    IoThreads io;
    const auto pipe = std::make_shared<Pipe>(2);
    ASSERT_TRUE(pipe->push(chunk_of("a"), Wait::for_ms(5000)));
    ASSERT_TRUE(pipe->push(chunk_of("b"), Wait::for_ms(5000)));
    EXPECT_EQ(pipe->push(chunk_of("c"), Wait::for_ms(10)).error().code, "TIMEOUT");
    EXPECT_EQ(io.run(push(pipe, chunk_of("c"), Wait::for_ms(10))).error().code, "TIMEOUT");
    EXPECT_EQ(pipe->bytes_through(), 2u);
}

// What ends a wait from outside, for each of the four ways to wait.
TEST(Pipe, EveryWaitCanBeEnded) {
    IoThreads io;
    struct Case {
        std::string name;
        std::function<void(Pipe&, Cancel&)> end;
        std::string reader;
        std::string writer;
    };
    const Case cases[] = {
        {"fail", [](Pipe& p, Cancel&) { p.fail({"X_BROKE", "", {}, {}}); }, "X_BROKE", "X_BROKE"},
        {"reader leaves", [](Pipe& p, Cancel&) { p.close_reader(); }, "CANCELLED", "CANCELLED"},
        {"cancel", [](Pipe&, Cancel& c) { c.cancel(); }, "CANCELLED", "CANCELLED"},
        {"finish", [](Pipe& p, Cancel&) { p.finish(); }, "end", "FAILED_PRECONDITION"},
    };
    for (const auto& c : cases) {
        for (const bool blocking : {true, false}) {
            for (const bool reading : {true, false}) {
                SCOPED_TRACE(c.name + (blocking ? " blocking" : "") + (reading ? " pop" : " push"));
                const auto pipe = std::make_shared<Pipe>(1);
                const auto cancel = std::make_shared<Cancel>();
                const Wait wait = Wait::for_ms(10'000, cancel);
                const auto code = [](const auto& result) {
                    return result ? std::string("end") : result.error().code;
                };
                if (!reading) {
                    ASSERT_TRUE(pipe->push(chunk_of("full"), wait));
                }
                auto waiter = std::async(std::launch::async, [&] {
                    if (reading) {
                        return code(blocking ? pipe->pop(wait) : io.run(pop(pipe, wait)));
                    }
                    return code(blocking ? pipe->push(chunk_of("x"), wait)
                                         : io.run(push(pipe, chunk_of("x"), wait)));
                });
                c.end(*pipe, *cancel);
                EXPECT_EQ(waiter.get(), reading ? c.reader : c.writer);
            }
        }
    }
}

TEST(Pipe, FailureReachesBothSidesAtOnce) {
    Pipe pipe(4);
    ASSERT_TRUE(pipe.push(chunk_of("a"), Wait::for_ms(5000)));
    pipe.fail({"FIRST", "", {}, {}});
    pipe.fail({"SECOND", "", {}, {}});
    EXPECT_EQ(pipe.pop(Wait::for_ms(10)).error().code, "FIRST");
    EXPECT_EQ(pipe.push(chunk_of("b"), Wait::for_ms(10)).error().code, "FIRST");
    EXPECT_TRUE(pipe.abandoned());
}

TEST(Pipe, TellsWhenItIsAbandoned) {
    std::atomic<int> calls = 0;
    const auto count = [&] { ++calls; };
    Pipe closed;
    closed.on_abandoned(count);
    closed.close_reader();
    closed.close_reader();
    EXPECT_EQ(calls, 1);
    closed.on_abandoned(count);  // already so
    EXPECT_EQ(calls, 2);
    Pipe finished;
    finished.on_abandoned(count);
    finished.finish();
    finished.close_reader();
    EXPECT_EQ(calls, 2);
}

asio::awaitable<std::uint64_t> forward(PipePtr from, PipePtr to) {
    std::uint64_t bytes = 0;
    const Wait wait = Wait::for_ms(20'000);
    for (;;) {
        auto chunk = co_await from->async_pop(wait);
        if (!chunk || !*chunk) break;
        bytes += (*chunk)->size();
        auto pushed = co_await to->async_push(*chunk, wait);
        if (!pushed) break;
    }
    to->finish();
    co_return bytes;
}

TEST(Pipe, MixesThreadsAndCoroutines) {
    IoThreads io;
    const auto in = std::make_shared<Pipe>(2);
    const auto out = std::make_shared<Pipe>(2);
    auto forwarded = io.start(forward(in, out));
    constexpr int count = 5000;
    std::thread writer([&] {
        for (int i = 0; i < count; ++i) {
            ASSERT_TRUE(in->push(chunk_of(std::to_string(i)), Wait::for_ms(20'000)));
        }
        in->finish();
    });
    int next = 0;
    for (;;) {
        auto chunk = out->pop(Wait::for_ms(20'000));
        ASSERT_TRUE(chunk);
        if (!*chunk) break;
        ASSERT_EQ(**chunk, std::to_string(next++));
    }
    writer.join();
    EXPECT_EQ(next, count);
    EXPECT_EQ(forwarded.get(), in->bytes_through());
}

TEST(Pipe, WaitersEndWithTheirIoContext) {
    const auto pipe = std::make_shared<Pipe>(1);
    {
        IoThreads io;
        auto lost = io.start(pop(pipe, Wait{}));
        auto marker = io.start(push(pipe, chunk_of("x"), Wait{}));
        marker.wait();
    }
    EXPECT_TRUE(pipe->push(nullptr, Wait::for_ms(10)));
}

}  // namespace
}  // namespace onex::host
