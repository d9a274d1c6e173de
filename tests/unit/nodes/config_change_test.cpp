#include "host/nodes/config_change.hpp"

#include <gtest/gtest.h>

namespace onex::host {
namespace {

std::string told(const ConfigChange& change) {
    std::string out;
    const auto add = [&](const char* what, const std::string& name) {
        out += (out.empty() ? "" : ", ") + std::string(what) + name;
    };
    for (const auto& node : change.added)
        add("+", node.name);
    for (const auto& node : change.changed)
        add("~", node.name);
    for (const auto& name : change.removed)
        add("-", name);
    for (const auto& key : change.restart_needed)
        add("restart ", key);
    return out;
}

Config config(const std::string& nodes, const std::string& rest = "") {
    auto made = parse_config(
        "[host]\nname = 'h'\ndata_dir = '/tmp/d'\n" + rest + nodes, "host.toml", "/tmp");
    EXPECT_TRUE(made) << made.error().message;
    return made ? *made : Config{};
}

TEST(ConfigChange, TellsWhatANewConfigurationAsks) {
    const std::string a = "[nodes.a]\nplugin = 'p'\n";
    const std::string b = "[nodes.b]\nplugin = 'p'\n";
    const std::string peer = "[peers.x]\nurl = 'http://127.0.0.1:1'\nkey = 'env:KEY'\n";
    struct Case {
        const char* name;
        std::string before, after, want;
    };
    const Case cases[] = {
        {"nothing", a + b, a + b, ""},
        {"another order", a + b, b + a, ""},
        {"a new node", a, a + b, "+b"},
        {"one less", a + b, b, "-a"},
        {"switched off", a, a + "enabled = false\n", "-a"},
        {"switched on", a + "enabled = false\n", a, "+a"},
        {"other settings", a, a + "[nodes.a.settings]\nx = 1\n", "~a"},
        {"another address", a, a + "listen = '127.0.0.1:9'\n", "~a"},
        {"a peer", a, a + peer, "restart [peers.x]"},
        {"a peer's key", a + peer, a + peer + "key_id = 'k'\n", "restart [peers.x]"},
        {"the log", a, a + "[log]\nlevel = 'debug'\n", "restart [log]"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(told(compare(config(c.before), config(c.after))), c.want) << c.name;
}

}  // namespace
}  // namespace onex::host
