#include "host/cli/unit.hpp"

#include <gtest/gtest.h>

namespace onex::host::cli {
namespace {

TEST(ServiceUnit, SystemdQuotesItsWords) {
    const UnitFacts facts{.program = "/opt/onex host/bin/onex-host",
                          .config_file = "/etc/onex/100%.toml",
                          .data_dir = "/var/lib/onex",
                          .stop_timeout_ms = 20'000,
                          .user = false,
                          .environment_file = "/etc/onex/host 1%.env",
                          .home = "/root",
                          .docker_config = "/root/$d"};
    const auto unit = systemd_unit(facts);
    for (const auto* part :
         {"ExecStart=\"/opt/onex host/bin/onex-host\" run --config \"/etc/onex/100%%.toml\"\n",
          "TimeoutStopSec=30\n",
          "RestartPreventExitStatus=2\n",
          "WantedBy=multi-user.target\n",
          "ReadWritePaths=\"-/var/lib/onex\"\n",
          "Environment=\"HOME=/root\"\n",
          "Environment=\"DOCKER_CONFIG=/root/$d\"\n",
          "EnvironmentFile=-/etc/onex/host 1%%.env\n"}) {
        EXPECT_NE(unit.find(part), std::string::npos) << part << "\n" << unit;
    }
    EXPECT_EQ(unit.find("PrivateTmp"), std::string::npos) << "it would hide build contexts";
}

TEST(ServiceUnit, AUsersServiceNeedsNothingOfTheSystem) {
    const auto unit =
        systemd_unit({.program = "/p", .config_file = "/c", .data_dir = "/d", .user = true});
    EXPECT_EQ(unit.find("network-online"), std::string::npos);
    EXPECT_EQ(unit.find("ProtectSystem"), std::string::npos);
    EXPECT_NE(unit.find("WantedBy=default.target\n"), std::string::npos);
}

TEST(ServiceUnit, LaunchdEscapesItsXml) {
    const auto plist = launchd_plist(
        {.program = "/p&q", .config_file = "/<c>", .data_dir = "/d", .home = "/Users/a&b"});
    EXPECT_NE(plist.find("<key>HOME</key><string>/Users/a&amp;b</string>"), std::string::npos);
    EXPECT_NE(plist.find("<string>/p&amp;q</string>"), std::string::npos);
    EXPECT_NE(plist.find("<string>/&lt;c&gt;</string>"), std::string::npos);
    EXPECT_NE(plist.find("<integer>30</integer>"), std::string::npos);
}

TEST(ServiceUnit, KnowsWhichVariablesTheSecretsNeed) {
    Config config;
    config.host.token = {"env:TOKEN"};
    config.peers.resize(2);
    config.peers[0].key = {"env:KEY"};
    config.peers[0].key_next = {"file:/k"};
    config.peers[1].key = {"env:KEY"};
    const auto names = secret_variables(config);
    EXPECT_EQ(names, (std::vector<std::string>{"KEY", "TOKEN"}));
    EXPECT_EQ(unset_in("", names), names);
    EXPECT_TRUE(unset_in("# all\n  KEY=\"a b\"\nTOKEN=x=y\n", names).empty());
    EXPECT_EQ(unset_in("#KEY=1\nexport TOKEN=x\nKEY=\n", names), names);
}

}  // namespace
}  // namespace onex::host::cli
