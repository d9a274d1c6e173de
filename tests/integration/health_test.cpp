// What "healthy" can mean: an HTTP answer, a port that takes connections, a program that ends with
// 0, and that it stays so.
#include "tests/integration/deployment_lab.hpp"

#include <boost/json/serialize.hpp>

namespace onex::test {
namespace json = boost::json;
namespace {

class Health : public DeploymentLab {
  protected:
    /// Deploys with this health_check_config.
    RunStatus deploy_with(const std::string& version,
                          json::object check,
                          const std::string& dockerfile = {}) {
        auto wanted = input(version);
        make_context(version, Service::healthy, dockerfile);
        if (!check.contains("max_retries")) check["max_retries"] = 3;
        check["retry_interval_ms"] = 100;
        wanted["health_check_config"] = std::move(check);
        return deploy(wanted);
    }
};

TEST_F(Health, EachKindOfProbeSeesWhatItIsFor) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const struct {
        const char* name;
        json::object check;
        const char* state;
        const char* said;  ///< part of the error
    } cases[] = {
        {"a port", {{"type", "tcp"}, {"port", 8080}}, "COMPLETED", ""},
        {"a port that nobody listens on",
         {{"type", "tcp"}, {"port", 8081}},
         "ROLLBACK_COMPLETED",
         "takes no connection"},
        {"a program", {{"type", "exec"}, {"command", {"/bin/busybox", "true"}}}, "COMPLETED", ""},
        {"a program that fails",
         {{"type", "exec"}, {"command", {"/bin/busybox", "sh", "-c", "echo it is broken; exit 7"}}},
         "ROLLBACK_COMPLETED",
         "ended with 7"},
        {"a field",
         {{"health_endpoint", "/health"}, {"json_field", "status"}, {"json_value", "ok"}},
         "COMPLETED",
         ""},
        {"a field with another value",
         {{"health_endpoint", "/health"}, {"json_field", "status"}, {"json_value", "fine"}},
         "ROLLBACK_COMPLETED",
         "status is ok, expected status = fine"},
        {"a field that is not there",
         {{"health_endpoint", "/health"}, {"json_field", "a.b"}},
         "ROLLBACK_COMPLETED",
         "a.b is not there"},
        {"a program that nobody named", {{"type", "exec"}}, "ROLLBACK_COMPLETED", "command"},
    };
    int version = 0;
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto run = deploy_with("v" + std::to_string(++version), c.check);
        EXPECT_EQ(run.state(), c.state) << run;
        EXPECT_NE(run.message().find(c.said), std::string::npos) << run;
    }
}

TEST_F(Health, WhatFallsIllUnderWatchIsRolledBack) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    // Well for a while, then it takes its health page away.
    const auto dockerfile =
        std::string("FROM ") + kBase +
        "\nCOPY www /www\nCMD [\"/bin/busybox\", \"sh\", \"-c\", \"(/bin/busybox sleep 4; "
        "/bin/busybox rm /www/health) & exec /bin/busybox httpd -f -p 8080 -h /www\"]\n";
    const auto run =
        deploy_with("v2", {{"health_endpoint", "/health"}, {"watch_ms", 20'000}}, dockerfile);
    EXPECT_EQ(run.state(), "ROLLBACK_COMPLETED") << run;
    EXPECT_NE(run.message().find("after it had been well for"), std::string::npos) << run;
    EXPECT_EQ(served(), "v1");
}

TEST_F(Health, TheCommandLineSaysItToo) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto context = make_context("v1", Service::healthy);
    const auto deploy = [&](const std::string& flags) {
        return laptop_->cli("deploy " + app_ + " --context " + context + " --to studio --port " +
                            std::to_string(app_port_) + ":8080 " + flags);
    };
    for (const auto* flags : {"--health-tcp 8080 --health-min-ms 300",
                              "--health-exec '/bin/busybox true' --health-watch-ms 300",
                              "--health-path /health --health-json status=ok"}) {
        const auto ran = deploy(flags);
        EXPECT_EQ(ran.code, 0) << flags << "\n" << ran.output;
    }
    EXPECT_EQ(deploy("--health-tcp 8080 --health-path /").code, 2);
    EXPECT_EQ(deploy("--health-path / --health-json status").code, 2);
}

}  // namespace
}  // namespace onex::test
