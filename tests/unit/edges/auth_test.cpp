#include "host/http/auth.hpp"

#include "host/ids.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace onex::host {
namespace {

constexpr std::int64_t kNow = 1'795'219'262;
const SigningKey kKey{"laptop-1", "0123456789abcdef0123", "laptop"};
const std::vector<SigningKey> kKeys{{"laptop-2", "another secret of it", "laptop"}, kKey};
const std::vector<std::string> kOwn{"6f1c7b0a-0000-4000-8000-000000000001", "studio"};

/// A request as it travels; a test changes one thing of it.
struct Sent {
    std::string method = "POST";
    std::string target = "/onex/v1/nodes/receiver/operations/rollback?x=1";
    Headers headers{{"Content-Type", "application/json"}, {"Idempotency-Key", "w1/s/op"}};
    std::string body = R"({"a":1})";
    std::int64_t now_s = kNow;
    std::vector<std::string> own = kOwn;

    [[nodiscard]] Result<Verified> verify() const {
        return verify_request(method, target, headers, kKeys, own, now_s);
    }
};

Sent signed_request() {
    Sent sent;
    sign_request(sent.headers, kKey, "studio", sent.method, sent.target, sent.body, kNow);
    return sent;
}

TEST(Auth, SignsTheListedValuesInTheListedOrder) {
    const SignedHead head{"k",
                          "studio",
                          "POST",
                          "/x",
                          "application/json",
                          "1700000000",
                          "00112233445566778899aabbccddeeff",
                          "key",
                          "12",
                          "streamed"};
    EXPECT_EQ(canonical(head),
              "k\nstudio\nPOST\n/x\napplication/json\n1700000000\n"
              "00112233445566778899aabbccddeeff\nkey\n12\nstreamed");
    EXPECT_EQ(canonical({}), "\n\n\n\n\n\n\n\n\n");
}

TEST(Auth,
     FixedVectors) {  // made with: printf '…' | openssl dgst -sha256 -hmac 0123456789abcdef0123
    EXPECT_EQ(hmac_sha256_hex(kKey.secret,
                              canonical({"k",
                                         "studio",
                                         "POST",
                                         "/x",
                                         "application/json",
                                         "1700000000",
                                         "00112233445566778899aabbccddeeff",
                                         "key",
                                         "12",
                                         "streamed"})),
              "0b9f6aec8be9792fbc894d51ea879f00b4fa4145247b1f58022432b05b1885e8");
    EXPECT_EQ(sign_response(kKey, "00112233445566778899aabbccddeeff", 200, "streamed"),
              "29b55e0416982a7cdc2560a73ba754d45fc2e5cfc583fd0441a2a7d31a6aed39");
    EXPECT_EQ(sign_trailer(kKey, "00112233445566778899aabbccddeeff", 12, "abcd")
                  .get("X-Onex-Trailer-Signature"),
              "b81d1c1dc8f6c130abc226f62d66bc647e50ccbd713e60e29752f30b32e5d7f2");
    Headers headers;
    sign_deployment(headers, kKey.secret, "{}", 1'700'000'000);
    EXPECT_EQ(headers.get("X-Deployment-Signature"),
              "19ecdc0e607efbadb3c4a4ac61543ed0f9b88019950c2e31536f94e89ad1b7df");
}

TEST(Auth, AcceptsWhatAPeerSigned) {
    const auto sent = signed_request();
    const auto verified = sent.verify();
    ASSERT_TRUE(verified) << verified.error().message;
    EXPECT_EQ(verified->key.peer, "laptop");
    EXPECT_EQ(verified->idempotency_key, "w1/s/op");
    EXPECT_FALSE(verified->streamed());
    EXPECT_EQ(verified->nonce_expires_us, (kNow + 660) * 1'000'000);
    EXPECT_TRUE(verify_body(*verified, sent.body));
    EXPECT_EQ(verify_body(*verified, sent.body + " ").error().code, "AUTHENTICATION_FAILED");
    EXPECT_NE(signed_request().verify()->nonce, verified->nonce);

    Sent by_id;
    sign_request(by_id.headers, kKeys[0], kOwn[0], by_id.method, by_id.target, by_id.body, kNow);
    EXPECT_TRUE(by_id.verify());
}

TEST(Auth, RefusesEveryTampering) {
    const auto set = [](const char* name, std::string value) {
        return [=](Sent& sent) { sent.headers.set(name, value); };
    };
    const auto add = [](const char* name) {
        return [=](Sent& sent) { sent.headers.add(name, std::string(sent.headers.get(name))); };
    };
    const struct {
        const char* name;
        std::function<void(Sent&)> change;
        std::string word;
    } cases[] = {
        {"another key id of the same peer", set("X-Onex-Key", "laptop-2"), "signature"},
        {"unknown key id", set("x-onex-key", "nobody"), "signature"},
        {"no key id", set("X-Onex-Key", ""), "signature"},
        {"recipient", set("X-Onex-To", kOwn[0]), "signature"},
        {"method", [](Sent& sent) { sent.method = "PUT"; }, "signature"},
        {"target", [](Sent& sent) { sent.target += "2"; }, "signature"},
        {"content type", set("Content-Type", "text/plain"), "signature"},
        {"timestamp", set("X-Onex-Timestamp", "1795219263"), "signature"},
        {"nonce", set("X-Onex-Nonce", "00112233445566778899aabbccddeeff"), "signature"},
        {"malformed nonce", set("X-Onex-Nonce", "0011"), "malformed"},
        {"nonce in other letters",
         set("X-Onex-Nonce", "00112233445566778899AABBCCDDEEFF"),
         "malformed"},
        {"idempotency key", set("Idempotency-Key", "other"), "signature"},
        {"announced bytes", set("X-Onex-Bytes", "5"), "signature"},
        {"announced nonsense", set("X-Onex-Bytes", "-5"), "malformed"},
        {"content", set("X-Onex-Content", std::string(64, 'a')), "signature"},
        {"content made a stream", set("X-Onex-Content", "streamed"), "signature"},
        {"no content", set("X-Onex-Content", ""), "malformed"},
        {"signature", set("X-Onex-Signature", std::string(64, '0')), "signature"},
        {"short signature", set("X-Onex-Signature", "ab"), "signature"},
        {"no signature", set("X-Onex-Signature", ""), "not signed"},
        {"doubled signature", add("X-Onex-Signature"), "more than once"},
        {"doubled nonce", add("X-Onex-Nonce"), "more than once"},
        {"doubled content type", add("content-type"), "more than once"},
        {"doubled idempotency key", add("Idempotency-Key"), "more than once"},
        {"too late", [](Sent& sent) { sent.now_s = kNow + 301; }, "301 s behind"},
        {"too early", [](Sent& sent) { sent.now_s = kNow - 1000; }, "1000 s ahead"},
        {"meant for another", [](Sent& sent) { sent.own = {"id", "attic"}; }, "this is 'attic'"},
        {"nobody's", [](Sent& sent) { sent.own = {}; }, "meant for"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        auto sent = signed_request();
        c.change(sent);
        const auto verified = sent.verify();
        ASSERT_FALSE(verified);
        EXPECT_EQ(verified.error().code, "AUTHENTICATION_FAILED");
        EXPECT_NE(verified.error().message.find(c.word), std::string::npos)
            << verified.error().message;
        EXPECT_EQ(verified.error().message.find(kKey.secret), std::string::npos);
    }
    auto edge = signed_request();
    edge.now_s = kNow + 300;
    EXPECT_TRUE(edge.verify());
    EXPECT_EQ(replayed(*edge.verify()).code, "AUTHENTICATION_FAILED");
}

TEST(Auth, AnEmptySecretProvesNothing) {
    const SigningKey empty{"e", "", "peer"};
    Sent sent;
    sign_request(sent.headers, empty, "studio", sent.method, sent.target, sent.body, kNow);
    EXPECT_FALSE(verify_request(sent.method, sent.target, sent.headers, {empty}, kOwn, kNow));
    Headers original;
    sign_deployment(original, "", "{}", kNow);
    EXPECT_FALSE(verify_deployment(original, "{}", {empty}, kNow));
}

TEST(Auth, StreamsAreProvedByTheirTrailer) {
    Sent sent;
    const auto nonce =
        sign_stream(sent.headers, kKey, "studio", sent.method, sent.target, 12, kNow);
    const auto verified = sent.verify();
    ASSERT_TRUE(verified);
    ASSERT_TRUE(verified->streamed());
    EXPECT_EQ(verified->announced_bytes, 12U);
    EXPECT_EQ(verify_body(*verified, "streamed").error().code, "AUTHENTICATION_FAILED");
    const auto good = sign_trailer(kKey, nonce, 12, "d1");
    auto doubled = good;
    doubled.add("x-onex-blake3", "d2");
    auto changed = good;
    changed.set("X-Onex-Blake3", "d2");
    const auto other_nonce = sign_trailer(kKey, std::string(32, 'a'), 12, "d1");
    const auto other_key = sign_trailer(kKeys[0], nonce, 12, "d1");
    const struct {
        const char* name;
        Headers trailers;
        std::uint64_t bytes;
        std::string digest, code;
    } cases[] = {
        {"good", good, 12, "d1", ""},
        {"flipped byte", good, 12, "d2", "CHECKSUM_MISMATCH"},
        {"more than announced", good, 13, "d1", "VALIDATION_ERROR"},
        {"fewer than announced", good, 11, "d1", "VALIDATION_ERROR"},
        {"no trailer", {}, 12, "d1", "AUTHENTICATION_FAILED"},
        {"doubled", doubled, 12, "d1", "AUTHENTICATION_FAILED"},
        {"digest changed with the bytes", changed, 12, "d2", "AUTHENTICATION_FAILED"},
        {"of another stream", other_nonce, 12, "d1", "AUTHENTICATION_FAILED"},
        {"by another key", other_key, 12, "d1", "AUTHENTICATION_FAILED"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto result = verify_trailer(*verified, c.trailers, c.bytes, c.digest);
        EXPECT_EQ(result ? "" : result.error().code, c.code);
    }
}

TEST(Auth, AnswersAreBoundToTheirRequest) {
    const auto content = sha256_hex("{}");
    const Headers headers{{"X-Onex-Signature", sign_response(kKey, "n1", 200, content)}};
    EXPECT_TRUE(verify_response(kKey, "n1", 200, content, headers));
    EXPECT_FALSE(verify_response(kKey, "n2", 200, content, headers));
    EXPECT_FALSE(verify_response(kKey, "n1", 201, content, headers));
    EXPECT_FALSE(verify_response(kKey, "n1", 200, sha256_hex("{ }"), headers));
    EXPECT_FALSE(verify_response(kKeys[0], "n1", 200, content, headers));
    EXPECT_FALSE(verify_response(kKey, "n1", 200, content, {}));
}

TEST(Auth, TheOriginalsTwoHeaders) {
    Headers headers;
    sign_deployment(headers, kKey.secret, "{}", kNow);
    const auto verified = verify_deployment(headers, "{}", kKeys, kNow);
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->key.key_id, "laptop-1");
    EXPECT_EQ(verified->nonce, headers.get("X-Deployment-Signature"));
    EXPECT_FALSE(verify_deployment(headers, "{ }", kKeys, kNow));
    EXPECT_FALSE(verify_deployment(headers, "{}", {kKeys[0]}, kNow));
    EXPECT_FALSE(verify_deployment(headers, "{}", {}, kNow));
    EXPECT_FALSE(verify_deployment({}, "{}", kKeys, kNow));
    EXPECT_NE(verify_deployment(headers, "{}", kKeys, kNow + 301).error().message.find("301 s"),
              std::string::npos);
    headers.add("X-Deployment-Timestamp", "1");
    EXPECT_FALSE(verify_deployment(headers, "{}", kKeys, kNow));
    Headers words;
    words.set("X-Deployment-Timestamp", "now");
    words.set("X-Deployment-Signature", hmac_sha256_hex(kKey.secret, "now.{}"));
    EXPECT_FALSE(verify_deployment(words, "{}", kKeys, kNow));
}

TEST(Auth, BearerTokens) {
    const struct {
        std::string field, token;
        bool good;
    } cases[] = {
        {"Bearer a-long-enough-token", "a-long-enough-token", true},
        {"bearer a-long-enough-token", "a-long-enough-token", true},
        {"Bearer a-long-enough-toke", "a-long-enough-token", false},
        {"Bearer ", "", false},
        {"Bearer x", "", false},
        {"Basic a-long-enough-token", "a-long-enough-token", false},
        {"a-long-enough-token", "a-long-enough-token", false},
        {"", "a-long-enough-token", false},
    };
    for (const auto& c : cases) {
        Headers headers;
        if (!c.field.empty()) headers.set("authorization", c.field);
        EXPECT_EQ(verify_bearer(headers, c.token).has_value(), c.good) << c.field;
    }
    EXPECT_FALSE(
        verify_bearer({{"Authorization", "Bearer t"}, {"Authorization", "Bearer t"}}, "t"));
}

}  // namespace
}  // namespace onex::host
