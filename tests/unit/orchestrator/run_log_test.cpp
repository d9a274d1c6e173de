#include "plugins/orchestrator/run_log.hpp"

#include <gtest/gtest.h>

namespace onex::orchestrator::test {
namespace {

TEST(RunLog, MakesOnePrintableLine) {
    struct Case {
        const char* name;
        std::string text;
        std::string line;
    };
    const Case cases[] = {
        {"plain", "Step 1/3 : FROM x", "Step 1/3 : FROM x"},
        {"empty", "", ""},
        {"control characters", std::string("a\tb\x1b[31m\0c\n", 11), "a b [31m c "},
        {"good UTF-8",
         "gr\xC3\xBC\xC3\x9F \xF0\x9F\x8C\xB1",
         "gr\xC3\xBC\xC3\x9F \xF0\x9F\x8C\xB1"},
        {"a lone byte", "a\xFFz", "a?z"},
        {"cut in the middle", "a\xC3", "a?"},
        {"overlong", "\xC0\xAF", "??"},
        {"too high", "\xF5\x80\x80\x80", "????"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        EXPECT_EQ(printable_line(c.text), c.line);
    }
}

TEST(RunLog, CutsLongLinesBetweenCharacters) {
    std::string text(kLogLineBytesMax - 1, 'x');
    EXPECT_EQ(printable_line(text + "y"), text + "y");
    EXPECT_EQ(printable_line(text + "\xC3\xBC"), text + " \xE2\x80\xA6");
    EXPECT_LT(printable_line(std::string(1 << 20, 'x')).size(), kLogLineBytesMax + 10);
}

TEST(RunLog, NumbersLinesAndTellsOfTheFirst) {
    RunLog log;
    log.resume(7);
    EXPECT_TRUE(log.add({0, 1, "s", "o", "info", "a"}));
    EXPECT_FALSE(log.add({0, 2, "s", "o", "info", "b"}));
    auto lines = log.take();
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0].line, 8);
    EXPECT_EQ(lines[1].line, 9);
    EXPECT_TRUE(log.add({0, 3, "", "", "info", "c"})) << "somebody must store this one, too";
    log.put_back(std::move(lines));
    lines = log.take();
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[2].line, 10) << "what could not be stored stays in front";
}

TEST(RunLog, IsBounded) {
    RunLog log;
    log.resume(kLogLinesMax - 1);
    EXPECT_TRUE(log.add({0, 1, "", "", "info", "last"}));
    EXPECT_FALSE(log.add({0, 1, "", "", "info", "too many"}));
    const auto lines = log.take();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_NE(lines[0].text.find("full"), std::string::npos);
}

}  // namespace
}  // namespace onex::orchestrator::test
