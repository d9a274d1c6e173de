#include "host/async/report.hpp"
#include "http_fixture.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/stat.h>

#include <atomic>
#include <mutex>

namespace onex::host {
namespace {

TEST_F(HttpTest, RoundTripsOverTcp) {
    serve(echo);
    auto got = send(request("/a%20b?x=1"));
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->status, 200u);
    EXPECT_EQ(got->body, "GET /a%20b?x=1 ");
    EXPECT_EQ(got->headers.get("content-type"), "text/plain");
    const std::string large(800'000, 'x');
    auto posted = send(request("/", large));
    ASSERT_TRUE(posted) << posted.error().message;
    EXPECT_EQ(posted->body, "POST / " + large);
    auto head = request("/");
    head.method = "HEAD";
    auto none = send(head);
    ASSERT_TRUE(none) << none.error().message;
    EXPECT_EQ(none->body, "");
    EXPECT_EQ(none->headers.get("Content-Length"), "7");  // of "HEAD / "
}

TEST_F(HttpTest, ReusesItsConnection) {
    serve(echo);
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(send(request("/", std::to_string(i))));
        EXPECT_EQ(listener_->connections(), 1u);
    }
}

TEST_F(HttpTest, RoundTripsOverAUnixSocket) {
    const TempDir folder;
    ListenAddress address;
    address.unix_path = folder.file("s");
    serve(echo, {}, address);
    struct stat found{};
    ASSERT_EQ(::stat(address.unix_path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600u);
    auto got = send(request("/x", "y"));
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->body, "POST /x y");
    auto second = listen(io_.executor(), address, {}, echo);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "CONFLICT");
}

TEST_F(HttpTest, ReplacesAStaleSocketButNoFile) {
    const TempDir folder;
    ListenAddress address;
    address.unix_path = folder.file("s");
    {
        asio::io_context io;
        asio::local::stream_protocol::acceptor old(io, address.unix_path);
    }
    serve(echo, {}, address);
    EXPECT_TRUE(send(request("/")));
    address.unix_path = folder.file("file");
    std::fclose(std::fopen(address.unix_path.c_str(), "w"));
    EXPECT_EQ(listen(io_.executor(), address, {}, echo).error().code, "CONFLICT");
    EXPECT_TRUE(std::filesystem::exists(address.unix_path));
}

TEST_F(HttpTest, RoundTripsOverTls) {
    const TempDir folder;
    ListenAddress address;
    address.tls_cert_file = folder.file("tls/cert.pem");
    address.tls_key_file = folder.file("tls/key.pem");
    auto pin = ensure_tls_key(address.tls_cert_file, address.tls_key_file, "studio");
    ASSERT_TRUE(pin) << pin.error().message;
    EXPECT_EQ(pin->size(), 64u);
    EXPECT_EQ(*ensure_tls_key(address.tls_cert_file, address.tls_key_file, "other"), *pin);
    struct stat found{};
    ASSERT_EQ(::stat(address.tls_key_file.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600u);
    ASSERT_EQ(::stat(folder.file("tls").c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0700u);
    serve(echo, {}, address);
    struct Case {
        std::string name;
        std::string fingerprint;
        bool good;
    };
    std::string upper = *pin;
    for (char& c : upper)
        c = static_cast<char>(std::toupper(c));
    const Case cases[] = {{"right pin", *pin, true},
                          {"upper case", upper, true},
                          {"wrong pin", std::string(64, '0'), false},
                          {"trust store", "", false}};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        endpoint_.fingerprint = c.fingerprint;
        const std::string large(300'000, 'x');
        auto got = send(request("/", large));
        ASSERT_EQ(got.has_value(), c.good);
        if (!c.good) {
            EXPECT_EQ(got.error().code, "REMOTE_ENDPOINT_UNREACHABLE");
            continue;
        }
        EXPECT_EQ(got->body.size(), large.size() + 7);
        EXPECT_EQ(got->peer_fingerprint, *pin);
        const auto open_now = listener_->connections();
        EXPECT_TRUE(send(request("/")));
        EXPECT_EQ(listener_->connections(), open_now);  // the same one again
    }
    endpoint_.tls = false;  // clear text to a TLS port
    EXPECT_FALSE(send(request("/")));
}

TEST_F(HttpTest, RefusesBadAddresses) {
    struct Case {
        std::string name;
        ListenAddress address;
        std::string code;
    };
    serve(echo);
    const Case cases[] = {
        {"taken", {"127.0.0.1", listener_->port(), "", "", ""}, "CONFLICT"},
        {"name", {"example.org", 0, "", "", ""}, "VALIDATION_ERROR"},
        {"empty", {"", 0, "", "", ""}, "VALIDATION_ERROR"},
        {"not ours", {"192.0.2.1", 0, "", "", ""}, "VALIDATION_ERROR"},
        {"no key", {"127.0.0.1", 0, "", "/nowhere/cert", "/nowhere/key"}, "VALIDATION_ERROR"},
        {"long path", {"", 0, "/" + std::string(200, 'x'), "", ""}, "VALIDATION_ERROR"},
        {"no folder", {"", 0, "/nowhere/at/all", "", ""}, "VALIDATION_ERROR"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        auto listener = listen(io_.executor(), c.address, {}, echo);
        ASSERT_FALSE(listener);
        EXPECT_EQ(listener.error().code, c.code) << listener.error().message;
    }
}

TEST_F(HttpTest, SaysWhyItCannotConnect) {
    serve(echo);
    struct Case {
        std::string name;
        std::string host;
        std::string unix_path;
    };
    const auto port = listener_->port();
    listener_.reset();
    const Case cases[] = {{"refused", "127.0.0.1", ""},
                          {"no such host", "no-such-host.invalid", ""},
                          {"no socket", "", "/nowhere/docker.sock"}};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        endpoint_ = {c.host, port, false, c.unix_path, ""};
        auto got = send(request("/"));
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().code, "REMOTE_ENDPOINT_UNREACHABLE") << got.error().message;
    }
    auto bad = request("/a b");
    EXPECT_EQ(send(bad).error().code, "VALIDATION_ERROR");
}

asio::awaitable<ServerResponse> misbehave(std::shared_ptr<ServerRequest> request) {
    ServerResponse response;
    if (request->path == "/throw") throw std::runtime_error("secret");
    if (request->path == "/204") response.status = 204;
    if (request->path == "/big") response.body = std::string(1000, 'x');
    if (request->path == "/unread") response.status = 401;
    co_return response;
}

TEST_F(HttpTest, AnswersEvenWhenTheHandlerThrows) {
    static std::mutex mutex;
    static std::string reported;
    set_fault_reporter([](std::string_view message) noexcept {
        const std::scoped_lock lock(mutex);
        reported = message;
    });
    serve(misbehave);
    for (const std::string given : {"", "my-id", "no \" id"}) {
        SCOPED_TRACE(given);
        auto throws = request("/throw");
        if (!given.empty()) throws.headers.add("X-Correlation-Id", given);
        auto got = send(throws);
        ASSERT_TRUE(got);
        EXPECT_EQ(got->status, 500u);
        EXPECT_NE(got->body.find(R"("code":"INTERNAL")"), got->body.npos);
        EXPECT_EQ(got->body.find("secret"), got->body.npos);
        const std::string id(got->headers.get("X-Correlation-Id"));
        EXPECT_EQ(id == given, given == "my-id");
        ASSERT_FALSE(id.empty());
        EXPECT_NE(got->body.find(R"("correlation_id":")" + id + '"'), got->body.npos);
        const std::scoped_lock lock(mutex);
        EXPECT_NE(reported.find("GET /throw"), reported.npos) << reported;
        EXPECT_NE(reported.find(id), reported.npos) << reported;
        EXPECT_NE(reported.find("secret"), reported.npos) << reported;
    }
    set_fault_reporter(nullptr);
    auto none = send(request("/204"));
    ASSERT_TRUE(none);
    EXPECT_EQ(none->headers.count("Content-Length"), 0u);
    EXPECT_EQ(listener_->connections(), 1u);
}

TEST_F(HttpTest, BoundsTheAnswer) {
    serve(misbehave);
    auto got = io_.run(client_->send(request("/big"), 999, Wait::for_ms(5000)));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, "PACKAGE_TOO_LARGE");
    EXPECT_TRUE(io_.run(client_->send(request("/big"), 1000, Wait::for_ms(5000))));
}

TEST_F(HttpTest, KeepsTheConnectionOverASmallUnreadBody) {
    serve(misbehave);
    for (int i = 0; i < 3; ++i) {
        auto got = send(request("/unread", std::string(60'000, 'x')));
        ASSERT_TRUE(got) << got.error().message;
        EXPECT_EQ(got->status, 401u);
        EXPECT_EQ(got->headers.count("Connection"), 0u);
    }
    auto large = send(request("/unread", std::string(5'000'000, 'x')));
    ASSERT_TRUE(large) << large.error().message;
    EXPECT_EQ(large->status, 401u);
    EXPECT_EQ(large->headers.get("Connection"), "close");
}

// Answers the first request of the first connection and takes the second one without a word; then
// it answers.
asio::awaitable<void> lose_the_second(std::shared_ptr<asio::ip::tcp::acceptor> acceptor,
                                      std::shared_ptr<std::atomic<int>> seen) {
    const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (;;) {
        auto socket = co_await acceptor->async_accept(asio::use_awaitable);
        for (bool answered = true; answered;) {
            std::string text;
            auto head = asio::dynamic_buffer(text);
            boost::system::error_code ec;
            co_await asio::async_read_until(
                socket, head, "\r\n\r\n", asio::redirect_error(asio::use_awaitable, ec));
            if (ec) break;
            answered = ++*seen != 2;
            const auto answer = asio::buffer(ok);
            if (answered)
                co_await asio::async_write(
                    socket, answer, asio::redirect_error(asio::use_awaitable, ec));
        }
    }
}

TEST_F(HttpTest, RepeatsALostRequestOnlyWhereThatDoesNoHarm) {
    struct Case {
        const char* name;
        std::string body;
        bool is_signed;
        bool repeated;
    };
    const Case cases[] = {{"GET", "", false, true},
                          {"signed GET", "", true, false},
                          {"POST", "x", false, false},
                          {"signed POST", "x", true, false}};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto seen = std::make_shared<std::atomic<int>>(0);
        const asio::ip::tcp::endpoint any(asio::ip::address_v4::loopback(), 0);
        const auto acceptor = std::make_shared<asio::ip::tcp::acceptor>(io_.executor(), any);
        endpoint_.host = "127.0.0.1";
        endpoint_.port = acceptor->local_endpoint().port();
        const auto serving = io_.start(lose_the_second(acceptor, seen));
        ASSERT_TRUE(send(request("/")));
        auto second = request("/", c.body);
        if (c.is_signed) second.headers.add("X-Onex-Nonce", "0");
        auto got = send(second);
        EXPECT_EQ(got.has_value(), c.repeated);
        EXPECT_EQ(*seen, c.repeated ? 3 : 2);
        if (!got) {
            EXPECT_EQ(got.error().code, "TRANSFER_FAILED");
        }
    }
}

TEST_F(HttpTest, RepeatsOnAStaleConnection) {
    serve(echo);
    ASSERT_TRUE(send(request("/")));
    const auto port = listener_->port();
    listener_.reset();
    ListenAddress address;
    address.port = port;
    serve(echo, {}, address);
    EXPECT_TRUE(send(request("/", "again")));
}

}  // namespace
}  // namespace onex::host
