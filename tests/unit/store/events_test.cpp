#include "host/store/events.hpp"

#include "host/async/report.hpp"
#include "host/store/subscription.hpp"
#include "store_fixture.hpp"

#include <boost/json.hpp>

#include <atomic>
#include <mutex>
#include <thread>

namespace onex::host::test {
namespace {

namespace json = boost::json;

Event event(const std::string& topic, const std::string& workflow = {}) {
    Event made;
    made.type = "DEPLOYMENT_STARTED";
    made.topic = topic;
    made.workflow_id = workflow;
    made.payload = R"({"n":1})";
    return made;
}

class Events : public StoreTest {
  protected:
    void SetUp() override {
        StoreTest::SetUp();
        bus = make_bus();
    }
    void TearDown() override { bus.reset(); }

    std::unique_ptr<EventBus> make_bus() {
        return std::make_unique<EventBus>(
            *store, "host-id", "laptop", std::chrono::milliseconds{1});
    }
    std::string publish(const Event& what) {
        auto tx = begin(TxMode::write);
        auto id = bus->publish(*tx, what);
        EXPECT_TRUE(id) << id.error().message;
        EXPECT_TRUE(tx->commit());
        bus->notify();
        return id.value_or("");
    }
    std::vector<Event> all(const EventBus::Query& query = {}) {
        auto events = bus->read(query);
        EXPECT_TRUE(events) << events.error().message;
        return events.value_or(std::vector<Event>{});
    }
    std::int64_t position(const std::string& group) {
        return number("SELECT coalesce(max(position), -1) FROM subscriptions WHERE group_name = '" +
                      group + "'");
    }
    std::unique_ptr<EventBus> bus;
};

TEST_F(Events, ExistExactlyIfTheirTransactionCommits) {
    {
        auto tx = begin(TxMode::write);
        ASSERT_TRUE(bus->publish(*tx, event("a.v1")));
    }
    EXPECT_TRUE(all().empty());
    const auto id = publish(event("a.v1"));
    ASSERT_EQ(all().size(), 1U);
    EXPECT_EQ(all()[0].id, id);
    EXPECT_EQ(all()[0].source, "laptop");
    EXPECT_EQ(all()[0].key, "laptop");
    EXPECT_GT(all()[0].time_us, 0);
    auto again = event("a.v1");
    again.id = id;
    EXPECT_EQ(publish(again), id);
    EXPECT_EQ(all().size(), 1U);  // Once by id.
}

TEST_F(Events, PublishRefusesWhatReadersCouldNotHandle) {
    auto no_type = event("a.v1");
    no_type.type.clear();
    auto no_json = event("a.v1");
    no_json.payload = "[1]";
    auto bad_metadata = event("a.v1");
    bad_metadata.metadata = "{";
    auto too_big = event("a.v1");
    too_big.payload = "{\"x\":\"" + std::string(1 << 20, 'x') + "\"}";
    for (const auto& bad : {no_type,
                            no_json,
                            bad_metadata,
                            too_big,
                            event(""),
                            event(".."),
                            event("a b"),
                            event(std::string(250, 'a'))}) {
        auto tx = begin(TxMode::write);
        EXPECT_EQ(code(bus->publish(*tx, bad)), "VALIDATION_ERROR") << bad.topic;
    }
}

TEST_F(Events, ReadSelects) {
    publish(event("dev.a.v1", "w1"));
    publish(event("dev.b.v1", "w2"));
    publish(event("dev.a.v1", "w2"));
    EXPECT_EQ(all({.workflow_id = "w2"}).size(), 2U);
    EXPECT_EQ(all({.topic_prefix = "dev.a"}).size(), 2U);
    EXPECT_EQ(all({.workflow_id = "w2", .topic_prefix = "dev.a"}).size(), 1U);
    EXPECT_EQ(all({.after_sequence = 2}).size(), 1U);
    EXPECT_EQ(all({.limit = 2}).back().sequence, 2);
}

TEST_F(Events, WaitForMoreEndsByEventDeadlineAndCancel) {
    bus->wait_for_more(0, Wait::for_ms(1));
    std::thread later([&] { publish(event("a.v1")); });
    bus->wait_for_more(0, Wait::for_ms(10'000));
    EXPECT_EQ(all().size(), 1U);
    later.join();
    const auto cancel = std::make_shared<Cancel>();
    std::thread canceller([&] { cancel->cancel(); });
    bus->wait_for_more(1, {.cancel = cancel});
    canceller.join();
}

TEST_F(Events, ASubscriptionResumesWhereItStood) {
    for (int i = 0; i < 5; ++i)
        publish(event(i == 2 ? "other.v1" : "dev.a.v1"));
    std::mutex mutex;
    std::vector<std::int64_t> seen;
    const auto handler = [&](Transaction&, const std::vector<Event>& batch) -> Result<void> {
        const std::scoped_lock lock(mutex);
        EXPECT_LE(batch.size(), 2U);
        for (const auto& each : batch)
            seen.push_back(each.sequence);
        return {};
    };
    auto subscription = bus->subscribe("g", "dev.", 2, handler);
    ASSERT_TRUE(eventually([&] { return position("g") == 5; }));
    subscription.reset();
    publish(event("dev.b.v1"));
    bus = make_bus();
    subscription = bus->subscribe("g", "dev.", 2, handler);
    ASSERT_TRUE(eventually([&] { return position("g") == 6; }));
    subscription.reset();
    EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2, 4, 5, 6}));
}

TEST_F(Events, AGroupThatFindsNothingStoresItsOffsetNowAndThen) {
    const auto publish_many = [&](std::int64_t count) {
        auto tx = begin(TxMode::write);
        for (std::int64_t i = 0; i < count; ++i)
            ASSERT_TRUE(bus->publish(*tx, event("other.v1")));
        ASSERT_TRUE(tx->commit());
        bus->notify();
    };
    publish_many(kScannedAheadMax - 1);
    const auto subscription = bus->subscribe(
        "g", "dev.", 1, [](Transaction&, const auto&) -> Result<void> { return {}; });
    ASSERT_TRUE(eventually([&] { return position("g") == 0; }));
    publish_many(1);
    EXPECT_TRUE(eventually([&] { return position("g") == kScannedAheadMax; }));
    publish(event("dev.a.v1"));
    EXPECT_TRUE(eventually([&] { return position("g") == kScannedAheadMax + 1; }));
}

TEST_F(Events, TheOffsetAndTheHandlersWorkAreOneTransaction) {
    ASSERT_TRUE(execute_once(*store, TxMode::write, "CREATE TABLE t (n INTEGER)", {}));
    publish(event("a.v1"));
    std::atomic<int> tries = 0;
    const auto subscription =
        bus->subscribe("g", "a", 1, [&](Transaction& tx, const auto&) -> Result<void> {
            auto inserted = tx.execute("INSERT INTO t (n) VALUES (1)", {});
            if (!inserted) return std::unexpected(inserted.error());
            if (++tries < 3) return fail("INTERNAL", "not yet");
            return {};
        });
    ASSERT_TRUE(eventually([&] { return position("g") == 1; }));
    EXPECT_EQ(number("SELECT count(*) FROM t"), 1);
    EXPECT_EQ(tries, 3);
}

TEST_F(Events, WhatCannotBeHandledBecomesADeadLetter) {
    publish(event("dev.a.v1"));
    auto poison = event("dev.a.v1", "w");
    poison.key = "k";
    poison.payload = R"({"poison":true})";
    publish(poison);
    publish(event("dev.a.v1"));
    std::atomic<int> good = 0;
    std::atomic<int> bad = 0;
    const auto subscription =
        bus->subscribe("g", "dev.", 10, [&](Transaction&, const auto& batch) -> Result<void> {
            for (const auto& each : batch) {
                if (each.payload.find("poison") == std::string::npos) continue;
                if (batch.size() == 1) ++bad;
                return fail("INTERNAL", "cannot digest it");
            }
            good += static_cast<int>(batch.size());
            return {};
        });
    ASSERT_TRUE(eventually([&] { return position("g") == 3; }));
    EXPECT_EQ(good, 2);
    EXPECT_GE(bad, 4);
    const auto letters = all({.topic_prefix = "dev.a.v1.dlq"});
    ASSERT_EQ(letters.size(), 1U);
    EXPECT_EQ(letters[0].workflow_id, "w");
    const auto letter = json::parse(letters[0].payload).as_object();
    EXPECT_EQ(letter.at("original_topic"), "dev.a.v1");
    EXPECT_EQ(letter.at("original_key"), "k");
    EXPECT_EQ(letter.at("original_data"), json::parse(R"({"poison":true})"));
    EXPECT_EQ(letter.at("failure_reason"), "INTERNAL: cannot digest it");
    EXPECT_EQ(letter.at("retry_attempts"), 5);
    EXPECT_TRUE(letter.contains("failure_timestamp"));
    std::atomic<int> seen = 0;
    const auto monitor =
        bus->subscribe("m", "dev.a.v1.dlq", 1, [&](Transaction&, const auto&) -> Result<void> {
            ++seen;
            return {};
        });
    EXPECT_TRUE(eventually([&] { return seen == 1; }));
}

TEST_F(Events, WhatFitsNoDeadLetterIsCutOrSkippedButNeverStopsItsReader) {
    auto large = event("dev.a.v1");
    large.payload = R"({"x":")" + std::string((1 << 20) - 8, 'x') + "\"}";
    publish(large);
    auto deep = event("dev.a.v1");
    deep.payload = R"({"x":)" + std::string(31, '[') + std::string(31, ']') + "}";
    publish(deep);
    const std::string longest = "dev." + std::string(kTopicBytesMax - 4, 'a');
    publish(event(longest));
    publish(event("dev.a.v1"));
    publish(event("dev.a.v1"));
    // Written by another program.
    ASSERT_TRUE(execute_once(
        *store, TxMode::write, "UPDATE events SET payload = 'no JSON' WHERE sequence = 4", {}));
    ASSERT_TRUE(
        execute_once(*store, TxMode::write, "UPDATE events SET type = '' WHERE sequence = 5", {}));
    static std::atomic<int> skipped = 0;
    set_fault_reporter([](std::string_view message) noexcept {
        if (message.find("without a dead letter") != message.npos) ++skipped;
    });
    const auto subscription =
        bus->subscribe("g", "dev.", 10, [](Transaction&, const auto& batch) -> Result<void> {
            if (batch.front().sequence == 3) throw std::runtime_error("cannot digest it");
            return fail("INTERNAL", "cannot digest it");
        });
    ASSERT_TRUE(eventually([&] { return position("g") == 5; }));
    set_fault_reporter(nullptr);
    EXPECT_EQ(skipped, 1);
    const auto letters = all({.after_sequence = 5});
    ASSERT_EQ(letters.size(), 4U);
    const auto data = [&](std::size_t i) {
        return json::parse(letters[i].payload).at("original_data").as_object();
    };
    for (const auto i : {0U, 1U, 3U}) {
        EXPECT_EQ(letters[i].topic, "dev.a.v1.dlq");
        EXPECT_EQ(data(i).at("cut"), true);
    }
    EXPECT_EQ(data(0).at("bytes"), 1 << 20);
    EXPECT_EQ(data(0).at("beginning").as_string().size(), 64U * 1024);
    EXPECT_EQ(data(1).at("beginning").as_string(), deep.payload);
    EXPECT_EQ(data(3).at("beginning"), "no JSON");
    EXPECT_EQ(letters[2].topic.size(), kTopicBytesMax);
    EXPECT_TRUE(letters[2].topic.ends_with(".dlq"));
    EXPECT_EQ(data(2), json::parse(R"({"n":1})"));
}

TEST_F(Events, AZombieMovesNoOffset) {
    ASSERT_TRUE(execute_once(*store, TxMode::write, "CREATE TABLE t (n INTEGER)", {}));
    publish(event("a.v1"));
    publish(event("a.v1"));
    std::atomic<int> calls = 0;
    const auto subscription =
        bus->subscribe("g", "a", 1, [&](Transaction& tx, const auto& batch) -> Result<void> {
            // Somebody else of this group, elsewhere, has come further meanwhile.
            if (++calls == 1) {
                auto stolen =
                    tx.execute("UPDATE subscriptions SET position = 1 WHERE group_name = 'g'", {});
                auto committed = tx.commit();
                return stolen ? committed : std::unexpected(stolen.error());
            }
            auto inserted = tx.execute("INSERT INTO t (n) VALUES (:n)", {{"n", batch[0].sequence}});
            if (!inserted) return std::unexpected(inserted.error());
            return {};
        });
    ASSERT_TRUE(eventually([&] { return position("g") == 2; }));
    EXPECT_EQ(number("SELECT sum(n) FROM t"), 2);  // Event 1 was the other's.
}

TEST_F(Events, AHandlerMayDropItsOwnSubscription) {
    std::shared_ptr<void> subscription;
    std::mutex mutex;
    std::atomic<bool> dropped = false;
    {
        const std::scoped_lock lock(mutex);
        subscription = bus->subscribe("g", "", 1, [&](Transaction&, const auto&) -> Result<void> {
            const std::scoped_lock inner(mutex);
            subscription.reset();
            dropped = true;
            return {};
        });
    }
    publish(event("a.v1"));
    EXPECT_TRUE(eventually([&] { return dropped.load(); }));
}

TEST_F(Events, TheEnvelopeHasAllFieldsOfTheOriginal) {
    auto full = event("a.v1");
    full.id = "0b0f6a2e-5d0e-4c29-9a55-5a4b7f3f1c01";
    full.correlation_id = "7b8c9d0e-1f2a-4b4c-8d6e-7f8a9b0c1d2e";
    full.source = "laptop/orchestrator";
    full.time_us = 1'761'393'600'123'456;
    full.metadata = R"({"node_type":"orchestrator"})";
    const auto expected = json::parse(R"({"envelope_version":"1.0",
        "event_id":"0b0f6a2e-5d0e-4c29-9a55-5a4b7f3f1c01","event_type":"DEPLOYMENT_STARTED","event_version":"1.0",
        "event_timestamp":"2025-10-25T12:00:00.123456+00:00","source_node_id":"laptop/orchestrator",
        "source_service":"omninode-bridge","source_version":"1.0.0","source_instance":null,
        "correlation_id":"7b8c9d0e-1f2a-4b4c-8d6e-7f8a9b0c1d2e","causation_id":null,"environment":"development",
        "region":null,"partition_key":null,"payload":{"n":1},"metadata":{"node_type":"orchestrator"}})");
    EXPECT_EQ(json::parse(to_envelope(full, "development")), expected);
    full.correlation_id = "no uuid";
    full.time_us = 1'761'393'600'000'000;
    full.metadata.clear();
    const auto sparse = json::parse(to_envelope(full, "production")).as_object();
    EXPECT_TRUE(sparse.at("correlation_id").is_null());
    EXPECT_EQ(sparse.at("event_timestamp"), "2025-10-25T12:00:00+00:00");
    EXPECT_EQ(sparse.at("metadata"), json::object{});
}

}  // namespace
}  // namespace onex::host::test
