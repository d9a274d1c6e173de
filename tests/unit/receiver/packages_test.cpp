// What becomes of the files of packages.
#include "tests/unit/receiver/node_lab.hpp"

namespace onex::receiver {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

class Packages : public NodeLab {
  protected:
    void insert(const std::string& id,
                const std::string& state,
                const std::string& blob,
                std::int64_t updated_ms,
                const std::string& origin = "workflow") {
        if (!blob.empty()) fake_.blobs[blob] = "package";
        database_.text(
            "INSERT INTO packages (deployment_id, container_name, origin, blob, state, created_us, "
            "updated_us) VALUES ('" +
            id + "', 'web-" + id + "', '" + origin + "', '" + blob + "', '" + state + "', 1, " +
            std::to_string(updated_ms * 1000) + ")");
    }
    [[nodiscard]] bool holds(const std::string& blob) const { return fake_.blobs.contains(blob); }
};

TEST_F(Packages, WhatNobodyGoesOnWithIsLetGoOf) {
    make();
    const auto old_ms = fake_.now_ms() - 2 * kDayMs;
    for (const auto* state :
         {"ready_for_deployment", "awaiting_package", "receiving", "deploying", "failed"})
        insert(state, state, std::string("blob-") + state, old_ms);
    insert("leased", "deploying", "blob-leased", old_ms);
    database_.text("INSERT INTO leases VALUES ('web-leased', 'leased', 'peer:laptop', 7, 1, " +
                   std::to_string((fake_.now_ms() + kDayMs) * 1000) + ")");
    insert("young", "deploying", "blob-young", fake_.now_ms());
    fake_.advance(30'000);
    for (const auto* state :
         {"ready_for_deployment", "awaiting_package", "receiving", "deploying", "failed"}) {
        SCOPED_TRACE(state);
        EXPECT_EQ(this->state(state), "failed");
        EXPECT_FALSE(holds(std::string("blob-") + state));
    }
    for (const auto* id : {"leased", "young"}) {
        SCOPED_TRACE(id);
        EXPECT_EQ(state(id), "deploying");
        EXPECT_TRUE(holds(std::string("blob-") + id));
    }
}

TEST_F(Packages, ManyOldFailuresHideNone) {
    make();
    const auto old_ms = fake_.now_ms() - 2 * kDayMs;
    for (int i = 0; i < 600; ++i)
        insert("f" + std::to_string(i), "failed", "", old_ms - 1000);
    insert("last", "failed", "blob-last", old_ms);
    fake_.advance(30'000);
    EXPECT_FALSE(holds("blob-last"));
}

TEST_F(Packages, AnotherUserKeepsTheFile) {
    make();
    const auto old_ms = fake_.now_ms() - 2 * kDayMs;
    insert("one", "failed", "same", old_ms);
    insert("two", "deploying", "same", fake_.now_ms());
    fake_.advance(30'000);
    EXPECT_EQ(blob("one"), "");
    EXPECT_TRUE(holds("same"));
}

TEST_F(Packages, OneThatChangedSinceItWasReadStays) {
    make();
    insert("one", "ready_for_deployment", "blob-one", fake_.now_ms() - 2 * kDayMs);
    on_statement_ = [&](const std::string& sql) {
        if (!sql.starts_with("UPDATE packages SET blob = blob")) return;
        on_statement_ = {};
        database_.text("UPDATE packages SET state = 'deploying', updated_us = updated_us + 1");
    };
    fake_.advance(30'000);
    EXPECT_EQ(state("one"), "deploying");
    EXPECT_TRUE(holds("blob-one"));
}

TEST_F(Packages, OneWhoseFileWentWhileItCameIsNotReady) {
    make();
    on_statement_ = [&](const std::string& sql) {
        if (sql.starts_with("UPDATE packages SET blob = blob")) fake_.blobs.clear();
    };
    const auto answer = upload("one", "package", {});
    ASSERT_FALSE(answer.output);
    EXPECT_EQ(answer.output.error().code, "UNAVAILABLE");
    EXPECT_EQ(state("one"), "failed");
    EXPECT_EQ(blob("one"), "");
}

TEST_F(Packages, OneThatIsSentAgainLeavesNoFileBehind) {
    make();
    insert("one", "failed", "blob-one", fake_.now_ms(), "request");
    ASSERT_TRUE(upload("one", "package", {}).output);
    EXPECT_FALSE(holds("blob-one"));
    EXPECT_EQ(state("one"), "ready_for_deployment");
    EXPECT_TRUE(holds(blob("one")));
}

TEST_F(Packages, AWorkflowThatFindsItsPackageHereOwnsIt) {
    make();
    ASSERT_TRUE(upload("one", "package", {}).output);
    const auto origin = [&] { return database_.text("SELECT origin FROM packages"); };
    EXPECT_EQ(origin(), "request");
    auto announced = container("web");
    announced["deployment_id"] = "one";
    const auto answer = ask("announce_deployment", announced);
    ASSERT_TRUE(answer.output) << answer.output.error().message;
    EXPECT_EQ(origin(), "workflow");
    EXPECT_EQ(state("one"), "ready_for_deployment");
}

}  // namespace
}  // namespace onex::receiver
