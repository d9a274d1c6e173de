// Bad days in the middle: hosts that die, people who cancel. Each run ends, and something serves.
#include "tests/integration/deployment_lab.hpp"
#include "tests/integration/engine_gate.hpp"
#include "tests/support/wait.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace onex::test {
namespace {

class BrokenRuns : public DeploymentLab {
  protected:
    /// The run ended, and what it left behind fits how it ended.
    void expect_whole(const RunStatus& run, const std::string& before, const std::string& after) {
        const auto state = run.state();
        EXPECT_TRUE(state == "COMPLETED" || state == "FAILED" || state == "ROLLBACK_COMPLETED")
            << run;
        EXPECT_EQ(served(), state == "COMPLETED" ? after : before) << run;
        EXPECT_LE(containers(), state == "COMPLETED" ? 2 : 1) << run;
    }
};

/// One operation of each stage, where something goes wrong.
class InEachStage : public BrokenRuns, public testing::WithParamInterface<const char*> {};

TEST_P(InEachStage, TheLaptopIsKilledAndComesBack) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto id = begin(watched(input("v2")));
    ASSERT_TRUE(wait_for_operation(id, GetParam())) << look(id);
    laptop_->kill();
    ASSERT_TRUE(laptop_->start()) << laptop_->log();
    expect_whole(wait_for(id), "v1", "v2");
}

TEST_P(InEachStage, SomebodyCancels) {
    // The step stays where it is until the cancel comes: what it asks of its engine is kept back,
    // and the last one waits for a service that never gets well.
    const std::map<std::string, std::string> requests{{"build_docker_image", "/build?"},
                                                      {"send_deployment_request", "/get HTTP"},
                                                      {"deploy_container", "/containers/create"}};
    const std::string operation = GetParam();
    const auto request = requests.find(operation);
    EngineGate laptops(folder_.path() + "/laptop.sock", engine->socket());
    EngineGate studios(folder_.path() + "/studio.sock", engine->socket());
    auto& gate = operation == "deploy_container" ? studios : laptops;
    laptop_docker_ = folder_.path() + "/laptop.sock";
    studio_docker_ = folder_.path() + "/studio.sock";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    if (request != requests.end()) gate.hold(request->second);
    auto wants = input("v2", request == requests.end() ? Service::sick : Service::healthy);
    wants["health_check_config"].as_object()["max_retries"] = 1'000;
    const auto id = begin(wants);
    ASSERT_TRUE(wait_for_operation(id, operation)) << look(id);
    if (request != requests.end()) {
        ASSERT_TRUE(gate.holds()) << look(id);
    }
    const auto answer =
        laptop_->ask("POST", "/workflows/" + id + "/cancel", R"({"reason":"changed my mind"})");
    EXPECT_EQ(answer.status, 202U) << answer;
    const auto run = wait_for(id);
    EXPECT_EQ(run.code(), "CANCELLED") << run;
    expect_whole(run, "v1", "v2");
    // The name is free again.
    ASSERT_NO_FATAL_FAILURE(deploy_well("v3"));
}

INSTANTIATE_TEST_SUITE_P(Stages,
                         InEachStage,
                         testing::Values("build_docker_image",
                                         "send_deployment_request",
                                         "deploy_container",
                                         "validate_health_endpoint"),
                         [](const auto& one) { return std::string(one.param); });

TEST_F(BrokenRuns, TheReceiverIsKilledDuringTheUpload) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    auto big = input("v2");
    // Noise, so that it does not compress to nothing.
    ASSERT_EQ(
        shell("head -c 100000000 /dev/urandom > " + folder_.path() + "/context-v2/www/noise").code,
        0);
    const auto id = begin(big);
    ASSERT_TRUE(wait_for_operation(id, "send_deployment_request")) << look(id);
    studio_->kill();
    ASSERT_TRUE(studio_->start()) << studio_->log();
    expect_whole(wait_for(id), "v1", "v2");
    // What the first attempt had spooled went with the process that received it.
    EXPECT_EQ(shell("ls " + studio_->data_dir() + "/blobs/incoming").output, "");
}

TEST_F(BrokenRuns, TheStudioIsKilledWhileContainersChangePlaces) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    const auto id = begin(input("v2"));
    ASSERT_TRUE(wait_for_operation(id, "deploy_container")) << look(id);
    studio_->kill();
    ASSERT_TRUE(studio_->start()) << studio_->log();
    expect_whole(wait_for(id), "v1", "v2");
}

TEST_F(BrokenRuns, ADiskThatIsReallyFull) {
    const auto disk = folder_.path() + "/studio";
    // Room for two copies of each library, which is large in some builds, and for an image.
    std::uintmax_t bytes = 30'000'000;
    const auto libraries =
        std::filesystem::path(host_program()).parent_path() / "../lib/onex/plugins";
    for (const auto* library : {"orchestrator.so", "deployment_receiver.so"})
        bytes += 2 * std::filesystem::file_size(libraries / library);
    if (shell("mkdir " + disk + " && mount -t tmpfs -o mode=0700,size=" + std::to_string(bytes) +
              " tmpfs " + disk)
            .code != 0) {
        GTEST_SKIP() << "only root can mount a small disk";
    }
    // Whatever happens below, the disk goes with the test.
    const std::shared_ptr<void> mounted(this, [disk](void*) { shell("umount -l " + disk); });
    studio_toml_ = "[limits]\ndisk_reserve_bytes = 0\n";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    auto big = input("v1");
    shell("head -c 60000000 /dev/urandom > " + folder_.path() + "/context-v1/www/noise");
    const auto run = deploy(big);
    EXPECT_EQ(run.state(), "FAILED") << run;
    EXPECT_EQ(run.code(), "DISK_FULL") << run;
    EXPECT_EQ(containers(), 0);
    // With the package gone there is room again.
    const auto small = deploy(input("v2"));
    EXPECT_EQ(small.state(), "COMPLETED") << small;
    studio_->kill();
}

TEST_F(BrokenRuns, WaitInAQueueAndAreToldTheirPlace) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    // Five may run; each of these takes a while to find out that it is sick.
    std::vector<std::string> ids;
    const auto name = app_;
    for (int i = 0; i < 6; ++i) {
        app_ = name + "-" + std::to_string(i);
        auto slow = input("v" + std::to_string(i), Service::sick);
        slow["deployment_config"]
            .as_object()["port_mappings"]
            .as_array()[0]
            .as_object()["host_port"] = free_port();
        slow["health_check_config"].as_object()["max_retries"] = 100;
        ids.push_back(begin(slow));
    }
    app_ = name;
    const auto waiting = look(ids[5]);
    EXPECT_EQ(waiting.state(), "PENDING") << waiting;
    EXPECT_EQ(waiting.status.at("queue_place").to_number<int>(), 1) << waiting;
    for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
        const auto answer = laptop_->ask("POST", "/workflows/" + *id + "/cancel", "{}");
        EXPECT_EQ(answer.status, 202U) << answer;
    }
    for (const auto& id : ids) {
        const auto run = wait_for(id);
        EXPECT_EQ(run.state(), "FAILED") << run;
        EXPECT_EQ(run.code(), "CANCELLED") << run;
    }
    EXPECT_EQ(containers(), 0);
}

TEST_F(BrokenRuns, APreviousContainerThatSomebodyRemovedBlocksNothing) {
    // With its image gone, too, and no package of it, nothing can bring it back.
    receiver_settings_ = "package_store_bytes = 0\n";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    ASSERT_NO_FATAL_FAILURE(deploy_well("v1"));
    auto sick = input("v2", Service::sick);
    sick["health_check_config"].as_object()["max_retries"] = 20;
    const auto id = begin(sick);
    ASSERT_TRUE(wait_for_operation(id, "validate_health_endpoint")) << look(id);
    const auto docker = "docker -H unix://" + studio_engine_->socket() + " ";
    ASSERT_EQ(shell("old=$(" + docker + "ps -aq --filter name=" + app_ + ".prev) && image=$(" +
                    docker + "inspect -f '{{.Config.Image}}' $old) && " + docker +
                    "rm -f $old && " + docker + "rmi $image")
                  .code,
              0);
    const auto run = wait_for(id);
    EXPECT_EQ(run.state(), "FAILED") << run;
    EXPECT_EQ(run.code(), "ROLLBACK_FAILED") << run;
    EXPECT_NE(run.message().find("somebody has removed it"), std::string::npos) << run;
    ASSERT_NO_FATAL_FAILURE(deploy_well("v3"));
}

TEST_F(BrokenRuns, WhatCannotBeRolledBackIsToldInFullAndResolvedByHand) {
    receiver_settings_ = "allowed_host_mounts = ['" + folder_.path() + "']\n";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto mounted = folder_.path() + "/mounted";
    ASSERT_EQ(shell("mkdir " + mounted).code, 0);
    auto first = input("v1");
    first["deployment_config"].as_object()["volumes"] = {
        {{"host_path", mounted}, {"container_path", "/data"}}};
    ASSERT_EQ(deploy(first).state(), "COMPLETED");
    auto sick = input("v2", Service::sick);
    sick["health_check_config"].as_object()["max_retries"] = 20;
    const auto id = begin(sick);
    ASSERT_TRUE(wait_for_operation(id, "validate_health_endpoint")) << look(id);
    // The way back is cut: no folder can be mounted where a file stands.
    ASSERT_EQ(shell("rmdir " + mounted + " && touch " + mounted).code, 0);
    EXPECT_EQ(laptop_->cli("resolve " + id + " --as abandoned").code, 1) << "it goes on";
    const auto run = wait_for(id);
    EXPECT_EQ(run.state(), "FAILED") << run;
    EXPECT_EQ(run.code(), "ROLLBACK_FAILED") << run;
    for (const auto* part : {"to restore it by hand, on studio", "docker rename", "docker start"})
        EXPECT_NE(run.message().find(part), std::string::npos) << part << run;
    EXPECT_GE(count(*laptop_,
                    "SELECT count(*) FROM events WHERE workflow_id = :id AND payload LIKE "
                    "'%docker rename%'",
                    id),
              1)
        << "the event tells it, too";
    // What stands there now is not touched before somebody says so.
    EXPECT_EQ(deploy(input("v3")).code(), "ROLLBACK_FAILED");

    const auto done = laptop_->cli("resolve " + id + " --as abandoned --note 'v1 is gone'");
    EXPECT_EQ(done.code, 0) << done.output;
    EXPECT_EQ(done.output.find("not told"), std::string::npos) << done.output;
    EXPECT_EQ(laptop_->cli("resolve " + id + " --as abandoned").code, 0) << "the same again";
    EXPECT_EQ(laptop_->cli("resolve " + id + " --as rolled-back").code, 1);
    const auto status = laptop_->cli("status " + id);
    EXPECT_NE(status.output.find("as abandoned: v1 is gone"), std::string::npos) << status.output;
    EXPECT_EQ(count(*laptop_,
                    "SELECT count(*) FROM events WHERE workflow_id = :id AND type = "
                    "'WORKFLOW_RESOLVED'",
                    id),
              1);
    EXPECT_EQ(shell("docker -H unix://" + studio_engine_->socket() + " rm -f $(docker -H unix://" +
                    studio_engine_->socket() + " ps -aq --filter name=" + app_ + ")")
                  .code,
              0);
    ASSERT_NO_FATAL_FAILURE(deploy_well("v4"));
    EXPECT_EQ(laptop_->cli("resolve nobody --as abandoned").code, 1);
}

TEST_F(BrokenRuns, AStopInTheMiddleIsPickedUpAgain) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    const auto id = begin(input("v1"));
    ASSERT_TRUE(wait_for_operation(id, "deploy_container")) << look(id);
    EXPECT_EQ(laptop_->stop(), 0) << laptop_->log();
    ASSERT_TRUE(laptop_->start()) << laptop_->log();
    const auto run = wait_for(id);
    EXPECT_EQ(run.state(), "COMPLETED") << run;
    EXPECT_EQ(served(), "v1");
}

}  // namespace
}  // namespace onex::test
