// The ABI's structs are what plugins of other compilers, and of last year, think that they are.
#include <onex/abi.h>

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace {

struct Row {
    const char* type;
    const char* member;  ///< null: the row is about the whole struct
    std::size_t offset, offset_expected;
    std::size_t bytes, bytes_expected;
};

const Row kRows[] = {
#define SIZE(type, bytes) {#type, nullptr, 0, 0, sizeof(type), bytes},
#define MEMBER(type, member, offset, bytes) \
    {#type, #member, offsetof(type, member), offset, sizeof(type::member), bytes},
#include "layout.inc"
#undef SIZE
#undef MEMBER
};

TEST(AbiLayout, IsWhatWasReleased) {
    ASSERT_EQ(sizeof(void*), 8U) << "ABI 1 is for 64-bit machines";
    for (const auto& row : kRows) {
        SCOPED_TRACE(std::string(row.type) + (row.member ? std::string(".") + row.member : ""));
        EXPECT_EQ(row.offset, row.offset_expected);
        EXPECT_EQ(row.bytes, row.bytes_expected);
    }
}

TEST(AbiLayout, CoversEveryStruct) {
    std::set<std::string> covered;
    for (const auto& row : kRows)
        covered.insert(row.type);
    const std::regex declaration(R"(typedef struct (\w+) \{)");
    std::size_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(ONEX_SOURCE_DIR "/api/onex/abi")) {
        std::ifstream file(entry.path());
        std::stringstream text;
        text << file.rdbuf();
        const auto all = text.str();
        for (std::sregex_iterator it(all.begin(), all.end(), declaration), end; it != end; ++it) {
            ++found;
            EXPECT_TRUE(covered.contains((*it)[1])) << (*it)[1] << " has no rows in layout.inc";
        }
    }
    EXPECT_EQ(found, covered.size());
}

// Extensible structs say their size first, so that either side can be older.
TEST(AbiLayout, ExtensibleStructsBeginWithTheirSize) {
    const std::set<std::string> leaves{"onex_str",
                                       "onex_bytes",
                                       "onex_wait",
                                       "onex_field",
                                       "onex_value",
                                       "onex_param",
                                       "onex_kv_change"};
    std::set<std::string> sized;
    std::set<std::string> all;
    for (const auto& row : kRows) {
        all.insert(row.type);
        if (row.member && std::string(row.member) == "struct_size" && row.offset == 0) {
            sized.insert(row.type);
        }
    }
    for (const auto& type : all)
        EXPECT_NE(sized.contains(type), leaves.contains(type)) << type;
}

}  // namespace
