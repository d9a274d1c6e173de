#include "tests/unit/plugin/plugin_fixture.hpp"

namespace onex::host::test {
namespace {

class ShutdownTest : public PluginTest {};

TEST_F(ShutdownTest, LetsWhatRunsEndAndTakesNothingNew) {
    std::promise<void> go;
    auto gate = go.get_future().share();
    std::atomic<bool> began{false};
    script.operations["work"] = [&, gate](const onex_request& request) {
        began = true;
        gate.wait();
        return script.answer(request.token, "{}");
    };
    auto running = run_async(invocation("work"));
    ASSERT_TRUE(eventually([&] { return began.load(); }));
    std::thread ender([&] { end_node(10'000); });
    ASSERT_TRUE(eventually([&] { return script.stopped == 1; }));
    EXPECT_EQ(code(run("inner")), "UNAVAILABLE");
    auto pour = invocation("pour");
    pour.stream_out = std::make_shared<Pipe>();
    const auto out = pour.stream_out;
    EXPECT_EQ(code(run(std::move(pour))), "UNAVAILABLE");
    EXPECT_EQ(code(out->pop(Wait::for_ms(5'000))), "UNAVAILABLE");
    EXPECT_EQ(script.destroyed, 0);
    go.set_value();
    EXPECT_EQ(code(running.get()), "ok");
    ender.join();
    EXPECT_EQ(script.destroyed, 1);
}

TEST_F(ShutdownTest, AControlCallFollowsTheOneThatStillRuns) {
    std::promise<void> go;
    auto gate = go.get_future().share();
    std::atomic<bool> began{false};
    std::vector<std::string> order;
    script.on_quiesce = [&, gate] {
        began = true;
        gate.wait();
        order.emplace_back("quiesce");
    };
    script.on_resume = [&] { order.emplace_back("resume"); };
    std::thread quiesces([&] { EXPECT_TRUE(node->quiesce()); });
    ASSERT_TRUE(eventually([&] { return began.load(); }));
    std::thread resumes([&] { EXPECT_TRUE(node->resume()); });
    std::thread ends([&] { end_node(10'000); });
    ASSERT_TRUE(eventually([&] { return node->phase() == Phase::stopped; }));
    EXPECT_EQ(script.stopped, 0) << "the end waits, too";
    go.set_value();
    quiesces.join();
    resumes.join();
    ends.join();
    EXPECT_EQ(script.stopped, 1);
    EXPECT_EQ(order.front(), "quiesce");
}

TEST_F(ShutdownTest, CancelsWhatDoesNotEndByItself) {
    script.operations["work"] = [&](const onex_request& request) {
        const auto* stream = script.table<onex_stream_v1>(ONEX_STREAM_ID);
        onex_handle reader = 0;
        onex_handle writer = 0;
        stream->pipe(stream->ctx, 1, &reader, &writer);  // Never closed: the host has to.
        onex_buf* buf = nullptr;
        Slot slot;
        const auto status =
            stream->read(stream->ctx, reader, {-1, request.token}, &buf, &slot.error);
        EXPECT_EQ(status, ONEX_E_CANCELLED);
        return script.answer_error(request.token, slot.code(), "stopped");
    };
    auto running = run_async(invocation("work"));
    ASSERT_TRUE(eventually([&] { return node->in_flight() >= 3; }));
    end_node(0);
    EXPECT_EQ(code(running.get()), "CANCELLED");
    EXPECT_EQ(script.destroyed, 1);
}

TEST_F(ShutdownTest, GivesTasksAndSubscriptionsTheirLastCall) {
    struct Ends {
        std::atomic<int> tasks{0};
        std::atomic<int> subscriptions{0};
    } ends;
    inside([&](const onex_request&) {
        const auto* exec = script.table<onex_exec_v1>(ONEX_EXEC_ID);
        const auto end = [](void* user, std::uint32_t dropped) {
            if (dropped) ++static_cast<Ends*>(user)->tasks;
        };
        EXPECT_EQ(exec->after(exec->ctx, 3'600'000, end, &ends, nullptr), ONEX_OK);
        EXPECT_EQ(exec->every(exec->ctx, 3'600'000, end, &ends, nullptr), ONEX_OK);
        EXPECT_EQ(exec->after(exec->ctx, INT64_MAX, end, &ends, nullptr), ONEX_OK);
        const auto* events = script.table<onex_events_v1>(ONEX_EVENTS_ID);
        onex_handle subscription = 0;
        const auto status = events->subscribe(
            events->ctx,
            abi("group"),
            abi("topic"),
            10,
            [](void* user, onex_handle, onex_str, std::uint32_t dropped) -> onex_status {
                if (dropped) ++static_cast<Ends*>(user)->subscriptions;
                return ONEX_OK;
            },
            &ends,
            &subscription,
            nullptr);
        EXPECT_EQ(status, ONEX_OK);
    });
    end_node();
    EXPECT_EQ(ends.tasks, 3);
    EXPECT_EQ(ends.subscriptions, 1);
    EXPECT_EQ(script.destroyed, 1);
}

}  // namespace
}  // namespace onex::host::test
