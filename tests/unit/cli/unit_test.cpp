#include "host/cli/unit.hpp"

#include <gtest/gtest.h>

namespace onex::host::cli {
namespace {

TEST(ServiceUnit, SystemdQuotesItsWords) {
    const UnitFacts facts{.program = "/opt/onex host/bin/onex-host",
                          .config_file = "/etc/onex/100%.toml",
                          .data_dir = "/var/lib/onex",
                          .stop_timeout_ms = 20'000,
                          .user = false};
    const auto unit = systemd_unit(facts);
    for (const auto* part :
         {"ExecStart=\"/opt/onex host/bin/onex-host\" run --config \"/etc/onex/100%%.toml\"\n",
          "TimeoutStopSec=30\n",
          "RestartPreventExitStatus=2\n",
          "WantedBy=multi-user.target\n",
          "ReadWritePaths=\"-/var/lib/onex\"\n"}) {
        EXPECT_NE(unit.find(part), std::string::npos) << part << "\n" << unit;
    }
}

TEST(ServiceUnit, AUsersServiceNeedsNothingOfTheSystem) {
    const auto unit =
        systemd_unit({.program = "/p", .config_file = "/c", .data_dir = "/d", .user = true});
    EXPECT_EQ(unit.find("network-online"), std::string::npos);
    EXPECT_EQ(unit.find("ProtectSystem"), std::string::npos);
    EXPECT_NE(unit.find("WantedBy=default.target\n"), std::string::npos);
}

TEST(ServiceUnit, LaunchdEscapesItsXml) {
    const auto plist = launchd_plist({.program = "/p&q", .config_file = "/<c>", .data_dir = "/d"});
    EXPECT_NE(plist.find("<string>/p&amp;q</string>"), std::string::npos);
    EXPECT_NE(plist.find("<string>/&lt;c&gt;</string>"), std::string::npos);
    EXPECT_NE(plist.find("<integer>30</integer>"), std::string::npos);
}

}  // namespace
}  // namespace onex::host::cli
