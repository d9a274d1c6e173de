#include "host/nodes/kept_files.hpp"

#include "host/plugin/library.hpp"
#include "host/store/ids.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace onex::host {
namespace {

namespace fs = std::filesystem;

class KeptFilesTest : public ::testing::Test {
  protected:
    /// A library, as far as this part cares; its digest.
    std::string make(const std::string& content) {
        test::write_file(file(content), content);
        return *digest_of_file(file(content));
    }
    [[nodiscard]] std::string file(const std::string& content) const {
        return folder.path() + "/" + content + ".so";
    }
    std::string keep(const std::string& content) {
        auto digest = make(content);
        kept.keep("node", file(content), digest);
        return digest;
    }
    [[nodiscard]] std::size_t files() const {
        std::size_t out = 0;
        for (const auto& entry : fs::directory_iterator(folder.path() + "/kept/node"))
            out += entry.path().extension() == ".so" ? 1 : 0;
        return out;
    }
    test::TempDir folder;
    KeptFiles kept{folder.path() + "/kept"};
};

TEST_F(KeptFilesTest, KeepsTheOneThatServesAndTheOneBefore) {
    EXPECT_FALSE(kept.current("node"));
    EXPECT_FALSE(kept.previous("node"));
    const auto first = keep("one");
    EXPECT_EQ(kept.current("node")->digest, first);
    EXPECT_FALSE(kept.previous("node"));
    const auto second = keep("two");
    keep("two");
    EXPECT_EQ(kept.previous("node")->digest, first) << "the same again changes nothing";
    EXPECT_EQ(kept.current("node")->digest, second);
    keep("three");
    EXPECT_EQ(kept.previous("node")->digest, second);
    EXPECT_EQ(files(), 2U);
    // Another object, another life.
    EXPECT_EQ(KeptFiles(folder.path() + "/kept").previous("node")->digest, second);
}

TEST_F(KeptFilesTest, LoadsNothingThatIsNotWhatWasKept) {
    keep("one");
    keep("two");
    test::write_file(kept.previous("node")->path, "changed");
    EXPECT_FALSE(kept.previous("node"));
    test::write_file(folder.path() + "/kept/node/state.json", "{ half a sta");
    EXPECT_FALSE(kept.current("node")) << "a damaged state counts as absent";
    const auto third = keep("three");
    EXPECT_EQ(kept.current("node")->digest, third);
}

TEST_F(KeptFilesTest, ACrashOnProbationIsBlamedOnTheNewFile) {
    const auto good = keep("good");
    const auto bad = make("bad");
    struct Case {
        const char* name;
        const char* node;
        std::int64_t seconds_later;
        bool blamed;
    };
    const Case cases[] = {{"of another node", "other", 5, false},
                          {"long after", "node", 31, false},
                          {"before", "node", -1, false},
                          {"in its first seconds", "node", 5, true}};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        kept.begin_probation("node", bad);
        const std::vector<CrashRecord> crashes{
            {now_us() + c.seconds_later * 1'000'000, c.node, 2, "work", 11}};
        const auto instead = kept.instead_of("node", file("bad"), crashes);
        ASSERT_EQ(instead.has_value(), c.blamed);
        if (!c.blamed) continue;
        EXPECT_EQ(instead->digest, good);
        EXPECT_NE(instead->why.find("crashed"), std::string::npos);
    }
    EXPECT_TRUE(kept.refused("node", bad));
    EXPECT_TRUE(kept.instead_of("node", file("bad"), {})) << "also at the start after that";
    EXPECT_FALSE(kept.instead_of("node", file("good"), {}));
    kept.forget_refusals("node");
    EXPECT_FALSE(kept.instead_of("node", file("bad"), {}));
}

TEST_F(KeptFilesTest, WhatServesStandsInForARefusedFileUntilThatIsAccepted) {
    const auto good = keep("good");
    const auto bad = make("bad");
    const auto worse = make("worse");
    EXPECT_FALSE(kept.instead_of("node", file("bad")));
    kept.refuse("node", bad, "rolled back");
    kept.refuse("node", worse, "rolled back");
    const auto instead = kept.instead_of("node", file("bad"));
    ASSERT_TRUE(instead);
    EXPECT_EQ(instead->digest, good);
    EXPECT_EQ(instead->why, "rolled back");
    EXPECT_FALSE(kept.instead_of("node", file("good")));
    kept.accept("node", bad);
    EXPECT_FALSE(kept.instead_of("node", file("bad")));
    EXPECT_TRUE(kept.instead_of("node", file("worse")));
}

TEST_F(KeptFilesTest, RemembersWhatIsDisabled) {
    EXPECT_FALSE(kept.disabled("node"));
    kept.set_disabled("node", "by hand");
    EXPECT_EQ(KeptFiles(folder.path() + "/kept").disabled("node"), "by hand");
    kept.clear_disabled("node");
    EXPECT_FALSE(kept.disabled("node"));
}

}  // namespace
}  // namespace onex::host
