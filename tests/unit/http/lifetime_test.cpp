// Who ends when: listeners, clients and io_contexts in every order.
#include "http_fixture.hpp"

#include <atomic>

namespace onex::host {
namespace {

struct Held {
    std::promise<CancelPtr> gone;
    PipePtr release = std::make_shared<Pipe>();
    std::atomic<int> ended = 0;
};

asio::awaitable<ServerResponse> hold(std::shared_ptr<Held> held,
                                     std::shared_ptr<ServerRequest> request) {
    ServerResponse response;
    held->gone.set_value(request->gone);
    const Wait wait = Wait::for_ms(15'000, request->gone);
    auto released = co_await held->release->async_pop(wait);
    response.body = released ? "released" : released.error().code;
    ++held->ended;
    co_return response;
}

class LifetimeTest : public HttpTest {
  protected:
    // A request that its handler has and doesn't answer yet.
    std::future<Result<ClientResponse>> begin() {
        held_ = std::make_shared<Held>();
        serve([held = held_](std::shared_ptr<ServerRequest> request) {
            return hold(held, std::move(request));
        });
        auto answer = io_.start(client_->send(request("/"), 1000, Wait::for_ms(15'000)));
        gone_ = held_->gone.get_future().get();
        return answer;
    }
    std::future<void> start_stop(std::int64_t ms) {
        return io_.start(listener_->stop(Wait::for_ms(ms)));
    }

    std::shared_ptr<Held> held_;
    CancelPtr gone_;
};

TEST_F(LifetimeTest, StopLetsARequestEnd) {
    auto answer = begin();
    RawClient idle(endpoint_);
    auto stopped = start_stop(15'000);
    EXPECT_EQ(idle.read_all(), "");  // idle ones go at once
    EXPECT_EQ(stopped.wait_for(0s), std::future_status::timeout);
    EXPECT_FALSE(gone_->cancelled());  // Later the client, which has its answer, may really go.
    held_->release->finish();
    const auto got = answer.get();
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->body, "released");
    EXPECT_EQ(got->headers.get("Connection"), "close");
    stopped.get();
    EXPECT_EQ(listener_->connections(), 0u);
    EXPECT_FALSE(send(request("/")));
}

TEST_F(LifetimeTest, StopDropsAtItsDeadline) {
    auto answer = begin();
    start_stop(20).get();
    EXPECT_FALSE(answer.get());
    EXPECT_TRUE(gone_->cancelled());
    EXPECT_EQ(held_->ended, 1);
    EXPECT_EQ(listener_->connections(), 0u);
}

TEST_F(LifetimeTest, ListenerEndsItsRequests) {
    auto answer = begin();
    listener_.reset();
    EXPECT_EQ(held_->ended, 1);  // the destructor waited for it
    EXPECT_FALSE(answer.get());
    EXPECT_TRUE(gone_->cancelled());
}

TEST_F(LifetimeTest, ClientEndsItsRequests) {
    auto answer = begin();
    client_.reset();
    const auto got = answer.get();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, "CANCELLED");
    EXPECT_TRUE(eventually([&] { return gone_->cancelled(); }));
}

TEST_F(LifetimeTest, AClosedClientEndsItsRequestsAndTakesNoMore) {
    auto answer = begin();
    client_->close();
    for (const auto& got : {answer.get(), send(request("/"))}) {
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().code, "CANCELLED");
    }
    const auto reached = io_.run(client_->reach(endpoint_, Wait::for_ms(5'000)));
    ASSERT_FALSE(reached);
    EXPECT_EQ(reached.error().code, "CANCELLED");
}

TEST_F(LifetimeTest, EverythingMayEndAfterTheThreads) {
    auto answer = begin();
    io_.stop();
    listener_.reset();
    client_.reset();
    EXPECT_EQ(answer.wait_for(0s), std::future_status::timeout);
}

TEST_F(LifetimeTest, ABodyPipeOutlivesItsConnection) {
    std::promise<PipePtr> body;
    serve([&body](std::shared_ptr<ServerRequest> request) {
        body.set_value(request->stream_body(1'000'000));
        return echo(std::move(request));  // its read_body fails: the body is taken
    });
    auto got = send(request("/", std::string(500'000, 'x')));
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->body, "FAILED_PRECONDITION");
    const auto pipe = body.get_future().get();
    EXPECT_TRUE(eventually([&] { return pipe->abandoned(); }));
    EXPECT_EQ(pipe->pop(Wait::for_ms(5000)).error().code, "CANCELLED");
}

TEST_F(LifetimeTest, IdleConnectionsEnd) {
    serve(echo);
    HttpClientConfig config;
    config.idle_ms_max = 20;
    client_ = make_http_client(io_.executor(), config);
    ASSERT_TRUE(send(request("/")));
    EXPECT_TRUE(eventually([&] { return listener_->connections() == 0; }));
    ASSERT_TRUE(send(request("/")));
    config.idle_connections_max = 0;
    client_ = make_http_client(io_.executor(), config);
    ASSERT_TRUE(send(request("/")));
    EXPECT_TRUE(eventually([&] { return listener_->connections() == 0; }));
}

TEST_F(LifetimeTest, ManyAtOnce) {
    serve(echo);
    std::vector<std::future<Result<ClientResponse>>> answers;
    for (int i = 0; i < 200; ++i) {
        auto one =
            request("/" + std::to_string(i), std::string(static_cast<std::size_t>(i) * 500, 'x'));
        answers.push_back(
            io_.start(client_->send(std::move(one), 1'000'000, Wait::for_ms(15'000))));
    }
    for (int i = 0; i < 200; ++i) {
        const auto got = answers[static_cast<std::size_t>(i)].get();
        ASSERT_TRUE(got) << got.error().message;
        EXPECT_NE(got->body.find(" /" + std::to_string(i) + " "), got->body.npos);
    }
}

}  // namespace
}  // namespace onex::host
