// Nodes that are loaded, unloaded, disabled and repaired; what is told of them meanwhile.
#include "tests/integration/reload/reload_lab.hpp"

#include <thread>

namespace onex::test {
namespace {

class Changes : public ReloadLab {
  protected:
    [[nodiscard]] std::string last_error() const {
        return std::string(listed().at("last_error").as_string());
    }
};

TEST_F(Changes, ANodeThatIsLoadedAgainIsAsTheFileHasIt) {
    install_variant("one");
    start(node("counter", port_, "inproc") + node("second", free_port(), "inproc"));
    ASSERT_EQ(host_->cli("plugin unload counter").code, 0);
    EXPECT_TRUE(listed().empty());
    const auto loaded = host_->cli("plugin load counter");
    ASSERT_EQ(loaded.code, 0) << loaded.output;
    EXPECT_EQ(variant(), "one") << "at its own address";
    EXPECT_EQ(listed().at("isolation"), "inproc");
    // Also by the node's name, where that is not the plugin's.
    ASSERT_EQ(host_->cli("plugin unload second").code, 0);
    ASSERT_EQ(host_->cli("plugin load counter --as second").code, 0);
    EXPECT_EQ(listed("second").at("isolation"), "inproc");
    ASSERT_EQ(host_->cli("plugin load counter --as third").code, 0);
    EXPECT_EQ(listed("third").at("isolation"), "process");
}

TEST_F(Changes, WhatNoFileNamesHasNoLine) {
    install_variant("one");
    start(node("counter", port_, "inproc"));
    const auto refused = host_->cli("plugin load nix");
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.output.find("[nodes.nix]: no plugin `nix`"), std::string::npos)
        << refused.output;
    EXPECT_EQ(refused.output.find(":0:"), std::string::npos) << refused.output;
}

TEST_F(Changes, ADisabledNodeKeepsItsReason) {
    install_variant("one");
    start(node("counter", port_, "inproc"));
    ASSERT_EQ(host_->cli("plugin disable counter").code, 0);
    EXPECT_EQ(last_error(), "it was disabled by hand");
    const auto refused = reload();
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.output.find("plugin enable counter"), std::string::npos) << refused.output;
    EXPECT_EQ(last_error(), "it was disabled by hand");
}

TEST_F(Changes, ANodeThatFailedStartsWhenItsFileIsRepaired) {
    in_host_ = "watch = true\n";
    install_variant("one");
    start(node("counter", port_, "inproc"));
    ASSERT_EQ(host_->cli("plugin disable counter").code, 0);
    install_variant("throws");
    EXPECT_EQ(host_->cli("plugin enable counter").code, 1);
    EXPECT_EQ(listed().at("state"), "failed");
    install_variant("two");
    EXPECT_TRUE(wait_until([&] { return listed().at("state") == "serving"; })) << listed();
    EXPECT_EQ(variant(), "two");
    EXPECT_EQ(last_error(), "");
}

TEST_F(Changes, WatchingByAnArgumentIsNoChangeOfTheConfiguration) {
    install_variant("one");
    start(node("counter", port_, "inproc"));
    ASSERT_EQ(host_->stop(), 0);
    Background watching;
    ASSERT_TRUE(watching.start({host_program(), "run", "--watch", "--config", host_->config_file()},
                               {},
                               folder_.path() + "/watching.log"));
    ASSERT_TRUE(wait_until([&] { return host_->ask("GET", "/onex/v1/host").status == 200; }));
    const auto answer = host_->cli("config reload --json");
    EXPECT_EQ(answer.code, 0) << answer.output;
    EXPECT_EQ(answer.output.find("[host]"), std::string::npos) << answer.output;
    EXPECT_EQ(watching.terminate(30'000), 0);
}

TEST_F(Changes, ThreeGenerationsAreAliveAtMost) {
    install_variant("one");
    start(node("counter", port_, "inproc"));
    const auto begin =
        "POST /hold HTTP/1.1\r\nHost: studio\r\nTransfer-Encoding: chunked\r\n"
        "Content-Type: application/octet-stream\r\n\r\n5\r\nhello\r\n";
    RawConnection first(port_);
    RawConnection second(port_);
    ASSERT_TRUE(first.write(begin));
    ASSERT_TRUE(wait_until([&] { return listed().at("in_flight") == 1; }));
    install_variant("two");
    ASSERT_EQ(reload().code, 0);
    ASSERT_TRUE(second.write(begin));
    ASSERT_TRUE(wait_until([&] { return listed().at("in_flight") == 1; }));
    install_variant("three");
    ASSERT_EQ(reload().code, 0);
    EXPECT_EQ(listed().at("retiring"), 2);
    install_variant("four");
    Ran fourth;
    std::thread reloading([&] { fourth = reload(); });
    EXPECT_TRUE(wait_until(
        [&] { return host_->log().find("waits for an earlier generation") != std::string::npos; }));
    EXPECT_EQ(variant(), "three") << "which serves meanwhile";
    EXPECT_TRUE(first.write("0\r\n\r\n"));
    EXPECT_NE(first.read_answer().find(R"("variant":"one")"), std::string::npos);
    reloading.join();
    EXPECT_EQ(fourth.code, 0) << fourth.output;
    EXPECT_EQ(variant(), "four");
    EXPECT_EQ(listed().at("generation"), 4);
    EXPECT_TRUE(second.write("0\r\n\r\n"));
    EXPECT_NE(second.read_answer().find(R"("variant":"two")"), std::string::npos);
    expect_gone();
}

}  // namespace
}  // namespace onex::test
