// A node in plain C, loaded by a real host: what the ABI promises to any language.
#include "tests/integration/plain_host.hpp"
#include "tests/support/wait.hpp"

#include <csignal>

namespace onex::test {
namespace {

class PlainC : public PlainHost {};

TEST_F(PlainC, GetsItsInputWithDefaultsAndItsSettings) {
    const auto answer = public_call("/echo", R"({"text":"ünï"})");
    ASSERT_EQ(answer.status, 200U) << answer;
    EXPECT_EQ(answer.json.at("input").at("text"), "ünï");
    EXPECT_EQ(answer.json.at("input").at("number"), 7);
    EXPECT_EQ(answer.json.at("settings").at("greeting"), "hi");
    EXPECT_NE(host_->log().find("[plain] plain C is here"), std::string::npos) << host_->log();
}

TEST_F(PlainC, EndsWellOnEitherSignal) {
    for (const int signal : {SIGINT, SIGTERM}) {
        SCOPED_TRACE(signal);
        ASSERT_EQ(::kill(host_->pid(), signal), 0);
        ASSERT_TRUE(wait_until([&] { return !host_->running(); }));
        EXPECT_EQ(host_->exit_code(), 0) << host_->log();
        ASSERT_TRUE(host_->start()) << host_->log();
        EXPECT_EQ(public_call("/echo", R"({"text":"again"})").status, 200U);
    }
}

TEST_F(PlainC, MayAnswerLaterFromATimer) {
    const auto answer = public_call("/echo_later", R"({"text":"later"})");
    ASSERT_EQ(answer.status, 200U) << answer;
    EXPECT_EQ(answer.json.at("input").at("text"), "later");
}

TEST_F(PlainC, ItsErrorsReachTheCallerUnchanged) {
    expect_error(
        public_call("/refuse"), 403, "POLICY_DENIED", "plain C says no; ask for something else");
    // Its own contract forbids this answer: that is the node's fault, not the caller's.
    expect_error(public_call("/wrong_output"), 500, "INTERNAL");
    expect_error(public_call("/drop"), 504, "TIMEOUT");
    expect_alive();
}

TEST_F(PlainC, IsDescribedByItsContract) {
    const auto document = send(tcp(port_), "GET", "/openapi.json");
    ASSERT_EQ(document.status, 200U);
    EXPECT_TRUE(document.json.at("paths").as_object().contains("/echo"));
    EXPECT_EQ(send(tcp(port_), "GET", "/docs").status, 200U);
    const auto health = send(tcp(port_), "GET", "/health");
    EXPECT_EQ(health.status, 200U) << health;
    const auto metrics = send(tcp(port_), "GET", "/metrics");
    EXPECT_NE(metrics.body.find("onex_http_requests_total"), std::string::npos);
    const auto offers = send(sign(
        [&] {
            auto request = peer_call("");
            request.method = "GET";
            request.target = "/onex/v1/operations";
            request.body.clear();
            return request;
        }(),
        key_,
        "studio",
        now_s()));
    ASSERT_EQ(offers.status, 200U) << offers;
    EXPECT_EQ(offers.json.at("host"), "studio");
}

TEST_F(PlainC, StopsCleanlyWithARequestThatWasNeverAnswered) {
    expect_error(public_call("/drop"), 504, "TIMEOUT");
    EXPECT_EQ(host_->stop(), 0) << host_->log();
}

TEST_F(PlainC, TwoHostsDoNotShareOneFolder) {
    HostProcess second({.folder = folder_.path(), .name = "studio"});
    EXPECT_FALSE(second.start());
    EXPECT_EQ(second.exit_code(), 1);
    EXPECT_NE(second.log().find("pid " + std::to_string(host_->pid())), std::string::npos)
        << second.log();
}

}  // namespace
}  // namespace onex::test
