#include "host/contract/yaml.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace json = boost::json;
using onex::host::parse_yaml;

namespace {

TEST(Yaml, ReadsTheCoreSchema) {
    const struct {
        const char* yaml;
        const char* expected;
    } rows[] = {
        {"no", R"("no")"},
        {"yes", R"("yes")"},
        {"on", R"("on")"},
        {"True", "true"},
        {"false", "false"},
        {"~", "null"},
        {"", "null"},
        {"null", "null"},
        {"'null'", R"("null")"},
        {"12", "12"},
        {"-12", "-12"},
        {"+12", "12"},
        {"012", "12"},
        {"0o17", "15"},
        {"0xff", "255"},
        {"18446744073709551615", "18446744073709551615"},
        {"0.80", "0.8"},
        {"1.0", "1.0"},
        {".5", "0.5"},
        {"1.", "1.0"},
        {"1e3", "1000.0"},
        {"\"2.0\"", R"("2.0")"},
        {"'12'", R"("12")"},
        {"!!str 12", R"("12")"},
        {"!!int 12", "12"},
        {"1.2.3", R"("1.2.3")"},
        {"2025-10-25", R"("2025-10-25")"},
        {"12:30", R"("12:30")"},
        {"a: |\n  x\n  y\n", R"({"a":"x\ny\n"})"},
        {"a: &x [1]\nb: *x\n", R"({"a":[1],"b":[1]})"},
        {"{a: 1, b: [x, ~]}", R"({"a":1,"b":["x",null]})"},
        {"200: ok\nnull: n\n", R"({"200":"ok","null":"n"})"},
        {"on: target", R"({"on":"target"})"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.yaml);
        const auto document = parse_yaml(row.yaml);
        ASSERT_TRUE(document) << document.error().message;
        const auto expected = json::parse(row.expected);
        EXPECT_EQ(document->root, expected) << json::serialize(document->root);
        EXPECT_EQ(document->root.is_double(), expected.is_double());
    }
}

std::string bomb() {
    std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 12; ++i) {
        const auto last = "*a" + std::to_string(i - 1);
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int k = 0; k < 10; ++k)
            text += (k == 0 ? "" : ",") + last;
        text += "]\n";
    }
    return text;
}

TEST(Yaml, RefusesWithThePlace) {
    const struct {
        std::string yaml;
        const char* contains;
    } rows[] = {
        {"a: 1\nb: 2\na: 3\n", "line 3, column 1: the key 'a' stands twice"},
        {"a: [1\nb: 2", "line 2"},
        {"a: 1\n---\nb: 2\n", "several YAML documents"},
        {"? [1]\n: 2\n", "a key must be a scalar"},
        {"a: .inf", "line 1, column 4: .inf has no JSON form"},
        {"a: 1e999", "too large"},
        {"a: !!binary xyz", "not supported"},
        {"<<: {a: 1}", "merge keys"},
        {"a: &x [*x]", "contains itself"},
        {bomb(), "100000 values"},
        {std::string(65, '[') + std::string(65, ']'), "nested deeper than 64"},
        {std::string(100'000, '['), "line 1"},
        {std::string(5 << 20, 'x'), "at most 4194304"},
        {"a: *nowhere", "line 1"},
        {"\tx: 1", "line 1"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.yaml.substr(0, 40));
        const auto document = parse_yaml(row.yaml);
        ASSERT_FALSE(document);
        EXPECT_EQ(document.error().code, "VALIDATION_ERROR");
        EXPECT_NE(document.error().message.find(row.contains), std::string::npos)
            << document.error().message;
    }
}

TEST(Yaml, KnowsWhereThingsStand) {
    const auto document = parse_yaml("a:\n  b/c: 1\n  list:\n    - x\n    - {y: 2}\n");
    ASSERT_TRUE(document);
    EXPECT_EQ(document->where("f.yaml", "/a/b~1c"), "f.yaml:2:3");
    EXPECT_EQ(document->where("f.yaml", "/a/list/1/y"), "f.yaml:5:8");
    EXPECT_EQ(document->where("f.yaml", "/a/list/1/absent"), "f.yaml:5:7");
    EXPECT_EQ(document->where("f.yaml", ""), "f.yaml:1:1");
}

TEST(Yaml, TakesALongString) {
    const auto document = parse_yaml("a: " + std::string(1 << 20, 'x'));
    ASSERT_TRUE(document);
    EXPECT_EQ(document->root.at("a").get_string().size(), 1U << 20);
}

}  // namespace
