#include "host/config/values.hpp"

#include <gtest/gtest.h>

using namespace onex::host;

namespace {

TEST(Values, Durations) {
    EXPECT_EQ(parse_duration_ms("90d"), 90LL * 86'400'000);
    EXPECT_EQ(parse_duration_ms("5m"), 300'000);
    EXPECT_EQ(parse_duration_ms("250ms"), 250);
    for (const char* bad : {"",
                            "d",
                            "90",
                            "90 d",
                            "-1d",
                            "1w",
                            "1.5h",
                            "999999999999999999d",
                            "99999999999999999999s"}) {
        EXPECT_FALSE(parse_duration_ms(bad)) << bad;
    }
}

TEST(Values, Sizes) {
    EXPECT_EQ(parse_bytes("8GiB"), 8ULL << 30);
    EXPECT_EQ(parse_bytes("512"), 512U);
    EXPECT_EQ(parse_bytes("64KiB"), 65'536U);
    for (const char* bad :
         {"", "GiB", "8GB", "8gib", "-1", "1.5GiB", "9999999TiB", "99999999999999999999"}) {
        EXPECT_FALSE(parse_bytes(bad)) << bad;
    }
}

TEST(Values, Endpoints) {
    const auto v6 = parse_endpoint("[::1]:8001", false);
    ASSERT_TRUE(v6);
    EXPECT_EQ(v6->host, "::1");
    EXPECT_EQ(v6->port, 8001);
    EXPECT_TRUE(parse_endpoint("127.0.0.1:0", false));
    EXPECT_TRUE(parse_endpoint("mac-studio.local:8001", true));
    for (const char* bad : {"",
                            ":8001",
                            "127.0.0.1",
                            "127.0.0.1:",
                            "127.0.0.1:65536",
                            "127.0.0.1:x",
                            "::1:80",
                            "[127.0.0.1]:80",
                            "localhost:80",
                            "127.0.0.1/8:80",
                            "127.0.0.1:000080",
                            "1.2.3.4:-1"}) {
        EXPECT_FALSE(parse_endpoint(bad, false)) << bad;
    }
    EXPECT_TRUE(parse_peer_url("https://studio:8443"));
    for (const char* bad : {"studio:8001",
                            "ftp://a:1",
                            "http://a",
                            "http://a:1/",
                            "http://a:0",
                            "http://u@a:1",
                            "http://"}) {
        EXPECT_FALSE(parse_peer_url(bad)) << bad;
    }
}

TEST(Values, Fingerprints) {
    const std::string hex(64, 'A');
    EXPECT_EQ(parse_fingerprint(hex), std::string(64, 'a'));
    EXPECT_FALSE(parse_fingerprint(hex + "0"));
    EXPECT_FALSE(parse_fingerprint(std::string(64, 'g')));
    EXPECT_FALSE(parse_fingerprint(std::string(1 << 20, ':')));
}

}  // namespace
