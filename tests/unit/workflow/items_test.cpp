// What `foreach` repeats: keys, order, items, rounds of a stage, and the way back of each item.
#include "plugins/lib/workflow/items.hpp"

#include "plugins/lib/workflow/outputs.hpp"
#include "tests/unit/workflow/sample.hpp"

#include <boost/json/serialize.hpp>

namespace onex::workflow::test {
namespace {

/// The sample with this second stage, whose input has lists of hosts and of numbers.
json::object repeated(const std::string& operations, const std::string& stage_foreach = {}) {
    auto contract = sample_contract();
    auto& stage = contract["workflow_stages"].as_array()[1].as_object();
    stage["operations"] = from_yaml("x: " + operations).at("x");
    if (!stage_foreach.empty()) stage["foreach"] = from_yaml("x: " + stage_foreach).at("x");
    auto& properties = contract["input_state"].as_object()["properties"].as_object();
    properties["hosts"] = json::object{{"type", "array"}};
    properties["few"] = json::object{{"type", "array"}, {"maxItems", 3}};
    properties["many"] = json::object{{"type", "array"}, {"maxItems", 300}};
    contract["quality_gates"] = from_yaml("x: [{name: is_square, stage: second}]").at("x");
    return contract;
}

Model model_of(const json::object& contract) {
    auto model = read_model(contract);
    if (!model) throw std::runtime_error(model.error().message);
    return *model;
}

const json::object kTwoHosts{{"hosts", {"a", "b"}}, {"skip_first", true}};

/// Calls all that is left with success; "key item" of each call.
std::string calls(Driver& d, const Checks& checks = {{"is_square", 1}}) {
    std::string out;
    while (next(d.model, d.state).kind == Decision::Kind::call) {
        const auto step = d.pending();
        out += (out.empty() ? "" : ", ") + step.key.substr(step.key.find('/') + 1);
        if (step.item) out += " " + item_text(*step.item);
        d.ok(checks);
    }
    return out;
}

TEST(Items, AreCalledOneAfterTheOther) {
    const struct {
        const char* name;
        const char* operations;
        const char* stage;
        json::array hosts;
        const char* calls;
    } cases[] = {
        {"one operation",
         "[{name: x}, {name: y, foreach: {in: hosts}}]",
         "",
         {"a", "b"},
         "x, y/0 a, y/1 b"},
        {"the same operation before and after",
         "[{name: y}, {name: y, foreach: {in: hosts}}, {name: y}]",
         "",
         {"a", "b"},
         "y, y/1 a, y/2 b, y/3"},
        {"a whole stage",
         "[{name: x}, {name: y}]",
         "{in: hosts}",
         {"a", "b"},
         "x/0 a, y/0 a, x/1 b, y/1 b"},
        {"a stage that calls something twice",
         "[{name: x}, {name: x}]",
         "{in: hosts}",
         {"a", "b"},
         "x/0 a, x/1 a, x/2 b, x/3 b"},
        {"objects and numbers",
         "[{name: y, foreach: {in: hosts}}]",
         "",
         {7, json::object{{"host", "a"}}},
         R"(y/0 7, y/1 {"host":"a"})"},
        {"an empty list", "[{name: x}, {name: y, foreach: {in: hosts}}]", "", {}, "x"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        Driver d(model_of(repeated(c.operations, c.stage)),
                 {{"hosts", c.hosts}, {"skip_first", true}});
        EXPECT_TRUE(d.model.stays);
        d.start();
        EXPECT_EQ(calls(d), c.calls);
        EXPECT_EQ(d.state.state, "COMPLETED");
    }
}

TEST(Items, SkipAStageThatHasNothingToCall) {
    for (const json::object& input :
         {json::object{{"hosts", json::array{}}}, json::object{}, json::object{{"hosts", 3}}}) {
        Driver d(model_of(repeated("[{name: x}]", "{in: hosts}")), input);
        d.start();
        d.ok({{"is_deep", 1}});
        d.ok();
        EXPECT_EQ(d.state.state, "COMPLETED") << "its gates are not scored";
        EXPECT_EQ(d.state.stages[1].progress, Progress::skipped);
    }
}

TEST(Items, StopAtTheFirstThatFails) {
    Driver d(model_of(repeated("[{name: y, compensate: un_y, foreach: {in: hosts, as: host}}]")),
             kTwoHosts);
    d.start();
    d.ok();
    d.fail("NEVER");
    std::string undone;
    while (d.state.phase == Phase::rolling_back) {
        const auto step = d.pending();
        undone += step.key + ' ' + (step.item ? item_text(*step.item) : "-") + ' ';
        d.ok();
    }
    EXPECT_EQ(undone, "ROLLING_BACK/un_y/0 b ROLLING_BACK/un_y/1 a ROLLING_BACK/undo - ");
    d.close();
    EXPECT_EQ(d.state.state, "ROLLBACK_COMPLETED");
    const auto again =
        replay(d.model, make_run(d.model, kTwoHosts, 0), d.state.started_us, d.stored);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->undone, d.state.undone);
}

TEST(Items, MayFailWhereTheOperationMay) {
    Driver d(model_of(repeated("[{name: y, allow_failure: true, foreach: {in: hosts}}]")),
             kTwoHosts);
    d.start();
    d.fail("NEVER");
    d.ok({{"is_square", 1}});
    EXPECT_EQ(d.state.state, "COMPLETED");
}

TEST(Items, HaveTheGatesOfTheirStageScoredEach) {
    const auto model = model_of(repeated("[{name: x}, {name: y}]", "{in: hosts}"));
    Driver good(model, kTwoHosts);
    good.start();
    calls(good);
    ASSERT_EQ(good.state.gates.size(), 2U);
    const auto report = json::serialize(gate_report(good.state));
    EXPECT_NE(report.find(R"("item":"a")"), std::string::npos) << report;

    Driver bad(model, kTwoHosts);
    bad.start();
    bad.ok();
    bad.ok({{"is_square", 0.5}});
    EXPECT_EQ(bad.state.phase, Phase::rolling_back) << "the second host is left alone";
    EXPECT_NE(bad.state.failure->message.find("for a scored"), std::string::npos)
        << bad.state.failure->message;

    Driver silent(model, kTwoHosts);
    silent.start();
    silent.ok({{"is_square", 1}});
    silent.ok();
    silent.ok();
    EXPECT_EQ(silent.state.phase, Phase::stages);
    silent.ok();
    EXPECT_EQ(silent.state.phase, Phase::rolling_back)
        << "what was reported of one item says nothing of the next";
}

TEST(Items, AreSeenByTheirCallAlone) {
    const auto model =
        model_of(repeated("[{name: y, when: {host.ready: true}, foreach: {in: hosts, as: host}}]"));
    const json::object input{{"hosts", {json::object{{"ready", true}}, json::object{}}},
                             {"skip_first", true}};
    Driver d(model, input);
    d.start();
    const json::object context{{"depth", 1}};
    const auto seen = seen_by(d.pending(), context);
    EXPECT_EQ(json::serialize(seen), R"({"depth":1,"host":{"ready":true}})");
    EXPECT_TRUE(is_wanted(d.pending(), context));
    d.ok();
    EXPECT_FALSE(is_wanted(d.pending(), context));
    const auto report = json::serialize(stage_report(d.state, d.now_us));
    EXPECT_NE(report.find(R"("item":{"ready":true})"), std::string::npos) << report;
}

TEST(Items, NameTheHostThatACallIsAimedAt) {
    const auto model = model_of(repeated("[{name: y}]"));
    const struct {
        json::value item;
        const char* target;  ///< empty: refused
        json::object input{{"port", 8001}};
    } cases[] = {
        {"a", "a:8001"},
        {"a", "a", {}},
        {"a:9", "a:9"},
        {json::object{{"host", "a"}}, "a:8001"},
        {json::object{{"host", "a"}, {"port", 9}}, "a:9"},
        {json::object{{"host", "a"}, {"port", "9"}}, "a:9"},
        {json::object{{"name", "a"}}, ""},
        {7, ""},
        {"", ""},
        {nullptr, ""},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(json::serialize(c.item));
        const Item item{"host", c.item, true};
        const auto target = target_of_call(model, c.input, &item, "the:1");
        ASSERT_EQ(target.has_value(), *c.target != 0);
        EXPECT_EQ(target ? *target : target.error().code,
                  *c.target ? c.target : "VALIDATION_ERROR");
        const Item no_target{"host", c.item, false};
        EXPECT_EQ(target_of_call(model, c.input, &no_target, "the:1").value(), "the:1");
    }
    EXPECT_EQ(target_of_call(model, {}, nullptr, "the:1").value(), "the:1");
    EXPECT_EQ(item_text({"x", json::value(std::string(100, 'x')), false}).size(), 64U + 3U);
}

TEST(Items, AreListsOfTheInput) {
    const struct {
        const char* operations;
        const char* stage;
        const char* message;  ///< empty: accepted
    } cases[] = {
        {"[{name: y, foreach: {in: few}}, {name: z, foreach: {in: many}}]", "", ""},
        {"[{name: y, foreach: {in: nothing}}]", "", "foreach must be in: a property"},
        {"[{name: y, foreach: {in: garden}}]", "", "with type array"},
        {"[{name: y, foreach: hosts}]", "", "foreach must be an object"},
        {"[{name: y, foreach: {as: host}}]", "", "in must be"},
        {"[{name: y, foreach: {in: hosts, target: true}, on: source}]", "", "on the source"},
        {"[{name: y, foreach: {in: hosts}}]", "{in: hosts}", "not both"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.operations);
        const auto model = read_model(repeated(c.operations, c.stage));
        ASSERT_EQ(model.has_value(), *c.message == 0) << model.error().message;
        if (!model) {
            EXPECT_NE(model.error().message.find(c.message), std::string::npos)
                << model.error().message;
            continue;
        }
        const auto& properties = model->input_schema.at("properties");
        EXPECT_EQ(properties.at("few").at("maxItems"), 3);
        EXPECT_EQ(properties.at("many").at("maxItems"), 100);
    }
}

}  // namespace
}  // namespace onex::workflow::test
