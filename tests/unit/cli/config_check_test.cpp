// config check against the plugins of this build: nothing that only `run` would find out.
#include "tests/unit/cli/recording_host.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace onex::host {
namespace {

const std::string kPlugins = "plugin_dirs = [\"" ONEX_BINARY_DIR "/lib/onex/plugins\"]\n";

/// Line 4 is the first of `nodes`.
Outcome check(const RecordingHost& host, const std::string& nodes) {
    std::ofstream(host.config(), std::ios::app) << kPlugins << nodes;
    return run({"config", "check", host.config()});
}

TEST(ConfigCheck, WhatIsRightIsValid) {
    const RecordingHost host;
    const auto outcome = check(host,
                               "sql_plugins = [\"orchestrator\"]\n"
                               "[nodes.orchestrator]\nplugin = \"orchestrator\"\n"
                               "listen = \"127.0.0.1:8060\"\n"
                               "[nodes.second]\nplugin = \"orchestrator\"\n"
                               "listen = \"127.0.0.1:8061\"\nsettings = {queue_max = 5}\n"
                               "[nodes.off]\nplugin = \"none\"\nenabled = false\n");
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    expect_part(outcome.out, "valid; host here, 3 nodes, 0 peers\n");
}

TEST(ConfigCheck, TellsEveryProblemWithItsLine) {
    const RecordingHost host;
    const auto outcome = check(host,
                               "token = \"env:ONEX_TEST_NOT_SET\"\n"
                               "[nodes.one]\n"
                               "plugin = \"orchestrator\"\n"
                               "listen = \"127.0.0.1:8060\"\n"
                               "[nodes.one.settings]\n"
                               "queue_mx = 5\n"
                               "queue_max = \"many\"\n"
                               "[nodes.two]\n"
                               "plugin = \"orchestrator\"\n"
                               "listen = \"127.0.0.1:8060\"\n"
                               "[nodes.three]\n"
                               "plugin = \"orchestrater\"\n"
                               "[nodes.four]\n"
                               "plugin = \"deployment_sender\"\n"
                               "blake3 = \"" +
                                   std::string(64, '0') + "\"\n");
    EXPECT_EQ(outcome.code, 1);
    for (const auto& [line, part] : std::vector<std::pair<int, std::string>>{
             {5, "[host] token: "},
             {10, "[nodes.one]: settings: unknown property "},
             {11, "[nodes.one]: settings: queue_max: "},
             {14, "[nodes.two]: nodes one and two both claim "},
             {16, "[nodes.three]: no plugin `orchestrater` in "},
             {19, "[nodes.four]: "}}) {
        expect_part(outcome.err, host.config() + ":" + std::to_string(line) + ": " + part);
    }
}

TEST(ConfigCheck, AForeignPluginHasNoStore) {
    const RecordingHost host;
    const auto copy = host.folder() + "/plugins";
    fs::create_directories(copy);
    for (const auto& entry : fs::directory_iterator(ONEX_BINARY_DIR "/lib/onex/plugins"))
        if (entry.path().stem() == "orchestrator") fs::copy(entry.path(), copy);
    std::ofstream(copy + "/broken.so") << "no library";
    std::ofstream(host.config(), std::ios::app)
        << "plugin_dirs = [\"plugins\"]\n[nodes.a]\nplugin = \"orchestrator\"\n"
           "[nodes.b]\nplugin = \"broken\"\n";
    const auto outcome = run({"config", "check", host.config()});
    EXPECT_EQ(outcome.code, 1);
    expect_part(outcome.err, ":6: [nodes.a]: orchestrator needs the service onex.store/1");
    expect_part(outcome.err, ":8: [nodes.b]: " + copy + "/broken.so is not fit to be loaded");
}

TEST(ConfigCheck, AMissingFileIsTwoInEveryCommand) {
    const std::string none = "/nowhere/host.toml";
    EXPECT_EQ(run({"config", "check", none}).code, 2);
    for (const auto& words : std::vector<std::vector<std::string>>{{"status"},
                                                                   {"doctor"},
                                                                   {"config", "check"},
                                                                   {"service", "print"},
                                                                   {"service", "install"},
                                                                   {"migrate", "status"}}) {
        SCOPED_TRACE(words.back());
        auto with_config = words;
        with_config.insert(with_config.end(), {"--config", none});
        const auto outcome = run(with_config);
        EXPECT_EQ(outcome.code, 2);
        expect_part(outcome.err, "NOT_FOUND: /nowhere/host.toml: can't be read");
    }
}

}  // namespace
}  // namespace onex::host
