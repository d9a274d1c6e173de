// Deployments of the receiver that end as they should, and those that are cut off.
#include "tests/integration/receiver_lab.hpp"

#include <map>

namespace onex::test {
namespace {

TEST_F(ReceiverTest, DeploysKeepsThePreviousAndRollsBackByHand) {
    deploy_well("one");
    EXPECT_EQ(inspect(app_, "{{.HostConfig.RestartPolicy.Name}}"), "unless-stopped");
    deploy_well("two");
    EXPECT_EQ(served(), "two");
    EXPECT_EQ(containers(), 2);

    auto back = call("rollback", {{"container_name", app_}});
    ASSERT_EQ(back.status, 200U) << back;
    EXPECT_EQ(back.json.at("restored_version"), "one");
    EXPECT_EQ(served(), "one");
    EXPECT_EQ(inspect(app_, "{{.HostConfig.RestartPolicy.Name}}"), "unless-stopped");
    EXPECT_EQ(containers(), 2);
    const auto retired = back.json.at("retired_container_id").as_string();
    EXPECT_EQ(
        inspect(std::string(retired), "{{.State.Running}} {{.HostConfig.RestartPolicy.Name}}"),
        "false no");
    EXPECT_NE(inspect(std::string(retired), "{{.Name}}").find(".undone."), std::string::npos);

    // Nothing is left to go back to, and nothing happens.
    const auto again = call("rollback", {{"container_name", app_}});
    EXPECT_EQ(again.code, "NOT_FOUND") << again;
    EXPECT_EQ(served(), "one");

    // Its image is still here: the next deployment of "two" needs no package.
    const auto known = step("announce_deployment", new_id(), {{"config_digest", digest("two")}});
    EXPECT_EQ(known.json.at("image_present"), true) << known;
}

TEST_F(ReceiverTest, SaysThatNoRegistryIsConfigured) {
    const auto answer = call("verify_service_registration", {{"container_name", app_}});
    ASSERT_EQ(answer.status, 200U) << answer;
    EXPECT_EQ(answer.json.at("registration"), "not configured") << answer;
    EXPECT_EQ(answer.json.at("health_status").at("service_registered"), false) << answer;
}

TEST_F(ReceiverTest, TwoOfThemOnTwoPortsEachServe) {
    const auto second = free_port();
    studio_.reset();
    start("[nodes.second]\nplugin = 'deployment_receiver'\nlisten = '127.0.0.1:" +
          std::to_string(second) + "'\n[nodes.second.settings]\ndocker_socket = '" +
          engine->socket() + "'\nkeep_previous = 3\n");
    for (const auto port : {listen_, second}) {
        const auto health = send(tcp(port), "GET", "/health");
        EXPECT_EQ(health.status, 200U) << health;
        EXPECT_EQ(health.json.at("docker_connected"), true) << health;
    }
    // Each by its name; what one leases, the other one knows of.
    EXPECT_EQ(step("announce_deployment", "d1").status, 200U);
    const auto other = studio_->ask("POST",
                                    "/onex/v1/nodes/second/operations/announce_deployment",
                                    R"({"container_name":")" + app_ + R"(","deployment_id":"d2"})");
    EXPECT_EQ(other.code, "DEPLOYMENT_LOCKED") << other;
}

TEST_F(ReceiverTest, AFailedDeploymentLeavesThePreviousAsItWas) {
    deploy_well("one");
    const auto before = inspect(app_, "{{.Id}}");
    const struct {
        std::string name, path, part;
    } cases[] = {{"two", "/nothing", "answered 404, expected 200"},
                 {"dead", "/", "exited with code 3"}};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto id = new_id();
        const auto failed = deploy(id, c.name, c.path);
        EXPECT_EQ(failed.code, "HEALTH_CHECK_FAILED") << failed;
        EXPECT_NE(failed.message.find(c.part), std::string::npos) << failed;
        if (c.name == "dead") {
            EXPECT_NE(failed.message.find("no luck"), std::string::npos) << failed;
        }
        for (int time = 0; time < 2; ++time) {
            const auto restored = step("restore_previous_container", id);
            ASSERT_EQ(restored.status, 200U) << restored;
            EXPECT_EQ(restored.json.at("checks").at("previous_container_restored"), 1);
        }
        EXPECT_EQ(finish(id, false).status, 200U);
        EXPECT_EQ(inspect(app_, "{{.Id}} {{.State.Running}} {{.HostConfig.RestartPolicy.Name}}"),
                  before + " true unless-stopped");
        EXPECT_EQ(containers(), 1);
        EXPECT_EQ(tags(), 1);
        EXPECT_EQ(studio_->ask("GET", "/api/deploy/" + id + "/status").json.at("status"), "failed");
    }
}

TEST_F(ReceiverTest, WithoutAPreviousOneTheNewOneIsRemoved) {
    const auto id = new_id();
    EXPECT_EQ(deploy(id, "dead").code, "HEALTH_CHECK_FAILED");
    const auto restored = step("restore_previous_container", id);
    ASSERT_EQ(restored.status, 200U) << restored;
    EXPECT_EQ(restored.json.at("checks").at("previous_container_restored"), 0);
    EXPECT_NE(restored.body.find("no luck"), std::string::npos);
    EXPECT_EQ(containers() + tags(), 0);
}

TEST_F(ReceiverTest, EveryStepMayBeRepeatedAlsoAfterAKill) {
    deploy_well("one");
    const auto old = inspect(app_, "{{.Id}}");
    const auto id = new_id();
    ASSERT_EQ(step("announce_deployment", id).status, 200U);
    ASSERT_EQ(upload(id, package("two")).status, 202U);
    std::map<std::string, std::string> seen;
    for (const auto* operation :
         {"stop_existing_container", "deploy_container", "start_container"}) {
        SCOPED_TRACE(operation);
        for (int time = 0; time < 3; ++time) {
            const auto answer = step(operation, id);
            ASSERT_EQ(answer.status, 200U) << answer;
            if (const auto* made = answer.json.as_object().if_contains("container_id")) {
                auto& first = seen.try_emplace("id", made->as_string()).first->second;
                EXPECT_EQ(made->as_string(), first);
            }
            if (time == 1) {
                studio_->kill();
                ASSERT_TRUE(studio_->start());
            }
        }
    }
    EXPECT_EQ(containers(), 2);
    studio_->kill();
    ASSERT_TRUE(studio_->start());
    ASSERT_EQ(step("restore_previous_container", id).status, 200U);
    EXPECT_EQ(inspect(app_, "{{.Id}} {{.State.Running}}"), old + " true");
    EXPECT_EQ(containers(), 1);
    // That deployment is over: it can't be taken up again.
    EXPECT_EQ(step("deploy_container", id).code, "CONFLICT");
}

TEST_F(ReceiverTest, OnlyTheLastOnesAreKept) {
    for (const auto* name : {"one", "two", "one", "two"})
        deploy_well(name);
    EXPECT_EQ(served(), "two");
    EXPECT_EQ(containers(), 3);
    EXPECT_EQ(tags(), 3);
    ASSERT_EQ(call("rollback", {{"container_name", app_}, {"steps", 3}}).code, "NOT_FOUND");
    const auto back = call("rollback", {{"container_name", app_}, {"steps", 2}});
    ASSERT_EQ(back.status, 200U) << back;
    EXPECT_EQ(back.json.at("restored_version"), "two");
}

TEST_F(ReceiverTest, OneSignedRequestDeploysByItself) {
    const auto request = [&](const std::string& id, const std::string& path) {
        json::object body{
            {"container_name", app_},
            {"deployment_id", id},
            {"image_tag", "v1"},
            {"deployment_config", config()},
            {"health_check_config",
             {{"health_endpoint", path}, {"max_retries", 3}, {"retry_interval_ms", 100}}}};
        return studio_->ask("POST", "/api/deploy", json::serialize(body));
    };
    const auto state = [&](const std::string& id) {
        const auto answer = studio_->ask("GET", "/api/deploy/" + id + "/status");
        return answer.status == 200 ? std::string(answer.json.at("status").as_string())
                                    : answer.code;
    };
    // Asked before the package is there, and after.
    const auto first = new_id();
    auto answer = request(first, "/index.html");
    EXPECT_EQ(answer.status, 202U) << answer;
    EXPECT_EQ(state(first), "awaiting_package");
    ASSERT_EQ(upload(first, package("one")).status, 202U);
    ASSERT_TRUE(wait_until([&] { return state(first) == "deployed" || state(first) == "failed"; }));
    EXPECT_EQ(state(first), "deployed") << studio_->ask("GET", "/api/deploy/" + first + "/status");
    EXPECT_EQ(served(), "one");

    const auto second = new_id();
    ASSERT_EQ(upload(second, package("two")).status, 202U);
    EXPECT_EQ(state(second), "ready_for_deployment");
    EXPECT_EQ(request(second, "/nothing").status, 202U);
    ASSERT_TRUE(wait_until([&] { return state(second) == "failed"; }));
    const auto told = studio_->ask("GET", "/api/deploy/" + second + "/status");
    EXPECT_EQ(told.json.at("error").at("code"), "HEALTH_CHECK_FAILED") << told;
    ASSERT_TRUE(wait_until([&] { return step("announce_deployment", "next").status == 200; }));
    EXPECT_EQ(served(), "one");
    finish("next", false);

    EXPECT_EQ(state("nobody"), "NOT_FOUND");
}

TEST_F(ReceiverTest, ARequestThatIsCutOffIsRolledBack) {
    deploy_well("one");
    const auto old = inspect(app_, "{{.Id}}");
    const auto id = new_id();
    ASSERT_EQ(upload(id, package("two")).status, 202U);
    json::object body{
        {"container_name", app_},
        {"deployment_id", id},
        {"deployment_config", config()},
        {"health_check_config",
         {{"health_endpoint", "/nothing"}, {"max_retries", 1000}, {"retry_interval_ms", 200}}}};
    ASSERT_EQ(studio_->ask("POST", "/api/deploy", json::serialize(body)).status, 202U);
    ASSERT_TRUE(wait_until([&] {
        return inspect(app_, "{{.Id}} {{.State.Running}}") != old + " true" && served() == "two";
    }));
    studio_->kill();
    ASSERT_TRUE(studio_->start());
    ASSERT_TRUE(
        wait_until([&] { return inspect(app_, "{{.Id}} {{.State.Running}}") == old + " true"; }));
    ASSERT_TRUE(wait_until([&] { return step("announce_deployment", "next").status == 200; }));
    EXPECT_EQ(containers(), 1);
    EXPECT_EQ(studio_->ask("GET", "/api/deploy/" + id + "/status").json.at("status"), "failed");
}

TEST_F(ReceiverTest, WhatFailedAndStayedIsTakenBackFirst) {
    deploy_well("one");
    const auto one = inspect(app_, "{{.Id}}");
    // Unhealthy but running, and nobody rolls back: both containers stay to be looked at.
    auto id = new_id();
    EXPECT_EQ(deploy(id, "two", "/nothing").code, "HEALTH_CHECK_FAILED");
    ASSERT_EQ(finish(id, false).status, 200U);
    EXPECT_EQ(served(), "two");
    EXPECT_EQ(containers(), 2);
    auto back = call("rollback", {{"container_name", app_}});
    ASSERT_EQ(back.status, 200U) << back;
    EXPECT_EQ(inspect(app_, "{{.Id}} {{.State.Running}}"), one + " true");

    // One that ended goes when the next deployment begins, which then replaces the one before it.
    id = new_id();
    EXPECT_EQ(deploy(id, "dead").code, "HEALTH_CHECK_FAILED");
    ASSERT_EQ(finish(id, false).status, 200U);
    id = new_id();
    const auto previous = step("stop_existing_container", id);
    ASSERT_EQ(previous.status, 200U) << previous;
    EXPECT_EQ(previous.json.at("previous").at("container_id").as_string(), one);
    EXPECT_EQ(inspect(app_, "{{.Id}} {{.State.Running}}"), one + " true");
    (void)step("restore_previous_container", id);
    finish(id, false);

    // By hand it is that step back, and no further one.
    id = new_id();
    EXPECT_EQ(deploy(id, "dead").code, "HEALTH_CHECK_FAILED");
    ASSERT_EQ(finish(id, false).status, 200U);
    // Repeated under the same id, as after a crash before its answer was stored, it is still that
    // one.
    const auto rollback_id = new_id();
    for (int time = 0; time < 2; ++time) {
        back =
            call("rollback", {{"container_name", app_}, {"run", {{"workflow_id", rollback_id}}}});
        ASSERT_EQ(back.status, 200U) << back;
        EXPECT_EQ(back.json.at("container_id").as_string(), one);
        EXPECT_EQ(inspect(app_, "{{.Id}} {{.State.Running}} {{.HostConfig.RestartPolicy.Name}}"),
                  one + " true unless-stopped");
    }
}

}  // namespace
}  // namespace onex::test
