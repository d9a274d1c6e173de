// Deployments by one request: their queue, what comes late, and what is left of them.
#include "tests/unit/receiver/node_lab.hpp"

extern "C" const char onex_contract_text[] = "";  // The fake host doesn't read it.

namespace onex::receiver {
namespace {

using Requests = NodeLab;

TEST_F(Requests, AnUploadThatFindsNoRoomWaitsForItsTurn) {
    make();
    for (int i = 1; i <= 5; ++i) {
        const auto id = "d" + std::to_string(i);
        const auto answer = upload(id, "package " + id, container("web-" + id));
        ASSERT_TRUE(answer.output) << answer.output.error().message;
    }
    EXPECT_EQ(state("d4"), "deploying");
    EXPECT_EQ(state("d5"), "ready_for_deployment");
    EXPECT_TRUE(fake_.blobs.contains(blob("d5")));
    EXPECT_EQ(steps_of("d5"), 0);
    fake_.advance(0);
    EXPECT_EQ(steps_of("d1"), 6);
    EXPECT_EQ(steps_of("d5"), 6);
}

TEST_F(Requests, APackageThatComesWhileItIsAskedForIsDeployed) {
    make();
    on_statement_ = [&](const std::string& sql) {
        if (!sql.starts_with("INSERT INTO leases")) return;
        on_statement_ = {};
        EXPECT_TRUE(upload("d1", "package", {}).output);
    };
    auto request = container("web");
    request["deployment_id"] = "d1";
    const auto answer = ask("deploy_request", request);
    ASSERT_TRUE(answer.output) << answer.output.error().message;
    EXPECT_EQ(*answer.output, R"({"deployment_id":"d1","status":"deploying"})");
    EXPECT_TRUE(fake_.blobs.contains(blob("d1")));
    fake_.advance(0);
    EXPECT_EQ(steps_of("d1"), 6);
}

TEST_F(Requests, ARefusedOneLeavesTheNameFree) {
    make();
    for (int i = 1; i <= 17; ++i) {
        auto request = container("web-" + std::to_string(i));
        request["deployment_id"] = "d" + std::to_string(i);
        const auto answer = ask("deploy_request", request);
        EXPECT_EQ(answer.output.has_value(), i <= 16) << i;
        if (!answer.output) EXPECT_EQ(answer.output.error().code, "QUEUE_FULL");
    }
    EXPECT_EQ(lease("web-16"), "d16 peer:laptop");
    EXPECT_EQ(lease("web-17"), " ");
    EXPECT_EQ(state("d17"), "");
}

TEST_F(Requests, WhatWaitsInAGenerationThatGoesIsToldSo) {
    make();
    auto request = container("web");
    request["deployment_id"] = "d1";
    ASSERT_TRUE(ask("deploy_request", request).output);
    EXPECT_EQ(state("d1"), "awaiting_package");
    node_->stop();
    EXPECT_EQ(state("d1"), "failed");
    EXPECT_EQ(lease("web"), " ");
}

TEST_F(Requests, AnotherPeerNeitherGoesOnNorEndsThem) {
    make();
    auto step = container("web");
    step["deployment_id"] = "d1";
    ASSERT_TRUE(ask("announce_deployment", step).output);
    const auto code = [](const testing::Answered& answer) {
        return answer.output ? std::string() : answer.output.error().code;
    };
    for (const auto* operation : {"announce_deployment",
                                  "stop_existing_container",
                                  "restore_previous_container",
                                  "release_deployment"})
        EXPECT_EQ(code(ask(operation, step, "peer:other")), "POLICY_DENIED") << operation;
    EXPECT_EQ(code(upload("d1", "package", {}, "peer:other")), "POLICY_DENIED");
    EXPECT_EQ(lease("web"), "d1 peer:laptop");
    // A run that was handed over is carried on by this host's own orchestrator, and a person at
    // this host may end it.
    for (const auto* caller : {"peer:laptop", "node:orchestrator", "admin"})
        EXPECT_EQ(code(ask("stop_existing_container", step, caller)), "") << caller;
    EXPECT_EQ(code(ask("release_deployment", step, "node:orchestrator")), "");
    EXPECT_EQ(lease("web"), " ");
}

class CutOff : public NodeLab {
  protected:
    /// A swap of a request whose process or generation has gone, and the package it is of.
    void leave(const std::string& swap_origin, const std::string& package_state) {
        database_.text(
            "INSERT INTO swaps (deployment_id, container_name, origin, state, created_us, "
            "updated_us) VALUES ('d1', 'web', '" +
            swap_origin + "', 'open', 1, 1)");
        fake_.blobs["b1"] = "package";
        database_.text(
            "INSERT INTO packages (deployment_id, container_name, origin, blob, state, created_us, "
            "updated_us) VALUES ('d1', 'web', 'request', 'b1', '" +
            package_state + "', 1, 1)");
    }
    std::string swap() {
        return database_.text("SELECT state FROM swaps WHERE deployment_id = 'd1'");
    }
};

TEST_F(CutOff, IsRolledBackAtTheNextStart) {
    leave("request", "deploying");
    database_.text("INSERT INTO leases VALUES ('web', 'd1', 'peer:laptop', 7, 1, 9e15)");
    make();
    EXPECT_EQ(swap(), "restored");
    EXPECT_EQ(state("d1"), "failed");
    EXPECT_FALSE(fake_.blobs.contains("b1"));
    EXPECT_EQ(lease("web"), " ");
}

TEST_F(CutOff, OfAWorkflowIsItsOrchestrators) {
    leave("workflow", "deploying");
    make();
    fake_.advance(100'000);
    EXPECT_EQ(swap(), "open");
}

TEST_F(CutOff, WaitsForWhoeverHasTheLease) {
    make();
    // As after a reload: this generation knows nothing of it, and another one may still be at work.
    leave("request", "deploying");
    database_.text("INSERT INTO leases VALUES ('web', 'd1', 'peer:laptop', 7, 1, " +
                   std::to_string((fake_.now_ms() + 45'000) * 1000) + ")");
    fake_.advance(31'000);
    EXPECT_EQ(swap(), "open");
    fake_.advance(30'000);
    EXPECT_EQ(swap(), "restored");
    EXPECT_EQ(lease("web"), " ");
}

TEST_F(CutOff, IsTriedAgainUntilTheEngineAnswers) {
    has_engine_ = false;
    leave("request", "failed");
    make();
    EXPECT_EQ(swap(), "open");
    EXPECT_EQ(lease("web"), " ");
    has_engine_ = true;
    fake_.advance(30'000);
    EXPECT_EQ(swap(), "restored");
}

TEST_F(CutOff, APackageThatWasSentAgainIsKept) {
    make();
    leave("request", "ready_for_deployment");
    database_.text("UPDATE packages SET updated_us = " + std::to_string(fake_.now_ms() * 1000));
    fake_.advance(30'000);
    EXPECT_EQ(swap(), "restored");
    EXPECT_EQ(state("d1"), "ready_for_deployment");
    EXPECT_TRUE(fake_.blobs.contains("b1"));
}

TEST_F(CutOff, ASwapIsARequestsByItsRow) {
    make();
    for (const auto* id : {"d1", "d2", "d3"}) {
        database_.text(
            "INSERT INTO packages (deployment_id, container_name, origin, state, created_us, "
            "updated_us) VALUES ('" +
            std::string(id) + "', '" + id + "', '" + (id[1] == '2' ? "workflow" : "request") +
            "', '" + (id[1] == '3' ? "ready_for_deployment" : "deploying") + "', 1, 1)");
        auto step = container(id);
        step["deployment_id"] = id;
        ASSERT_TRUE(ask("stop_existing_container", step).output);
    }
    const std::string origin = "SELECT origin FROM swaps WHERE deployment_id = ";
    EXPECT_EQ(database_.text(origin + "'d1'"), "request");
    EXPECT_EQ(database_.text(origin + "'d2'"), "workflow");
    EXPECT_EQ(database_.text(origin + "'d3'"), "workflow");
}

}  // namespace
}  // namespace onex::receiver
