#include "host/contract/formats.hpp"

#include <gtest/gtest.h>

#include <string>

using onex::host::fits_format;
using onex::host::known_format;

namespace {

TEST(Formats, Check) {
    const struct {
        const char* format;
        std::string text;
        bool fits;
    } rows[] = {
        {"uuid", "7f1d2c3b-0000-4000-8000-000000000001", true},
        {"uuid", "7F1D2C3B-0000-4000-8000-000000000001", true},
        {"uuid", "7f1d2c3b00004000800000000000000001", false},
        {"uuid", "7f1d2c3b-0000-4000-8000-00000000000g", false},
        {"uuid", "", false},
        {"uri", "http://192.168.86.200:8060", true},
        {"uri", "urn:x:1", true},
        {"uri", "/relative", false},
        {"uri", "http://a b", false},
        {"uri", "http://a%2", false},
        {"uri", "1http:x", false},
        {"date-time", "2025-10-25T12:00:00Z", true},
        {"date-time", "2025-10-25T12:00:00.123456+00:00", true},
        {"date-time", "2024-02-29T00:00:00Z", true},
        {"date-time", "2025-02-29T00:00:00Z", false},
        {"date-time", "2025-13-01T00:00:00Z", false},
        {"date-time", "2025-10-25T12:00:00", false},
        {"date-time", "2025-10-25", false},
        {"date-time", "2025-10-25T24:00:00Z", false},
        {"ipv4", "10.0.0.1", true},
        {"ipv4", "10.0.0.256", false},
        {"ipv4", std::string("10.0.0.1\0x", 10), false},
        {"ipv6", "::1", true},
        {"ipv6", "::ffff:10.0.0.1", true},
        {"ipv6", "fe80::1%eth0", false},
        {"hostname", "mac-studio.local", true},
        {"hostname", "-a", false},
        {"hostname", "a-", false},
        {"hostname", "a..b", false},
        {"hostname", "a_b", false},
        {"hostname", std::string(64, 'a'), false},
        {"hostname", std::string(1 << 20, 'a'), false},
        {"unheard-of", "anything", true},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(std::string(row.format) + " " + row.text.substr(0, 60));
        EXPECT_EQ(fits_format(row.format, row.text), row.fits);
    }
    EXPECT_TRUE(known_format("uuid"));
    EXPECT_FALSE(known_format("email"));
}

}  // namespace
