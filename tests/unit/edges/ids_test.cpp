#include "host/ids.hpp"

#include <onex/utf8.hpp>

#include <gtest/gtest.h>

namespace onex::host {
namespace {

TEST(Ids, DigestsMatchPublishedVectors) {
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    // RFC 4231, case 2
    EXPECT_EQ(hmac_sha256_hex("Jefe", "what do ya want for nothing?"),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(hmac_sha256_hex("", ""),
              "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Ids, HexGoesBothWays) {
    EXPECT_EQ(from_hex(to_hex(std::string("\x00\xff\x7f", 3))), std::string("\x00\xff\x7f", 3));
    EXPECT_EQ(from_hex("AbCd"), "\xab\xcd");
    for (const auto* bad : {"a", "zz", "0x10", "12 "})
        EXPECT_FALSE(from_hex(bad)) << bad;
    EXPECT_NE(random_hex(16), random_hex(16));
    EXPECT_EQ(random_hex(16).size(), 32U);
}

TEST(Ids, TimesGoBothWays) {
    for (const std::int64_t time : {0LL, 1'700'000'000'123'456LL, -1LL, 951'782'400'000'000LL}) {
        EXPECT_EQ(parse_iso_time(iso_utc(time)), time) << iso_utc(time);
    }
    EXPECT_EQ(iso_utc(951'782'400'000'001), "2000-02-29T00:00:00.000001Z");
    EXPECT_EQ(parse_iso_time("2000-02-29T02:30:00+02:30"), 951'782'400'000'000);
    EXPECT_EQ(parse_iso_time("2000-02-28T23:00:00.5-01:00"), 951'782'400'500'000);
    EXPECT_EQ(parse_iso_time("2000-02-29T00:00:00.1234567Z"), 951'782'400'123'456);
    for (const auto* bad : {"",
                            "2000-02-30T00:00:00Z",
                            "2000-02-29",
                            "2000-02-29T00:00:00",
                            "2000-02-29T24:00:00Z",
                            "2000-13-01T00:00:00Z",
                            "2000-02-29T00:00:00Zx",
                            "2000-02-29T00:00:00.Z",
                            "-200-02-29T00:00:00Z"}) {
        EXPECT_FALSE(parse_iso_time(bad)) << bad;
    }
}

TEST(Utf8, ReplacesEveryBrokenByte) {
    const struct {
        std::string_view in, out;
    } cases[] = {
        {"plain ✓ 𝄞", "plain ✓ 𝄞"},
        {"\xff", "\xef\xbf\xbd"},
        {"a\xc3", "a\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                  // overlong '/'
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},  // a surrogate
        {"\xf4\x90\x80\x80z", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(valid_utf8(c.in), c.out);
}

}  // namespace
}  // namespace onex::host
