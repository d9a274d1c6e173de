#include "package/docker_ignore.hpp"

#include <gtest/gtest.h>

#include <string>

namespace onex::package {
namespace {

TEST(DockerIgnore, DecidesAsDockerDoes) {
    const struct {
        const char* text;
        const char* path;
        bool ignored;
    } cases[] = {
        {"", "a", false},
        {"# a\n\n  \n", "a", false},
        {"a", "a", true},
        {"a", "a/b/c", true},
        {"a", "b/a", false},
        {"/a/", "a", true},
        {"./a//b/../c", "a/c", true},
        {"\xEF\xBB\xBF"
         "a\r\n",
         "a",
         true},
        {"*.md", "README.md", true},
        {"*.md", "docs/README.md", false},
        {"**/*.md", "README.md", true},
        {"**/*.md", "docs/deep/README.md", true},
        {"*/temp*", "x/temporary.txt", true},
        {"*/temp*", "x/y/temporary.txt", false},
        {"*/*/temp*", "x/y/temporary.txt", true},
        {"temp?", "tempa", true},
        {"temp?", "temp", false},
        {"a/**", "a/b/c", true},
        {"a/**", "a", false},
        {"a/**/z", "a/z", true},
        {"a/**/z", "a/b/c/z", true},
        {"a/**/z", "a/bz", false},
        {"**", "anything/at/all", true},
        {"[a-c]x", "bx", true},
        {"[^a-c]x", "bx", false},
        {"[^a-c]x", "dx", true},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"a.b", "axb", false},
        {"*.md\n!README.md", "README.md", false},
        {"*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true},
        {"*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false},
        {"*\n!src", "src/main.c", false},
        {"*\n! src", "src/main.c", false},
        {"node_modules\n!node_modules/a.js", "node_modules/a.js", false},
        {"node_modules\n!node_modules/a.js", "node_modules/b.js", true},
        {"!a", "a", false},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(std::string(c.text) + " | " + c.path);
        EXPECT_EQ(DockerIgnore::parse(c.text).value().ignores(c.path), c.ignored);
    }
}

TEST(DockerIgnore, KeptFilesAndErrors) {
    auto ignore = DockerIgnore::parse("*").value();
    ignore.keep("docker/Dockerfile [1]");
    EXPECT_FALSE(ignore.ignores("docker/Dockerfile [1]"));
    EXPECT_TRUE(ignore.ignores("docker/Dockerfile 1"));
    EXPECT_TRUE(ignore.has_exceptions());
    for (const auto* text : {"ok\n[a-", "ok\n!", "ok\n[]"}) {
        SCOPED_TRACE(text);
        const auto bad = DockerIgnore::parse(text);
        ASSERT_FALSE(bad);
        EXPECT_EQ(bad.error().code, "VALIDATION_ERROR");
        EXPECT_NE(bad.error().message.find("line 2"), std::string::npos);
    }
}

TEST(DockerIgnore, NoPatternTakesLong) {
    std::string hard;
    for (int i = 0; i < 30; ++i)
        hard += "**/*a*";
    EXPECT_FALSE(DockerIgnore::parse(hard).value().ignores(std::string(4000, 'a') + "/b"));
}

}  // namespace
}  // namespace onex::package
