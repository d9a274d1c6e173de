#include "host/log.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

namespace onex::host {
namespace {

std::string line(bool json, std::string_view message, std::vector<LogField> fields = {}) {
    return format_log_line(json, 1'795'219'262'123'456, "laptop", LogLevel::info, message, fields);
}

class LogFile : public testing::Test {
  protected:
    void SetUp() override {
        folder_ = testing::TempDir() + "onex-log-" + std::to_string(::getpid());
        std::filesystem::create_directory(folder_);
        section_.file = folder_ + "/host.log";
    }
    void TearDown() override {
        stop_log();
        std::filesystem::remove_all(folder_);
    }
    static std::string read(const std::string& file) {
        std::ifstream in(file);
        std::stringstream text;
        text << in.rdbuf();
        return text.str();
    }
    std::string folder_;
    LogSection section_;
};

TEST(LogLine, TextIsForPeople) {
    EXPECT_EQ(line(false, "ready", {{"correlation_id", "c1"}, {"node", "receiver"}, {"empty", ""}}),
              "2026-11-21T00:01:02.123Z info  [receiver] ready correlation_id=c1");
    EXPECT_EQ(line(false, "a\nb\x1b[2J", {{"k", "two words"}, {"q", "say \"hi\""}}),
              R"(2026-11-21T00:01:02.123Z info  a\nb\u001b[2J k="two words" q="say \"hi\"")");
}

TEST(LogLine, JsonIsValidWhateverComesIn) {
    const std::string all_bytes = [] {
        std::string text;
        for (int c = 0; c < 256; ++c)
            text += static_cast<char>(c);
        return text;
    }();
    const std::string huge(1 << 20, '"');
    const std::vector<LogField> many(5000, LogField{"name", "value"});
    for (const auto& text : {line(true, all_bytes, {{all_bytes, all_bytes}}),
                             line(true, huge, {{"field", huge}}),
                             line(true, "fits", {{"field", huge}}),
                             line(true, "fits", {{huge, "x"}}),
                             line(true, "fits", many)}) {
        EXPECT_LE(text.size(), kLogLineBytesMax);
        EXPECT_EQ(text.find_first_of("\n\r"), std::string::npos);
        std::error_code error;
        const auto value = boost::json::parse(text, error);
        ASSERT_FALSE(error) << error.message();
        EXPECT_EQ(value.at("host"), "laptop");
        if (text.find("fits") != text.npos) EXPECT_TRUE(value.at("cut").as_bool());
    }
    EXPECT_LE(line(false, huge, {{"field", huge}}).size(), kLogLineBytesMax);
}

TEST_F(LogFile, KeepsEveryLineOfEveryThreadAndSurvivesRotation) {
    section_.format = "json";
    section_.level = "debug";
    ASSERT_TRUE(init_log(section_, "laptop"));
    EXPECT_TRUE(log_enabled(LogLevel::debug));
    EXPECT_FALSE(log_enabled(LogLevel::trace));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([] {
            for (int i = 0; i < 200; ++i)
                log(LogLevel::debug, "line", {{"node", "n"}});
        });
    }
    for (auto& thread : threads)
        thread.join();
    std::filesystem::rename(section_.file, section_.file + ".1");
    ASSERT_TRUE(reopen_log());
    log(LogLevel::error, "after rotation");
    log(LogLevel::trace, "not kept");
    stop_log();
    const auto before = read(section_.file + ".1");
    EXPECT_EQ(std::ranges::count(before, '\n'), 800);
    const auto after = read(section_.file);
    EXPECT_NE(after.find("after rotation"), std::string::npos);
    EXPECT_EQ(after.find("not kept"), std::string::npos);
}

TEST_F(LogFile, RefusesWhatItCanNotDo) {
    const struct {
        std::string level, format, file, code;
    } cases[] = {{"loud", "text", "", "VALIDATION_ERROR"},
                 {"info", "xml", "", "VALIDATION_ERROR"},
                 {"info", "text", folder_, "UNAVAILABLE"}};
    for (const auto& c : cases) {
        const auto opened = init_log({.level = c.level, .format = c.format, .file = c.file}, "h");
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().code, c.code);
    }
}

}  // namespace
}  // namespace onex::host
