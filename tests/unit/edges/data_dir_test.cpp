#include "host/data_dir.hpp"

#include "host/store/ids.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace onex::host {
namespace {

namespace fs = std::filesystem;

class DataDirTest : public testing::Test {
  protected:
    void SetUp() override { path_ = testing::TempDir() + "onex-data-" + new_uuid(); }
    void TearDown() override { fs::remove_all(path_); }
    static std::string code_of(const std::string& path) {
        const auto opened = DataDir::open(path);
        return opened ? "" : opened.error().code;
    }
    std::string path_;
};

TEST_F(DataDirTest, KeepsTheHostIdAndEmptiesTmp) {
    const auto nested = path_ + "/a/b";
    auto first = DataDir::open(nested);
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_TRUE(is_uuid(first->host_id()));
    EXPECT_EQ(fs::status(nested).permissions(), fs::perms::owner_all);
    EXPECT_EQ(fs::status(nested + "/host_id").permissions(),
              fs::perms::owner_read | fs::perms::owner_write);
    fs::create_directories(first->tmp() + "/left/over");
    const auto host_id = first->host_id();
    const auto boot_id = first->boot_id();
    first = fail("NOT_FOUND", "closed");

    const auto second = DataDir::open(nested);
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(second->host_id(), host_id);
    EXPECT_NE(second->boot_id(), boot_id);
    EXPECT_TRUE(fs::is_empty(second->tmp()));
}

TEST_F(DataDirTest, BelongsToOneProcess) {
    const auto first = DataDir::open(path_);
    ASSERT_TRUE(first);
    const auto second =
        DataDir::open(path_);  // flock is per open file, so this is as good as another process
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "CONFLICT");
    EXPECT_NE(second.error().message.find("pid " + std::to_string(::getpid())), std::string::npos);
}

TEST_F(DataDirTest, RefusesWhatIsNotSafe) {
    const auto code = [&] { return code_of(path_); };
    std::ofstream(path_) << "a file";
    EXPECT_EQ(code(), "VALIDATION_ERROR");
    fs::remove(path_);

    fs::create_directory(path_);
    fs::permissions(path_, fs::perms::all);
    EXPECT_EQ(code(), "POLICY_DENIED");
    fs::permissions(path_, fs::perms::owner_all);

    std::ofstream(path_ + "/host_id") << "not a uuid\n";
    EXPECT_EQ(code(), "VALIDATION_ERROR");
    std::ofstream(path_ + "/host_id") << "";
    EXPECT_EQ(code(), "VALIDATION_ERROR");
    fs::remove(path_ + "/host_id");
    EXPECT_EQ(code(), "");

    EXPECT_EQ(code_of("/proc/onex"), "POLICY_DENIED");
}

}  // namespace
}  // namespace onex::host
