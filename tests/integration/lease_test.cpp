// Who may change a container: one deployment at a time, and never one that comes back late.
#include "tests/integration/deployment_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>

#include <csignal>

namespace onex::test {
namespace json = boost::json;
namespace {

class Lease : public DeploymentLab {
  protected:
    /// A run that takes its time to find out that it is sick.
    std::string begin_slow() {
        auto slow = input("slow", Service::sick);
        slow["health_check_config"].as_object()["max_retries"] = 1'000;
        const auto id = begin(slow);
        EXPECT_TRUE(wait_for_operation(id, "validate_health_endpoint")) << look(id);
        return id;
    }
    [[nodiscard]] json::object with(const std::string& version, const char* when_locked) {
        auto wanted = input(version);
        wanted["when_locked"] = when_locked;
        return wanted;
    }
    [[nodiscard]] std::string log_of(const std::string& id) const {
        return laptop_->ask("GET", "/workflows/" + id + "/logs").body;
    }
    /// An operation of the receiver, called on its own host.
    [[nodiscard]] Answer call(const std::string& operation, const json::object& input) const {
        return studio_->ask(
            "POST", "/onex/v1/nodes/receiver/operations/" + operation, json::serialize(input));
    }
    [[nodiscard]] Answer announce(const std::string& id) const {
        return call("announce_deployment", {{"container_name", app_}, {"deployment_id", id}});
    }
    [[nodiscard]] Answer prepare(const std::string& id, std::int64_t token) const {
        return call(
            "stop_existing_container",
            {{"container_name", app_}, {"deployment_id", id}, {"lease", {{"token", token}}}});
    }
    static std::int64_t token_of(const Answer& answer) {
        EXPECT_EQ(answer.status, 200U) << answer;
        return answer.status == 200 ? answer.json.at("lease").at("token").to_number<std::int64_t>()
                                    : 0;
    }
};

TEST_F(Lease, WhoQueuesIsDeployedAfterTheOtherEnds) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto first = begin_slow();
    const auto second = begin(with("v2", "queue"));
    ASSERT_TRUE(wait_until([&] {
        return log_of(second).find("waits: " + app_ + " is being deployed by deployment " +
                                   first) != std::string::npos;
    })) << log_of(second);
    EXPECT_EQ(laptop_->ask("POST", "/workflows/" + first + "/cancel", "{}").status, 202U);
    EXPECT_EQ(wait_for(first).code(), "CANCELLED");
    const auto run = wait_for(second);
    EXPECT_EQ(run.state(), "COMPLETED") << run;
    EXPECT_EQ(served(), "v2");
}

TEST_F(Lease, WhoSupersedesTakesOverAndTheOtherEnds) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto first = begin_slow();
    const auto second = begin(with("v2", "supersede"));
    const auto run = wait_for(second);
    EXPECT_EQ(run.state(), "COMPLETED") << run;
    // It hears of it at its next renewal, and changes nothing any more.
    const auto lost = wait_for(first);
    EXPECT_EQ(lost.state(), "FAILED") << lost;
    EXPECT_NE(lost.message().find("taken over"), std::string::npos) << lost;
    EXPECT_EQ(served(), "v2");
    ASSERT_NO_FATAL_FAILURE(deploy_well("v3"));
}

TEST_F(Lease, EndsWhenNobodyRenewsItAndTheLateOneIsRefused) {
    receiver_settings_ = "lease_s = 1\n";
    ASSERT_NO_FATAL_FAILURE(start_studio());
    const auto first = token_of(announce("d1"));
    EXPECT_EQ(announce("d2").code, "DEPLOYMENT_LOCKED");
    Answer taken;
    ASSERT_TRUE(wait_until([&] { return (taken = announce("d2")).status == 200; }));
    const auto second = token_of(taken);
    EXPECT_GT(second, first);
    const auto late = prepare("d1", first);
    EXPECT_EQ(late.code, "DEPLOYMENT_LOCKED") << late;
    EXPECT_NE(late.message.find("passed on"), std::string::npos) << late;
    EXPECT_EQ(call("renew_lease", {{"deployment_id", "d1"}}).code, "DEPLOYMENT_LOCKED");
    EXPECT_EQ(prepare("d2", second).status, 200U);
    // Nobody else came: who has it may come back late.
    ASSERT_TRUE(wait_until([&] { return prepare("d2", second).status == 200; }));
}

TEST_F(Lease, LastsOneWholeTimeAfterARestart) {
    receiver_settings_ = "lease_s = 3\n";
    ASSERT_NO_FATAL_FAILURE(start_studio());
    const auto first = token_of(announce("d1"));
    studio_->kill();
    ASSERT_TRUE(studio_->start()) << studio_->log();
    EXPECT_EQ(announce("d2").code, "DEPLOYMENT_LOCKED");
    EXPECT_EQ(call("renew_lease", {{"deployment_id", "d1"}}).json.at("renewed"), true);
    EXPECT_EQ(prepare("d1", first).status, 200U);
    Answer taken;
    ASSERT_TRUE(wait_until([&] { return (taken = announce("d2")).status == 200; }));
    EXPECT_GT(token_of(taken), first) << "it grows for ever";
}

TEST_F(Lease, ADeployerThatWasPausedComesBackTooLate) {
    receiver_settings_ = "lease_s = 2\n";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto wanted = with("v2", "refuse");
    // Noise, so that the transfer takes its time.
    ASSERT_EQ(
        shell("head -c 200000000 /dev/urandom > " + folder_.path() + "/context-v2/www/noise").code,
        0);
    const auto id = begin(wanted);
    ASSERT_TRUE(wait_for_operation(id, "send_deployment_request")) << look(id);
    ASSERT_EQ(::kill(laptop_->pid(), SIGSTOP), 0);
    Answer taken;
    EXPECT_TRUE(wait_until([&] { return (taken = announce("other")).status == 200; })) << taken;
    ASSERT_EQ(::kill(laptop_->pid(), SIGCONT), 0);
    const auto run = wait_for(id);
    EXPECT_EQ(run.state(), "FAILED") << run;
    EXPECT_EQ(served(), "v1");
}

}  // namespace
}  // namespace onex::test
