#include "tests/unit/plugin/plugin_fixture.hpp"

#include <onex/utf8.hpp>

namespace onex::host::test {
namespace {

class DispatcherTest : public PluginTest {};

TEST_F(DispatcherTest, TellsWhatAnOperationDidAndNothingElse) {
    script.operations["work"] = [&](const onex_request& request) -> onex_status {
        const std::string input(request.input.data, request.input.size);
        if (input.find("1") != input.npos) return script.answer(request.token, input);
        if (input.find("2") != input.npos) return script.answer(request.token, R"({"n":"text"})");
        if (input.find("3") != input.npos) return script.answer(request.token, "[1]");
        if (input.find("4") != input.npos) return script.answer(request.token, "{");
        if (input.find("5") != input.npos)
            return script.answer_error(request.token, "DISK_FULL", "no room on \xff");
        if (input.find("6") != input.npos) return ONEX_E_UNAVAILABLE;
        return script.answer(request.token, input);
    };
    const std::pair<const char*, const char*> cases[] = {
        {R"({"n":1})", "ok"},
        {"{}", "ok"},  // with its default
        {R"({"n":"x"})", "VALIDATION_ERROR"},
        {"[]", "VALIDATION_ERROR"},
        {R"({"n":2})", "INTERNAL"},
        {R"({"n":3})", "INTERNAL"},
        {R"({"n":4})", "INTERNAL"},
        {R"({"n":5})", "DISK_FULL"},
        {R"({"n":6})", "UNAVAILABLE"},
    };
    for (const auto& [input, expected] : cases) {
        SCOPED_TRACE(input);
        const auto outcome = run("work", input);
        EXPECT_EQ(code(outcome), expected);
        if (outcome.output) continue;
        EXPECT_EQ(outcome.output.error().correlation_id, "test");
        EXPECT_EQ(valid_utf8(outcome.output.error().message), outcome.output.error().message);
    }
    EXPECT_EQ(*run("work").output, R"({"n":7})");
    EXPECT_EQ(code(dispatcher->find("", "nothing")), "OPERATION_NOT_FOUND");
}

TEST_F(DispatcherTest, AnswersAtTheDeadlineAndKeepsThePlaceUntilTheTokenComesBack) {
    std::atomic<onex_token> token{0};
    script.operations["brief"] = [&](const onex_request& request) {
        token = request.token;
        return ONEX_OK;
    };
    EXPECT_EQ(code(run("brief")), "TIMEOUT");
    EXPECT_EQ(node->in_flight(), 1);
    const auto* call = script.table<onex_call_v1>(ONEX_CALL_ID);
    EXPECT_TRUE(eventually([&] { return call->cancelled(call->ctx, token) == 1; }));
    EXPECT_EQ(script.answer(token, "{}"), ONEX_OK);
    EXPECT_EQ(script.answer(token, "{}"), ONEX_E_BAD_HANDLE);
    EXPECT_TRUE(eventually([&] { return node->in_flight() == 0; }));
}

TEST_F(DispatcherTest, ProgressMovesTheDeadline) {
    std::atomic<onex_token> token{0};
    script.operations["moving"] = [&](const onex_request& request) {
        token = request.token;
        return ONEX_OK;
    };
    auto running = run_async(invocation("moving"));
    ASSERT_TRUE(eventually([&] { return token != 0; }));
    const auto* call = script.table<onex_call_v1>(ONEX_CALL_ID);
    const auto end = deadline_in(1'200);  // more than it has without progress
    const onex_progress step{sizeof(onex_progress), ONEX_PROGRESS_STEP, 0, 0, abi("x")};
    while (SteadyClock::now() < end) {
        call->progress(call->ctx, token, &step);
        running.wait_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(script.answer(token, "{}"), ONEX_OK);
    EXPECT_EQ(code(running.get()), "ok");
}

TEST_F(DispatcherTest, WhatIsCancelledBeforeItBeginsDoesNotBegin) {
    std::atomic<int> runs{0};
    script.operations["pour"] = [&](const onex_request& request) {
        ++runs;
        return script.answer(request.token, "{}");
    };
    auto call = invocation("pour");
    call.cancel = std::make_shared<Cancel>();
    call.cancel->cancel();
    call.stream_out = std::make_shared<Pipe>();
    const auto out = call.stream_out;
    EXPECT_EQ(code(run(std::move(call))), "CANCELLED");
    EXPECT_EQ(runs, 0);
    EXPECT_EQ(code(out->pop(Wait::for_ms(5'000))), "CANCELLED");  // Nobody waits for its bytes.
}

TEST_F(DispatcherTest, AnAnswerEndsTheStreamAndLosesNothingOfIt) {
    script.operations["pour"] = [&](const onex_request& request) {
        const auto* stream = script.table<onex_stream_v1>(ONEX_STREAM_ID);
        onex_buf* buf = nullptr;
        stream->alloc(stream->ctx, &buf);
        buf->data[0] = 'x';
        buf->size = 1;
        const auto wrote =
            stream->write(stream->ctx, request.stream_out, {-1, request.token}, buf, nullptr);
        EXPECT_EQ(wrote, ONEX_OK);
        stream->release(stream->ctx, buf);
        return script.answer(request.token, "{}");
    };
    for (const bool with_key :
         {false, true, true}) {  // A key doesn't keep it from streaming again.
        auto call = invocation("pour");
        call.stream_out = std::make_shared<Pipe>();
        if (with_key) call.key = "w/s/pour";
        const auto out = call.stream_out;
        EXPECT_EQ(code(run(std::move(call))), "ok");
        auto first = out->pop(Wait::for_ms(5'000));
        ASSERT_TRUE(first && *first) << code(first);
        EXPECT_EQ(**first, "x");
        auto end = out->pop(Wait::for_ms(5'000));
        ASSERT_TRUE(end) << end.error().message;
        EXPECT_FALSE(*end);
    }
}

TEST_F(DispatcherTest, CallsNestAtMostSixteenDeep) {
    std::atomic<int> runs{0};
    script.operations["work"] = [&](const onex_request& request) {
        ++runs;
        const auto* call = script.table<onex_call_v1>(ONEX_CALL_ID);
        onex_call again{};
        again.struct_size = sizeof(again);
        again.operation = abi("work");
        again.input = abi("{}");
        Slot slot;
        const auto status =
            call->call(call->ctx, &again, {-1, request.token}, &slot.writer, &slot.error);
        return status < 0 ? script.answer_error(request.token, slot.code(), "inner")
                          : script.answer(request.token, "{}");
    };
    EXPECT_EQ(code(run("work")), "RESOURCE_LIMIT_EXCEEDED");
    EXPECT_EQ(runs, kDepthMax + 1);
}

TEST_F(DispatcherTest, NonblockingOperationsMustNotWait) {
    script.operations["quick"] = [&](const onex_request& request) {
        const auto* store = script.table<onex_store_v1>(ONEX_STORE_ID);
        onex_handle tx = 0;
        const auto status =
            store->begin(store->ctx, ONEX_TX_READ, {100, request.token}, &tx, nullptr);
        EXPECT_EQ(status, Workers::on_worker() ? ONEX_OK : ONEX_E_FAILED_PRECONDITION);
        return script.answer(request.token, Workers::on_worker() ? R"({"w":1})" : R"({"w":0})");
    };
    EXPECT_EQ(*run("quick").output, R"({"w":0})");
    auto large = invocation("quick");
    large.input_bytes = kInlineInputMax + 1;
    EXPECT_EQ(*run(std::move(large)).output, R"({"w":1})");
    EXPECT_TRUE(eventually([&] { return node->in_flight() == 0; }));
}

}  // namespace
}  // namespace onex::host::test
