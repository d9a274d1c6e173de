#include "host/store/keys.hpp"

#include "host/store/nonces.hpp"
#include "store_fixture.hpp"

#include <thread>

namespace onex::host::test {
namespace {

class Keys : public StoreTest {
  protected:
    void SetUp() override {
        StoreTest::SetUp();
        keys = std::make_unique<OperationKeys>(*store, "boot-1");
    }
    KeyState begin_key(OperationKeys& of) {
        auto begun = of.begin("w/stage/op", "node.op", "hash");
        EXPECT_TRUE(begun) << begun.error().message;
        return begun ? begun->state : KeyState::done;
    }
    std::unique_ptr<OperationKeys> keys;
};

TEST_F(Keys, RunOnceAndAnswerTheSameAgain) {
    EXPECT_EQ(begin_key(*keys), KeyState::started);
    EXPECT_EQ(begin_key(*keys), KeyState::running);
    ASSERT_TRUE(keys->finish("w/stage/op", R"({"a":1})"));
    const auto again = keys->begin("w/stage/op", "node.op", "hash");
    ASSERT_TRUE(again);
    EXPECT_EQ(again->state, KeyState::done);
    EXPECT_EQ(again->answer, R"({"a":1})");
    EXPECT_EQ(code(keys->begin("w/stage/op", "node.op", "other")), "CONFLICT");
    EXPECT_EQ(code(keys->begin("w/stage/op", "node.other", "hash")), "CONFLICT");
    EXPECT_EQ(code(keys->finish("w/stage/op", "{}")), "NOT_FOUND");
    EXPECT_EQ(code(keys->fail("unknown", {})), "NOT_FOUND");
}

TEST_F(Keys, JoinersGetTheAnswerOrTheError) {
    for (const bool good : {true, false}) {
        ASSERT_EQ(begin_key(*keys), KeyState::started);
        std::vector<Result<std::string>> answers(3);
        std::vector<std::thread> joiners;
        for (auto& answer : answers) {
            joiners.emplace_back([&] { answer = keys->join("w/stage/op", Wait::for_ms(10'000)); });
        }
        const Error why{"BUILD_FAILED", "no Dockerfile", R"({"line":1})", "c"};
        ASSERT_TRUE(good ? keys->finish("w/stage/op", "{}") : keys->fail("w/stage/op", why));
        for (auto& joiner : joiners)
            joiner.join();
        for (const auto& answer : answers) {
            ASSERT_EQ(code(answer), good ? "ok" : "BUILD_FAILED");
            if (!good) {
                EXPECT_EQ(answer.error().details, why.details);
            }
        }
        EXPECT_EQ(keys->prune(std::numeric_limits<std::int64_t>::max()), 1);
    }
}

TEST_F(Keys, AnOutcomeThatFindsTheStoreFullIsKept) {
    FullStore full(*store);
    OperationKeys kept(full, "boot-1");
    for (const bool good : {true, false}) {
        SCOPED_TRACE(good);
        ASSERT_EQ(begin_key(kept), KeyState::started);
        full.full = true;
        const Error why{"BUILD_FAILED", "no Dockerfile", R"({"line":1})", "c"};
        EXPECT_EQ(
            code(good ? kept.finish("w/stage/op", R"({"a":1})") : kept.fail("w/stage/op", why)),
            "DISK_FULL");
        EXPECT_EQ(code(kept.join("w/stage/op", Wait::for_ms(0))), good ? "ok" : "BUILD_FAILED");
        EXPECT_EQ(code(kept.begin("w/stage/op", "node.op", "other")), "CONFLICT");
        if (good) {
            EXPECT_EQ(begin_key(kept), KeyState::done);
        }
        EXPECT_EQ(kept.store_kept(), 1U);
        full.full = false;
        EXPECT_EQ(kept.store_kept(), 0U);
        EXPECT_EQ(number("SELECT count(*) FROM operation_keys WHERE state = 'running'"), 0);
        EXPECT_EQ(begin_key(kept), good ? KeyState::done : KeyState::started);
        if (good) {
            EXPECT_EQ(kept.prune(std::numeric_limits<std::int64_t>::max()), 1);
        }
    }
}

TEST_F(Keys, AFailureThatCouldNotBeStoredRunsAgain) {
    FullStore full(*store);
    OperationKeys kept(full, "boot-1");
    ASSERT_EQ(begin_key(kept), KeyState::started);
    full.full = true;
    EXPECT_EQ(code(kept.fail("w/stage/op", {"INTERNAL", "x", {}, {}})), "DISK_FULL");
    EXPECT_EQ(code(kept.begin("w/stage/op", "node.op", "hash")), "DISK_FULL");
    full.full = false;
    EXPECT_EQ(begin_key(kept), KeyState::started) << "its row says running, but nobody runs it";
    EXPECT_EQ(begin_key(kept), KeyState::running);
    EXPECT_TRUE(kept.finish("w/stage/op", "{}"));
}

TEST_F(Keys, AJoinEndsByDeadlineAndCancel) {
    EXPECT_EQ(code(keys->join("unknown", Wait::for_ms(10))), "NOT_FOUND");
    ASSERT_EQ(begin_key(*keys), KeyState::started);
    EXPECT_EQ(code(keys->join("w/stage/op", Wait::for_ms(1))), "TIMEOUT");
    const auto cancel = std::make_shared<Cancel>();
    std::thread canceller([&] { cancel->cancel(); });
    EXPECT_EQ(code(keys->join("w/stage/op", {.cancel = cancel})), "CANCELLED");
    canceller.join();
}

TEST_F(Keys, WhatFailedOrAnEarlierBootLeftRunsAgain) {
    ASSERT_EQ(begin_key(*keys), KeyState::started);
    ASSERT_TRUE(keys->fail("w/stage/op", {"INTERNAL", "x", {}, {}}));
    ASSERT_EQ(begin_key(*keys), KeyState::started);
    OperationKeys next_boot(*store, "boot-2");
    EXPECT_EQ(code(next_boot.join("w/stage/op", Wait::for_ms(10))), "NOT_FOUND");
    EXPECT_EQ(code(next_boot.begin("w/stage/op", "node.op", "other")), "CONFLICT");
    EXPECT_EQ(begin_key(next_boot), KeyState::started);
    EXPECT_EQ(code(keys->finish("w/stage/op", "{}")),
              "NOT_FOUND");  // A zombie of the earlier boot.
    EXPECT_TRUE(next_boot.finish("w/stage/op", "{}"));
}

TEST_F(Keys, PruneTakesOnlyWhatItShould) {
    ASSERT_TRUE(keys->begin("w1/a/b", "n.o", "h"));
    ASSERT_TRUE(keys->begin("w2/a/b", "n.o", "h"));
    ASSERT_TRUE(keys->finish("w2/a/b", "{}"));
    EXPECT_EQ(keys->prune(0), 0);
    EXPECT_EQ(keys->prune(std::numeric_limits<std::int64_t>::max()), 1);
    EXPECT_EQ(number("SELECT count(*) FROM operation_keys"), 1);  // w1 still runs
}

TEST_F(Keys, ANonceCountsOncePerKeyAndSurvivesARestart) {
    EXPECT_EQ(Nonces(*store).remember("k", "n", 100), true);
    EXPECT_EQ(Nonces(*store).remember("k2", "n", 200), true);
    open({});
    EXPECT_EQ(Nonces(*store).remember("k", "n", 100), false);
    EXPECT_EQ(Nonces(*store).prune(150), 1);
    EXPECT_EQ(Nonces(*store).remember("k2", "n", 200), false);
}

}  // namespace
}  // namespace onex::host::test
