#include "host/config/cidr.hpp"

#include <gtest/gtest.h>

using onex::host::allowed;
using onex::host::Cidr;
using onex::host::is_loopback;

namespace {

TEST(Cidr, Contains) {
    const struct {
        const char* range;
        const char* address;
        bool inside;
    } rows[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"192.168.86.200", "192.168.86.200", true},
        {"192.168.86.200", "192.168.86.201", false},
        {"192.168.86.128/25", "192.168.86.129", true},
        {"192.168.86.128/25", "192.168.86.127", false},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "::1", true},
        {"::/0", "8.8.8.8", true},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fe80::1", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"::ffff:10.0.0.0/104", "10.1.2.3", true},
        {"10.0.0.0/8", "", false},
        {"10.0.0.0/8", "10.0.0.1:80", false},
        {"10.0.0.0/8", "10.0.0.1x", false},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(std::string(row.range) + " " + row.address);
        const auto range = Cidr::parse(row.range);
        ASSERT_TRUE(range) << range.error().message;
        EXPECT_EQ(range->contains(row.address), row.inside);
    }
}

TEST(Cidr, Refuses) {
    for (const std::string text : {"",
                                   "10.0.0.0/33",
                                   "10.0.0.1/8",
                                   "10.0.0/8",
                                   "fd00::/129",
                                   "10.0.0.0/",
                                   "10.0.0.0/-1",
                                   "10.0.0.0/8 ",
                                   "::1/0",
                                   "mac-studio",
                                   "10.0.0.0/0008"}) {
        SCOPED_TRACE(text);
        const auto range = Cidr::parse(text);
        ASSERT_FALSE(range);
        EXPECT_EQ(range.error().code, "VALIDATION_ERROR");
    }
    EXPECT_FALSE(Cidr::parse(std::string(1 << 20, '1')));
}

TEST(Cidr, Lists) {
    EXPECT_TRUE(allowed({}, "1.2.3.4"));
    EXPECT_TRUE(allowed({"10.0.0.0/8", "1.2.3.4"}, "1.2.3.4"));
    EXPECT_FALSE(allowed({"10.0.0.0/8"}, "1.2.3.4"));
    EXPECT_FALSE(allowed({"nonsense"}, "1.2.3.4"));
    EXPECT_TRUE(is_loopback("127.9.9.9") && is_loopback("::1") && !is_loopback("10.0.0.1"));
}

}  // namespace
