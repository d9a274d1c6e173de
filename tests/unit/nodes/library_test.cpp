#include "host/plugin/library.hpp"

#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

namespace onex::host {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kOther = 65534;

class StagePlugin : public ::testing::Test {
  protected:
    void SetUp() override {
        fs::create_directory(place);
        test::write_file(file, "content");
        ::chmod(place.c_str(), 0755);
        ::chmod(file.c_str(), 0644);
    }
    [[nodiscard]] Result<StagedFile> stage(const std::string& from,
                                           const std::string& digest = "") const {
        return stage_plugin(from, folder.path() + "/private", digest);
    }
    test::TempDir folder;
    const std::string place = folder.path() + "/place";
    const std::string file = place + "/plugin.so";
};

TEST_F(StagePlugin, RefusesWhatOthersMayChange) {
    const auto link = folder.path() + "/link.so";
    fs::create_symlink(file, link);
    const auto chmod = [this](mode_t of_place, mode_t of_file) {
        return [this, of_place, of_file] {
            ::chmod(place.c_str(), of_place);
            ::chmod(file.c_str(), of_file);
        };
    };
    const auto chown = [this](uid_t of_place, uid_t of_file, gid_t group) {
        return [this, of_place, of_file, group] {
            ::chmod(place.c_str(), 01777);
            ::chmod(file.c_str(), group == 0 ? 0644 : 0664);
            EXPECT_EQ(::chown(place.c_str(), of_place, static_cast<gid_t>(-1)), 0);
            EXPECT_EQ(::chown(file.c_str(), of_file, group), 0);
        };
    };
    struct Case {
        const char* name;
        std::function<void()> make;
        const char* reason;  ///< null: it is taken
        bool as_root = false;
    };
    const Case cases[] = {
        {"an ordinary one", chmod(0755, 0644), nullptr},
        {"a file of everybody", chmod(0755, 0646), "written by everybody"},
        {"a folder of everybody", chmod(0757, 0644), "written by everybody"},
        {"a sticky folder", chmod(01777, 0644), nullptr},
        {"a sticky folder of another user", chown(kOther, 0, 0), "belongs to user", true},
        {"another user's file in a sticky folder", chown(0, kOther, 0), "belongs to user", true},
        {"a file of a group", chown(0, 0, kOther), "written by its group", true},
        {"the right again", chown(0, 0, 0), nullptr, true},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        if (c.as_root && ::geteuid() != 0) continue;
        c.make();
        for (const auto& path : {file, link}) {
            const auto staged = stage(path);
            ASSERT_EQ(staged.has_value(), c.reason == nullptr)
                << (staged ? "taken" : staged.error().message);
            if (!staged) {
                EXPECT_EQ(staged.error().code, "POLICY_DENIED");
                EXPECT_NE(staged.error().message.find(c.reason), std::string::npos)
                    << staged.error().message;
            }
        }
    }
}

TEST_F(StagePlugin, ALinkCountsByTheFolderItIsInToo) {
    const auto links = folder.path() + "/links";
    fs::create_directory(links);
    fs::create_symlink(file, links + "/plugin.so");
    EXPECT_TRUE(stage(links + "/plugin.so"));
    ::chmod(links.c_str(), 0777);
    EXPECT_FALSE(stage(links + "/plugin.so"));
}

TEST_F(StagePlugin, TheCopyIsPrivateAndGoesWithItsLastUser) {
    auto staged = stage(file);
    ASSERT_TRUE(staged);
    EXPECT_EQ(test::read_file(staged->path), "content");
    EXPECT_EQ(fs::status(staged->path).permissions(),
              fs::perms::owner_read | fs::perms::owner_exec);
    const auto path = staged->path;
    auto second = *staged;
    staged = fail("NOT_FOUND", "gone");
    EXPECT_TRUE(fs::exists(path));
    second = {};
    EXPECT_FALSE(fs::exists(path));
}

TEST_F(StagePlugin, TakesOnlyThePinnedContent) {
    const auto digest = *digest_of_file(file);
    EXPECT_TRUE(stage(file, digest));
    test::write_file(file, "changed");
    const auto refused = stage(file, digest);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "POLICY_DENIED");
    EXPECT_TRUE(fs::is_empty(folder.path() + "/private"));
    EXPECT_EQ(stage(place + "/none.so").error().code, "NOT_FOUND");
}

}  // namespace
}  // namespace onex::host
