// A node is replaced while it works, and nobody notices.
#include "tests/integration/reload/reload_lab.hpp"

namespace onex::test {
namespace {

constexpr int kReloads = 20;

/// Both ways to run a plugin.
class Reload : public ReloadLab, public testing::WithParamInterface<const char*> {
  protected:
    [[nodiscard]] std::string counter() const { return node("counter", port_, GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Isolation, Reload, testing::Values("inproc", "process"));

TEST_P(Reload, UnderLoadFailsNoRequest) {
    install_variant("one");
    start(counter());
    Load load(port_, {"count", "later", "count", "later"});
    for (int i = 0; i < kReloads; ++i) {
        const auto before = load.answered();
        ASSERT_TRUE(wait_until([&] { return load.answered() > before + 20; }));
        install_variant(i % 2 == 0 ? "two" : "one");
        const auto done = reload();
        ASSERT_EQ(done.code, 0) << done.output;
    }
    load.end();
    EXPECT_EQ(load.wrong({"one", "two"}), std::vector<std::string>{});
    EXPECT_EQ(listed().at("generation"), kReloads + 1);
    expect_gone();
}

TEST_P(Reload, StateInMemoryIsCarriedOverUnderLoad) {
    install_variant("one", true);
    start(counter());
    Load load(port_, {"count", "count", "later"});
    for (int i = 0; i < kReloads; ++i) {
        const auto before = load.answered();
        ASSERT_TRUE(wait_until([&] { return load.answered() > before + 20; }));
        install_variant(i % 2 == 0 ? "two" : "one", true);
        const auto done = reload();
        ASSERT_EQ(done.code, 0) << done.output;
    }
    load.end();
    EXPECT_EQ(load.wrong({"one", "two"}), std::vector<std::string>{});
    // Every number once: nothing was counted twice, nothing forgotten.
    const auto counts = load.counts();
    for (std::size_t i = 0; i < counts.size(); ++i)
        ASSERT_EQ(counts[i], i + 1);
    expect_gone();
}

TEST_P(Reload, WhatTheOldGenerationHasEndsThere) {
    install_variant("one");
    start(counter());
    RawConnection upload(port_);
    ASSERT_TRUE(
        upload.write("POST /hold HTTP/1.1\r\nHost: studio\r\nTransfer-Encoding: chunked\r\n"
                     "Content-Type: application/octet-stream\r\n\r\n5\r\nhello\r\n"));
    ASSERT_TRUE(wait_until([&] { return listed().at("in_flight") == 1; }));
    install_variant("two");
    const auto done = reload();
    ASSERT_EQ(done.code, 0) << done.output;
    EXPECT_EQ(variant(), "two");
    EXPECT_EQ(listed().at("retiring"), 1);
    ASSERT_TRUE(upload.write("6\r\n world\r\n0\r\n\r\n"));
    const auto answer = upload.read_answer();
    EXPECT_NE(answer.find(R"({"bytes":11,"variant":"one"})"), std::string::npos) << answer;
    expect_gone();
}

TEST_P(Reload, OneOfTwoNodesOfAPlugin) {
    const auto second_port = free_port();
    install_variant("one");
    start(counter() + node("second", second_port, GetParam()));
    install_variant("two");
    ASSERT_EQ(reload("second").code, 0);
    EXPECT_EQ(variant(), "one");
    EXPECT_EQ(ask(second_port, "later").json.at("variant").as_string(), "two");
    EXPECT_EQ(listed().at("generation"), 1);
    EXPECT_EQ(listed("second").at("generation"), 2);
    expect_gone("second");
}

}  // namespace
}  // namespace onex::test
