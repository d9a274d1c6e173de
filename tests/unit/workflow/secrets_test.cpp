#include "plugins/lib/workflow/secrets.hpp"

#include "tests/unit/workflow/sample.hpp"

#include <boost/json/serialize.hpp>

namespace onex::workflow::test {
namespace {

struct Ids {
    int n = 0;
    std::string operator()() { return "s" + std::to_string(++n); }
};

TEST(Secrets, LeaveTheInputUnderTheirPaths) {
    struct Case {
        const char* name;
        const char* input;
        std::vector<std::string> paths;
        const char* left;
        std::vector<std::string> values;
    };
    const Case cases[] = {
        {"every value below",
         R"({"c":{"env":{"A":"x","B":7,"C":true},"keep":"y"}})",
         {"c.env"},
         R"({"c":{"env":{"A":{"$secret":"s1"},"B":{"$secret":"s2"},"C":{"$secret":"s3"}},"keep":"y"}})",
         {"x", "7", "true"}},
        {"a single value", R"({"token":"x"})", {"token"}, R"({"token":{"$secret":"s1"}})", {"x"}},
        {"lists",
         R"({"tokens":["x",["y"]]})",
         {"tokens"},
         R"({"tokens":[{"$secret":"s1"},[{"$secret":"s2"}]]})",
         {"x", "y"}},
        {"a path through a list",
         R"({"all":[{"key":"x","n":1},5]})",
         {"all.key"},
         R"({"all":[{"key":{"$secret":"s1"},"n":1},5]})",
         {"x"}},
        {"references are kept as such",
         R"({"token":"env:HOME"})",
         {"token"},
         R"({"token":{"$secret":"s1"}})",
         {"env:HOME"}},
        {"nothing there", R"({"a":null,"b":"x"})", {"a", "c", "b.c"}, R"({"a":null,"b":"x"})", {}},
        {"one who sends a placeholder gets one back",
         R"({"token":{"$secret":"stolen"}})",
         {"token"},
         R"({"token":{"$secret":{"$secret":"s1"}}})",
         {"stolen"}},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        auto input = json::parse(c.input).as_object();
        const auto secrets = take_secrets(input, c.paths, Ids{});
        EXPECT_EQ(json::serialize(input), c.left);
        std::vector<std::string> values;
        for (const auto& secret : secrets)
            values.push_back(secret.value);
        EXPECT_EQ(values, c.values);
        json::value back = input;
        EXPECT_EQ(secret_ids(back).size(), secrets.size());
        ASSERT_TRUE(reveal(back, [&](const std::string& id) -> Result<std::string> {
            for (const auto& secret : secrets) {
                if (secret.id == id) return secret.value;
            }
            return fail("NOT_FOUND", id);
        }));
        for (const auto& id : secret_ids(back))
            EXPECT_EQ(id, "stolen");
    }
}

TEST(Secrets, AreMissedAloud) {
    json::value value{{"a", {{"$secret", "gone"}}}};
    const auto ok = reveal(value, [](const std::string& id) -> Result<std::string> {
        return fail("NOT_FOUND", "no secret " + id);
    });
    ASSERT_FALSE(ok);
    EXPECT_EQ(ok.error().message, "no secret gone");
}

TEST(Secrets, DoNotMakeEqualInputsDiffer) {
    const json::value one{{"a", {{"$secret", "1"}}}, {"b", 2}};
    const json::value two{{"b", 2}, {"a", {{"$secret", "2"}}}};
    const json::value other{{"a", "open"}, {"b", 2}};
    EXPECT_EQ(without_ids(one, {}), without_ids(two, {}));
    EXPECT_NE(without_ids(one, {}), without_ids(other, {}));
    EXPECT_EQ(without_ids(one, {{"1", "pass"}}), without_ids(two, {{"2", "pass"}}));
    EXPECT_NE(without_ids(one, {{"1", "pass"}}), without_ids(two, {{"2", "word"}}));
}

TEST(Secrets, AreScrubbedWhereverTheyAppear) {
    const std::vector<std::string> values{"hunter22", "on", "aaaaaa"};
    EXPECT_EQ(scrub(std::string("pass hunter22, hunter22!"), values), "pass ***, ***!");
    EXPECT_EQ(scrub(std::string("on and on"), values), "on and on")
        << "too short to be told from a word";
    EXPECT_EQ(scrub(std::string("aaaaaaa"), values), "***a");
    json::value value{{"a hunter22", {1, "x hunter22", {{"b", "hunter22"}}}}};
    scrub(value, values);
    EXPECT_EQ(json::serialize(value), R"({"a ***":[1,"x ***",{"b":"***"}]})");
}

}  // namespace
}  // namespace onex::workflow::test
