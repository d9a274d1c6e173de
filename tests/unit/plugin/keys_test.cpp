#include "tests/unit/plugin/plugin_fixture.hpp"

namespace onex::host::test {
namespace {

class KeyedCalls : public PluginTest {
  protected:
    Invocation keyed(const std::string& input = "{}", const std::string& operation = "work") {
        auto call = invocation(operation, input);
        call.key = "w/s/work";
        return call;
    }
};

TEST_F(KeyedCalls, RunOnceForOneInput) {
    std::atomic<int> runs{0};
    script.operations["work"] = [&](const onex_request& request) {
        return script.answer(request.token, R"({"n":)" + std::to_string(++runs) + "}");
    };
    EXPECT_EQ(*run(keyed(R"({"n":1,"run":{"attempt":1}})")).output, R"({"n":1})");
    EXPECT_EQ(*run(keyed(R"({"run":{"attempt":2},"n":1})")).output, R"({"n":1})");
    EXPECT_EQ(code(run(keyed(R"({"n":2})"))), "CONFLICT");
    EXPECT_EQ(code(run(keyed(R"({"n":1})", "inner"))), "CONFLICT");
    EXPECT_EQ(runs, 1);
}

TEST_F(KeyedCalls, RunAgainAfterAFailure) {
    std::atomic<int> runs{0};
    script.operations["work"] = [&](const onex_request& request) {
        return ++runs == 1 ? script.answer_error(request.token, "DISK_FULL", "no room")
                           : script.answer(request.token, "{}");
    };
    EXPECT_EQ(code(run(keyed())), "DISK_FULL");
    EXPECT_EQ(code(run(keyed())), "ok");
    EXPECT_EQ(runs, 2);
}

TEST_F(KeyedCalls, AnswerTheSameAlsoWhenTheOutcomeFoundNoRoom) {
    std::atomic<int> runs{0};
    script.operations["work"] = [&](const onex_request& request) {
        keys_store->full = true;
        return script.answer(request.token, R"({"n":)" + std::to_string(++runs) + "}");
    };
    EXPECT_EQ(*run(keyed()).output, R"({"n":1})");
    EXPECT_EQ(*run(keyed()).output, R"({"n":1})");
    keys_store->full = false;
    EXPECT_EQ(keys->store_kept(), 0U);
    EXPECT_EQ(*run(keyed()).output, R"({"n":1})");
    EXPECT_EQ(runs, 1);
}

TEST_F(KeyedCalls, JoinOneThatRunsAsLongAsItMoves) {
    std::atomic<onex_token> token{0};
    std::atomic<int> runs{0};
    script.operations["moving"] = [&](const onex_request& request) {
        ++runs;
        token = request.token;
        return ONEX_OK;
    };
    auto first = run_async(keyed("{}", "moving"));
    ASSERT_TRUE(eventually([&] { return token != 0; }));
    auto second = run_async(keyed("{}", "moving"));
    const auto* call = script.table<onex_call_v1>(ONEX_CALL_ID);
    const onex_progress step{sizeof(onex_progress), ONEX_PROGRESS_STEP, 0, 0, abi("")};
    const auto end = deadline_in(1'200);  // more than it has without progress
    while (SteadyClock::now() < end) {
        call->progress(call->ctx, token, &step);
        first.wait_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(second.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
    EXPECT_EQ(script.answer(token, R"({"done":true})"), ONEX_OK);
    EXPECT_EQ(*first.get().output, R"({"done":true})");
    EXPECT_EQ(*second.get().output, R"({"done":true})");
    EXPECT_EQ(runs, 1);
}

TEST_F(KeyedCalls, OfOneThatTimedOutGetItsRealEnd) {
    std::atomic<onex_token> token{0};
    script.operations["brief"] = [&](const onex_request& request) {
        token = request.token;
        return ONEX_OK;
    };
    EXPECT_EQ(code(run(keyed("{}", "brief"))), "TIMEOUT");
    auto joined = run_async(keyed("{}", "brief"));
    EXPECT_EQ(script.answer(token, R"({"late":true})"), ONEX_OK);
    const auto outcome = joined.get();
    ASSERT_EQ(code(outcome), "ok");
    EXPECT_EQ(*outcome.output, R"({"late":true})");
}

}  // namespace
}  // namespace onex::host::test
