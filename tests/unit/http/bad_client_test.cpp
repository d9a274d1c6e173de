#include "http_fixture.hpp"

#include <atomic>

namespace onex::host {
namespace {

const std::string kPost = "POST / HTTP/1.1\r\nHost: a\r\n";

TEST_F(HttpTest, AnswersWhatRawClientsSend) {
    ServerLimits limits;
    limits.header_bytes_max = 2000;
    serve(echo, limits);
    struct Case {
        std::string name;
        std::string send;
        std::string status;  // of the last answer
        std::string contains;
    };
    const std::string get = "GET /x HTTP/1.1\r\nHost: a\r\n";
    const std::string last = get + "Connection: close\r\n\r\n";
    const std::string chunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";
    const Case cases[] = {
        {"close", last, "200", "\r\nConnection: close\r\n"},
        {"empty line first", "\r\n" + last, "200", "GET /x "},
        {"1.0", "GET /x HTTP/1.0\r\n\r\n", "200", "GET /x "},
        {"1.0 kept, then closed",
         "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + last,
         "200",
         "keep-alive"},
        {"pipelined",
         get + "\r\n" + kPost + "Content-Length: 3\r\n\r\nabc" + last,
         "200",
         "POST / abc"},
        {"pipelined after chunks", chunked + "3\r\nabc\r\n0\r\n\r\n" + last, "200", "POST / abc"},
        {"100-continue",
         kPost + "Connection: close\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
         "200",
         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"},
        {"head too large",
         get + "A: " + std::string(3000, 'x') + "\r\n\r\n",
         "431",
         "VALIDATION_ERROR"},
        {"endless head", get + "A: " + std::string(300'000, 'x'), "431", "VALIDATION_ERROR"},
        {"not HTTP", "SSH-2.0\r\n\r\n", "400", R"("correlation_id":"")"},
        {"no host", "GET / HTTP/1.1\r\n\r\n", "400", "one Host"},
        {"two lengths",
         kPost + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab" + last,
         "400",
         ""},
        {"length and chunked",
         kPost + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + last,
         "400",
         ""},
        {"unknown coding",
         kPost + "Transfer-Encoding: gzip\r\n\r\n" + last,
         "501",
         "UNIMPLEMENTED"},
        {"bad chunk", chunked + "3\r\nabcd\r\n0\r\n\r\n" + last, "400", "VALIDATION_ERROR"},
        {"bad chunk size", chunked + "zz\r\nabcd\r\n0\r\n\r\n" + last, "400", "VALIDATION_ERROR"},
        {"trailers too large",
         chunked + "0\r\nA: " + std::string(20'000, 'x') + "\r\n\r\n",
         "400",
         "VALIDATION_ERROR"},
        {"truncated", kPost + "Content-Length: 10\r\n\r\nabc", "400", "VALIDATION_ERROR"},
        {"truncated chunks", chunked + "3\r\nabc\r\n", "400", "VALIDATION_ERROR"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        RawClient client(endpoint_);
        client.write(c.send);
        client.shut_write();
        const auto answer = client.read_all();
        EXPECT_NE(answer.find(c.contains), answer.npos) << answer;
        const auto at = answer.rfind("HTTP/1.1 ");
        ASSERT_NE(at, answer.npos) << answer;
        EXPECT_EQ(answer.substr(at + 9, 3), c.status) << answer;
        // One answer at most after an error: the rest is not taken for a request.
        if (c.status != "200") {
            EXPECT_EQ(answer.find("GET /x"), answer.npos) << answer;
        }
    }
    EXPECT_TRUE(eventually([&] { return listener_->connections() == 0; }));
}

asio::awaitable<ServerResponse> with_trailers(std::shared_ptr<ServerRequest>) {
    ServerResponse response;
    response.headers = {{"Trailer", "X-Sum"}, {"Content-Length", "3"}};
    response.stream = std::make_shared<Pipe>();
    response.trailers = [] { return Headers{{"X-Sum", "7"}}; };
    auto pushed = response.stream->push(chunk_of("abc"), Wait::for_ms(10));
    if (pushed) response.stream->finish();
    co_return response;
}

TEST_F(HttpTest, StreamsAreChunkedWithTrailers) {
    serve(with_trailers);
    RawClient client(endpoint_);
    client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const auto answer = client.read_all();
    EXPECT_TRUE(answer.ends_with("\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n")) << answer;
    EXPECT_NE(answer.find("Trailer: X-Sum\r\n"), answer.npos);
    EXPECT_EQ(answer.find("Content-Length"), answer.npos);
    RawClient old(endpoint_);
    old.write("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto plain = old.read_all();
    EXPECT_TRUE(plain.ends_with("\r\n\r\nabc")) << plain;
    RawClient head(endpoint_);
    head.write("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(head.read_all().ends_with("\r\n\r\n"));
}

TEST_F(HttpTest, SlowClientsAreDropped) {
    ServerLimits limits;
    limits.header_timeout_ms = 50;
    limits.idle_timeout_ms = 50;
    limits.body_idle_ms = 50;
    serve(echo, limits);
    struct Case {
        std::string name;
        std::string send;
        std::string answer;
    };
    const Case cases[] = {
        {"says nothing", "", ""},
        {"stops in the head", "GET / HT", "HTTP/1.1 408 "},
        {"stops in the body", kPost + "Content-Length: 5\r\n\r\nab", "HTTP/1.1 504 "},
        {"stays silent after a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 "},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        RawClient client(endpoint_);
        client.write(c.send);
        const auto start = SteadyClock::now();
        const auto answer = client.read_all();
        EXPECT_EQ(answer.substr(0, 13), c.answer) << answer;
        EXPECT_LT(SteadyClock::now() - start, 5s);
    }
}

TEST_F(HttpTest, SaysNoBeyondItsConnections) {
    ServerLimits limits;
    limits.connections_max = 1;
    serve(echo, limits);
    RawClient first(endpoint_);
    first.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    first.read_until("\r\n\r\n");
    RawClient second(endpoint_);
    second.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto answer = second.read_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
    first.close();
    EXPECT_TRUE(eventually([&] {
        auto got = send(request("/"));
        return got && got->status == 200;
    }));
}

struct Held {
    std::promise<CancelPtr> gone;
    PipePtr release = std::make_shared<Pipe>();
};

// Answers when `release` ends or the client leaves.
asio::awaitable<ServerResponse> hold(std::shared_ptr<Held> held,
                                     std::shared_ptr<ServerRequest> request) {
    ServerResponse response;
    auto body = co_await request->read_body(1000);
    held->gone.set_value(request->gone);
    const Wait wait = Wait::for_ms(15'000, request->gone);
    auto released = co_await held->release->async_pop(wait);
    response.body = released ? "released" : released.error().code;
    co_return response;
}

HttpHandler hold_with(const std::shared_ptr<Held>& held) {
    return
        [held](std::shared_ptr<ServerRequest> request) { return hold(held, std::move(request)); };
}

TEST_F(HttpTest, ALeavingClientCancelsItsRequest) {
    for (const std::string body : {"", "Content-Length: 3\r\n\r\nabc"}) {
        SCOPED_TRACE(body);
        const auto held = std::make_shared<Held>();
        serve(hold_with(held));
        RawClient client(endpoint_);
        client.write(kPost + (body.empty() ? "\r\n" : body));
        const auto gone = held->gone.get_future().get();
        EXPECT_FALSE(gone->cancelled());
        client.close();
        EXPECT_TRUE(eventually([&] { return gone->cancelled(); }));
        EXPECT_TRUE(eventually([&] { return listener_->connections() == 0; }));
    }
}

TEST_F(HttpTest, APipelinedRequestIsNoLeaving) {
    const auto held = std::make_shared<Held>();
    serve([held, first = std::make_shared<std::atomic<bool>>(true)](
              std::shared_ptr<ServerRequest> request) {
        return first->exchange(false) ? hold(held, std::move(request)) : echo(std::move(request));
    });
    RawClient client(endpoint_);
    client.write("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto gone = held->gone.get_future().get();
    client.write("GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    held->release->finish();
    const auto answer = client.read_all();
    EXPECT_FALSE(gone->cancelled());
    EXPECT_NE(answer.find("released"), answer.npos) << answer;
    EXPECT_NE(answer.find("GET /2"), answer.npos) << answer;
}

TEST_F(HttpTest, TheClientTellsWhyItGaveUp) {
    for (const bool cancels : {false, true}) {
        SCOPED_TRACE(cancels);
        const auto held = std::make_shared<Held>();
        serve(hold_with(held));
        const auto cancel = std::make_shared<Cancel>();
        const Wait wait = Wait::for_ms(cancels ? 15'000 : 50, cancel);
        auto answer = io_.start(client_->send(request("/"), 1000, wait));
        const auto gone = held->gone.get_future().get();
        if (cancels) cancel->cancel();
        const auto got = answer.get();
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().code, cancels ? "CANCELLED" : "TIMEOUT");
        EXPECT_TRUE(eventually([&] { return gone->cancelled(); }));
    }
}

}  // namespace
}  // namespace onex::host
