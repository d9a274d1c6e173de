// plugin new: names and files; that the result builds and runs is tested by sdk_test.sh.
#include "host/cli/plugin_new.hpp"

#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

namespace onex::host::cli {
namespace {

TEST(PluginNew, TakesNamesOfPluginsOnly) {
    for (const auto* name : {"a", "word_count", "x9"})
        EXPECT_TRUE(new_plugin_files(name)) << name;
    for (const auto* name : {"", "9x", "_x", "x_", "Word", "a-b", "a b", "../x", "a/b"})
        EXPECT_FALSE(new_plugin_files(name)) << name;
    EXPECT_FALSE(new_plugin_files(std::string(65, 'a')));
}

TEST(PluginNew, LeavesNoPlaceholderAndOverwritesNothing) {
    const auto files = new_plugin_files("word_count");
    ASSERT_TRUE(files);
    for (const auto& [path, text] : *files) {
        for (const auto* word : {"NAME", "CLASS"}) {
            EXPECT_EQ(path.find(word), std::string::npos) << path;
            EXPECT_EQ(text.find(word), std::string::npos) << path;
        }
    }
    const test::TempDir folder;
    ASSERT_TRUE(write_new_plugin("word_count", folder.path() + "/deep/er"));
    EXPECT_NE(test::read_file(folder.path() + "/deep/er/word_count.cpp").find("class WordCount"),
              std::string::npos);
    const auto again = write_new_plugin("word_count", folder.path() + "/deep/er");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, "CONFLICT");
}

}  // namespace
}  // namespace onex::host::cli
