// The health_checks of the deployment contract, on the host that began the run, over real Docker.
#include "tests/integration/deployment_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>

namespace onex::test {
namespace json = boost::json;
namespace {

class DeploymentHealthChecks : public DeploymentLab {
  protected:
    /// The installed contract under another name, with its checks each second.
    static std::string contract() {
        auto yaml = read_file(ONEX_SOURCE_DIR "/contracts/workflows/deployment_workflow.yaml");
        const auto replace = [&](const std::string& from, const std::string& by) {
            std::size_t at = yaml.find(from);
            EXPECT_NE(at, std::string::npos) << from;
            for (; at != std::string::npos; at = yaml.find(from, at + by.size()))
                yaml.replace(at, from.size(), by);
        };
        replace("  name: deployment_workflow\n", "  name: often_asked\n");
        for (const auto* seconds : {"15", "30", "60"})
            replace("interval_seconds: " + std::string(seconds), "interval_seconds: 1");
        return yaml;
    }
    void deploy_by_contract(const std::string& version) {
        const json::object body{{"contract", contract()}, {"input", input(version)}};
        const auto answer = laptop_->ask("POST", "/api/v1/workflows", json::serialize(body));
        ASSERT_EQ(answer.status, 202U) << answer;
        const auto run = wait_for(std::string(answer.json.at("workflow_id").as_string()));
        ASSERT_EQ(run.state(), "COMPLETED") << run;
    }
    [[nodiscard]] static json::array checks(const HostProcess& host) {
        const auto answer = host.ask("GET", "/api/v1/workflows/health");
        EXPECT_EQ(answer.status, 200U) << answer;
        return answer.json.is_object() ? answer.json.at("checks").as_array() : json::array{};
    }
    /// Waits for that word of the check, whose detail it returns; a test failure if it never comes.
    [[nodiscard]] std::string wait_for_check(const std::string& name, const std::string& status) {
        std::string detail;
        EXPECT_TRUE(wait_until([&] {
            for (const auto& check : checks(*laptop_)) {
                if (check.at("name").as_string() != name ||
                    check.at("status").as_string() != status)
                    continue;
                detail = std::string(check.at("detail").as_string());
                return true;
            }
            return false;
        })) << name
            << ": " << json::serialize(checks(*laptop_));
        return detail;
    }
    [[nodiscard]] std::int64_t changes() const {
        return count(*laptop_,
                     "SELECT count(*) FROM events WHERE type = 'WORKFLOW_HEALTH_CHANGED' AND "
                     "workflow_id = :id",
                     "");
    }
};

TEST_F(DeploymentHealthChecks, SeeWhatBecomesOfTheContainer) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_by_contract("v1"));
    (void)wait_for_check("deployed_container", "healthy");
    EXPECT_EQ(wait_for_check("remote_hook_receiver", "healthy"), "answers 200");
    EXPECT_NE(wait_for_check("docker_engine", "unknown").find("workflow_dirs"), std::string::npos);
    EXPECT_EQ(checks(*laptop_).size(), 3U) << "nothing to ask without an endpoint";
    EXPECT_TRUE(checks(*studio_).empty()) << "the host that began the run looks after it";

    ASSERT_NO_FATAL_FAILURE(deploy_by_contract("v2"));
    EXPECT_EQ(changes(), 0) << "while a run replaces a container, its absence is no news";
    const auto stopped = engine->docker("stop -t 0 " + app_);
    ASSERT_EQ(stopped.code, 0) << stopped.output;
    EXPECT_NE(wait_for_check("deployed_container", "unhealthy").find("exited"), std::string::npos);
    EXPECT_TRUE(wait_until([&] { return changes() == 1; }));
    ASSERT_EQ(engine->docker("start " + app_).code, 0);
    (void)wait_for_check("deployed_container", "healthy");

    EXPECT_EQ(studio_->stop(), 0);
    (void)wait_for_check("remote_hook_receiver", "unhealthy");
    (void)wait_for_check("deployed_container", "unhealthy");
    const auto list = laptop_->cli("workflow health");
    EXPECT_EQ(list.code, 1) << list.output;
    EXPECT_EQ(laptop_->ask("GET", "/health").status, 200U) << "a laptop is not sick for that";
}

}  // namespace
}  // namespace onex::test
