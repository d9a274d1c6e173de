// A deployment loses its target, or the target's Docker engine, for so long that the circuit
// breaker opens, and ends whole soon after it is back.
#include "tests/integration/deployment_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/object.hpp>

#include <csignal>

namespace onex::test {
namespace json = boost::json;
namespace {

class OpenBreaker : public DeploymentLab {
  protected:
    void SetUp() override {
        DeploymentLab::SetUp();
        if (!engine) return;
        laptop_in_host_ = studio_in_host_ = "breaker_failures = 2\n";
    }
    /// v1 runs, `wanted` is in that operation.
    std::string replace(const json::object& wanted, const std::string& operation) {
        deploy_well("v1");
        if (HasFatalFailure()) return "";
        auto id = begin(wanted);
        EXPECT_TRUE(wait_for_operation(id, operation)) << look(id);
        return id;
    }
    /// Its doctor calls peers and engines, whatever the run itself waits for.
    static bool wait_for_state(const HostProcess& host, const std::string& to, int state) {
        const auto line = "onex_circuit_breaker_state{to=\"" + to + "\"} " + std::to_string(state);
        const auto holds = [&] {
            (void)host.ask("GET", "/onex/v1/doctor");
            return host.ask("GET", "/metrics").body.find(line) != std::string::npos;
        };
        return wait_until(holds, 60'000);
    }
    void expect_whole(const std::string& id) const {
        const auto run = wait_for(id);
        const auto state = run.state();
        EXPECT_TRUE(state == "COMPLETED" || state == "ROLLBACK_COMPLETED") << run;
        const std::string version = state == "COMPLETED" ? "v2" : "v1";
        EXPECT_TRUE(wait_until([&] { return served() == version; })) << served();
    }
};

TEST_F(OpenBreaker, ToTheTargetEndsNoDeployment) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto id = replace(input("v2"), "deploy_container");
    ASSERT_FALSE(HasFailure());
    studio_->kill();
    ASSERT_TRUE(wait_for_state(*laptop_, "studio", 2)) << laptop_->log();
    ASSERT_TRUE(studio_->start()) << studio_->log();
    EXPECT_TRUE(wait_for_state(*laptop_, "studio", 0)) << laptop_->log();
    expect_whole(id);
}

/// With an engine of the studio's own, which others don't need meanwhile.
using OpenBreakerToAnEngine = WithOwnEngine<OpenBreaker>;

TEST_F(OpenBreakerToAnEngine, EndsNoDeployment) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    // It takes a while to find out that v2 is sick; to go back the engine is needed.
    auto sick = input("v2", Service::sick);
    sick["health_check_config"].as_object()["max_retries"] = 20;
    const auto id = replace(sick, "validate_health_endpoint");
    ASSERT_FALSE(HasFailure());
    // The studio stands still until the engine has gone: it is not to meet one that is going.
    ASSERT_EQ(::kill(studio_->pid(), SIGSTOP), 0);
    own->stop();
    ASSERT_EQ(::kill(studio_->pid(), SIGCONT), 0);
    const auto to = "unix:" + own->socket();
    ASSERT_TRUE(wait_for_state(*studio_, to, 2)) << studio_->log();
    ASSERT_TRUE(own->restart());
    EXPECT_TRUE(wait_for_state(*studio_, to, 0)) << studio_->log();
    expect_whole(id);
    EXPECT_EQ(look(id).state(), "ROLLBACK_COMPLETED") << look(id);
}

}  // namespace
}  // namespace onex::test
