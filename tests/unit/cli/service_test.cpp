// service install, uninstall and print, with a service manager that only answers.
#include "tests/unit/cli/recording_host.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace onex::host {
namespace {

/// `systemctl` and `launchctl` of this test stand first in PATH.
class Service : public testing::Test {
  protected:
    void SetUp() override {
        before_ = std::getenv("PATH");
        ::setenv("PATH", (host_.folder() + ":" + before_).c_str(), 1);
        is_active(false);
    }
    void TearDown() override { ::setenv("PATH", before_.c_str(), 1); }

    void is_active(bool yes) {
        for (const auto* name : {"systemctl", "launchctl"}) {
            const auto file = host_.folder() + "/" + name;
            std::ofstream(file, std::ios::trunc)
                << "#!/bin/sh\necho \"$*\" >>" << calls_ << "\n"
                << "echo chatter\ncase \"$*\" in *is-active*|list*) exit " << (yes ? 0 : 3)
                << ";; esac\n";
            fs::permissions(file, fs::perms::owner_all);
        }
    }
    Outcome service(const std::string& action, std::vector<std::string> more = {}) {
        more.insert(more.begin(),
                    {"service", action, "--folder", folder_, "--config", host_.config()});
        return run(more);
    }
    [[nodiscard]] std::string calls() const {
        std::ifstream in(calls_);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    RecordingHost host_;
    const std::string folder_ = host_.folder() + "/units";
    const std::string calls_ = host_.folder() + "/calls";
    std::string before_;
};

TEST_F(Service, InstallWritesAndUninstallRemoves) {
    const auto written = service("install", {"--no-start"});
    EXPECT_EQ(written.code, 0);
    expect_part(written.out, " is written\n");
    EXPECT_FALSE(fs::is_empty(folder_));
    EXPECT_EQ(service("uninstall", {"--no-start"}).code, 0);
    EXPECT_TRUE(fs::is_empty(folder_));
    EXPECT_EQ(calls(), "");
    const auto absent = service("uninstall", {"--json"});
    EXPECT_EQ(boost::json::parse(absent.out).at("state"), "absent");
    expect_part(run({"service", "print", "--config", host_.config()}).out, host_.config());
    const auto document = run({"service", "print", "--json", "--config", host_.config()});
    expect_part(std::string(boost::json::parse(document.out).at("unit").as_string()),
                host_.config());
}

TEST_F(Service, InstallLooksWhetherTheHostRuns) {
    host_.when("GET /onex/v1/host", {{200, "{}"}});
    auto outcome = service("install");
    EXPECT_EQ(outcome.code, 1);
    expect_part(outcome.err, "is installed, but the service does not run; its log says why: ");
    is_active(true);
    host_.start();
    outcome = service("install", {"--json"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(boost::json::parse(outcome.out).at("state"), "running") << outcome.out;
}

TEST_F(Service, InstallTakesNoOtherHostForItsOwn) {
    host_.when("GET /onex/v1/host", {{200, "{}"}});
    host_.start();
    const auto outcome = service("install");
    EXPECT_EQ(outcome.code, 1);
    expect_part(outcome.err, "CONFLICT: a host runs already on " + host_.folder());
    EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(Service, InstallNamesTheVariablesThatAreNotThere) {
    std::ofstream(host_.config(), std::ios::app) << "token = \"env:ONEX_TEST_SERVICE_TOKEN\"\n";
    ::setenv("ONEX_TEST_SERVICE_TOKEN", "never-to-be-printed", 1);
    auto outcome = service("install");
    EXPECT_EQ(outcome.code, 1);
    expect_part(outcome.err, "FAILED_PRECONDITION: ");
    expect_part(outcome.err, "ONEX_TEST_SERVICE_TOKEN");
    EXPECT_FALSE(fs::exists(folder_));
#ifndef __APPLE__
    outcome = service("install", {"--no-start"});
    EXPECT_EQ(outcome.code, 0);
    expect_part(outcome.out, "host.env must set ONEX_TEST_SERVICE_TOKEN (NAME=value");
#endif
    EXPECT_EQ((outcome.out + outcome.err).find("never-to-be"), std::string::npos);
    ::unsetenv("ONEX_TEST_SERVICE_TOKEN");
}

}  // namespace
}  // namespace onex::host
