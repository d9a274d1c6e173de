// The configurations that the project ships are right, and their reference is up to date.
#include "host/config/config.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace onex::host {
namespace {

TEST(ShippedConfig, ReadsWithoutAProblem) {
    ::setenv("ONEX_TOKEN", "a-token-of-this-test-only", 1);
    ::setenv("ONEX_KEY_MAC_STUDIO", "a-key-of-this-test-only", 1);
    for (const auto* name :
         {"dev", "laptop", "mac-studio", "quickstart/laptop", "quickstart/mac-studio"}) {
        SCOPED_TRACE(name);
        const auto config = read_config(std::string(ONEX_SOURCE_DIR "/config/") + name + ".toml");
        ASSERT_TRUE(config) << config.error().message;
        EXPECT_FALSE(config->nodes.empty());
        // The quickstart's secrets are files that ./x quickstart makes.
        if (std::string(name).starts_with("quickstart")) continue;
        const auto problems = check_secrets(*config);
        EXPECT_TRUE(problems.empty()) << problems.front();
    }
}

TEST(ShippedConfig, ReferenceIsWhatTheProgramPrints) {
    std::ifstream in(ONEX_SOURCE_DIR "/config/README.md");
    const std::string readme{std::istreambuf_iterator<char>(in), {}};
    EXPECT_NE(readme.find(config_reference_markdown()), std::string::npos)
        << "replace the reference in config/README.md by the output of: onex-host config reference";
}

}  // namespace
}  // namespace onex::host
