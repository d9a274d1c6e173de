#include "host/http/wire.hpp"

#include <gtest/gtest.h>

namespace onex::host {
namespace {

TEST(RequestHead, AcceptsAndRefuses) {
    struct Case {
        std::string name;
        std::string text;
        std::string error;  // empty: accepted
        Framing::Kind kind = Framing::Kind::none;
        bool keep_alive = true;
    };
    const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n";
    const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";
    using Kind = Framing::Kind;
    const Case cases[] = {
        {"plain", get, "", Kind::none, true},
        {"close", get + "Connection: close\r\n", "", Kind::none, false},
        {"1.0", "GET / HTTP/1.0\r\n", "", Kind::none, false},
        {"1.0 kept", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n", "", Kind::none, true},
        {"length", post + "Content-Length: 7\r\n", "", Kind::length, true},
        {"zero length", post + "Content-Length: 0\r\n", "", Kind::none, true},
        {"chunked", post + "Transfer-Encoding: Chunked\r\n", "", Kind::chunked, true},
        {"no host", "GET / HTTP/1.1\r\n", "VALIDATION_ERROR"},
        {"two hosts", get + "Host: b\r\n", "VALIDATION_ERROR"},
        {"both", post + "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n", "VALIDATION_ERROR"},
        {"both, other order",
         post + "Transfer-Encoding: chunked\r\nContent-Length: 7\r\n",
         "VALIDATION_ERROR"},
        {"length twice", post + "Content-Length: 7\r\nContent-Length: 7\r\n", "VALIDATION_ERROR"},
        {"length list", post + "Content-Length: 7, 7\r\n", "VALIDATION_ERROR"},
        {"length sign", post + "Content-Length: +7\r\n", "VALIDATION_ERROR"},
        {"length hex", post + "Content-Length: 0x7\r\n", "VALIDATION_ERROR"},
        {"length huge", post + "Content-Length: 99999999999999999999\r\n", "VALIDATION_ERROR"},
        {"gzip", post + "Transfer-Encoding: gzip\r\n", "UNIMPLEMENTED"},
        {"gzip, chunked", post + "Transfer-Encoding: gzip, chunked\r\n", "UNIMPLEMENTED"},
        {"chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", "VALIDATION_ERROR"},
        {"space in name", get + "A b: c\r\n", "VALIDATION_ERROR"},
        {"space before colon", get + "A : c\r\n", "VALIDATION_ERROR"},
        {"no version", "GET /\r\nHost: a\r\n", "VALIDATION_ERROR"},
        {"other protocol", "\x16\x03\x01\r\n", "VALIDATION_ERROR"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto head = parse_request_head(c.text + "\r\n");
        ASSERT_EQ(head ? "" : head.error().code, c.error);
        if (!head) continue;
        EXPECT_EQ(head->framing.kind, c.kind);
        EXPECT_EQ(head->keep_alive, c.keep_alive);
    }
}

TEST(ResponseHead, KnowsWhereTheBodyEnds) {
    struct Case {
        std::string name;
        std::string method;
        std::string text;
        Framing::Kind kind;
        bool keep_alive;
    };
    using Kind = Framing::Kind;
    const Case cases[] = {
        {"length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", Kind::length, true},
        {"HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", Kind::none, true},
        {"204", "GET", "HTTP/1.1 204 No Content\r\n", Kind::none, true},
        {"304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n", Kind::none, true},
        {"chunked",
         "GET",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
         Kind::chunked,
         true},
        {"neither", "GET", "HTTP/1.1 200 OK\r\n", Kind::until_close, false},
        {"close",
         "GET",
         "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n",
         Kind::length,
         false},
        {"1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n", Kind::length, false},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto head = parse_response_head(c.text + "\r\n", c.method);
        ASSERT_TRUE(head) << head.error().message;
        EXPECT_EQ(head->framing.kind, c.kind);
        EXPECT_EQ(head->keep_alive, c.keep_alive);
    }
    EXPECT_FALSE(parse_response_head("HTTP/1.1 20 OK\r\n\r\n", "GET"));
    EXPECT_FALSE(parse_response_head("SSH-2.0-OpenSSH\r\n\r\n", "GET"));
}

// Each body is fed whole and byte by byte: both must give the same.
TEST(BodyDecoder, DecodesAndRefuses) {
    struct Case {
        std::string name;
        Framing framing;
        std::string in;
        std::string out;
        std::string rest;   // not part of this body
        std::string error;  // substring; empty: good
    };
    const Framing chunked{Framing::Kind::chunked, 0};
    const Framing four{Framing::Kind::length, 4};
    const std::string long_line(20'000, 'x');
    const Case cases[] = {
        {"length", four, "abcdGET", "abcd", "GET", ""},
        {"cut short", four, "abc", "abc", "", "3 of 4"},
        {"chunked",
         chunked,
         "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\nGET",
         "abc0123456789",
         "GET",
         ""},
        {"extension", chunked, "3;x=y\r\nabc\r\n0\r\n\r\n", "abc", "", ""},
        {"trailer", chunked, "0\r\nX-A:  b \r\n\r\n", "", "", ""},
        {"until close", {Framing::Kind::until_close, 0}, "abc", "abc", "", ""},
        {"no last chunk", chunked, "3\r\nabc\r\n", "abc", "", "before its last chunk"},
        {"cut in trailers", chunked, "0\r\nX-A: b\r\n", "", "", "before its last chunk"},
        {"longer than announced", chunked, "3\r\nabcd\r\n0\r\n\r\n", "abc", "", "longer"},
        {"no size", chunked, "\r\nabc", "", "", "valid size"},
        {"negative size", chunked, "-1\r\nabc", "", "", "valid size"},
        {"size 2^64", chunked, "10000000000000000\r\nabc", "", "", "valid size"},
        {"endless size line", chunked, long_line, "", "", "no end"},
        {"trailer name", chunked, "0\r\nX A: b\r\n\r\n", "", "", "trailer"},
        {"trailer without colon", chunked, "0\r\nXA\r\n\r\n", "", "", "trailer"},
        {"trailers too long", chunked, "0\r\nA: " + long_line + "\r\n\r\n", "", "", "16 KiB"},
    };
    for (const auto& c : cases) {
        for (const std::size_t step : {c.in.size(), std::size_t{1}}) {
            SCOPED_TRACE(c.name + " by " + std::to_string(step));
            BodyDecoder decoder(c.framing);
            std::string out;
            std::string_view in = c.in;
            std::string error;
            std::size_t seen = 0;
            while (!decoder.done() && error.empty()) {
                const auto used = decoder.decode(in.substr(0, seen), out, 5);
                if (!used) error = used.error().message;
                if (used) in.remove_prefix(*used);
                if (used) seen -= *used;
                if (!error.empty() || decoder.done() || (used && *used > 0)) continue;
                if (seen == in.size()) {
                    if (auto end = decoder.end_of_input(); !end) error = end.error().message;
                }
                seen = std::min(seen + step, in.size());
            }
            EXPECT_EQ(error.empty(), c.error.empty()) << error;
            EXPECT_NE(error.find(c.error), error.npos) << error;
            EXPECT_EQ(out, c.out);
            if (c.error.empty()) {
                EXPECT_EQ(in, c.rest);
            }
            if (c.name == "trailer") {
                EXPECT_EQ(decoder.trailers().get("x-a"), "b");
            }
        }
    }
}

TEST(Wire, FieldsCannotBreakOut) {
    std::string out;
    append_fields(out, {{"X", "a\r\nInjected: b"}, {"Content-Length", "7"}, {"date", "never"}});
    EXPECT_EQ(out, "X: a  Injected: b\r\n");
    EXPECT_EQ(error_json("A", "say \"x\\y\"\n"),
              R"({"error":{"code":"A","message":"say \"x\\y\"","correlation_id":""}})");
    EXPECT_EQ(http_date().size(), std::string("Sun, 06 Nov 1994 08:49:37 GMT").size());
}

}  // namespace
}  // namespace onex::host
