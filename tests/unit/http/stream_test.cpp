#include "http_fixture.hpp"

#include <blake3.h>

#include <array>
#include <atomic>

namespace onex::host {
namespace {

class Hash {
  public:
    Hash() { blake3_hasher_init(&hasher_); }
    void add(const std::string& bytes) {
        blake3_hasher_update(&hasher_, bytes.data(), bytes.size());
    }
    std::string hex() {
        std::array<std::uint8_t, 32> out{};
        blake3_hasher_finalize(&hasher_, out.data(), out.size());
        return url_encode({reinterpret_cast<const char*>(out.data()), out.size()});
    }

  private:
    blake3_hasher hasher_;
};

// Pushes `bytes` bytes that don't repeat, from a thread; the future gives their hash, or the
// error's code.
std::future<std::string> produce(PipePtr pipe, std::uint64_t bytes, bool finish = true) {
    return std::async(std::launch::async, [=] {
        Hash hash;
        std::string block(200'000, '\0');
        for (std::uint64_t sent = 0; sent < bytes;) {
            block.resize(std::min<std::uint64_t>(block.size(), bytes - sent));
            for (std::size_t i = 0; i < block.size(); i += 64) {
                block[i] = static_cast<char>((sent + i) * 2654435761u >> 13);
            }
            hash.add(block);
            auto pushed = pipe->push(chunk_of(block), Wait::for_ms(15'000));
            if (!pushed) return pushed.error().code;
            sent += block.size();
        }
        if (finish) pipe->finish();
        return hash.hex();
    });
}

// The hash of what comes out, or the error's code.
std::string consume(const PipePtr& pipe) {
    Hash hash;
    for (;;) {
        auto chunk = pipe->pop(Wait::for_ms(15'000));
        if (!chunk) return chunk.error().code;
        if (!*chunk) return hash.hex();
        hash.add(**chunk);
    }
}

asio::awaitable<ServerResponse> reflect(std::shared_ptr<ServerRequest> request) {
    ServerResponse response;
    response.stream = request->stream_body(std::uint64_t{1} << 40);
    co_return response;
}

asio::awaitable<ServerResponse> refuse(std::shared_ptr<ServerRequest>) {
    ServerResponse response;
    response.status = 401;
    response.body = "no";
    co_return response;
}

// Answers with the error's code, or the number of bytes and trailer X-Sum.
asio::awaitable<ServerResponse> count(std::shared_ptr<ServerRequest> request) {
    ServerResponse response;
    const auto body = request->stream_body(10'000'000);
    const Wait wait = Wait::for_ms(15'000);
    std::uint64_t bytes = 0;
    for (;;) {
        auto chunk = co_await body->async_pop(wait);
        if (!chunk) {
            response.status = code_info(chunk.error().code).http_status;
            response.body = chunk.error().code;
            co_return response;
        }
        if (!*chunk) break;
        bytes += (*chunk)->size();
    }
    response.body = std::to_string(bytes) + " " + std::string(request->trailers().get("X-Sum")) +
                    std::string(request->headers.get("X-Sum"));
    co_return response;
}

TEST_F(HttpTest, StreamsBothWaysAtOnce) {
    const TempDir folder;
    ListenAddress tls;
    tls.tls_cert_file = folder.file("cert");
    tls.tls_key_file = folder.file("key");
    const auto pin = *ensure_tls_key(tls.tls_cert_file, tls.tls_key_file, "x");
    ListenAddress local;
    local.unix_path = folder.file("s");
    struct Case {
        std::string name;
        ListenAddress address;
        bool length;
    };
    const Case cases[] = {{"tcp", {}, false}, {"unix", local, true}, {"tls", tls, false}};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        serve(reflect, {}, c.address);
        endpoint_.fingerprint = endpoint_.tls ? pin : "";
        constexpr std::uint64_t bytes = 64 << 20;
        auto upload = request("/");
        upload.method = "POST";
        upload.stream = std::make_shared<Pipe>();
        if (c.length) upload.content_length = bytes;
        auto sent = produce(upload.stream, bytes);
        auto got = open(upload);
        ASSERT_TRUE(got) << got.error().message;
        const auto received = consume(got->stream);  // first, or the sender never ends
        EXPECT_EQ(received, sent.get());
        EXPECT_EQ(got->stream->bytes_through(), bytes);
    }
}

TEST_F(HttpTest, HearsAnEarlyAnswer) {
    serve(refuse);
    for (const bool expect : {false, true}) {
        SCOPED_TRACE(expect);
        auto upload = request("/");
        upload.method = "POST";
        upload.stream = std::make_shared<Pipe>();
        upload.expect_continue = expect;
        auto sent = produce(upload.stream, 64 << 20);
        auto got = send(upload);
        ASSERT_TRUE(got) << got.error().message;
        EXPECT_EQ(got->status, 401u);
        EXPECT_EQ(got->body, "no");
        EXPECT_EQ(sent.get(), "CANCELLED");
        if (expect) {  // none was sent
            EXPECT_LE(upload.stream->bytes_through(), 400'000u);
        }
    }
}

TEST_F(HttpTest, ContinuesWhenTheServerWantsTheBody) {
    serve(count);
    for (const bool stream : {false, true}) {
        auto upload = request("/", std::string(1'000'000, 'x'));
        upload.expect_continue = true;
        if (stream) {
            upload.body.clear();
            upload.stream = std::make_shared<Pipe>();
        }
        std::future<std::string> sent;
        if (stream) sent = produce(upload.stream, 1'000'000);
        const auto start = SteadyClock::now();
        auto got = send(upload);
        ASSERT_TRUE(got) << got.error().message;
        EXPECT_EQ(got->body, "1000000 ");
        EXPECT_LT(SteadyClock::now() - start, 900ms);  // 1 s would be the fallback
    }
}

TEST_F(HttpTest, TrailersStayApartFromTheHead) {
    serve(count);
    auto upload = request("/");
    upload.method = "POST";
    upload.headers.add("X-Sum", "head");
    upload.stream = std::make_shared<Pipe>();
    upload.trailers = [] { return Headers{{"X-Sum", "trailer"}}; };
    auto sent = produce(upload.stream, 1000);
    auto got = send(upload);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->body, "1000 trailerhead");
}

TEST_F(HttpTest, BrokenRequestStreams) {
    serve(count);
    struct Case {
        std::string name;
        std::optional<std::uint64_t> announced;
        std::uint64_t pushed;
        std::string fail;   // the error that ends the stream, or empty
        std::string error;  // of send(); empty: an answer comes
        unsigned status;
        std::string body;
    };
    const Case cases[] = {
        {"good", 1'000'000, 1'000'000, "", "", 200, "1000000 "},
        {"too short", 1'000'000, 999'999, "", "VALIDATION_ERROR", 0, ""},
        {"too long", 999'999, 1'000'000, "", "VALIDATION_ERROR", 0, ""},
        {"source fails", {}, 1'000'000, "BUILD_FAILED", "BUILD_FAILED", 0, ""},
        {"over the server's limit", {}, 20'000'000, "", "", 413, "PACKAGE_TOO_LARGE"},
        {"announced over the limit", 20'000'000, 20'000'000, "", "", 413, "PACKAGE_TOO_LARGE"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        auto upload = request("/");
        upload.method = "POST";
        upload.stream = std::make_shared<Pipe>();
        upload.content_length = c.announced;
        auto sent = produce(upload.stream, c.pushed, c.fail.empty());
        if (!c.fail.empty()) {
            sent = std::async(std::launch::async, [&, before = std::move(sent)]() mutable {
                auto code = before.get();
                upload.stream->fail({c.fail, "", {}, {}});
                return code;
            });
        }
        auto got = send(upload);
        ASSERT_EQ(got ? "" : got.error().code, c.error) << (got ? "" : got.error().message);
        if (!got) continue;
        EXPECT_EQ(got->status, c.status);
        EXPECT_EQ(got->body, c.body);
    }
}

struct Streaming {
    PipePtr pipe = std::make_shared<Pipe>();
    std::promise<CancelPtr> gone;
};

asio::awaitable<ServerResponse> respond(std::shared_ptr<Streaming> state,
                                        std::shared_ptr<ServerRequest> request) {
    ServerResponse response;
    response.stream = state->pipe;
    state->gone.set_value(request->gone);
    co_return response;
}

HttpHandler respond_with(const std::shared_ptr<Streaming>& state) {
    return [state](std::shared_ptr<ServerRequest> request) {
        return respond(state, std::move(request));
    };
}

TEST_F(HttpTest, AFailingAnswerIsNotAWholeOne) {
    const auto state = std::make_shared<Streaming>();
    serve(respond_with(state));
    auto got = open(request("/"));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->status, 200u);
    ASSERT_TRUE(state->pipe->push(chunk_of("part"), Wait::for_ms(5000)));
    auto first = got->stream->pop(Wait::for_ms(5000));  // not held back
    ASSERT_TRUE(first);
    EXPECT_EQ(**first, "part");
    state->pipe->fail({"INTERNAL", "", {}, {}});
    EXPECT_EQ(consume(got->stream), "TRANSFER_FAILED");
}

TEST_F(HttpTest, AReaderThatLeavesEndsTheStreamAtItsSource) {
    const auto state = std::make_shared<Streaming>();
    serve(respond_with(state));
    auto got = open(request("/"));
    ASSERT_TRUE(got);
    got->stream->close_reader();
    const auto gone = state->gone.get_future().get();
    EXPECT_TRUE(eventually([&] { return gone->cancelled() && state->pipe->abandoned(); }));
    EXPECT_EQ(state->pipe->push(chunk_of("x"), Wait::for_ms(5000)).error().code, "CANCELLED");
}

TEST_F(HttpTest, ASilentAnswerEnds) {
    const auto state = std::make_shared<Streaming>();
    serve(respond_with(state));
    auto got = open(request("/"), 50);
    ASSERT_TRUE(got);
    EXPECT_EQ(consume(got->stream), "TIMEOUT");
    EXPECT_TRUE(eventually([&] { return state->pipe->abandoned(); }));
}

// One request at a time on each end: a slow reader stops the writer, whatever the size.
TEST_F(HttpTest, BackpressureReachesTheSource) {
    const auto state = std::make_shared<Streaming>();
    serve(respond_with(state));
    auto got = open(request("/"));
    ASSERT_TRUE(got);
    const std::string block(256 * 1024, 'x');
    std::uint64_t pushed = 0;
    while (state->pipe->push(chunk_of(block), Wait::for_ms(200)))
        pushed += block.size();
    EXPECT_LT(pushed, 40u << 20);  // socket buffers and a few chunks
    state->pipe->finish();
    std::uint64_t read = 0;
    for (;;) {
        auto chunk = got->stream->pop(Wait::for_ms(5000));
        ASSERT_TRUE(chunk);
        if (!*chunk) break;
        read += (*chunk)->size();
    }
    EXPECT_EQ(read, pushed);
}

}  // namespace
}  // namespace onex::host
