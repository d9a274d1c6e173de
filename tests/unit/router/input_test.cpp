#include "host/router/input.hpp"

#include "host/router/routes.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <string>

namespace onex::host {
namespace {

constexpr std::string_view kContract = R"(
schema_version: "2.0"
node_identity: {name: probe, node_type: effect, version: "1.0.0", description: for tests}
io_operations:
  - name: take
    description: takes
    http: {method: POST, path: "/take/{id}"}
    input:
      type: object
      additionalProperties: false
      properties: {id: {type: string}, count: {type: integer}, deep: {type: boolean}, config: {type: object}}
    output: {type: object}
)";

TEST(RouterInput, TypesParametersBySchema) {
    auto contract = read_node_contract(kContract, "probe.yaml");
    ASSERT_TRUE(contract) << contract.error().message;
    const auto& take = contract->operations.front();
    struct Case {
        const char* name;
        const char* query;
        const char* expected;  ///< null: an error
    };
    const Case cases[] = {
        {"typed", "count=7&deep=true", R"({"count":7,"deep":true,"id":"a"})"},
        {"whole input first", "input=%7B%22count%22%3A1%7D&count=2", R"({"count":2,"id":"a"})"},
        {"path wins", "id=evil", R"({"id":"a"})"},
        {"not a number", "count=seven", nullptr},
        {"input is no object", "input=%5B%5D", nullptr},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        boost::json::object input;
        const auto added = add_parameters(input, take, c.query, {{"id", "a"}});
        EXPECT_EQ(added.has_value(), c.expected != nullptr);
        if (c.expected) {
            EXPECT_EQ(boost::json::value(input), boost::json::parse(c.expected));
        }
    }
}

TEST(RouterInput, SplitsPaths) {
    EXPECT_EQ(split_path("/a/b"), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(split_path("/a//b/"), (std::vector<std::string>{"a", "", "b", ""}));
    EXPECT_EQ(split_path("/"), std::vector<std::string>{""});
}

TEST(RouterInput, RefusesBodiesThatAreNoObject) {
    EXPECT_TRUE(parse_body(""));
    EXPECT_TRUE(parse_body("{\"a\":1}"));
    for (const auto* bad : {"[]", "1", "{", "{\"a\":1}x"})
        EXPECT_FALSE(parse_body(bad)) << bad;
    EXPECT_FALSE(parse_body(std::string(100'000, '[')));
}

}  // namespace
}  // namespace onex::host
