#include "tests/unit/plugin/plugin_fixture.hpp"

namespace onex::host::test {
namespace {

class ServicesTest : public PluginTest {};

struct Counter {
    std::atomic<int> runs{0};
    std::atomic<int> drops{0};
    static void count(void* self, std::uint32_t dropped) {
        EXPECT_TRUE(Workers::on_worker());
        auto& counter = *static_cast<Counter*>(self);
        ++(dropped ? counter.drops : counter.runs);
    }
};

TEST_F(ServicesTest, TasksRunAndAreGivenBackOnce) {
    const auto* exec = script.table<onex_exec_v1>(ONEX_EXEC_ID);
    Counter posted;
    Counter later;
    Counter repeated;
    Counter cancelled;
    onex_handle every = 0;
    onex_handle never = 0;
    EXPECT_EQ(exec->post(exec->ctx, Counter::count, &posted, nullptr), ONEX_OK);
    EXPECT_EQ(exec->after(exec->ctx, 1, Counter::count, &later, nullptr), ONEX_OK);
    EXPECT_EQ(exec->every(exec->ctx, 9, Counter::count, &repeated, &every), ONEX_E_INVALID_INPUT);
    EXPECT_EQ(exec->every(exec->ctx, 10, Counter::count, &repeated, &every), ONEX_OK);
    EXPECT_EQ(exec->after(exec->ctx, 3'600'000, Counter::count, &cancelled, &never), ONEX_OK);
    EXPECT_EQ(exec->cancel(exec->ctx, never), ONEX_OK);
    ASSERT_TRUE(eventually([&] {
        return posted.runs == 1 && later.runs == 1 && repeated.runs >= 3 && cancelled.drops == 1;
    }));
    EXPECT_EQ(exec->cancel(exec->ctx, never), ONEX_E_BAD_HANDLE);
    EXPECT_EQ(exec->cancel(exec->ctx, every), ONEX_OK);
    ASSERT_TRUE(eventually([&] { return repeated.drops == 1 && node->in_flight() == 0; }));
    EXPECT_EQ(posted.drops + later.drops + cancelled.runs, 0);
}

TEST_F(ServicesTest, OnCancelIsToldOnceEitherWay) {
    const auto* call = script.table<onex_call_v1>(ONEX_CALL_ID);
    std::atomic<onex_token> token{0};
    Counter counter;
    for (const bool cancel : {false, true}) {
        token = 0;
        script.operations["work"] = [&](const onex_request& request) {
            call->on_cancel(call->ctx, request.token, Counter::count, &counter);
            token = request.token;
            return ONEX_OK;
        };
        auto invoked = invocation("work");
        invoked.cancel = std::make_shared<Cancel>();
        const auto stop = invoked.cancel;
        auto running = run_async(std::move(invoked));
        ASSERT_TRUE(eventually([&] { return token != 0; }));
        if (cancel) {
            stop->cancel();
            ASSERT_TRUE(eventually([&] { return counter.runs == 1; }));
        }
        EXPECT_EQ(script.answer(token, "{}"), ONEX_OK);
        EXPECT_EQ(code(running.get()), "ok");
        EXPECT_TRUE(eventually([&] { return node->in_flight() == 0; }));
        EXPECT_EQ(counter.drops, 1);
    }
    EXPECT_EQ(counter.runs, 1);
    EXPECT_EQ(call->on_cancel(call->ctx, token, Counter::count, &counter), ONEX_E_BAD_HANDLE);
}

TEST_F(ServicesTest, NothingWaitsInsideATransaction) {
    const auto* store = script.table<onex_store_v1>(ONEX_STORE_ID);
    const auto* call = script.table<onex_call_v1>(ONEX_CALL_ID);
    script.operations["inner"] = [&](const onex_request& request) {
        return script.answer(request.token, "{}");
    };
    onex_handle forgotten = 0;
    inside([&](const onex_request& request) {
        const onex_wait wait{5'000, request.token};
        onex_call inner{};
        inner.struct_size = sizeof(inner);
        inner.operation = abi("inner");
        inner.input = abi("{}");
        onex_handle tx = 0;
        onex_handle second = 0;
        ASSERT_EQ(store->begin(store->ctx, ONEX_TX_WRITE, wait, &tx, nullptr), ONEX_OK);
        EXPECT_EQ(call->call(call->ctx, &inner, wait, nullptr, nullptr),
                  ONEX_E_FAILED_PRECONDITION);
        EXPECT_EQ(store->begin(store->ctx, ONEX_TX_READ, wait, &second, nullptr),
                  ONEX_E_FAILED_PRECONDITION);
        EXPECT_EQ(store->commit(store->ctx, tx, nullptr), ONEX_OK);
        EXPECT_EQ(store->commit(store->ctx, tx, nullptr), ONEX_E_BAD_HANDLE);
        EXPECT_EQ(call->call(call->ctx, &inner, wait, nullptr, nullptr), ONEX_OK);
        // Ended on another thread it counts here no more, either.
        ASSERT_EQ(store->begin(store->ctx, ONEX_TX_WRITE, wait, &tx, nullptr), ONEX_OK);
        std::thread([&] { store->rollback(store->ctx, tx); }).join();
        EXPECT_EQ(call->call(call->ctx, &inner, wait, nullptr, nullptr), ONEX_OK);
        ASSERT_EQ(store->begin(store->ctx, ONEX_TX_WRITE, wait, &forgotten, nullptr), ONEX_OK);
        EXPECT_EQ(store->execute(store->ctx,
                                 forgotten,
                                 abi("INSERT INTO subscriptions (group_name, topic_prefix, "
                                     "position, updated_us) VALUES ('x', 'y', 1, 1)"),
                                 nullptr,
                                 0,
                                 nullptr,
                                 nullptr,
                                 nullptr,
                                 nullptr),
                  ONEX_OK);
    });
    EXPECT_TRUE(eventually([&] { return node->in_flight() == 0; }));
    EXPECT_EQ(store->commit(store->ctx, forgotten, nullptr), ONEX_E_BAD_HANDLE);
    EXPECT_EQ(number("SELECT count(*) FROM subscriptions"), 0);
}

TEST_F(ServicesTest, EventsComeOnceTheirTransactionHasCommitted) {
    const auto* store = script.table<onex_store_v1>(ONEX_STORE_ID);
    const auto* events = script.table<onex_events_v1>(ONEX_EVENTS_ID);
    const auto* call = script.table<onex_call_v1>(ONEX_CALL_ID);
    struct Heard {
        const onex_call_v1* call;
        std::mutex mutex;
        std::string all;
        std::atomic<int> waited{0};
    } heard{call, {}, {}, {}};
    onex_handle subscription = 0;
    const auto hear = [](void* user, onex_handle, onex_str batch, std::uint32_t dropped) {
        auto& to = *static_cast<Heard*>(user);
        if (dropped) return ONEX_OK;
        onex_call inner{};
        inner.struct_size = sizeof(inner);
        inner.operation = abi("inner");
        inner.input = abi("{}");
        const auto status = to.call->call(to.call->ctx, &inner, {100, 0}, nullptr, nullptr);
        if (status == ONEX_E_FAILED_PRECONDITION) ++to.waited;
        const std::scoped_lock lock(to.mutex);
        to.all.append(batch.data, batch.size);
        return ONEX_OK;
    };
    ASSERT_EQ(events->subscribe(
                  events->ctx, abi("g"), abi("t"), 10, hear, &heard, &subscription, nullptr),
              ONEX_OK);
    inside([&](const onex_request& request) {
        for (const bool commit : {false, true}) {
            onex_handle tx = 0;
            const onex_wait wait{5'000, request.token};
            ASSERT_EQ(store->begin(store->ctx, ONEX_TX_WRITE, wait, &tx, nullptr), ONEX_OK);
            onex_event event{};
            event.struct_size = sizeof(event);
            event.type = abi(commit ? "KEPT" : "UNDONE");
            event.topic = abi("topic");
            event.payload = abi("{}");
            Slot slot;
            EXPECT_EQ(events->publish(events->ctx, tx, &event, &slot.writer, nullptr), ONEX_OK);
            EXPECT_EQ(slot.text.size(), 36U);
            if (commit) {
                EXPECT_EQ(store->commit(store->ctx, tx, nullptr), ONEX_OK);
            } else {
                store->rollback(store->ctx, tx);
            }
            EXPECT_EQ(events->publish(events->ctx, tx, &event, nullptr, nullptr),
                      ONEX_E_BAD_HANDLE);
        }
    });
    ASSERT_TRUE(eventually([&] {
        const std::scoped_lock lock(heard.mutex);
        return heard.all.find("KEPT") != std::string::npos;
    }));
    EXPECT_EQ(heard.all.find("UNDONE"), std::string::npos);
    EXPECT_EQ(heard.waited, 1);
    EXPECT_EQ(events->unsubscribe(events->ctx, subscription), ONEX_OK);
    EXPECT_EQ(events->unsubscribe(events->ctx, subscription), ONEX_E_BAD_HANDLE);
}

TEST_F(ServicesTest, WhatABatchPublishesCountsOnceItHasCommitted) {
    const auto* events = script.table<onex_events_v1>(ONEX_EVENTS_ID);
    // Echoes each event, and breaks the transaction of a bad one without saying so.
    const auto hear = [](void* user, onex_handle tx, onex_str batch, std::uint32_t dropped) {
        if (dropped) return ONEX_OK;
        const auto& self = *static_cast<Script*>(user);
        onex_event echo{};
        echo.struct_size = sizeof(echo);
        echo.type = abi("ECHO");
        echo.topic = abi("echo");
        echo.payload = abi("{}");
        const auto* bus = self.table<onex_events_v1>(ONEX_EVENTS_ID);
        EXPECT_EQ(bus->publish(bus->ctx, tx, &echo, nullptr, nullptr), ONEX_OK);
        if (std::string_view(batch.data, batch.size).find("\"BAD\"") == std::string_view::npos)
            return ONEX_OK;
        const auto* sql = self.table<onex_store_v1>(ONEX_STORE_ID);
        EXPECT_LT(
            sql->execute(
                sql->ctx, tx, abi("nonsense"), nullptr, 0, nullptr, nullptr, nullptr, nullptr),
            0);
        return ONEX_OK;
    };
    inside([&](const onex_request&) {
        for (const auto* type : {"BAD", "GOOD"}) {
            onex_event event{};
            event.struct_size = sizeof(event);
            event.type = abi(type);
            event.topic = abi("topic");
            event.payload = abi("{}");
            EXPECT_EQ(events->publish(events->ctx, 0, &event, nullptr, nullptr), ONEX_OK);
        }
    });
    onex_handle subscription = 0;
    ASSERT_EQ(events->subscribe(
                  events->ctx, abi("g"), abi("topic"), 1, hear, &script, &subscription, nullptr),
              ONEX_OK);
    ASSERT_TRUE(eventually(
        [&] { return number("SELECT count(*) FROM subscriptions WHERE position = 2") == 1; }));
    EXPECT_EQ(events->unsubscribe(events->ctx, subscription), ONEX_OK);
    EXPECT_EQ(number("SELECT count(*) FROM events WHERE topic = 'topic.dlq'"), 1);
    EXPECT_EQ(number("SELECT count(*) FROM events WHERE type = 'ECHO'"), 1);
    EXPECT_NE(metrics.scrape().find(R"(kafka_events_published_total{event_type="ECHO"} 1)"),
              std::string::npos);
}

TEST_F(ServicesTest, ACallEndsByItsKey) {
    const auto* call = script.table<onex_call_v1>(ONEX_CALL_ID);
    std::atomic<bool> inner_runs{false};
    script.operations["inner"] = [&](const onex_request& request) {
        inner_runs = true;
        EXPECT_TRUE(eventually([&] { return call->cancelled(call->ctx, request.token) == 1; }));
        return script.answer_error(request.token, "CANCELLED", "as asked");
    };
    script.operations["work"] = [&](const onex_request& request) {
        onex_call inner{};
        inner.struct_size = sizeof(inner);
        inner.operation = abi("inner");
        inner.input = abi("{}");
        inner.key = abi("w/s/inner");
        Slot slot;
        const auto status =
            call->call(call->ctx, &inner, {-1, request.token}, &slot.writer, &slot.error);
        EXPECT_EQ(status, ONEX_E_CANCELLED);
        return script.answer(request.token, "{}");
    };
    EXPECT_EQ(call->cancel_call(call->ctx, abi("w/s/inner")), ONEX_E_NOT_FOUND);
    auto running = run_async(invocation("work"));
    ASSERT_TRUE(eventually([&] { return inner_runs.load(); }));
    EXPECT_EQ(call->cancel_call(call->ctx, abi("w/s/inner")), ONEX_OK);
    EXPECT_EQ(code(running.get()), "ok");
}

TEST_F(ServicesTest, AnAsynchronousCallIsDoneOnce) {
    const auto* call = script.table<onex_call_v1>(ONEX_CALL_ID);
    struct Done {
        std::atomic<int> good{0};
        std::atomic<int> bad{0};
    } done;
    script.operations["inner"] = [&](const onex_request& request) {
        return script.answer(request.token, "{}");
    };
    onex_call inner{};
    inner.struct_size = sizeof(inner);
    inner.operation = abi("inner");
    inner.input = abi("{}");
    const auto end = [](void* user, onex_status, onex_str, const onex_failure* failure) {
        ++(failure ? static_cast<Done*>(user)->bad : static_cast<Done*>(user)->good);
    };
    EXPECT_EQ(call->call_async(call->ctx, &inner, {5'000, 0}, end, &done, nullptr), ONEX_OK);
    inner.input = abi("[]");
    EXPECT_EQ(call->call_async(call->ctx, &inner, {5'000, 0}, end, &done, nullptr), ONEX_OK);
    inner.input = abi("{");
    EXPECT_LT(call->call_async(call->ctx, &inner, {5'000, 0}, end, &done, nullptr), 0);
    inner.target = abi("nowhere");
    EXPECT_LT(call->call_async(call->ctx, &inner, {5'000, 0}, end, &done, nullptr), 0);
    EXPECT_TRUE(eventually([&] { return done.good == 1 && done.bad == 1; }));
    EXPECT_TRUE(eventually([&] { return node->in_flight() == 0; }));
}

TEST_F(ServicesTest, StreamsCarryBuffersAndTheirEnd) {
    const auto* stream = script.table<onex_stream_v1>(ONEX_STREAM_ID);
    inside([&](const onex_request& request) {
        const onex_wait wait{5'000, request.token};
        onex_handle reader = 0;
        onex_handle writer = 0;
        EXPECT_EQ(stream->pipe(stream->ctx, 17, &reader, &writer), ONEX_E_INVALID_INPUT);
        ASSERT_EQ(stream->pipe(stream->ctx, 2, &reader, &writer), ONEX_OK);
        onex_buf* buf = nullptr;
        stream->alloc(stream->ctx, &buf);
        buf->size = 3;
        EXPECT_EQ(stream->write(stream->ctx, reader, wait, buf, nullptr), ONEX_E_BAD_HANDLE);
        EXPECT_EQ(stream->write(stream->ctx, writer, wait, buf, nullptr), ONEX_OK);
        stream->release(stream->ctx, buf);
        EXPECT_EQ(stream->finish(stream->ctx, writer), ONEX_OK);
        EXPECT_EQ(stream->finish(stream->ctx, writer), ONEX_E_BAD_HANDLE);
        ASSERT_EQ(stream->read(stream->ctx, reader, wait, &buf, nullptr), ONEX_OK);
        EXPECT_EQ(buf->size, 3U);
        stream->release(stream->ctx, buf);
        EXPECT_EQ(stream->read(stream->ctx, reader, wait, &buf, nullptr), ONEX_END);
        EXPECT_EQ(stream->close(stream->ctx, reader), ONEX_OK);
        EXPECT_EQ(stream->read(stream->ctx, reader, wait, &buf, nullptr), ONEX_E_BAD_HANDLE);
    });
}

TEST_F(ServicesTest, MetricsAndContractsAnswerForBadUse) {
    const auto* table = script.table<onex_metrics_v1>(ONEX_METRICS_ID);
    const auto* contract = script.table<onex_contract_v1>(ONEX_CONTRACT_ID);
    onex_handle metric = 0;
    const onex_str label = abi("kind");
    const auto define = [&](std::uint32_t kind, const char* name) {
        return table->define(
            table->ctx, kind, abi(name), abi("help"), &label, 1, nullptr, 0, &metric, nullptr);
    };
    EXPECT_EQ(define(ONEX_METRIC_COUNTER, "onex_test_total"), ONEX_OK);
    EXPECT_EQ(table->record(table->ctx, metric, &label, 1, 2), ONEX_OK);
    EXPECT_LT(table->record(table->ctx, metric, nullptr, 0, 2), 0);
    EXPECT_NE(metrics.scrape().find(R"(onex_test_total{kind="kind"} 2)"), std::string::npos);
    EXPECT_EQ(define(ONEX_METRIC_GAUGE, "onex_test_total"), ONEX_E_CONFLICT);
    EXPECT_EQ(define(99, "onex_other"), ONEX_E_INVALID_INPUT);

    Slot slot;
    EXPECT_EQ(contract->parse_yaml(contract->ctx, abi("a: [1]"), &slot.writer, nullptr, nullptr),
              ONEX_OK);
    EXPECT_EQ(slot.text, R"({"a":[1]})");
    EXPECT_LT(contract->parse_yaml(contract->ctx, abi("a: ["), &slot.writer, nullptr, nullptr), 0);
    onex_handle schema = 0;
    ASSERT_EQ(contract->compile(contract->ctx, abi(R"({"type":"object"})"), &schema, nullptr),
              ONEX_OK);
    EXPECT_EQ(contract->check(contract->ctx, schema, abi("{}"), nullptr, nullptr), ONEX_OK);
    EXPECT_EQ(contract->check(contract->ctx, schema, abi("[]"), nullptr, nullptr),
              ONEX_E_INVALID_INPUT);
    EXPECT_EQ(contract->release(contract->ctx, schema), ONEX_OK);
    EXPECT_EQ(contract->check(contract->ctx, schema, abi("{}"), nullptr, nullptr),
              ONEX_E_BAD_HANDLE);
}

}  // namespace
}  // namespace onex::host::test
