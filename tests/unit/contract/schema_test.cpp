#include "host/contract/schema.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace json = boost::json;
using onex::host::Schema;

namespace {

Schema compiled(const std::string& text) {
    auto schema = Schema::compile(json::parse(text));
    EXPECT_TRUE(schema) << schema.error().message;
    return schema ? *schema : Schema();
}

constexpr const char* kDeploy = R"({"type":"object","required":["container_name","image_tag"],
 "additionalProperties":false,"properties":{
  "container_name":{"type":"string","pattern":"^[a-z0-9-]+$","minLength":3,"maxLength":64},
  "image_tag":{"type":"string","default":"latest","example":"v1"},
  "port":{"type":"integer","minimum":1024,"maximum":65535},
  "mode":{"type":"string","enum":["bridge","host"]},
  "secret":{"type":"string","writeOnly":true,"minLength":20},
  "ratio":{"type":"number"},
  "id":{"type":"string","format":"uuid"},
  "config":{"type":"object","properties":{
     "restart":{"type":"string","default":"no"},
     "ports":{"type":"array","maxItems":3,"items":{"type":"object","properties":{
        "host":{"type":"integer"},"proto":{"type":"string","default":"tcp"}}}}}},
  "labels":{"type":"object","patternProperties":{"^x-":{"type":"string","pattern":"^v"}},
            "properties":{"a":{"type":"integer"}},"additionalProperties":false},
  "env":{"type":"object","additionalProperties":{"type":"string"}},
  "either":{"anyOf":[{"type":"string","pattern":"^a"},{"type":"object","required":["k"]}]}}})";

TEST(Schema, SaysWhatIsWrong) {
    const auto schema = compiled(kDeploy);
    const struct {
        const char* value;
        const char* message;
    } rows[] = {
        {R"({"container_name":"A"})", "container_name: 'A' has 1 characters; at least 3"},
        {R"({"container_name":"Abc"})", "container_name: 'Abc' does not match ^[a-z0-9-]+$"},
        {R"({})", "container_name is missing"},
        {R"([])", "is a list; expected object"},
        {R"({"container_name":5})", "container_name: 5 is an integer; expected string"},
        {R"({"container_name":"abc","port":80})", "port: 80 is too small; at least 1024"},
        {R"({"container_name":"abc","port":70000})", "port: 70000 is too large; at most 65535"},
        {R"({"container_name":"abc","port":"8001"})", "port: '8001' is a string; expected integer"},
        {R"({"container_name":"abc","port":8001.5})",
         "port: 8.0015E3 is a number; expected integer"},
        {R"({"container_name":"abc","port":18446744073709551615})",
         "port: 18446744073709551615 is too large"},
        {R"({"container_name":"abc","mode":"none"})",
         "mode: 'none' is not allowed; expected one of bridge, host"},
        {R"({"container_name":"abc","secret":"hunter2"})",
         "secret: the value (not shown) has 7 characters; at least 20"},
        {R"({"container_name":"abc","id":"x"})", "id: 'x' is no valid uuid"},
        {R"({"container_name":"abc","contaner_name":1})",
         "unknown property 'contaner_name'; did you mean 'container_name'?"},
        {R"({"container_name":"abc","config":{"ports":[{"host":1},{"host":"x"}]}})",
         "config.ports[1].host: 'x' is a string; expected integer"},
        {R"({"container_name":"abc","config":{"ports":[{},{},{},{}]}})",
         "config.ports: has 4 items; at most 3"},
        {R"({"container_name":"abc","labels":{"x-a":"w"}})", "labels.x-a: 'w' does not match ^v"},
        {R"({"container_name":"abc","labels":{"b":"w"}})",
         "labels: unknown property 'b'; did you mean 'a'?"},
        {R"({"container_name":"abc","labels":{"a":"w"}})",
         "labels.a: 'w' is a string; expected integer"},
        {R"({"container_name":"abc","env":{"K":1}})", "env.K: 1 is an integer; expected string"},
        {R"({"container_name":"abc","either":"b"})", "either: 'b' does not match ^a"},
        {R"({"container_name":"abc","either":{}})", "either.k is missing"},
        {R"({"container_name":"abc","either":1})", "either: 1 is an integer"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.value);
        auto value = json::parse(row.value);
        const auto result = schema.check(value);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, "VALIDATION_ERROR");
        EXPECT_TRUE(result.error().message.starts_with(row.message)) << result.error().message;
        const auto details = json::parse(result.error().details);
        EXPECT_FALSE(details.at("violations").get_array().empty());
    }
}

TEST(Schema, FillsDefaultsBeforeRequired) {
    const auto schema = compiled(kDeploy);
    auto value = json::parse(R"({"container_name":"abc","ratio":1,"config":{"ports":[{"host":1}]},
                                 "labels":{"x-a":"v1","a":1},"either":{"k":1}})");
    const auto result = schema.check(value);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(value.at("image_tag"), "latest");
    EXPECT_EQ(value.at("config").at("restart"), "no");
    EXPECT_EQ(value.at("config").at("ports").at(0).at("proto"), "tcp");
    auto bare = json::parse(R"({"container_name":"abc"})");
    ASSERT_TRUE(schema.check(bare));
    EXPECT_FALSE(bare.get_object().contains("config"));  // no default of its own
}

TEST(Schema, RefusesBadSchemas) {
    std::string deep = "true";
    for (int i = 0; i < 70; ++i)
        deep = R"({"items":)" + deep + "}";
    const struct {
        std::string schema;
        const char* contains;
    } rows[] = {
        {"5", "must be a mapping"},
        {R"({"type":"strin"})", "schema"},
        {R"({"type":5})", "schema"},
        {R"({"minimum":"x"})", "schema"},
        {R"({"properties":[1]})", "/properties: must be a mapping"},
        {R"j({"properties":{"a":{"pattern":"(?=x)"}}})j",
         "/properties/a/pattern: the pattern (?=x) can't be used"},
        {R"({"pattern":"("})", "missing )"},
        {R"j({"pattern":"((a{1000}){1000}){1000}"})j", "can't be used"},
        {R"({"patternProperties":{"(":true}})", "/patternProperties/("},
        {R"({"patternProperties":{"a":{"$ref":"#"}}})", "inside patternProperties"},
        {R"({"$ref":"#/definitions/none"})", "leads nowhere"},
        {R"({"$ref":"http://x/y"})", "leads outside"},
        {R"({"$ref":"#"})", "circle"},
        {R"({"definitions":{"a":{"$ref":"#/definitions/b"},"b":{"$ref":"#/definitions/a"}},"$ref":"#/definitions/a"})",
         "circle"},
        {R"({"allOf":[{"$ref":"#"}]})", "without end"},
        {R"({"properties":{"a":{"anyOf":[{"not":{"$ref":"#/properties/a"}}]}}})", "without end"},
        {R"({"dependencies":{"a":{"$ref":"#"}}})", "without end"},
        {deep, "nested deeper"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.schema.substr(0, 80));
        const auto schema = Schema::compile(json::parse(row.schema, {}, {.max_depth = 200}));
        ASSERT_FALSE(schema);
        EXPECT_EQ(schema.error().code, "VALIDATION_ERROR");
        EXPECT_NE(schema.error().message.find(row.contains), std::string::npos)
            << schema.error().message;
    }
}

TEST(Schema, FollowsReferencesAndRecursion) {
    const auto tree =
        compiled(R"({"$ref":"#/definitions/node","definitions":{"node":{"type":"object",
        "required":["v"],"properties":{"v":{"type":"integer","default":1},"next":{"$ref":"#/definitions/node"}}}}})");
    auto good = json::parse(R"({"next":{"next":{"v":3}}})");
    ASSERT_TRUE(tree.check(good));
    EXPECT_EQ(good.at("next").at("v"), 1);
    auto bad = json::parse(R"({"next":{"next":{"v":"x"}}})");
    const auto result = tree.check(bad);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "next.next.v: 'x' is a string; expected integer");
}

TEST(Schema, ChecksPropertyNamesBehindReferences) {
    const auto schema = compiled(R"({"properties":{"m":{"$ref":"#/definitions/m"}},
        "definitions":{"m":{"type":"object","propertyNames":{"pattern":"^[a-z]+$"},"if":{"required":["a"]},
        "then":{"required":["b"]},"dependencies":{"c":["d"]}}}})");
    const struct {
        const char* value;
        const char* message;
    } rows[] = {
        {R"({"m":{"x":1}})", nullptr},
        {R"({"m":{"X":1}})", "m"},
        {R"({"m":{"a":1,"b":1}})", nullptr},
        {R"({"m":{"a":1}})", "m.b is missing"},
        {R"({"m":{"c":1}})", "m"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.value);
        auto value = json::parse(row.value);
        const auto result = schema.check(value);
        ASSERT_EQ(result.has_value(), row.message == nullptr);
        if (result) continue;
        EXPECT_TRUE(result.error().message.starts_with(row.message)) << result.error().message;
    }
}

TEST(Schema, EndsWithDefaultsThatNest) {
    const auto schema =
        compiled(R"({"properties":{"a":{"$ref":"#","default":{}},"b":{"$ref":"#","default":{}}}})");
    auto value = json::parse("{}");
    schema.fill_defaults(value);  // bounded, whatever comes of it
    EXPECT_TRUE(value.is_object());
}

TEST(Schema, SurvivesLongStringsAndRegexBombs) {
    const std::string big(1 << 20, 'a');
    const auto begin = std::chrono::steady_clock::now();
    for (const char* pattern : {"^[a-z0-9-]+$", "^(a+)+$", "(x+x+)+y", "^(a|aa)+$"}) {
        const auto schema =
            compiled(std::string(R"({"properties":{"s":{"type":"string","pattern":")") + pattern +
                     R"("}}})");
        for (const auto& text : {big, big + "!", std::string(31, 'a') + "!"}) {
            json::value value{{"s", text}};
            const auto result = schema.check(value);
            const auto shown = result ? 0 : result.error().message.size();
            EXPECT_LT(shown, 300U);
        }
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(Schema, BoundsTheValue) {
    const Schema anything;
    json::value deep = 1;
    for (int i = 0; i < 64; ++i)
        deep = json::value{{"a", deep}};
    EXPECT_TRUE(anything.check(deep));
    deep = json::value{{"a", deep}};
    EXPECT_FALSE(anything.check(deep));
    json::array items(10'001, 1);
    json::value wide = items;
    EXPECT_FALSE(anything.check(wide));
    items.pop_back();
    wide = items;
    EXPECT_TRUE(anything.check(wide));
}

TEST(Schema, TypesText) {
    const auto schema = compiled(
        R"({"properties":{"i":{"type":"integer"},"n":{"type":"number"},"b":{"type":"boolean"},
        "s":{"type":"string"},"m":{"type":["integer","string"]},"any":{}}})");
    const struct {
        const char* name;
        const char* text;
        const char* expected;  // null: refused
    } rows[] = {
        {"i", "12", "12"},
        {"i", "1.5", nullptr},
        {"i", "x", nullptr},
        {"i", "", nullptr},
        {"i", "1 ", nullptr},
        {"n", "1.5", "1.5"},
        {"n", "2", "2"},
        {"n", "1e999999", nullptr},
        {"b", "true", "true"},
        {"b", "0", "false"},
        {"b", "maybe", nullptr},
        {"s", "12", R"("12")"},
        {"m", "12", "12"},
        {"m", "x", R"("x")"},
        {"any", "12", R"("12")"},
        {"absent", "x", R"("x")"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(std::string(row.name) + "=" + row.text);
        const auto value = schema.typed(row.name, row.text);
        ASSERT_EQ(value.has_value(), row.expected != nullptr);
        if (!value) continue;
        EXPECT_EQ(json::serialize(*value), json::serialize(json::parse(row.expected)));
    }
}

TEST(Schema, RemarksOnWhatNobodyChecks) {
    const auto schema = compiled(R"({"properties":{"a":{"format":"email","minLenght":3}}})");
    ASSERT_EQ(schema.remarks().size(), 2U);
    EXPECT_NE(schema.remarks()[0].find("/properties/a/format: the format 'email'"),
              std::string::npos);
    EXPECT_NE(schema.remarks()[1].find("did you mean 'minLength'?"), std::string::npos);
}

TEST(Schema, ChecksFromManyThreads) {
    const auto schema = compiled(kDeploy);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&schema, t] {
            for (int i = 0; i < 200; ++i) {
                json::value value{{"container_name", t % 2 == 0 ? "abc" : "ABC"}};
                EXPECT_EQ(schema.check(value).has_value(), t % 2 == 0);
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
}

}  // namespace
