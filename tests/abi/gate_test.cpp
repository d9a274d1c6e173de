// The ABI gate: what was released stays, and the gate itself is proven on altered headers.
#include "tests/abi/abi_table.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

namespace onex::abi_gate {
namespace {

namespace fs = std::filesystem;

const std::string kHeaders = ONEX_SOURCE_DIR "/api/onex/abi";

std::vector<std::string> lines_of(const fs::path& file) {
    std::ifstream in(file);
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);)
        out.push_back(line);
    return out;
}

std::string all(const std::vector<std::string>& found) {
    std::string out;
    for (const auto& line : found)
        out += line + "\n";
    return out;
}

TEST(AbiGate, EveryReleasedAbiStillHolds) {
    const auto now = read_table(kHeaders);
    std::size_t releases = 0;
    for (const auto& entry : fs::directory_iterator(ONEX_SOURCE_DIR "/api/abi")) {
        const auto found = breaks(lines_of(entry.path()), now);
        EXPECT_TRUE(found.empty()) << entry.path() << "\n" << all(found);
        ++releases;
    }
    EXPECT_GE(releases, 1U);
}

// What the reader computes is what the compiler does.
TEST(AbiGate, TheTableAgreesWithTheCompiler) {
    std::set<std::string> computed;
    for (const auto& line : read_table(kHeaders)) {
        std::istringstream in(line);
        std::string what;
        std::string type;
        std::string a;
        std::string b;
        std::string name;
        in >> what >> type >> a >> b >> name;
        if (what == "struct") computed.insert("SIZE(" + type + ", " + b + ")");
        if (what == "member")
            computed.insert("MEMBER(" + type + ", " + name + ", " + a + ", " + b + ")");
    }
    std::set<std::string> compiled;  // Checked against sizeof and offsetof by layout_test.
    for (const auto& line : lines_of(ONEX_SOURCE_DIR "/tests/abi/layout.inc")) {
        if (line.starts_with("SIZE(") || line.starts_with("MEMBER(")) compiled.insert(line);
    }
    EXPECT_EQ(computed, compiled);
}

struct Alteration {
    const char* name;
    const char* file;
    const char* from;  ///< stands exactly once in the file
    const char* to;
    const char* verdict;  ///< a word of the first break; null: allowed
};

const Alteration kAlterations[] = {
    {"insert in the middle of a table",
     "services.h",
     "onex_status (*after)(",
     "onex_status (*soon)(void* ctx);\n    onex_status (*after)(",
     "changed or removed"},
    {"insert where padding was",
     "plugin.h",
     "uint16_t abi_minor;",
     "uint16_t abi_minor;\n    void* extra;",
     "changed or removed"},
    {"changed type of the same size",
     "plugin.h",
     "onex_handle stream_in;",
     "int64_t stream_in;",
     "onex_request 104 8 stream_in"},
    {"changed signature",
     "data.h",
     "(*commit)(void* ctx, onex_handle tx,",
     "(*commit)(void* ctx, onex_handle tx, uint32_t how,",
     "commit"},
    {"changed signature of a callback",
     "services.h",
     "(*onex_task_fn)(void* user, uint32_t dropped)",
     "(*onex_task_fn)(void* user, int32_t dropped)",
     "onex_task_fn"},
    {"changed constant",
     "base.h",
     "#define ONEX_E_TIMEOUT (-3)",
     "#define ONEX_E_TIMEOUT (-30)",
     "ONEX_E_TIMEOUT"},
    {"removed member", "services.h", "int64_t (*monotonic_us)(void* ctx);", "", "monotonic_us"},
    {"removed last member",
     "services.h",
     "onex_status (*cancel_call)(void* ctx, onex_str key);",
     "",
     "changed or removed"},
    {"removed constant", "data.h", "#define ONEX_TX_READ 0u", "", "ONEX_TX_READ"},
    {"a member is moved to the end",
     "services.h",
     "onex_status (*cancel_call)(void* ctx, onex_str key);\n} onex_call_v1;",
     "onex_status (*moved)(void* ctx);\n    onex_status (*cancel_call)(void* ctx, onex_str "
     "key);\n} onex_call_v1;",
     "cancel_call"},
    {"a leaf struct grows",
     "base.h",
     "onex_token token;\n} onex_wait;",
     "onex_token token;\n    uint64_t more;\n} onex_wait;",
     "changed or removed"},
    {"a struct changes its kind",
     "base.h",
     "typedef struct onex_failure {\n    uint32_t struct_size;",
     "typedef struct onex_failure {\n    uint32_t size;",
     "onex_failure"},
    {"an extensible struct grows at its end",
     "data.h",
     "void (*rollback)(void* ctx, onex_handle tx);",
     "void (*rollback)(void* ctx, onex_handle tx);\n    void (*more)(void* ctx);",
     nullptr},
    {"a new struct and a new constant",
     "state.h",
     "#define ONEX_STATE_ID \"onex.state/1\"",
     "#define ONEX_STATE_ID \"onex.state/1\"\n#define ONEX_NEW 7\ntypedef struct onex_new { "
     "uint32_t struct_size; } onex_new;",
     nullptr},
    {"a parameter has another name",
     "services.h",
     "(*wall_us)(void* ctx)",
     "(*wall_us)(void* context)",
     nullptr},
};

TEST(AbiGate, CatchesWhatBreaksAndAllowsWhatGrows) {
    const auto released = read_table(kHeaders);
    for (const auto& row : kAlterations) {
        SCOPED_TRACE(row.name);
        const test::TempDir folder;
        for (const auto& entry : fs::directory_iterator(kHeaders))
            fs::copy(entry.path(), fs::path(folder.path()) / entry.path().filename());
        const auto file = folder.path() + "/" + row.file;
        auto text = test::read_file(file);
        const auto at = text.find(row.from);
        ASSERT_NE(at, std::string::npos);
        ASSERT_EQ(text.find(row.from, at + 1), std::string::npos) << "stands there twice";
        test::write_file(file, text.replace(at, std::string(row.from).size(), row.to));
        const auto found = breaks(released, read_table(folder.path()));
        if (row.verdict == nullptr) {
            EXPECT_TRUE(found.empty()) << all(found);
        } else {
            ASSERT_FALSE(found.empty());
            EXPECT_NE(all(found).find(row.verdict), std::string::npos) << all(found);
        }
    }
}

}  // namespace
}  // namespace onex::abi_gate
