#include "host/http/message.hpp"

#include <gtest/gtest.h>

namespace onex::host {
namespace {

TEST(Url, Parses) {
    struct Case {
        std::string url;
        std::string host;
        int port;
        bool tls;
        std::string unix_path;
        std::string target;
    };
    const Case cases[] = {
        {"http://a:81", "a", 81, false, "", "/"},
        {"http://a", "a", 80, false, "", "/"},
        {"https://a.b/c?d=e#f", "a.b", 443, true, "", "/c?d=e"},
        {"https://a:8443?x", "a", 8443, true, "", "/?x"},
        {"http://[::1]:8001/x", "::1", 8001, false, "", "/x"},
        {"http://[fe80::1]", "fe80::1", 80, false, "", "/"},
        {"unix:///run/a.sock", "", 0, false, "/run/a.sock", "/"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.url);
        std::string target;
        const auto endpoint = parse_url(c.url, &target);
        ASSERT_TRUE(endpoint) << endpoint.error().message;
        EXPECT_EQ(endpoint->host, c.host);
        EXPECT_EQ(endpoint->port, c.port);
        EXPECT_EQ(endpoint->tls, c.tls);
        EXPECT_EQ(endpoint->unix_path, c.unix_path);
        EXPECT_EQ(target, c.target);
    }
    for (const char* bad : {"",
                            "a:80",
                            "ftp://a",
                            "http://",
                            "http://:80",
                            "http://a:",
                            "http://a:0",
                            "http://a:65536",
                            "http://a:8x",
                            "http://u@a",
                            "http://[::1",
                            "unix://x",
                            "http://[::1]8"}) {
        SCOPED_TRACE(bad);
        const auto endpoint = parse_url(bad);
        ASSERT_FALSE(endpoint);
        EXPECT_EQ(endpoint.error().code, "VALIDATION_ERROR");
    }
}

TEST(Url, EncodesAndDecodes) {
    EXPECT_EQ(url_decode("a%20b+c%2f%zz%4", false), "a b+c/%zz%4");
    EXPECT_EQ(url_decode("a+b", true), "a b");
    EXPECT_EQ(url_encode("a b/\xff~"), "a%20b%2F%FF~");
    std::string all;
    for (int i = 0; i < 256; ++i)
        all += static_cast<char>(i);
    EXPECT_EQ(url_decode(url_encode(all), true), all);
    const auto pairs = parse_query("a=1&&b&c=x%3Dy=z&=e");
    ASSERT_EQ(pairs.size(), 4u);
    EXPECT_EQ(pairs[0].value, "1");
    EXPECT_EQ(pairs[1].name, "b");
    EXPECT_EQ(pairs[2].value, "x=y=z");
    EXPECT_EQ(pairs[3].name, "");
}

TEST(Headers, CompareWithoutCase) {
    Headers headers{{"A", "1"}, {"b", "2"}, {"a", "3"}};
    EXPECT_EQ(headers.get("a"), "1");
    EXPECT_EQ(headers.count("A"), 2u);
    headers.set("A", "4");
    EXPECT_EQ(headers.count("a"), 1u);
    EXPECT_EQ(headers.get("A"), "4");
    headers.remove("B");
    EXPECT_EQ(headers.get("b"), "");
    EXPECT_EQ(headers.all().size(), 1u);
}

}  // namespace
}  // namespace onex::host
