// The client with its breakers, against a server that comes and goes.
#include "host/breaker/guarded_client.hpp"

#include "host/async/signal.hpp"
#include "host/metrics.hpp"
#include "tests/unit/http/http_fixture.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/this_coro.hpp>

namespace onex::host {
namespace {

/// Nothing is let through again while a test runs.
constexpr BreakerLimits kPatient{3, std::chrono::hours(1)};
/// Everything goes quickly.
constexpr BreakerLimits kQuick{3, 100ms};

class GuardedClientTest : public HttpTest {
  protected:
    /// The listener, if there is one, becomes the peer `studio`.
    void guard(BreakerLimits limits, std::chrono::milliseconds look_every = std::chrono::hours(1)) {
        std::vector<PeerSection> peers;
        if (endpoint_.port != 0) {
            peers.emplace_back();
            peers.back().name = "studio";
            peers.back().url = "http://127.0.0.1:" + std::to_string(endpoint_.port);
        }
        auto inner = make_http_client(io_.executor(), {});
        client_ = std::make_unique<GuardedClient>(
            io_.executor(), std::move(inner), limits, look_every, peers, metrics_);
    }
    /// The server goes; its connections, too.
    void leave() { listener_.reset(); }
    void come_back(const HttpHandler& handler = echo) {
        ListenAddress address;
        address.port = endpoint_.port;
        serve(handler, {}, address);
    }
    void fail_times(int count) {
        for (int i = 0; i < count; ++i)
            EXPECT_EQ(send(request("/")).error().code, "REMOTE_ENDPOINT_UNREACHABLE");
    }
    [[nodiscard]] bool is_refused() {
        const auto got = send(request("/"));
        return !got && got.error().message.find("circuit breaker") != std::string::npos;
    }
    [[nodiscard]] BreakerView view() const {
        const auto all = static_cast<const GuardedClient&>(*client_).breakers();
        return all.empty() ? BreakerView{} : all.front();
    }
    [[nodiscard]] bool shows(const std::string& line) const {
        return metrics_.scrape().find(line + "\n") != std::string::npos;
    }

    Metrics metrics_;

    void TearDown() override { client_.reset(); }  // before the metrics
};

TEST_F(GuardedClientTest, RefusesCallsToAPeerThatIsGone) {
    serve(echo);
    guard(kPatient);
    EXPECT_TRUE(send(request("/")));
    EXPECT_TRUE(shows(R"(onex_circuit_breaker_state{to="studio"} 0)"));
    leave();
    fail_times(2);
    EXPECT_EQ(view().state, BreakerState::closed);
    fail_times(1);
    EXPECT_TRUE(shows(R"(onex_circuit_breaker_state{to="studio"} 2)"));
    EXPECT_TRUE(shows(R"(onex_circuit_breaker_opened_total{to="studio"} 1)"));
    const auto got = send(request("/"));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, "REMOTE_ENDPOINT_UNREACHABLE");
    for (const auto* part :
         {"circuit breaker to studio is open since", "Connection refused", "try"})
        EXPECT_NE(got.error().message.find(part), std::string::npos) << got.error().message;
    EXPECT_NE(got.error().details.find(R"("to":"studio")"), std::string::npos);
    EXPECT_TRUE(code_info(got.error().code).retryable);
    const auto seen = view();
    EXPECT_EQ(seen.to, "studio");
    EXPECT_EQ(seen.failures, 3U);
    EXPECT_GT(seen.opened_us, 0);
    EXPECT_GT(seen.next_try_us, seen.opened_us);
    // It has its rest also when somebody is there again.
    come_back();
    EXPECT_TRUE(is_refused());
}

TEST_F(GuardedClientTest, LetsCallsThroughSoonAfterThePeerIsBack) {
    serve(echo);
    guard(kQuick);
    leave();
    EXPECT_TRUE(eventually([&] { return is_refused(); }));
    come_back();
    EXPECT_TRUE(eventually([&] { return send(request("/")).has_value(); }));
    EXPECT_EQ(view().state, BreakerState::closed);
    EXPECT_EQ(view().failures, 0U);
    EXPECT_TRUE(shows(R"(onex_circuit_breaker_state{to="studio"} 0)"));
}

TEST_F(GuardedClientTest, SeesAPeerThatIsBackAlsoWhenNobodyCalls) {
    serve(echo);
    guard(kQuick, 300ms);
    leave();
    EXPECT_TRUE(eventually([&] { return is_refused(); }));
    come_back();
    EXPECT_TRUE(eventually([&] { return view().state == BreakerState::half_open; }));
    EXPECT_TRUE(shows(R"(onex_circuit_breaker_state{to="studio"} 1)"));
    EXPECT_TRUE(send(request("/")));
    EXPECT_EQ(view().state, BreakerState::closed);
}

TEST_F(GuardedClientTest, EndsWhileItProbes) {
    serve(echo);
    guard(kQuick, 300ms);
    leave();
    fail_times(3);
    client_.reset();  // does not hang
    EXPECT_TRUE(shows(R"(onex_circuit_breaker_state{to="studio"} 2)"));
}

TEST_F(GuardedClientTest, TakesAnyStatusForAnAnswer) {
    auto busy = [](std::shared_ptr<ServerRequest>) -> asio::awaitable<ServerResponse> {
        ServerResponse response;
        response.status = 503;
        response.body = std::string(1'000, 'x');
        co_return response;
    };
    serve(busy);
    guard(kPatient);
    for (int i = 0; i < 10; ++i) {
        const auto got = send(request("/"));
        ASSERT_TRUE(got);
        EXPECT_EQ(got->status, 503U);
        EXPECT_TRUE(open(request("/")));
    }
    auto too_large = client_->send(request("/"), 10, Wait::for_ms(5'000));
    EXPECT_EQ(io_.run(std::move(too_large)).error().code, "PACKAGE_TOO_LARGE");
    EXPECT_EQ(view().failures, 0U);
}

TEST_F(GuardedClientTest, DoesNotCountWhatTheCallerEnds) {
    auto silent = [](std::shared_ptr<ServerRequest> asked) -> asio::awaitable<ServerResponse> {
        const auto executor = co_await asio::this_coro::executor;
        const auto gone = std::make_shared<Signal>(executor);
        const auto registration = asked->gone->on_cancel([gone] { gone->fire(); });
        const auto until = deadline_in(60'000);
        co_await gone->wait(until);
        co_return ServerResponse{};
    };
    serve(silent);
    guard(kPatient);
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(send(request("/"), 5).error().code, "TIMEOUT");
    for (int i = 0; i < 5; ++i) {
        const auto cancel = std::make_shared<Cancel>();
        auto work = io_.start(client_->send(request("/"), 100, Wait::for_ms(15'000, cancel)));
        cancel->cancel();
        EXPECT_EQ(work.get().error().code, "CANCELLED");
    }
    EXPECT_EQ(send(request("/a b")).error().code, "VALIDATION_ERROR");
    EXPECT_EQ(view().failures, 0U);
}

/// Takes connections on a free port, and closes them at the first byte, without a word.
class Breaking {
  public:
    explicit Breaking(const asio::any_io_executor& executor)
        : acceptor_(executor, {asio::ip::make_address("127.0.0.1"), 0}) {
        take();
    }
    ~Breaking() {
        std::promise<void> closed;
        asio::post(acceptor_.get_executor(), [&] {
            acceptor_.close();
            closed.set_value();
        });
        closed.get_future().wait();
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  private:
    void take() {
        acceptor_.async_accept([this](boost::system::error_code ec, asio::ip::tcp::socket socket) {
            if (ec) return;
            char byte = 0;
            asio::read(socket, asio::buffer(&byte, 1), ec);
            socket.close(ec);
            take();
        });
    }
    asio::ip::tcp::acceptor acceptor_;
};

TEST_F(GuardedClientTest, CountsConnectionsThatBreakWithoutAnAnswer) {
    IoThreads other(1);
    const Breaking breaking(other.executor());
    endpoint_.host = "127.0.0.1";
    endpoint_.port = breaking.port();
    guard(kPatient);
    // A body that is streamed may be what broke.
    for (int i = 0; i < 5; ++i) {
        auto upload = request("/");
        upload.method = "POST";
        upload.stream = std::make_shared<Pipe>();
        upload.stream->fail({"TRANSFER_FAILED", "the source went away", {}, {}});
        EXPECT_EQ(send(upload).error().code, "TRANSFER_FAILED");
    }
    EXPECT_EQ(view().failures, 0U);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(send(request("/")).error().code, "TRANSFER_FAILED");
    EXPECT_TRUE(is_refused());
    EXPECT_EQ(send(request("/")).error().code, "TRANSFER_FAILED");  // as without a breaker
}

TEST_F(GuardedClientTest, LetsGoOfTheBodyThatItDoesNotSend) {
    serve(echo);
    guard(kPatient);
    leave();
    fail_times(3);
    auto upload = request("/");
    upload.method = "POST";
    upload.stream = std::make_shared<Pipe>();
    EXPECT_FALSE(send(upload));
    EXPECT_TRUE(upload.stream->abandoned());
}

TEST_F(GuardedClientTest, LeavesOtherAddressesAlone) {
    serve(echo);
    const auto port = endpoint_.port;
    endpoint_.port = 0;
    guard(kPatient);
    endpoint_.port = port;
    EXPECT_TRUE(send(request("/")));
    leave();
    fail_times(10);
    EXPECT_FALSE(is_refused());
    EXPECT_EQ(static_cast<const GuardedClient&>(*client_).breakers().size(), 0U);
}

TEST_F(GuardedClientTest, KnowsDockerEnginesByTheirSocketOrTheirAnswer) {
    guard(kPatient);
    const TempDir folder;
    endpoint_.unix_path = folder.file("docker.sock");
    fail_times(3);
    EXPECT_TRUE(is_refused());
    EXPECT_EQ(view().to, "unix:" + endpoint_.unix_path);
    // Another socket is another engine.
    endpoint_.unix_path = folder.file("podman.sock");
    fail_times(1);
    EXPECT_FALSE(is_refused());

    auto engine = [](std::shared_ptr<ServerRequest>) -> asio::awaitable<ServerResponse> {
        ServerResponse response;
        response.headers.add("Server", "Docker/27.5.1 (linux)");
        co_return response;
    };
    serve(engine);
    EXPECT_TRUE(send(request("/version")));
    leave();
    fail_times(3);
    EXPECT_TRUE(is_refused());
    EXPECT_EQ(view().to, "tcp:127.0.0.1:" + std::to_string(endpoint_.port));
}

TEST_F(GuardedClientTest, CanBeLeftOut) {
    serve(echo);
    guard({0, 100ms});
    leave();
    fail_times(10);
    EXPECT_FALSE(is_refused());
    EXPECT_EQ(view().state, BreakerState::closed);
}

}  // namespace
}  // namespace onex::host
