#include "host/nodes/retirement.hpp"

#include "host/log.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/wait.hpp"
#include "tests/unit/plugin/plugin_fixture.hpp"

namespace onex::host::test {
namespace {

class RetirementTest : public PluginTest {
  protected:
    void SetUp() override {
        PluginTest::SetUp();
        LogSection section;
        section.file = logs_.path() + "/log";
        ASSERT_TRUE(init_log(section, "host"));
    }
    void TearDown() override {
        stop_log();
        PluginTest::TearDown();
    }
    [[nodiscard]] std::size_t told(const std::string& text) const {
        const auto log = onex::test::read_file(logs_.path() + "/log");
        std::size_t count = 0;
        for (auto at = log.find(text); at != log.npos; at = log.find(text, at + 1))
            ++count;
        return count;
    }
    const onex::test::TempDir logs_;
};

TEST_F(RetirementTest, WhatKeepsAGenerationFromEndingIsToldOnce) {
    std::atomic<onex_token> token{0};
    script.operations["work"] = [&](const onex_request& request) {
        token = request.token;
        return ONEX_OK;
    };
    auto running = run_async(invocation("work"));
    ASSERT_TRUE(onex::test::wait_until([&] { return token != 0; }));
    Workers control("control", 2, 8);
    Retirement retirement(*runtime, control, std::chrono::milliseconds(1));
    retirement.retire(node);
    const std::string words = "is to end, and stays until this has: work";
    EXPECT_TRUE(onex::test::wait_until([&] { return told(words) > 0; }));
    EXPECT_EQ(retirement.retiring(node->name()), 1U);
    EXPECT_EQ(retirement.busy_with(node->name()),
              "generation " + std::to_string(node->generation()) + ": work");
    EXPECT_EQ(script.answer(token, "{}"), ONEX_OK);
    EXPECT_EQ(code(running.get()), "ok");
    EXPECT_TRUE(onex::test::wait_until([&] { return retirement.retiring(node->name()) == 0; }));
    EXPECT_EQ(told(words), 1U);
}

}  // namespace
}  // namespace onex::host::test
