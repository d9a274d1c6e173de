// Bad days of deployments: each ends with its code, one sentence, and the old container still
// serving.
#include "tests/integration/deployment_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>

#include <functional>

namespace onex::test {
namespace json = boost::json;
namespace {

class BadDays : public DeploymentLab {
  protected:
    /// Ended as told, with one sentence and the correlation id.
    static void expect_end(const RunStatus& run, std::string_view state, std::string_view code) {
        EXPECT_EQ(run.state(), state) << run;
        EXPECT_EQ(run.code(), code) << run;
        EXPECT_FALSE(run.message().empty()) << run;
        const auto* error = run.status.if_contains("error");
        ASSERT_TRUE(error != nullptr && error->is_object());
        EXPECT_FALSE(error->at("correlation_id").as_string().empty()) << run;
    }
    [[nodiscard]] std::string logs(const std::string& id) const {
        return laptop_->ask("GET", "/workflows/" + id + "/logs?limit=500").body;
    }
};

TEST_F(BadDays, AReceiverThatDoesNotKnowUs) {
    laptop_secret_ = "another secret than the studio's";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    expect_end(deploy(input("v1")), "FAILED", "AUTHENTICATION_FAILED");
    EXPECT_EQ(containers(), 0);
}

TEST_F(BadDays, AnAddressThatIsNotAllowed) {
    receiver_toml_ = "allow = ['10.0.0.0/8']\n";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    expect_end(deploy(input("v1")), "FAILED", "AUTHENTICATION_FAILED");
    EXPECT_EQ(containers(), 0);
}

TEST_F(BadDays, NoDockerOnTheSource) {
    laptop_docker_ = folder_.path() + "/no.sock";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    expect_end(deploy(input("v1")), "FAILED", "DOCKER_UNAVAILABLE");
}

TEST_F(BadDays, NoDockerOnTheTarget) {
    studio_docker_ = folder_.path() + "/no.sock";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    expect_end(deploy(input("v1")), "FAILED", "DOCKER_UNAVAILABLE");
    const auto health = send(tcp(studio_port_), "GET", "/health");
    EXPECT_EQ(health.status, 503U) << health;
    EXPECT_FALSE(health.json.at("docker_connected").as_bool()) << health;
}

TEST_F(BadDays, NobodyAtTheTarget) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    studio_->kill();
    expect_end(deploy(input("v1")), "FAILED", "REMOTE_ENDPOINT_UNREACHABLE");
}

TEST_F(BadDays, ADockerfileThatDoesNotBuild) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto run = deploy(input("v1", Service::does_not_build));
    expect_end(run, "FAILED", "BUILD_FAILED");
    EXPECT_NE(logs(run.id).find("this is why it fails"), std::string::npos) << logs(run.id);
    EXPECT_EQ(containers(), 0);
}

TEST_F(BadDays, ADockerfileThatNeedsBuildKit) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    auto wants = input("v1");
    make_context("v1",
                 Service::healthy,
                 std::string("FROM ") + kBase + "\nRUN --mount=type=cache,target=/c echo hi\n");
    const auto run = deploy(wants);
    if (run.state() == "COMPLETED") GTEST_SKIP() << "this engine has BuildKit";
    expect_end(run, "FAILED", "BUILDKIT_NEEDED");
}

TEST_F(BadDays, AnImageOfAnotherArchitecture) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    // A saved image whose configuration says another processor.
    const auto image = app_ + "-other:1";
    const auto docker = "docker -H unix://" + engine->socket();
    const auto made =
        shell("set -e; cd " + folder_.path() + "; mkdir other; " + docker + " tag " + kBase + " " +
              image + "; " + docker + " save " + image + " | tar -C other -x; " + docker + " rmi " +
              image +
              "; cd other; for f in *.json; do sed -i "
              "'s/\"architecture\":\"[a-z0-9]*\"/\"architecture\":\"s390x\"/' $f; done; "
              "tar -c * | " +
              docker + " load");
    ASSERT_EQ(made.code, 0) << made.output;
    auto other = input("v1");
    other["image"] = image;
    expect_end(deploy(other), "FAILED", "ARCHITECTURE_MISMATCH");
    EXPECT_EQ(containers(), 0);
}

TEST_F(BadDays, NewVersionsThatFailLeaveTheOldOneServing) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto restarting = [](json::object wants) {
        wants["deployment_config"].as_object()["restart_policy"] = "always";
        return wants;
    };
    const struct {
        const char* name;
        json::object input;
        std::string code;
    } cases[] = {
        {"health check fails", input("v2", Service::sick), "HEALTH_CHECK_FAILED"},
        {"ends at once", input("v3", Service::ends_at_once), ""},
        {"restart loop", restarting(input("v4", Service::ends_at_once)), ""},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto run = deploy(c.input);
        if (!c.code.empty()) {
            expect_end(run, "ROLLBACK_COMPLETED", c.code);
        } else {
            EXPECT_EQ(run.state(), "ROLLBACK_COMPLETED") << run;
            EXPECT_TRUE(run.code() == "DEPLOYMENT_FAILED" || run.code() == "HEALTH_CHECK_FAILED")
                << run;
        }
        EXPECT_EQ(served(), "v1");
        EXPECT_EQ(containers(), 1);
    }
}

TEST_F(BadDays, AFirstVersionThatFailsLeavesNothing) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    expect_end(deploy(input("v1", Service::sick)), "FAILED", "HEALTH_CHECK_FAILED");
    EXPECT_EQ(containers(), 0);
    const auto file = folder_.path() + "/input.json";
    write_file(file, boost::json::serialize(input("v2", Service::sick)));
    const auto told = laptop_->cli("workflow run deployment_workflow --wait --input @" + file);
    EXPECT_EQ(told.code, 1);
    EXPECT_NE(told.output.find("was removed; there was none of that name before"),
              std::string::npos)
        << told.output;
    EXPECT_EQ(told.output.find("not restore everything"), std::string::npos) << told.output;
}

TEST_F(BadDays, WithoutRollbackBothContainersStay) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    auto sick = input("v2", Service::sick);
    sick["rollback_on_failure"] = false;
    expect_end(deploy(sick), "FAILED", "HEALTH_CHECK_FAILED");
    EXPECT_EQ(containers(), 2);
}

TEST_F(BadDays, APortThatIsTaken) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    auto wants = input("v2");
    wants["deployment_config"].as_object()["port_mappings"].as_array()[0].as_object()["host_port"] =
        studio_port_;
    const auto run = deploy(wants);
    expect_end(run, "ROLLBACK_COMPLETED", "DEPLOYMENT_FAILED");
    EXPECT_NE(run.message().find(std::to_string(studio_port_)), std::string::npos) << run;
    EXPECT_EQ(served(), "v1");
    EXPECT_EQ(containers(), 1);
}

TEST_F(BadDays, AContainerOfThatNameThatIsNotOurs) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_EQ(
        engine->docker("run -d --name " + app_ + " " + kBase + " /bin/busybox tail -f /dev/null")
            .code,
        0);
    // Nothing was touched, so there is nothing to put back: everything is as it was.
    expect_end(deploy(input("v1")), "ROLLBACK_COMPLETED", "POLICY_DENIED");
    EXPECT_NE(engine->docker("ps --filter name=" + app_).output.find(app_), std::string::npos);
    auto adopting = input("v1");
    adopting["deployment_config"].as_object()["adopt"] = true;
    const auto run = deploy(adopting);
    EXPECT_EQ(run.state(), "COMPLETED") << run;
    EXPECT_EQ(served(), "v1");
}

TEST_F(BadDays, AFullDiskOnTheTarget) {
    studio_toml_ = "[limits]\ndisk_reserve_bytes = '15TiB'\n";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    expect_end(deploy(input("v1")), "FAILED", "DISK_FULL");
    EXPECT_EQ(containers(), 0);
}

TEST_F(BadDays, WhatThePolicyForbids) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const struct {
        const char* name;
        std::function<void(json::object&)> change;
    } cases[] = {
        {"a mount",
         [](json::object& config) {
             config["volumes"] = {{{"host_path", "/etc"}, {"container_path", "/x"}}};
         }},
        {"a mount by a detour",
         [](json::object& config) {
             config["volumes"] = {{{"host_path", "/tmp/../etc"}, {"container_path", "/x"}}};
         }},
        {"the host's network", [](json::object& config) { config["network_mode"] = "host"; }},
        {"a port below 1024",
         [](json::object& config) {
             config["port_mappings"] = {{{"host_port", 80}, {"container_port", 8080}}};
         }},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        auto wants = input("v1");
        c.change(wants["deployment_config"].as_object());
        expect_end(deploy(wants), "FAILED", "POLICY_DENIED");
        EXPECT_EQ(containers(), 0);
    }
}

TEST_F(BadDays, MoreMemoryThanTheMachineGives) {
    receiver_settings_ = "memory_limit_max = '64m'\n";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    auto greedy = input("v2");
    greedy["deployment_config"].as_object()["resource_limits"] =
        json::object{{"memory_limit", "65m"}};
    const auto run = deploy(greedy);
    expect_end(run, "FAILED", "RESOURCE_LIMIT_EXCEEDED");
    EXPECT_NE(run.message().find("at most 64 MiB"), std::string::npos) << run;
    EXPECT_EQ(served(), "v1");
    EXPECT_EQ(containers(), 1);
    greedy["deployment_config"].as_object()["resource_limits"] =
        json::object{{"memory_limit", "64m"}};
    EXPECT_EQ(deploy(greedy).state(), "COMPLETED");
}

TEST_F(BadDays, TwoDeploymentsOfOneName) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    // The first one takes its time to find out that it is sick.
    auto slow = input("v1", Service::sick);
    slow["health_check_config"].as_object()["max_retries"] = 60;
    const auto first = begin(slow);
    ASSERT_TRUE(wait_for_operation(first, "validate_health_endpoint")) << look(first);
    const auto run = deploy(input("v2"));
    expect_end(run, "FAILED", "DEPLOYMENT_LOCKED");
    EXPECT_NE(run.message().find(first), std::string::npos) << run;
    const auto cancelled = laptop_->ask("POST", "/workflows/" + first + "/cancel", "{}");
    EXPECT_EQ(cancelled.status, 202U) << cancelled;
    expect_end(wait_for(first), "FAILED", "CANCELLED");
    const auto again = laptop_->ask("POST", "/workflows/" + first + "/cancel", "{}");
    EXPECT_EQ(again.status, 409U) << again;
    EXPECT_EQ(containers(), 0);
}

TEST_F(BadDays, InputThatIsNoDeployment) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const json::string long_text(1'000'000, 'x');
    const auto base = [&] { return input("v1"); };
    const auto with = [&](const char* name, json::value value) {
        auto wants = base();
        wants[name] = std::move(value);
        return json::serialize(wants);
    };
    const auto in_config = [&](const char* name, json::value value) {
        auto wants = base();
        wants["deployment_config"].as_object()[name] = std::move(value);
        return json::serialize(wants);
    };
    const struct {
        const char* name;
        std::string body;
    } cases[] = {
        {"no JSON", "{\"container_name\":"},
        {"no name", "{\"remote_host\":\"127.0.0.1\"}"},
        {"path as name", with("container_name", "../../etc")},
        {"slash in name", with("container_name", "a/b/c")},
        {"capital name", with("container_name", "App")},
        {"path as tag", with("image_tag", "../v1")},
        {"path as host", with("remote_host", "../host")},
        {"unknown container field", in_config("privileged", true)},
        {"unknown network mode", in_config("network_mode", "container:other")},
        {"port beyond all", with("remote_port", 70'000)},
        {"long name", with("container_name", long_text)},
        {"long tag", with("image_tag", long_text)},
        {"long host", with("remote_host", long_text)},
        {"long image", with("image", long_text)},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto answer = laptop_->ask("POST", "/api/v1/deployments/trigger", c.body);
        EXPECT_TRUE(answer.status == 400 || answer.status == 413) << answer;
        EXPECT_TRUE(answer.code == "VALIDATION_ERROR" || answer.code == "PACKAGE_TOO_LARGE")
            << answer;
    }
    EXPECT_EQ(containers(), 0);
}

}  // namespace
}  // namespace onex::test
