// A plugin that was built against the first ABI still loads, passes plugin check, and runs.
#include "host/check/check.hpp"
#include "host/plugin/library.hpp"
#include "tests/support/host_process.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace onex::test {
namespace {

const std::string kFrozen = ONEX_SOURCE_DIR "/tests/abi/abi-1.0";
const std::string kPlugin = ONEX_BINARY_DIR "/tests/frozen_plugins/frozen_c.so";

TEST(FrozenAbi, NobodyHasEditedIt) {
    const std::map<std::string, std::string> digests = {
        {"frozen_c.c", "018ea3dd65c4e59594786bd9e8f5d7c170f087b7d11faae7a888b8359852321b"},
        {"frozen_c.yaml", "4524124eee588c08465cb6bd2c0de82855ba4d274fe2bbeca678fc93b7d7ace4"},
        {"frozen_parts.h", "65c70ed26e9378b18afa855e86673fcf1a319d3ab6d0901bf7b7a5a20c018d89"},
        {"onex/abi.h", "95222b971904db70b864be20488b5efba83b9c5bb9ee8ca64378290c22b7c30f"},
        {"onex/abi/base.h", "9f7fd9756fa2af02a38e5d2abb4c15ddee17845ddfc170a54ff6cc61e4ade4cc"},
        {"onex/abi/plugin.h", "0e937722e7f745b65b44ce268d877e561f746763b82604f0a24f52f247acddbf"},
        {"onex/abi/services.h", "e788930d87e105edd2bee60fbb49460533951bd11ae4ae6a5ec733f38555008e"},
        {"onex/abi/state.h", "37895ff3bf22aebe766135edc06010ceed563940f693c21314328f12e4ddad88"},
        {"onex/version.h", "96c68f096a4cfd55adc36c6413c0ed1b4b1940d9e7f950bf22579083836b4b35"},
    };
    std::map<std::string, std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kFrozen)) {
        const auto name = std::filesystem::relative(entry.path(), kFrozen).string();
        if (!entry.is_regular_file() || name == "README.md") continue;
        const auto digest = host::digest_of_file(entry.path());
        ASSERT_TRUE(digest) << digest.error().message;
        found[name] = *digest;
    }
    EXPECT_EQ(found, digests) << "a later ABI gets a folder of its own";
}

TEST(FrozenAbi, ItsPluginPassesTheChecks) {
    const auto outcomes = host::check::check_plugin(kPlugin, host::check::Level::full);
    EXPECT_GT(outcomes.size(), 10U);
    for (const auto& outcome : outcomes)
        EXPECT_EQ(outcome.state, host::check::State::passed)
            << outcome.name << ": " << outcome.detail;
}

class FrozenPlugin : public testing::TestWithParam<std::string> {
  protected:
    void SetUp() override {
        port_ = free_port();
        HostOptions options;
        options.folder = folder_.path();
        options.in_host = "plugin_dirs = ['" ONEX_BINARY_DIR
                          "/tests/frozen_plugins']\nsql_plugins = ['frozen_c']";
        options.toml = "[nodes.old]\nplugin = 'frozen_c'\nisolation = '" + GetParam() +
                       "'\nlisten = '127.0.0.1:" + std::to_string(port_) +
                       "'\n[nodes.old.settings]\ngreeting = 'good day'\n";
        host_ = std::make_unique<HostProcess>(options);
        ASSERT_TRUE(host_->start()) << host_->log();
    }
    [[nodiscard]] Answer call(const std::string& path) const {
        return send(tcp(port_), "POST", path, "{}");
    }

    TempDir folder_;
    std::uint16_t port_ = 0;
    std::unique_ptr<HostProcess> host_;
};

TEST_P(FrozenPlugin, UsesEveryServiceOfItsDay) {
    const auto answer = call("/tour");
    ASSERT_EQ(answer.status, 200U) << answer;
    const auto& status = answer.json.at("status").as_object();
    for (const auto* service :
         {"config", "events", "stream", "call", "contract", "blob", "clock", "metrics"}) {
        EXPECT_EQ(status.at(service), "OK") << service << " " << answer;
    }
    EXPECT_EQ(status.at("http"), "REMOTE_ENDPOINT_UNREACHABLE") << answer;
    EXPECT_EQ(status.at("process"), "POLICY_DENIED") << answer;
    const bool inproc = GetParam() == "inproc";  // No other process gets SQL.
    EXPECT_EQ(status.at("store"), inproc ? "OK" : "NOT_OFFERED") << answer;
    EXPECT_EQ(answer.json.at("sum"), inproc ? 42 : -1);
    EXPECT_EQ(answer.json.at("called").at("bytes"), 1000);
    EXPECT_EQ(answer.json.at("settings").at("greeting"), "good day");
    EXPECT_EQ(answer.json.at("info").at("node"), "old");
    EXPECT_NE(host_->log().find("[old] a tour of the first ABI"), std::string::npos)
        << host_->log();
    const auto metrics = send(tcp(port_), "GET", "/metrics");
    EXPECT_NE(metrics.body.find("frozen_tours_total"), std::string::npos) << metrics.body;
}

TEST_P(FrozenPlugin, AnswersLaterAndOutlivesAReload) {
    EXPECT_EQ(call("/later").json.at("later"), true);
    const auto reloaded = host_->ask("POST", "/onex/v1/plugins/old/reload");
    EXPECT_EQ(reloaded.status, 200U) << reloaded;
    EXPECT_EQ(reloaded.json.at("isolation").as_string(), GetParam());
    EXPECT_EQ(call("/later").json.at("later"), true);
    EXPECT_EQ(host_->stop(), 0) << host_->log();
}

INSTANTIATE_TEST_SUITE_P(Isolation,
                         FrozenPlugin,
                         testing::Values("inproc", "process"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace onex::test
