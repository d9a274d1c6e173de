// Libraries that come and change by themselves, and those that may not be loaded at all.
#include "host/store/digest.hpp"
#include "tests/integration/reload/reload_lab.hpp"

#include <filesystem>

namespace onex::test {
namespace {

class DropIn : public ReloadLab {
  protected:
    void watch(const std::string& toml = {}) {
        in_host_ = "watch = true\n";
        start(toml);
    }
    /// The same library, whose contract lets a watching host start it.
    static std::string autostart(std::string bytes) {
        const std::string from = "autostart: false";
        const auto at = bytes.find(from);
        EXPECT_NE(at, std::string::npos);
        return bytes.replace(at, from.size(), "autostart: true ");
    }
    [[nodiscard]] bool logged(const std::string& text) const {
        return host_->log().find(text) != std::string::npos;
    }
};

TEST_F(DropIn, ALibraryThatAppearsIsListedWithTheTomlToPaste) {
    watch();
    install_variant("one");
    ASSERT_TRUE(wait_until([&] { return logged("is available, not configured"); }));
    EXPECT_TRUE(wait_until([&] { return logged("plugin = \"counter\"\n"); })) << "a line each";
    EXPECT_TRUE(logged("[nodes.counter]\n"));
    const auto listed = host_->cli("plugin list");
    EXPECT_NE(listed.output.find("[nodes.counter]"), std::string::npos) << listed.output;
    EXPECT_TRUE(this->listed().empty()) << "nothing runs that nobody wanted";
}

TEST_F(DropIn, ALibraryWhoseContractAllowsItStartsByItself) {
    watch();
    install(autostart(counter_library("one")));
    ASSERT_TRUE(wait_until([&] {
        const auto node = listed();
        return node.contains("state") && node.at("state") == "serving";
    }));
    EXPECT_EQ(listed().at("isolation"), "process");
    const auto answer = host_->ask("POST", "/onex/v1/nodes/counter/operations/later", "{}");
    EXPECT_EQ(answer.status, 200U) << answer;
}

TEST_F(DropIn, ALibraryThatDoesNotFitIsNotStarted) {
    watch();
    install(autostart(counter_library("crashes")));
    ASSERT_TRUE(wait_until([&] { return logged("a new library is not used"); }));
    EXPECT_TRUE(listed().empty());
}

TEST_F(DropIn, AChangedLibraryServesWithoutBeingAskedTo) {
    install_variant("one");
    watch(node("counter", port_, "inproc"));
    EXPECT_EQ(variant(), "one");
    install_variant("two");
    EXPECT_TRUE(wait_until([&] { return variant() == "two"; }));
    // One that was refused is not tried again, the next one is.
    install_variant("crashes");
    EXPECT_TRUE(wait_until([&] { return logged("is not fit to be loaded"); }));
    install_variant("three");
    EXPECT_TRUE(wait_until([&] { return variant() == "three"; }));
}

TEST_F(DropIn, APinnedLibraryIsTheOnlyOne) {
    const auto good = counter_library("one");
    install(good);
    start(node("counter", port_, "inproc") + "blake3 = '" + host::digest_of(good) + "'\n");
    EXPECT_EQ(variant(), "one");
    install_variant("two");
    const auto refused = reload();
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.output.find("is pinned"), std::string::npos) << refused.output;
    EXPECT_EQ(variant(), "one");
}

TEST_F(DropIn, NothingIsLoadedFromAFolderThatOthersMayWriteTo) {
    install_variant("one");
    start(node("counter", port_, "inproc"));
    install_variant("two");
    namespace fs = std::filesystem;
    fs::permissions(plugins_, fs::perms::others_write, fs::perm_options::add);
    const auto refused = reload();
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.output.find("writ"), std::string::npos) << refused.output;
    fs::permissions(plugins_, fs::perms::others_write, fs::perm_options::remove);
    fs::permissions(library_, fs::perms::others_write, fs::perm_options::add);
    EXPECT_EQ(reload().code, 1);
    EXPECT_EQ(variant(), "one");
}

}  // namespace
}  // namespace onex::test
