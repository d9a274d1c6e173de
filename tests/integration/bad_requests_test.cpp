// Bad days of requests: whatever is sent, one clear error comes back and the host goes on.
#include "host/ids.hpp"
#include "tests/integration/plain_host.hpp"

namespace onex::test {
namespace {

class BadRequests : public PlainHost {};

TEST_F(BadRequests, AreRefusedByTheirSignature) {
    host::SigningKey wrong_secret = key_;
    wrong_secret.secret = "a secret that only one knows";
    host::SigningKey unknown = key_;
    unknown.key_id = "attic:studio";
    const auto body = std::string(R"({"text":"hello"})");
    const struct {
        const char* name;
        host::ClientRequest request;
        std::string word;
    } cases[] = {
        {"unsigned", peer_call("echo"), "not signed"},
        {"wrong secret", sign(peer_call("echo"), wrong_secret, "studio", now_s()), "signature"},
        {"unknown key", sign(peer_call("echo"), unknown, "studio", now_s()), "signature"},
        {"for another host", sign(peer_call("echo"), key_, "attic", now_s()), "meant for"},
        {"stale", sign(peer_call("echo"), key_, "studio", now_s() - 310), "behind"},
        {"from the future", sign(peer_call("echo"), key_, "studio", now_s() + 400), "ahead"},
        {"other body than signed",
         [&] {
             auto request = sign(peer_call("echo", body), key_, "studio", now_s());
             request.body[9] ^= 1;
             return request;
         }(),
         "body"},
        {"other operation than signed",
         [&] {
             auto request = sign(peer_call("echo"), key_, "studio", now_s());
             request.target = "/onex/v1/nodes/plain/operations/refuse";
             return request;
         }(),
         "signature"},
        {"doubled header",
         [&] {
             auto request = sign(peer_call("echo"), key_, "studio", now_s());
             request.headers.add("X-Onex-Key", "laptop:studio");
             return request;
         }(),
         "more than once"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        expect_error(send(c.request), 401, "AUTHENTICATION_FAILED", c.word);
    }
    const auto good = send(sign(peer_call("echo", body), key_, "studio", now_s()));
    EXPECT_EQ(good.status, 200U) << good;
}

TEST_F(BadRequests, AreNotTakenTwiceNotEvenAfterACrash) {
    const auto request = sign(peer_call("echo"), key_, "studio", now_s());
    EXPECT_EQ(send(request).status, 200U);
    expect_error(send(request), 401, "AUTHENTICATION_FAILED", "before");
    host_->kill();
    ASSERT_TRUE(host_->start()) << host_->log();
    expect_error(send(request), 401, "AUTHENTICATION_FAILED", "before");
    const auto again = send(sign(peer_call("echo"), key_, "studio", now_s()));
    EXPECT_EQ(again.status, 200U) << again;
}

TEST_F(BadRequests, AreRefusedByTheirAddressBeforeAnythingElse) {
    auto request = peer_call("echo");
    request.target = "/onex/v1/nodes/fenced/operations/echo";
    expect_error(
        send(sign(request, key_, "studio", now_s())), 401, "AUTHENTICATION_FAILED", "address");
    const auto open = send(tcp(fenced_port_), "POST", "/echo", "not even JSON");
    expect_error(open, 401, "AUTHENTICATION_FAILED", "address");
}

TEST_F(BadRequests, AreAnsweredByTheAnswersSignature) {
    const auto request = sign(peer_call("echo"), key_, "studio", now_s());
    const auto answer = send(request);
    const auto nonce = request.headers.get("X-Onex-Nonce");
    const auto digest = host::sha256_hex(answer.body);
    EXPECT_TRUE(host::verify_response(key_, nonce, answer.status, digest, answer.headers));
    EXPECT_FALSE(host::verify_response(key_, nonce, 500, digest, answer.headers));
}

TEST_F(BadRequests, WithBodiesThatAreNoInput) {
    const std::string deep =
        "{\"text\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
    const struct {
        const char* name;
        std::string body;
        unsigned status;
        std::string code;
    } cases[] = {
        {"cut off", R"({"text":)", 400, "VALIDATION_ERROR"},
        {"an array", "[]", 400, "VALIDATION_ERROR"},
        {"a string", "\"text\"", 400, "VALIDATION_ERROR"},
        {"two values", "{} {}", 400, "VALIDATION_ERROR"},
        {"too deep", deep, 400, "VALIDATION_ERROR"},
        {"no UTF-8", "{\"text\":\"\xff\xfe\"}", 400, "VALIDATION_ERROR"},
        {"not a number", R"({"number":NaN})", 400, "VALIDATION_ERROR"},
        {"a number beyond all", R"({"number":1e999})", 400, "VALIDATION_ERROR"},
        {"a fraction", R"({"number":1.5})", 400, "VALIDATION_ERROR"},
        {"wrong type", R"({"text":7})", 400, "VALIDATION_ERROR"},
        {"unknown property", R"({"txet":"x"})", 400, "VALIDATION_ERROR"},
        {"too long by one",
         R"({"text":")" + std::string(1001, 'x') + "\"}",
         400,
         "VALIDATION_ERROR"},
        {"1 MB of text",
         R"({"text":")" + std::string(1'000'000, 'x') + "\"}",
         400,
         "VALIDATION_ERROR"},
        {"over the limit",
         R"({"text":")" + std::string(1 << 20, 'x') + "\"}",
         413,
         "PACKAGE_TOO_LARGE"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        expect_error(public_call("/echo", c.body), c.status, c.code);
    }
    const auto empty = public_call("/echo", "");
    EXPECT_EQ(empty.status, 200U) << empty;
}

TEST_F(BadRequests, ToWhereNothingIs) {
    expect_error(send(tcp(port_), "POST", "/nothing", "{}"), 404, "NOT_FOUND");
    expect_error(send(tcp(port_), "POST", "/" + std::string(8'000, 'x'), "{}"), 404, "NOT_FOUND");
    expect_error(send(tcp(port_), "POST", "/../../etc/passwd", "{}"), 404, "NOT_FOUND");
    const auto method = send(tcp(port_), "DELETE", "/echo");
    expect_error(method, 405, "METHOD_NOT_ALLOWED");
    EXPECT_NE(method.headers.get("Allow").find("POST"), std::string::npos);
    auto request = peer_call("nothing");
    expect_error(send(sign(request, key_, "studio", now_s())), 404, "OPERATION_NOT_FOUND");
    request.target = "/onex/v1/nodes/nobody/operations/echo";
    const auto nobody = send(sign(request, key_, "studio", now_s()));
    EXPECT_EQ(nobody.status, 404U) << nobody;
    expect_alive();
}

TEST_F(BadRequests, ThatAreNotHttp) {
    for (const std::string bytes :
         {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
          "hello\r\n\r\n",
          "GET / HTTP/9.9\r\n\r\n",
          "POST /echo HTTP/1.1\r\n"
          "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n"}) {
        RawConnection connection(port_);
        connection.write(bytes);
        connection.finish();
        const auto answer = connection.read_answer();
        EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 4") ||
                    answer.starts_with("HTTP/1.1 5"))
            << answer;
    }
    RawConnection huge(port_);
    huge.write("GET /health HTTP/1.1\r\nX: ");
    const std::string filler(64 * 1024, 'x');
    for (int i = 0; i < 64 && huge.write(filler); ++i) {
    }
    EXPECT_FALSE(huge.read_answer().starts_with("HTTP/1.1 2"));
    expect_alive();
}

}  // namespace
}  // namespace onex::test
