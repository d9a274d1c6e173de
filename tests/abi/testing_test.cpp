// The fake host of onex/testing.hpp, and the node of the README tested in it.
#include <onex/host.hpp>
#include <onex/testing.hpp>

#include <gtest/gtest.h>

extern "C" const char onex_contract_text[] = "";  // The fake host doesn't read it.

namespace onex::testing {
namespace {

TEST(Greeter, GreetsByItsSettings) {
    FakeHost host;
    host.settings = R"({"greeting":"Good morning"})";
    const auto node = FakeNode::create(onex_plugin_entry_v1, host);
    ASSERT_TRUE(node);
    ASSERT_TRUE((*node)->start());
    EXPECT_EQ((*node)->call("greet", R"({"name":"Ada"})").output,
              R"({"text":"Good morning, Ada!"})");
    const auto nobody = (*node)->call("greet", R"({"name":"nobody"})");
    ASSERT_FALSE(nobody.output);
    EXPECT_EQ(nobody.output.error().code, "NOT_FOUND");
    EXPECT_EQ((*node)->call("wave").output.error().code, "OPERATION_NOT_FOUND");
}

TEST(Greeter, RefusesWhatItCannotWorkWith) {
    FakeHost host;
    host.settings = "[]";
    const auto no_object = FakeNode::create(onex_plugin_entry_v1, host);
    ASSERT_FALSE(no_object);
    EXPECT_EQ(no_object.error().code, "VALIDATION_ERROR");
    host.settings = "{}";
    host.withheld.insert(ONEX_CONFIG_ID);
    EXPECT_FALSE(FakeNode::create(onex_plugin_entry_v1, host));
}

/// The host's services as a C++ node sees them.
struct Services : ::testing::Test {
    FakeHost fake;
    Host host{fake.abi()};
};

TEST_F(Services, TheClockMovesOnlyWhenItIsTold) {
    std::vector<std::string> order;
    ASSERT_TRUE(host.after(20, [&] { order.emplace_back("later"); }));
    ASSERT_TRUE(host.after(10, [&] {
        order.emplace_back("soon");
        (void)host.after(5, [&] { order.emplace_back("between"); });
    }));
    const auto tick = host.every(15, [&] { order.emplace_back("tick"); });
    ASSERT_TRUE(tick);
    const auto before = host.wall_us();
    fake.advance(9);
    EXPECT_TRUE(order.empty());
    fake.advance(11);
    EXPECT_EQ(order, (std::vector<std::string>{"soon", "tick", "between", "later"}));
    EXPECT_EQ(host.wall_us(), before + 20'000);
    host.cancel(*tick);
    fake.advance(1000);
    EXPECT_EQ(order.size(), 4U);
    EXPECT_EQ(fake.held(), 0U);
}

TEST_F(Services, AnExceptionInATaskIsInTheLog) {
    ASSERT_TRUE(host.after(1, [] { throw std::runtime_error("the first reason"); }));
    const auto tick = host.every(10, [] { throw std::runtime_error("the second reason"); });
    ASSERT_TRUE(tick);
    fake.advance(10);
    EXPECT_TRUE(fake.logged("a task ended: the first reason"));
    EXPECT_TRUE(fake.logged("a task ended: the second reason"));
    host.cancel(*tick);
    EXPECT_EQ(fake.held(), 0U);
}

TEST_F(Services, AWaitForAStreamEndsWithTheWriterOrTheTime) {
    auto ends = host.pipe();
    ASSERT_TRUE(ends);
    (void)host.after(50, [&] {
        (void)ends->second.write("hello", {});
        ends->second.finish();
    });
    const auto early = ends->first.read({.timeout_ms = 10});
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().code, "TIMEOUT");
    {
        const auto got = ends->first.read({.timeout_ms = 1000});
        ASSERT_TRUE(got);
        EXPECT_EQ(got->text(), "hello");
    }
    const auto end = ends->first.read({});
    ASSERT_TRUE(end);
    EXPECT_FALSE(*end);
    EXPECT_EQ(fake.held(), 0U);
}

TEST_F(Services, AnswersAreScripted) {
    EXPECT_EQ(host.call({.operation = "build"}, {}).error().code, "OPERATION_NOT_FOUND");
    fake.on_call = [](const CallSeen& call) -> Result<std::string> {
        return call.operation == "build" ? Result<std::string>("{\"ok\":true}")
                                         : fail("CONFLICT", "no");
    };
    EXPECT_EQ(host.call({.target = "studio", .operation = "build"}, {}), "{\"ok\":true}");
    EXPECT_EQ(fake.calls.back().target, "studio");

    EXPECT_EQ(host.http_send({.url = "http://x/"}, {}).error().code, "UNAVAILABLE");
    fake.on_http = [](const HttpSeen& request) -> Result<HttpScript> {
        return HttpScript{request.body == "in" ? 201U : 400U, "etag: 7\n", "out"};
    };
    const auto answer = host.http_send({.method = "POST", .url = "http://x/", .body = "in"}, {});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 201U);
    EXPECT_EQ(answer->header("etag"), "7");
    auto opened = host.http_open({.url = "http://x/"}, {});
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->stream.read({})->text(), "out");

    fake.on_run = [](const std::vector<std::string>& args) -> Result<int> {
        return static_cast<int>(args.size());
    };
    EXPECT_EQ(host.run({.args = {"git", "status"}}, {}), 2);
    fake.yaml["a: 1"] = R"({"a":1})";
    EXPECT_EQ(host.parse_yaml("a: 1")->first, R"({"a":1})");
    EXPECT_FALSE(host.parse_yaml("b: 2"));
}

TEST_F(Services, StatementsAreScriptedAndTransactionsCounted) {
    fake.on_sql = [](const std::string& sql, const Arguments& arguments) -> Result<Rows> {
        if (sql.starts_with("SELECT")) return Rows{{{std::int64_t{7}, std::string("x")}}, 0};
        if (std::get<std::string>(arguments.at("id")) == "bad") return fail("CONFLICT", "there");
        return Rows{{}, 1};
    };
    const auto rows = host.execute(false, "SELECT 1", {}, {});
    ASSERT_TRUE(rows);
    EXPECT_EQ(number(rows->rows.at(0), 0), 7);
    EXPECT_EQ(text(rows->rows.at(0), 1), "x");
    EXPECT_EQ(host.execute(true, "INSERT", {{"id", "good"}}, {})->affected, 1);
    EXPECT_EQ(host.execute(true, "INSERT", {{"id", "bad"}}, {}).error().code, "CONFLICT");
    EXPECT_EQ(fake.committed, 2);
    EXPECT_EQ(fake.rolled_back, 1);
    EXPECT_TRUE(host.publish({.type = "BUILT"}, nullptr));
    EXPECT_EQ(fake.events.back().type, "BUILT");
}

TEST_F(Services, BlobsAreKeptByDigest) {
    Stream in(host.tables().stream, fake.make_stream("bytes", true));
    const auto kept = host.spool(in, 100, {}, {});
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->bytes, 5U);
    EXPECT_EQ(host.open_blob(kept->digest, 2)->read({})->text(), "tes");
    EXPECT_EQ(host.spool(in, 3, {}, {}).error().code, "PACKAGE_TOO_LARGE");
    EXPECT_EQ(host.spool(in, 100, "other", {}).error().code, "CHECKSUM_MISMATCH");
    EXPECT_TRUE(host.remove_blob(kept->digest));
    EXPECT_EQ(host.stat_blob(kept->digest).error().code, "NOT_FOUND");
}

TEST_F(Services, AHostThatRefusesSaysWhy) {
    fake.refusal = Error{"QUEUE_FULL", "busy", {}, {}};
    EXPECT_FALSE(host.post([] {}));
    EXPECT_EQ(host.call({.operation = "x"}, {}).error().message, "busy");
    EXPECT_EQ(host.begin(true, {}).error().code, "QUEUE_FULL");
    EXPECT_EQ(host.publish({}, nullptr).error().code, "QUEUE_FULL");
}

TEST_F(Services, LogsMetricsAndSecretsAreRecorded) {
    host.log(LogLevel::warn, "the disk is nearly full", "id-1");
    EXPECT_TRUE(fake.logged("nearly"));
    EXPECT_FALSE(fake.logged("quite"));
    const auto metric = host.define_metric(Host::MetricKind::counter, "things_total", "Things");
    host.record(*metric, {"a"}, 2);
    EXPECT_EQ(fake.metrics.back().metric, "things_total");
    fake.secrets["env:KEY"] = "s3cret";
    EXPECT_EQ(host.secret("env:KEY"), "s3cret");
    EXPECT_EQ(host.secret("env:NONE").error().code, "NOT_FOUND");
}

}  // namespace
}  // namespace onex::testing
