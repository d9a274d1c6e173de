#include "host/contract/contract.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace json = boost::json;
using namespace onex::host;

namespace {

NodeContract node() {
    const auto contract = read_node_contract(R"(schema_version: "2.0"
node_identity: {name: receiver, version: "1", description: "Takes <images> & runs them"}
io_operations:
  - name: deploy
    description: "It's <b>bold</b>"
    http: {method: POST, path: "/deploy/{id}", status: 202}
    auth: hmac
    original_signature: true
    input: {type: object, required: [id, n], properties: {id: {type: string}, n: {type: integer, minimum: 3, description: "<script>alert(1)</script>"}}}
    output: {type: object, properties: {list: {type: array, items: {type: object, properties: {x: {type: string}}}}}}
  - name: upload
    http: {path: /upload}
    stream_in: true
    input: {type: object, properties: {name: {type: string}}}
  - name: health
    http: [{method: GET, path: /health}, {method: GET, path: /h}]
    auth: none
    input: {type: object, properties: {verbose: {type: boolean}}}
  - name: by_name_only
)",
                                             "r.yaml");
    EXPECT_TRUE(contract) << contract.error().message;
    return contract ? *contract : NodeContract{};
}

TEST(OpenApi, DescribesRoutes) {
    const auto contract = node();
    const json::value document = openapi({&contract}, "studio", "0.1.0");
    EXPECT_EQ(document.at("openapi"), "3.1.0");
    EXPECT_EQ(document.at("paths").get_object().size(), 4U);
    const auto& deploy = document.at("paths").at("/deploy/{id}").at("post");
    EXPECT_EQ(deploy.at("parameters").get_array().size(), 1U);
    EXPECT_EQ(deploy.at("parameters").at(0).at("in"), "path");
    const auto& body = deploy.at("requestBody").at("content").at("application/json").at("schema");
    EXPECT_FALSE(body.at("properties").get_object().contains("id"));
    EXPECT_EQ(body.at("required").get_array().size(), 1U);
    EXPECT_EQ(deploy.at("security").get_array().size(), 2U);
    EXPECT_TRUE(deploy.at("responses").get_object().contains("202"));
    const auto& health = document.at("paths").at("/health").at("get");
    EXPECT_TRUE(health.at("security").get_array().empty());
    EXPECT_EQ(health.at("parameters").at(0).at("in"), "query");
    EXPECT_NE(health.at("operationId"), document.at("paths").at("/h").at("get").at("operationId"));
    const auto& upload = document.at("paths").at("/upload").at("post");
    EXPECT_TRUE(
        upload.at("requestBody").at("content").get_object().contains("multipart/form-data"));
}

TEST(DocsPage, IsSelfContainedAndEscaped) {
    const auto contract = node();
    const auto page = docs_page(openapi({&contract}, "studio <1>", "0.1.0"));
    EXPECT_EQ(page.find("<script"), std::string::npos);
    EXPECT_EQ(page.find("<b>"), std::string::npos);
    EXPECT_EQ(page.find(" src="), std::string::npos);
    EXPECT_EQ(page.find("https://"), std::string::npos);
    for (const char* part : {"studio &lt;1&gt;",
                             "/deploy/{id}",
                             "receiver",
                             "curl -X POST",
                             "hmac or original_signature",
                             "list[].x",
                             "&lt;script&gt;",
                             "Takes &lt;images&gt; &amp; runs them"}) {
        EXPECT_NE(page.find(part), std::string::npos) << part;
    }
    EXPECT_FALSE(docs_page(openapi({}, "empty", "1")).empty());
}

}  // namespace
