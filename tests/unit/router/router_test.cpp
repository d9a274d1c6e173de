#include "host/router/router.hpp"

#include "host/http/server.hpp"
#include "host/peer/peers.hpp"
#include "host/store/ids.hpp"
#include "tests/unit/plugin/plugin_fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <map>

namespace onex::host::test {
namespace {

const SigningKey kKey{"a:b", "a secret of sixteen", "b"};
const SigningKey kNextKey{"a:b:next", "another secret of it", "b"};

/// A request that came from nowhere.
class FakeRequest final : public ServerRequest {
  public:
    boost::asio::awaitable<Result<std::string>> read_body(std::uint64_t bytes_max) override {
        if (body.size() > bytes_max) co_return fail("PACKAGE_TOO_LARGE", "too large");
        co_return body;
    }
    PipePtr stream_body(std::uint64_t) override {
        auto pipe = std::make_shared<Pipe>();
        pipe->finish();
        return pipe;
    }
    [[nodiscard]] const Headers& trailers() const override { return none; }

    std::string body;
    Headers none;
};

class RouterTest : public PluginTest {
  protected:
    void SetUp() override {
        PluginTest::SetUp();
        gate = std::make_unique<Gate>(*runtime, key_list, "");
        router = std::make_unique<Router>(*runtime, *gate, HostHooks{});
        Listening::Serving serving;
        serving.nodes = {node};
        ASSERT_TRUE(serving.routes.add(node));
        listening->serve(std::move(serving));
        for (const char* name : {"work", "quick", "fill"}) {
            script.operations[name] = [this](const onex_request& request) {
                ++runs;
                flags = request.flags;
                caller.assign(request.caller.data, request.caller.size);
                on_worker = Workers::on_worker();
                return script.answer(request.token, "{}");
            };
        }
    }
    void TearDown() override {
        listening.reset();
        PluginTest::TearDown();
    }

    static std::shared_ptr<FakeRequest> request(const std::string& method,
                                                const std::string& path,
                                                const std::string& body = {}) {
        auto out = std::make_shared<FakeRequest>();
        out->method = method;
        out->target = out->path = path;
        out->body = body;
        out->remote_address = "192.0.2.1";
        out->gone = std::make_shared<Cancel>();
        return out;
    }
    static std::shared_ptr<FakeRequest> signed_request(const std::string& path,
                                                       const std::string& body,
                                                       const SigningKey& key = kKey) {
        auto out = request("POST", path, body);
        sign_request(out->headers, key, "laptop", "POST", path, body, now_us() / 1'000'000);
        return out;
    }
    ServerResponse ask(const std::shared_ptr<FakeRequest>& request) {
        const auto handler = router->handler(listening);
        return boost::asio::co_spawn(io.get_executor(), handler(request), boost::asio::use_future)
            .get();
    }

    const std::vector<SigningKey> key_list{kKey, kNextKey};
    std::unique_ptr<Gate> gate;
    std::unique_ptr<Router> router;
    std::shared_ptr<Listening> listening = std::make_shared<Listening>("test", false);
    std::atomic<int> runs{0};
    std::atomic<std::uint32_t> flags{0};
    std::atomic<bool> on_worker{false};
    std::string caller;  ///< read after the answer
};

TEST_F(RouterTest, TellsWhatIsWhereAndForWhom) {
    struct Case {
        const char* method;
        const char* path;
        unsigned status;
        const char* allow;
    };
    const Case cases[] = {
        {"GET", "/quick", 200, ""},
        {"HEAD", "/quick", 200, ""},
        {"POST", "/quick", 405, "GET, HEAD"},
        {"GET", "/work", 405, "POST"},
        {"POST", "/work", 401, ""},
        {"GET", "/nothing", 404, ""},
        {"POST", "/health", 405, "GET, HEAD"},
        {"GET", "/health", 200, ""},
        {"GET", "/onex/v1/operations", 401, ""},
        {"POST", "/onex/v1/operations", 405, "GET"},
        {"GET", "/onex/v1/cancel", 405, "POST"},
        {"POST", "/onex/v1/cancel", 401, ""},
        {"PUT", "/onex/v1/nodes/scripted/operations/work", 405, "POST"},
        {"POST", "/onex/v1/nodes/scripted/operations/work", 401, ""},
        {"POST", "/onex/v1/nodes/nobody/operations/work", 401, ""},
        {"POST", "/onex/v1/stop", 401, ""},
        {"GET", "/onex/v1/plugins", 401, ""},
        {"POST", "/onex/v1/plugins/scripted/reload", 401, ""},
        {"POST", "/onex/v1/plugins/scripted/reload/now", 404, ""},
        {"POST", "/onex/v1/config/reload", 401, ""},
        {"GET", "/onex/v1/nothing", 404, ""},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(std::string(c.method) + " " + c.path);
        const auto answer = ask(request(c.method, c.path));
        EXPECT_EQ(answer.status, c.status) << answer.body;
        EXPECT_EQ(answer.headers.get("Allow"), c.allow);
        EXPECT_FALSE(answer.headers.get("X-Correlation-Id").empty());
    }
    EXPECT_EQ(runs, 2);
}

TEST_F(RouterTest, WithoutATokenOnlyThisMachineAndNoForeignPageMayAsk) {
    const struct {
        const char* address;
        const char* host;
        const char* origin;
        bool may_ask;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1:8060", "", true},
        {"127.0.0.1", "localhost", "http://localhost", true},
        {"::1", "[::1]:8060", "http://[::1]:8060", true},
        {"192.0.2.1", "127.0.0.1:8060", "", false},
        {"127.0.0.1", "127.0.0.1:8060", "http://evil.example", false},
        {"127.0.0.1", "127.0.0.1:8060", "null", false},
        {"127.0.0.1", "127.0.0.1:8060", "http://127.0.0.1:9999", false},
        {"127.0.0.1", "evil.example:8060", "http://evil.example:8060", false},
        {"127.0.0.1", "", "", false},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(std::string(c.address) + " " + c.host + " " + c.origin);
        const auto asked = request("POST", "/work", "{}");
        asked->remote_address = c.address;
        asked->headers.add("Host", c.host);
        if (*c.origin != '\0') asked->headers.add("Origin", c.origin);
        const auto caller = gate->check_token(*asked);
        EXPECT_EQ(caller.has_value(), c.may_ask);
        if (!caller) EXPECT_EQ(caller.error().code, "AUTHENTICATION_FAILED");
    }
}

TEST_F(RouterTest, ACallerIsThePeerWhicheverOfItsKeysSigns) {
    EXPECT_EQ(ask(signed_request("/work", "{}")).status, 200U);
    EXPECT_EQ(caller, "peer:b");
    caller.clear();
    EXPECT_EQ(ask(signed_request("/work", "{}", kNextKey)).status, 200U);
    EXPECT_EQ(caller, "peer:b");
}

TEST_F(RouterTest, BelievesASignatureOnceAndForOneBody) {
    const auto good = signed_request("/work", R"({"n":1})");
    EXPECT_EQ(ask(good).status, 200U);
    EXPECT_EQ(flags, ONEX_REQUEST_FROM_PEER);
    EXPECT_EQ(ask(good).status, 401U);  // replayed
    const auto changed = signed_request("/work", R"({"n":1})");
    changed->body = R"({"n":2})";
    EXPECT_EQ(ask(changed).status, 401U);
    EXPECT_EQ(ask(signed_request("/work", "{")).status, 400U);
    EXPECT_EQ(ask(signed_request("/work", std::string(2 << 20, ' '))).status, 413U);
    // A contract says which operations peers may call.
    EXPECT_EQ(ask(signed_request("/onex/v1/nodes/scripted/operations/work", "{}")).status, 403U);
    EXPECT_EQ(ask(signed_request("/onex/v1/nodes/nobody/operations/work", "{}")).status, 404U);
    EXPECT_EQ(runs, 1);
}

TEST_F(RouterTest, TheTwoHeaderSignatureIsForWholeBodiesOnly) {
    const auto whole = request("POST", "/work", "{}");
    sign_deployment(whole->headers, kKey.secret, "{}", now_us() / 1'000'000);
    EXPECT_EQ(ask(whole).status, 200U);
    EXPECT_EQ(ask(whole).status, 401U);  // replayed
    const auto streamed = request("POST", "/fill", "bytes");
    sign_deployment(streamed->headers, kKey.secret, "bytes", now_us() / 1'000'000);
    EXPECT_EQ(ask(streamed).status, 401U);
    EXPECT_EQ(runs, 1);
}

TEST_F(RouterTest, LargeBodiesLeaveTheIoThread) {
    auto large = request("GET", "/quick", R"({"x":")" + std::string(100'000, 'x') + "\"}");
    EXPECT_EQ(ask(large).status, 200U);
    EXPECT_TRUE(on_worker);
    EXPECT_EQ(ask(request("GET", "/quick", "{}")).status, 200U);
    EXPECT_FALSE(on_worker);
}

TEST_F(RouterTest, KeysAreForThoseWhoAreSomebody) {
    for (int i = 0; i < 2; ++i) {
        auto anonymous = request("GET", "/quick");
        anonymous->headers.add("Idempotency-Key", "w/s/quick");
        EXPECT_EQ(ask(anonymous).status, 200U);
    }
    EXPECT_EQ(runs, 2);
    for (const auto& [key, status] :
         std::map<std::string, unsigned>{{"w/s/work", 200}, {std::string(2000, 'k'), 400}}) {
        for (int i = 0; i < 2; ++i) {
            auto named = request("POST", "/work", "{}");
            named->headers.add("Idempotency-Key", key);
            sign_request(
                named->headers, kKey, "laptop", "POST", "/work", "{}", now_us() / 1'000'000);
            EXPECT_EQ(ask(named).status, status);
        }
    }
    EXPECT_EQ(runs, 3);
}

/// A peer that calls us over a real connection, and what happens to our answers on their way.
class PeerStreamTest : public RouterTest {
  protected:
    using Change = std::function<void(ServerResponse&)>;
    /// What arrives of a stream of these bytes; or the error's code.
    std::string pour(const std::string& bytes, const Change& change) {
        script.operations["pour"] = [this, bytes](const onex_request& request) {
            const auto* stream = script.table<onex_stream_v1>(ONEX_STREAM_ID);
            for (const char byte : bytes) {
                onex_buf* buf = nullptr;
                stream->alloc(stream->ctx, &buf);
                buf->data[0] = static_cast<std::uint8_t>(byte);
                buf->size = 1;
                stream->write(stream->ctx, request.stream_out, {-1, request.token}, buf, nullptr);
                stream->release(stream->ctx, buf);
            }
            return script.answer(request.token, "{}");
        };
        const HttpHandler handler = [inner = router->handler(listening), change](auto request) {
            return changed(inner, change, std::move(request));
        };
        ListenAddress address;
        address.address = "127.0.0.1";
        auto server = listen(io.get_executor(), address, {}, handler);
        EXPECT_TRUE(server);
        PeerSection us;
        us.name = "b";
        us.host_id = "laptop";
        us.url = "http://127.0.0.1:" + std::to_string((*server)->port());
        PeerCall call;
        call.node = "scripted";
        call.operation = "pour";
        call.input = "{}";
        call.stream_out = std::make_shared<Pipe>(16);  // It is read after the call.
        const auto out = call.stream_out;
        Peers peer(*runtime, key_list);
        const auto told = boost::asio::co_spawn(io.get_executor(),
                                                peer.call(us, std::move(call), Wait::for_ms(5'000)),
                                                boost::asio::use_future)
                              .get();
        if (!told) return told.error().code;
        std::string arrived;
        while (auto chunk = out->pop(Wait::for_ms(5'000))) {
            if (!*chunk) return arrived;
            arrived += **chunk;
        }
        return "no end";
    }
    static boost::asio::awaitable<ServerResponse> changed(HttpHandler inner,
                                                          Change change,
                                                          std::shared_ptr<ServerRequest> request) {
        auto answer = co_await inner(std::move(request));
        if (!change) co_return answer;
        if (answer.stream) {
            // What has come out of it is hashed; before that the trailer would be of nothing.
            const auto first = co_await answer.stream->async_pop(Wait::for_ms(1'000));
            EXPECT_TRUE(first);
        }
        change(answer);
        co_return answer;
    }
    static void replace(ServerResponse& answer, const std::string& bytes) {
        answer.stream->close_reader();
        answer.stream = std::make_shared<Pipe>();
        EXPECT_TRUE(
            answer.stream->push(std::make_shared<const std::string>(bytes), Wait::for_ms(1'000)));
        answer.stream->finish();
    }
};

TEST_F(PeerStreamTest, IsBelievedWithItsTrailer) {
    EXPECT_EQ(pour("four", {}), "four");
    EXPECT_EQ(pour("", {}), "");
}

TEST_F(PeerStreamTest, IsNotBelievedWhenItWasChanged) {
    EXPECT_EQ(pour("x", [](auto& answer) { answer.trailers = {}; }), "AUTHENTICATION_FAILED");
    EXPECT_EQ(pour("x", [](auto& answer) { replace(answer, "y"); }), "CHECKSUM_MISMATCH");
    EXPECT_EQ(pour("",
                   [](auto& answer) {
                       answer.stream = std::make_shared<Pipe>();
                       replace(answer, "y");
                   }),
              "AUTHENTICATION_FAILED");
    EXPECT_EQ(pour("x",
                   [](auto& answer) {
                       // Cut off before its first byte.
                       answer.stream->close_reader();
                       answer.stream.reset();
                       answer.trailers = {};
                   }),
              "AUTHENTICATION_FAILED");
    const auto forged = [](ServerResponse& answer) {
        replace(answer, "y");
        answer.trailers = [] { return sign_trailer({"a:b", "a guessed secret", "b"}, "", 1, "y"); };
    };
    EXPECT_EQ(pour("x", forged), "AUTHENTICATION_FAILED");
}

}  // namespace
}  // namespace onex::host::test
