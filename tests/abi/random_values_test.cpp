// Random inputs fit their schema, or don't; and what counts as growth.
#include "host/check/random_values.hpp"

#include "host/check/gauges.hpp"
#include "host/contract/schema.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <regex>

namespace onex::host::check {
namespace {

TEST(RandomValues, FitTheirSchema) {
    const char* schemas[] = {
        R"({"type": "object"})",
        R"({"type": "object", "required": ["n", "s"], "additionalProperties": false, "properties": {
            "n": {"type": "integer", "minimum": 3, "maximum": 5},
            "s": {"type": "string", "minLength": 2, "maxLength": 4}}})",
        R"({"type": "object", "required": ["id"], "properties": {
            "id": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{2,8}(:(latest|[0-9]+\\.[0-9]+))?$"}}})",
        R"({"type": "object", "required": ["list"], "properties": {"list": {"type": "array",
            "minItems": 1, "maxItems": 3, "items": {"$ref": "#/$defs/entry"}}},
            "$defs": {"entry": {"type": "object", "required": ["mode"],
                "properties": {"mode": {"enum": ["a", 2, null]}}}}})",
        R"({"type": "object", "required": ["at"], "properties": {"at": {"oneOf": [
            {"type": "string", "format": "uuid"}, {"type": "number", "exclusiveMinimum": 0}]}}})",
        R"({"type": "object", "allOf": [{"required": ["a"], "properties": {"a": {"const": 1}}},
            {"required": ["b"], "properties": {"b": {"type": ["boolean", "null"]}}}]})",
    };
    for (const auto* text : schemas) {
        SCOPED_TRACE(text);
        const auto schema = Schema::compile(boost::json::parse(text));
        ASSERT_TRUE(schema) << schema.error().message;
        int valid = 0;
        for (std::uint64_t round = 0; round < 200; ++round) {
            Dice dice(1, "test", round);
            if (random_by_schema(*schema, dice)) ++valid;
        }
        EXPECT_GT(valid, 180);
    }
}

TEST(RandomValues, AreTheSameForTheSameSeed) {
    Dice one(5, "act", 9);
    Dice same(5, "act", 9);
    Dice next(5, "act", 10);
    const auto value = boost::json::serialize(random_json(one, 5)) + random_bytes(one, 500);
    EXPECT_EQ(value, boost::json::serialize(random_json(same, 5)) + random_bytes(same, 500));
    EXPECT_NE(value, boost::json::serialize(random_json(next, 5)) + random_bytes(next, 500));
}

TEST(RandomValues, SpoilAndMutateChangeSomething) {
    const auto value = boost::json::parse(R"({"a": [1, 2, {"b": true}], "c": "text"})");
    int spoiled = 0;
    int mutated = 0;
    for (std::uint64_t round = 0; round < 100; ++round) {
        Dice dice(1, "test", round);
        spoiled += spoil(value, dice) == value ? 0 : 1;
        mutated += mutate("some text", dice) == "some text" ? 0 : 1;
    }
    EXPECT_GT(spoiled, 80);
    EXPECT_GT(mutated, 80);
    Dice dice(1);
    EXPECT_NO_THROW(mutate("", dice));
}

TEST(RandomValues, FollowPatterns) {
    for (const auto* pattern : {"^[0-9a-f]{64}$",
                                "^(a|bc|d+)*x?$",
                                R"(^\d{4}-\d{2}\.[^a-z]$)",
                                "^(?:sha256:)?[A-Z]{1,3}$",
                                R"(^/([a-z]+/)*[\]x]$)"}) {
        for (std::uint64_t round = 0; round < 50; ++round) {
            Dice dice(1, "test", round);
            const auto text = text_of_pattern(pattern, dice);
            EXPECT_TRUE(std::regex_match(text, std::regex(pattern))) << pattern << ": " << text;
        }
    }
    Dice dice(1);
    for (const auto* broken : {"[", "(", "a{", "\\", "(?", "[a-", "a{99999999999999}", ")"})
        EXPECT_LT(text_of_pattern(broken, dice).size(), 1'000'000U) << broken;
}

TEST(Gauges, GrowthIsAFloorThatRises) {
    using Values = std::vector<std::int64_t>;
    EXPECT_EQ(Readings::rise({1, 2, 3, 4, 5, 6, 7}, 0), 0) << "too few";
    EXPECT_GT(Readings::rise({1, 2, 3, 4, 5, 6, 7, 8}, 0), 0);
    EXPECT_EQ(Readings::rise({1, 2, 3, 4, 5, 6, 7, 8}, 10), 0) << "within tolerance";
    EXPECT_EQ(Readings::rise({1, 9, 9, 9, 9, 9, 9, 9}, 0), 0) << "a cache that fills";
    EXPECT_EQ(Readings::rise({5, 9, 5, 9, 5, 9, 5, 9, 5, 9, 5, 9}, 0), 0) << "up and down";
    EXPECT_EQ(Readings::rise(Values(20, -1), 0), 0) << "not known";
    const auto reading = read_gauges();
    EXPECT_GE(reading[static_cast<std::size_t>(Gauge::descriptors)], 3);
}

}  // namespace
}  // namespace onex::host::check
