// A library that is not fit to serve changes nothing: the old one serves on, with one clear reason.
#include "tests/integration/reload/reload_lab.hpp"

#include <onex/abi.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace onex::test {
namespace {

std::string replaced(std::string bytes, const std::string& from, const std::string& to) {
    const auto at = bytes.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? bytes : bytes.replace(at, to.size(), to);
}

/// The same library, whose entry has another size and needs another ABI.
std::string with_entry(std::size_t size, std::uint16_t major, std::uint16_t minor) {
    const auto head = [](std::size_t bytes, std::uint16_t of_major, std::uint16_t of_minor) {
        onex_plugin_entry entry{};
        entry.struct_size = static_cast<std::uint32_t>(bytes);
        entry.magic = ONEX_PLUGIN_MAGIC;
        entry.abi_major = of_major;
        entry.abi_minor_needed = of_minor;
        return std::string(reinterpret_cast<const char*>(&entry),
                           offsetof(onex_plugin_entry, flags));
    };
    return replaced(counter_library("two"),
                    head(sizeof(onex_plugin_entry), ONEX_ABI_MAJOR, 0),
                    head(size, major, minor));
}

/// The ELF or Mach-O header of another machine.
std::string of_another_machine() {
    auto bytes = counter_library("two");
    const std::size_t at = bytes[0] == '\x7f' ? 18 : 4;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
    return bytes;
}

#ifdef ONEX_SHADOW_MEMORY
constexpr auto kCrashed = "create: ended the process";  // The sanitizer did, with its report.
#else
constexpr auto kCrashed = "create: crashed with signal 11";
#endif
constexpr std::size_t kEntryBytes10 = 72;  // of ABI 1.0, where a pointer has 8

class BadLibrary : public ReloadLab, public testing::WithParamInterface<const char*> {
  protected:
    void expect_refused(const std::string& bytes, const std::string& reason) {
        install(bytes);
        const auto done = reload();
        EXPECT_EQ(done.code, 1) << done.output;
        EXPECT_NE(done.output.find(reason), std::string::npos) << done.output;
        const auto node = listed();
        EXPECT_EQ(node.at("state"), "serving");
        EXPECT_EQ(node.at("generation"), 1);
        const auto told = node.at("last_error").as_string();
        EXPECT_NE(told.find("the version before it serves on"), std::string_view::npos) << told;
        EXPECT_NE(told.find(reason), std::string_view::npos) << told;
        EXPECT_EQ(variant(), "one");
    }
};
INSTANTIATE_TEST_SUITE_P(Isolation, BadLibrary, testing::Values("inproc", "process"));

TEST_P(BadLibrary, IsRefusedWithItsReason) {
    install_variant("one");
    start(node("counter", port_, GetParam()));
    const auto good = counter_library("two");
    const struct {
        const char* name;
        std::string bytes;
        const char* reason;
    } cases[] = {
        {"empty", "", "the file is cut off"},
        {"truncated", good.substr(0, good.size() / 2), "the file is cut off"},
        {"of another machine", of_another_machine(), "built for another machine"},
        {"of a newer ABI", with_entry(kEntryBytes10, 9, 0), "needs ABI 9.0, this host has "},
        {"of a newer minor",
         with_entry(kEntryBytes10, ONEX_ABI_MAJOR, 99),
         "needs ABI 1.99, this host has 1."},
        {"of a time before ABI 1.0",
         with_entry(kEntryBytes10 - 8, ONEX_ABI_MAJOR, 0),
         "smaller than that of ABI 1.0"},
        {"lacks the entry",
         replaced(replaced(good, ONEX_PLUGIN_ENTRY_SYMBOL, "onex_plugin_entry_vX"),
                  ONEX_PLUGIN_ENTRY_SYMBOL,
                  "onex_plugin_entry_vX"),
         "onex_plugin_entry_v1"},
        {"throws in create", counter_library("throws"), "it throws in create"},
        {"crashes in create", counter_library("crashes"), kCrashed},
        {"settings do not fit", replaced(good, "minProperties: 0", "minProperties: 9"), "settings"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        expect_refused(c.bytes, c.reason);
    }
    // What is right goes on working after all of that: also what was built with the ABI's first
    // version, whatever has been appended since.
    install(with_entry(kEntryBytes10, ONEX_ABI_MAJOR, 0));
    const auto done = reload();
    EXPECT_EQ(done.code, 0) << done.output;
    EXPECT_EQ(variant(), "two");
    EXPECT_EQ(listed().at("last_error"), "");
    expect_gone();
}

TEST_P(BadLibrary, ThatRefusesTheStateIsNotTaken) {
    install_variant("one", true);
    start(node("counter", port_, GetParam()));
    EXPECT_EQ(ask("count").json.at("count"), 1);
    Load load(port_, {"count", "later"});
    expect_refused(counter_library("forgets", true), "it does not know this");
    load.end();
    EXPECT_EQ(load.wrong({"one"}), std::vector<std::string>{});
    EXPECT_EQ(ask("count").json.at("count"), load.counts().size() + 2);
}

TEST_P(BadLibrary, ThatFailsInItsFirstSecondsIsTakenBack) {
    install_variant("one");
    start(node("counter", port_, GetParam()));
    install_variant("internal");
    ASSERT_EQ(reload().code, 0);
    EXPECT_EQ(variant(), "internal");
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(ask("count").code, "INTERNAL");
    EXPECT_TRUE(wait_until([&] { return variant() == "one"; }));
    EXPECT_TRUE(wait_until([&] {
        return listed().at("last_error").as_string().find("INTERNAL three times") !=
               std::string_view::npos;
    })) << listed();
    EXPECT_EQ(listed().at("generation"), 3);
    expect_gone();
}

TEST_F(ReloadLab, ALibraryThatHangsInCreateIsGivenUp) {
    install_variant("one");
    start(node("counter", port_, "inproc"));
    install_variant("hangs");
    const auto done = reload();
    EXPECT_EQ(done.code, 1);
    EXPECT_NE(done.output.find("hangs"), std::string::npos) << done.output;
    EXPECT_EQ(variant(), "one");
    // The probe was killed; what it had is gone.
    namespace fs = std::filesystem;
    std::vector<std::string> left;
    for (const auto& entry : fs::recursive_directory_iterator(host_->data_dir() + "/tmp/plugins"))
        left.push_back(entry.path().filename().string());
    EXPECT_EQ(left.size(), 1U) << "only what serves; " << testing::PrintToString(left);
}

}  // namespace
}  // namespace onex::test
