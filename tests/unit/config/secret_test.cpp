#include "host/config/config.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace onex::host;

namespace {

class Secret : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "onex-secret-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string file(const std::string& content, mode_t mode) {
        const auto path = (folder_ / ("s" + std::to_string(++count_))).string();
        std::ofstream(path) << content;
        ::chmod(path.c_str(), mode);
        return "file:" + path;
    }

    std::filesystem::path folder_;
    int count_ = 0;
};

constexpr const char* kValue = "0123456789abcdef0123";

TEST_F(Secret, ComesFromVariableOrFile) {
    ::setenv("ONEX_TEST_SECRET", kValue, 1);
    EXPECT_EQ(resolve_secret({"env:ONEX_TEST_SECRET"}).value(), kValue);
    EXPECT_EQ(resolve_secret({file(std::string(kValue) + "\n", 0600)}).value(), kValue);
    EXPECT_EQ(resolve_secret({file(std::string(kValue) + "\n\n", 0600)}).value(),
              std::string(kValue) + "\n");
    ::unsetenv("ONEX_TEST_SECRET");
}

TEST_F(Secret, MayBeShortWhereItProvesNoIdentity) {
    ::setenv("ONEX_TEST_SHORT", "hunter2", 1);
    ::setenv("ONEX_TEST_EMPTY", "", 1);
    EXPECT_EQ(resolve_secret({"env:ONEX_TEST_SHORT"}).value(), "hunter2");
    EXPECT_EQ(resolve_secret({"env:ONEX_TEST_EMPTY"}).value(), "");
    EXPECT_EQ(resolve_secret({file("on\n", 0600)}).value(), "on");
}

TEST_F(Secret, IsRefusedWithoutBeingShown) {
    ::setenv("ONEX_TEST_SHORT", "hunter2", 1);
    ::setenv("ONEX_TEST_EMPTY", "", 1);
    const struct {
        std::string text;
        const char* code;
    } rows[] = {
        {"hunter2-hunter2-hunter2", "VALIDATION_ERROR"},
        {"", "VALIDATION_ERROR"},
        {"env:", "VALIDATION_ERROR"},
        {"env:ONEX_TEST_SHORT", "VALIDATION_ERROR"},
        {"env:ONEX_TEST_EMPTY", "NOT_FOUND"},
        {"env:ONEX_TEST_UNSET", "NOT_FOUND"},
        {"file:/nowhere/at/all", "NOT_FOUND"},
        {"file:" + folder_.string(), "NOT_FOUND"},
        {file("", 0600), "NOT_FOUND"},
        {file(kValue, 0644), "POLICY_DENIED"},
        {file(kValue, 0640), "POLICY_DENIED"},
        {file(std::string(5000, 'x'), 0600), "VALIDATION_ERROR"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.text);
        const auto value = resolve_key({row.text});
        ASSERT_FALSE(value);
        EXPECT_EQ(value.error().code, row.code);
        EXPECT_EQ(value.error().message.find("hunter2"), std::string::npos);
    }
}

TEST_F(Secret, AreCheckedTogether) {
    const auto text =
        "[host]\ndata_dir = \"d\"\ntoken = \"env:ONEX_TEST_UNSET\"\n"
        "[peers.studio]\nurl = \"http://h:1\"\nkey = \"" +
        file(kValue, 0600) + "\"\nkey_id_next = \"k2\"\nkey_next = \"file:/nowhere\"\n";
    const auto config = parse_config(text, "h.toml", "/");
    ASSERT_TRUE(config) << config.error().message;
    const auto problems = check_secrets(*config);
    ASSERT_EQ(problems.size(), 2U);
    EXPECT_EQ(problems[0],
              "h.toml:3: [host] token: the environment variable ONEX_TEST_UNSET is not set; set it "
              "to the secret");
    EXPECT_TRUE(problems[1].starts_with("h.toml:8: [peers.studio] key_next: ")) << problems[1];
}

}  // namespace
