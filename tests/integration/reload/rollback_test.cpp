// The version before, and what was refused: by hand, by itself, and after other changes.
#include "host/store/digest.hpp"
#include "tests/integration/reload/reload_lab.hpp"

namespace onex::test {
namespace {

class Rollback : public ReloadLab, public testing::WithParamInterface<const char*> {
  protected:
    [[nodiscard]] std::string counter() const { return node("counter", port_, GetParam()); }
    [[nodiscard]] Ran rollback() const { return host_->cli("plugin rollback counter"); }
    /// The configuration with further lines at its end, where [nodes.counter] is.
    [[nodiscard]] Ran reload_config_with(const std::string& lines) const {
        const auto file = host_->config_file();
        write_file(file, read_file(file) + lines);
        return host_->cli("config reload");
    }
};
INSTANTIATE_TEST_SUITE_P(Isolation, Rollback, testing::Values("inproc", "process"));

TEST_P(Rollback, StaysAlsoWhenTheConfigurationChanges) {
    install_variant("one");
    start(counter());
    install_variant("two");
    ASSERT_EQ(reload().code, 0);
    const auto back = rollback();
    ASSERT_EQ(back.code, 0) << back.output;
    EXPECT_EQ(variant(), "one");
    // The refused file still lies in the plugin folder.
    const auto changed = reload_config_with("memory_mb = 2000\n");
    EXPECT_EQ(changed.code, 0) << changed.output;
    EXPECT_EQ(listed().at("generation"), 4);
    EXPECT_EQ(variant(), "one");
    ASSERT_EQ(host_->cli("plugin disable counter").code, 0);
    ASSERT_EQ(host_->stop(), 0);
    ASSERT_TRUE(host_->start()) << host_->log();
    EXPECT_EQ(listed().at("state"), "disabled");
    // Only who asks for it by hand gets it.
    ASSERT_EQ(host_->cli("plugin enable counter").code, 0);
    EXPECT_EQ(variant(), "two");
}

TEST_P(Rollback, AReloadByHandTakesARefusedFileAndItStays) {
    install_variant("one");
    start(counter());
    install_variant("two");
    ASSERT_EQ(reload().code, 0);
    ASSERT_EQ(rollback().code, 0);
    ASSERT_EQ(reload().code, 0);
    EXPECT_EQ(variant(), "two");
    ASSERT_EQ(reload_config_with("memory_mb = 2000\n").code, 0);
    EXPECT_EQ(variant(), "two");
}

TEST_P(Rollback, AlsoOverAChangeOfTheStateItself) {
    install_variant("one", true);
    start(counter());
    EXPECT_EQ(ask("count").json.at("count"), 1);
    EXPECT_EQ(ask("count").json.at("count"), 2);
    // Its state has a newer schema: the old version goes on from where it was replaced.
    install_variant("newer", true);
    ASSERT_EQ(reload().code, 0);
    EXPECT_EQ(ask("count").json.at("count"), 3);
    EXPECT_EQ(ask("count").json.at("count"), 4);
    const auto back = rollback();
    ASSERT_EQ(back.code, 0) << back.output;
    EXPECT_EQ(variant(), "one");
    EXPECT_EQ(ask("count").json.at("count"), 3);
    EXPECT_NE(host_->log().find("this schema is newer"), std::string::npos);
    expect_gone();
}

TEST_P(Rollback, AlsoToAVersionThatKeepsNoState) {
    install_variant("one");
    start(counter());
    install_variant("two", true);
    ASSERT_EQ(reload().code, 0);
    EXPECT_EQ(variant(), "two");
    const auto back = rollback();
    ASSERT_EQ(back.code, 0) << back.output;
    EXPECT_EQ(variant(), "one");
    EXPECT_NE(host_->log().find("begins without state"), std::string::npos);
}

TEST_P(Rollback, AConfigurationWithAWrongPinChangesNothing) {
    install_variant("one");
    start(counter());
    const auto refused =
        reload_config_with("blake3 = '" + host::digest_of("something else") + "'\n");
    EXPECT_NE(refused.code, 0);
    EXPECT_NE(refused.output.find("is pinned"), std::string::npos) << refused.output;
    EXPECT_EQ(listed().at("generation"), 1);
    EXPECT_EQ(listed().at("last_error"), "");
    EXPECT_EQ(variant(), "one");
}

TEST_P(Rollback, NothingOfALibraryRunsThatIsNotThePinnedOne) {
    const auto good = counter_library("one");
    install(good);
    start(counter() + "blake3 = '" + host::digest_of(good) + "'\n");
    install_variant("crashes");
    const auto refused = reload();
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.output.find("is pinned"), std::string::npos) << refused.output;
    EXPECT_EQ(variant(), "one");
}

}  // namespace
}  // namespace onex::test
