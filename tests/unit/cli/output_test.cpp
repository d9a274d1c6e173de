#include "host/cli/output.hpp"

#include <gtest/gtest.h>

namespace onex::host::cli {
namespace {

TEST(Output, Sizes) {
    const std::pair<std::int64_t, const char*> cases[] = {
        {0, "0 B"},
        {999, "999 B"},
        {1000, "1.0 kB"},
        {8'300'000, "8.3 MB"},
        {999'999'999, "1.0 GB"},
        {1'900'000'000, "1.9 GB"},
        {5'000'000'000'000, "5.0 TB"},
    };
    for (const auto& [bytes, text] : cases)
        EXPECT_EQ(human_bytes(bytes), text);
}

TEST(Output, Durations) {
    const std::pair<std::int64_t, const char*> cases[] = {
        {0, "0 ms"},
        {999, "999 ms"},
        {1200, "1.2 s"},
        {59'949, "59.9 s"},
        {59'990, "1 min 0 s"},
        {125'000, "2 min 5 s"},
        {11'400'000, "3 h 10 min"},
    };
    for (const auto& [ms, text] : cases)
        EXPECT_EQ(human_duration(ms), text);
}

TEST(Output, TablesAlignByCharactersAndNeverSteerTheTerminal) {
    EXPECT_EQ(table({{"A", "B"}, {"größer", "1"}, {"x", ""}}), "A       B\ngrößer  1\nx\n");
    EXPECT_EQ(table({{"\x1b[31mred\n"}}), " [31mred\n");
    EXPECT_EQ(printable("a\r\x1b]0;title\x07 b\tc"), "a  ]0;title  b\tc");
}

}  // namespace
}  // namespace onex::host::cli
