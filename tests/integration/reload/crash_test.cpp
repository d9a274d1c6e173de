// Plugins that crash: a worker process costs its calls in flight, the host's own process comes back
// with the version before.
#include "tests/integration/reload/reload_lab.hpp"

#include <boost/json/parse.hpp>

#include <csignal>

namespace onex::test {
namespace {

class Crash : public ReloadLab {
  protected:
    [[nodiscard]] pid_t worker() const {
        const auto answer = host_->ask("GET", "/onex/v1/plugins/counter");
        return static_cast<pid_t>(answer.json.at("worker").at("pid").as_int64());
    }
    /// A request that stays in flight until its connection gets the rest of the body.
    void begin_upload(RawConnection& connection) const {
        ASSERT_TRUE(
            connection.write("POST /hold HTTP/1.1\r\nHost: studio\r\nTransfer-Encoding: "
                             "chunked\r\nContent-Type: application/octet-stream\r\n\r\n"
                             "5\r\nhello\r\n"));
        ASSERT_TRUE(wait_until([&] { return listed().at("in_flight") == 1; }));
    }
    [[nodiscard]] bool last_error_says(const std::string& text) const {
        return listed().at("last_error").as_string().find(text) != std::string_view::npos;
    }
    /// Ends the host by a call, and waits for its end.
    void crash_host() {
        (void)ask("crash");
        ASSERT_TRUE(wait_until([&] { return !host_->running(); }));
    }
};

TEST_F(Crash, OfAWorkerCostsTheCallsInFlightAndNothingElse) {
    const auto second_port = free_port();
    install_variant("one");
    start(node("counter", port_, "process") + node("second", second_port, "process"));
    Load beside(second_port, {"count", "later"});
    const auto first = worker();
    RawConnection upload(port_);
    begin_upload(upload);
    EXPECT_EQ(ask("crash").status, 503U);
    const auto held = upload.read_answer();
    EXPECT_TRUE(held.starts_with("HTTP/1.1 503")) << held;
    // What comes now waits until the worker is there again.
    const auto next = ask("count");
    EXPECT_EQ(next.status, 200U) << next;
    EXPECT_NE(worker(), first);
    beside.end();
    EXPECT_EQ(beside.wrong({"one"}), std::vector<std::string>{});
    EXPECT_EQ(listed().at("generation"), 1);
    const auto text = host_->ask("GET", "/metrics").body;
    EXPECT_NE(text.find("onex_worker_restarts_total{node=\"counter\"} 1"), std::string::npos);
}

TEST_F(Crash, AWorkerHasItsLimits) {
#ifdef ONEX_SHADOW_MEMORY
    GTEST_SKIP() << "a sanitizer needs more address space than any limit leaves";
#endif
    install_variant("one");
    start(node("counter", port_, "process") + "memory_mb = 1500\nopen_files = 99\n");
    const auto answer = ask("limits");
    ASSERT_EQ(answer.status, 200U) << answer;
    EXPECT_EQ(answer.json.at("files"), 99);
    EXPECT_EQ(answer.json.at("bytes"), 1500LL << 20U);
    EXPECT_EQ(answer.json.at("got"), false);
}

TEST_F(Crash, AWorkerThatIsKilledServesAgain) {
    install_variant("one");
    start(node("counter", port_, "process"));
    ASSERT_EQ(::kill(worker(), SIGKILL), 0);
    EXPECT_TRUE(wait_until([&] { return ask("count").status == 200; }));
}

TEST_F(Crash, OfTheHostLeavesNoWorker) {
    install_variant("one");
    start(node("counter", port_, "process"));
    const auto pid = worker();
    ASSERT_EQ(::kill(pid, 0), 0);
    host_->kill();
    EXPECT_TRUE(wait_until([&] { return ::kill(pid, 0) != 0; })) << "worker " << pid << " is left";
}

TEST_F(Crash, AfterAReloadTheVersionBeforeComesBack) {
    install_variant("one");
    start(node("counter", port_, "inproc"));
    install_variant("two");
    ASSERT_EQ(reload().code, 0);
    EXPECT_EQ(variant(), "two");
    crash_host();
    const auto log = host_->log();
    EXPECT_NE(log.find(" counter 2 crash 11"), std::string::npos) << "node, generation, operation";
    ASSERT_TRUE(host_->start()) << host_->log();
    EXPECT_EQ(variant(), "one");
    EXPECT_NE(listed().at("last_error").as_string().find("crash"), std::string_view::npos)
        << listed();
}

TEST_F(Crash, OfAWorkerAfterAReloadBringsTheVersionBeforeBack) {
    install_variant("one");
    start(node("counter", port_, "process"));
    install_variant("two");
    ASSERT_EQ(reload().code, 0);
    EXPECT_EQ(variant(), "two");
    EXPECT_EQ(ask("crash").status, 503U);
    EXPECT_TRUE(wait_until([&] { return variant() == "one"; }));
    EXPECT_TRUE(wait_until([&] { return last_error_says("the new version crashed within 30 s"); }))
        << listed();
    // By which signal, a sanitizer keeps to itself.
    EXPECT_TRUE(last_error_says("its worker process ended")) << listed();
    // What came back has served before: its own crash brings nothing else.
    EXPECT_EQ(ask("crash").status, 503U);
    EXPECT_TRUE(wait_until([&] {
        return last_error_says("its worker process ended") && !last_error_says("the new version");
    })) << listed();
    EXPECT_TRUE(wait_until([&] { return variant() == "one"; }));
    EXPECT_EQ(listed().at("generation"), 3);
}

TEST_F(Crash, OfAWorkerAfterAReloadBringsTheStateBackToo) {
    install_variant("one", true);
    start(node("counter", port_, "process"));
    EXPECT_EQ(ask("count").json.at("count"), 1);
    install_variant("two", true);
    ASSERT_EQ(reload().code, 0);
    EXPECT_EQ(ask("count").json.at("count"), 2);
    EXPECT_EQ(ask("crash").status, 503U);
    EXPECT_TRUE(wait_until([&] { return variant() == "one"; }));
    EXPECT_EQ(ask("count").json.at("count"), 2) << "from where it was replaced";
}

TEST_F(Crash, IsWrittenDownAlsoWhenAStackOverflows) {
    install_variant("one");
    start(node("counter", port_, "inproc"));
    install_variant("two");
    ASSERT_EQ(reload().code, 0);
    (void)ask("climb");
    ASSERT_TRUE(wait_until([&] { return !host_->running(); }));
    EXPECT_NE(host_->log().find(" counter 2 climb "), std::string::npos);
    ASSERT_TRUE(host_->start()) << host_->log();
    EXPECT_EQ(variant(), "one");
}

TEST_F(Crash, IsWrittenDownAlsoWhenANodeEnds) {
    install_variant("quiet");
    start(node("counter", port_, "inproc"));
    (void)host_->cli("plugin disable counter");
    ASSERT_TRUE(wait_until([&] { return !host_->running(); }));
    EXPECT_NE(host_->log().find(" counter 1 quiesce 11 counter\n"), std::string::npos);
}

TEST_F(Crash, TwiceInAMinuteLeavesTheNodeDisabled) {
    const auto second_port = free_port();
    install_variant("one");
    start(node("counter", port_, "inproc") + node("second", second_port, "inproc"));
    for (int i = 0; i < 2; ++i) {
        crash_host();
        ASSERT_TRUE(host_->start()) << host_->log();
    }
    EXPECT_EQ(listed().at("state"), "disabled") << listed();
    EXPECT_NE(listed().at("last_error").as_string().find("crash"), std::string_view::npos)
        << listed();
    EXPECT_EQ(ask(second_port, "count").status, 200U) << "the other node serves";
    const auto enabled = host_->cli("plugin enable counter");
    EXPECT_EQ(enabled.code, 0) << enabled.output;
    EXPECT_EQ(variant(), "one");
    // It is forgotten: the next start does not hold it against the node.
    ASSERT_EQ(host_->stop(), 0);
    ASSERT_TRUE(host_->start()) << host_->log();
    EXPECT_EQ(variant(), "one");
}

}  // namespace
}  // namespace onex::test
