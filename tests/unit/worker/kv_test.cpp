// onex.kv/1 is all the storage that a plugin in a process of its own gets: over the wire it is what
// it is inside of the host.
#include "tests/support/host_process.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <memory>

namespace onex::test {
namespace {

namespace json = boost::json;

class WorkerKv : public testing::TestWithParam<std::string> {
  protected:
    void SetUp() override {
        HostOptions options;
        options.folder = folder_.path();
        options.in_host = "plugin_dirs = ['" ONEX_BINARY_DIR "/tests/worker_plugins']";
        for (const auto* node : {"one", "other"})
            options.toml += std::string("[nodes.") + node + "]\nplugin = 'keeper'\nisolation = '" +
                            GetParam() + "'\n";
        host_ = std::make_unique<HostProcess>(options);
        ASSERT_TRUE(host_->start()) << host_->log();
    }
    [[nodiscard]] Answer call(const std::string& node,
                              const std::string& operation,
                              const json::object& input) const {
        return host_->ask(
            "POST", "/onex/v1/nodes/" + node + "/operations/" + operation, json::serialize(input));
    }
    void keep(const std::string& node, const json::object& entries) const {
        const auto answer = call(node, "keep", {{"entries", entries}});
        EXPECT_EQ(answer.status, 200U) << answer;
    }
    /// The value, or the error's code.
    [[nodiscard]] std::string tell(const std::string& node, const std::string& key) const {
        const auto answer = call(node, "tell", {{"key", key}});
        if (answer.status != 200) return answer.code;
        return std::string(answer.json.at("value").as_string());
    }
    /// Keys and the sizes of their values.
    [[nodiscard]] std::string list(const std::string& node, const json::object& input) const {
        const auto answer = call(node, "list", input);
        return answer.status == 200 ? json::serialize(answer.json.at("entries")) : answer.code;
    }

    TempDir folder_;
    std::unique_ptr<HostProcess> host_;
};

TEST_P(WorkerKv, PutsGetsAndScans) {
    EXPECT_EQ(tell("one", "a"), "NOT_FOUND");
    EXPECT_EQ(list("one", {}), "[]");
    const std::string odd("\0ü\"\n", 5);
    keep("one", {{"b/2", "two"}, {"b/1", odd}, {"a", ""}, {"c", "gone"}});
    keep("one", {{"b/2", "zwei"}, {"c", nullptr}, {"never", nullptr}});
    EXPECT_EQ(tell("one", "a"), "");
    EXPECT_EQ(tell("one", "b/1"), odd);
    EXPECT_EQ(tell("one", "b/2"), "zwei");
    EXPECT_EQ(tell("one", "c"), "NOT_FOUND");
    EXPECT_EQ(list("one", {}), R"([["a",0],["b/1",5],["b/2",4]])");
    EXPECT_EQ(list("one", {{"prefix", "b/"}}), R"([["b/1",5],["b/2",4]])");
    EXPECT_EQ(list("one", {{"after", "a"}, {"limit", 1}}), R"([["b/1",5]])");
    EXPECT_EQ(list("one", {{"prefix", "b/"}, {"after", "b/2"}}), "[]");
    EXPECT_EQ(list("one", {{"limit", 0}}), "VALIDATION_ERROR");
    // All of a write or nothing.
    const auto conflict =
        call("one", "keep", {{"entries", {{"a", "changed"}}}, {"new", {{"b/1", "mine"}}}});
    EXPECT_EQ(conflict.code, "CONFLICT") << conflict;
    EXPECT_EQ(tell("one", "a"), "");
    EXPECT_EQ(call("one", "keep", {{"new", {{"d", "new"}}}}).status, 200U);
    EXPECT_EQ(tell("one", "d"), "new");
}

TEST_P(WorkerKv, IsTheNodesOwnAndOutlivesReloadAndRestart) {
    keep("one", {{"shared name", "of one"}});
    EXPECT_EQ(tell("other", "shared name"), "NOT_FOUND");
    EXPECT_EQ(list("other", {}), "[]");
    keep("other", {{"shared name", "of the other"}});
    keep("other", {{"only here", ""}});
    EXPECT_EQ(tell("one", "shared name"), "of one");
    EXPECT_EQ(list("one", {}), R"([["shared name",6]])");
    EXPECT_EQ(host_->ask("POST", "/onex/v1/plugins/one/reload").status, 200U);
    EXPECT_EQ(tell("one", "shared name"), "of one");
    ASSERT_EQ(host_->stop(), 0) << host_->log();
    ASSERT_TRUE(host_->start()) << host_->log();
    EXPECT_EQ(tell("one", "shared name"), "of one");
    EXPECT_EQ(tell("other", "shared name"), "of the other");
}

TEST_P(WorkerKv, TakesWhatItsLimitsAllow) {
    constexpr int most = 1 << 20;
    const auto fill = [&](const std::string& key, int bytes) {
        return call("one", "fill", {{"key", key}, {"bytes", bytes}});
    };
    EXPECT_EQ(fill("k", most + 1).code, "RESOURCE_LIMIT_EXCEEDED");
    EXPECT_EQ(tell("one", "k"), "NOT_FOUND");
    for (int i = 0; i < 20; ++i)
        ASSERT_EQ(fill("large/" + std::to_string(10 + i), most).status, 200U);
    EXPECT_TRUE(tell("one", "large/29") == std::string(most, 'x'));
    // More than a frame of the wire: a scan may give fewer, its end is a scan that gives none.
    std::string after;
    std::size_t found = 0;
    for (;;) {
        const auto answer = call("one", "list", {{"prefix", "large/"}, {"after", after}});
        ASSERT_EQ(answer.status, 200U) << answer;
        const auto& entries = answer.json.at("entries").as_array();
        if (entries.empty()) break;
        found += entries.size();
        EXPECT_EQ(entries.back().at(1), most);
        after = std::string(entries.back().at(0).as_string());
    }
    EXPECT_EQ(found, 20U);
}

INSTANTIATE_TEST_SUITE_P(Isolation,
                         WorkerKv,
                         testing::Values("inproc", "process"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace onex::test
