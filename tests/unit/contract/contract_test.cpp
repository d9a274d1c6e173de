#include "host/contract/contract.hpp"

#include <gtest/gtest.h>

using namespace onex::host;

namespace {

constexpr const char* kHead =
    "schema_version: '2.0'\n"
    "node_identity: {name: stamping, node_type: effect, version: '1.0.0', description: Stamps}\n";

TEST(NodeContract, ReadsEveryKey) {
    const auto contract = read_node_contract(std::string(kHead) + R"(
placement: target
error_shape: unified
settings: {type: object, properties: {pool: {type: integer, default: 100}}}
io_operations:
  - name: hash
    description: BLAKE3 of the content
    http: {method: POST, path: "/hash/{id}", status: 202}
    auth: hmac
    original_signature: true
    unsigned_upload: true
    on_disconnect: continue
    timeout_ms: 2000
    progress: true
    target_ms: 2
    body_bytes_max: 2048
    stream_in: true
    stream_out: true
    stream_content_type: text/plain
    errors: [{code: BAD_DIGEST, as: TRANSFER_FAILED, permanent: true}]
    gates: [transfer_success]
    redact: [env]
    input: {type: object, properties: {id: {type: string}}}
    output: {type: object}
  - name: health
    placement: source
    nonblocking: true
    http: [{method: GET, path: /health}, {method: GET, path: /api/health}]
    auth: none
)",
                                             "s.yaml");
    ASSERT_TRUE(contract) << contract.error().message;
    EXPECT_EQ(contract->name, "stamping");
    EXPECT_TRUE(contract->unified_errors);
    const auto* hash = contract->find("hash");
    ASSERT_NE(hash, nullptr);
    EXPECT_EQ(hash->http.at(0).path, "/hash/{id}");
    EXPECT_EQ(hash->http.at(0).status, 202U);
    EXPECT_EQ(hash->auth, Auth::hmac);
    EXPECT_TRUE(hash->original_signature && hash->unsigned_upload && hash->progress);
    EXPECT_TRUE(hash->stream_in && hash->stream_out && hash->remote);
    EXPECT_EQ(hash->on_disconnect, OnDisconnect::proceed);
    EXPECT_EQ(hash->timeout_ms, 2000);
    EXPECT_EQ(hash->target_ms, 2.0);
    EXPECT_EQ(hash->body_bytes_max, 2048U);
    EXPECT_EQ(hash->stream_content_type, "text/plain");
    EXPECT_EQ(hash->placement, Placement::target);
    ASSERT_EQ(hash->errors.size(), 1U);
    EXPECT_EQ(hash->errors[0].as, "TRANSFER_FAILED");
    EXPECT_TRUE(hash->errors[0].permanent);
    EXPECT_EQ(hash->gates, std::vector<std::string>{"transfer_success"});
    EXPECT_EQ(hash->redact, std::vector<std::string>{"env"});
    EXPECT_EQ(hash->input_digest.size(), 64U);
    EXPECT_NE(hash->input_digest, hash->output_digest);
    const auto* health = contract->find("health");
    ASSERT_NE(health, nullptr);
    EXPECT_EQ(health->http.size(), 2U);
    EXPECT_FALSE(health->remote);
    EXPECT_TRUE(health->nonblocking);
    EXPECT_EQ(contract->find("none"), nullptr);
}

TEST(NodeContract, DefaultsAreClosed) {
    const auto contract =
        read_node_contract(std::string(kHead) + "io_operations: [{name: a}]\n", "s.yaml");
    ASSERT_TRUE(contract) << contract.error().message;
    const auto& a = contract->operations.at(0);
    EXPECT_EQ(a.auth, Auth::token);
    EXPECT_FALSE(a.remote);
    EXPECT_TRUE(a.http.empty());
    EXPECT_EQ(a.timeout_ms, 30'000);
}

TEST(NodeContract, DigestIgnoresTheOrderOfKeys) {
    auto digest = [](const char* input) {
        const auto contract = read_node_contract(
            std::string(kHead) + "io_operations: [{name: a, input: " + input + "}]\n", "s.yaml");
        return contract ? contract->operations.at(0).input_digest : contract.error().message;
    };
    EXPECT_EQ(digest("{type: object, required: [a]}"), digest("{required: [a], type: object}"));
    EXPECT_NE(digest("{type: object}"), digest("{type: object, required: [a]}"));
}

TEST(NodeContract, RefusesWithPlaceAndHint) {
    const struct {
        std::string yaml;
        const char* contains;
    } rows[] = {
        {"a: [", "s.yaml: line"},
        {"io_operations: []\n", "schema_version is missing"},
        {std::string(kHead) + "io_operation: []\n",
         "s.yaml:3:1: unknown property 'io_operation'; did you mean 'io_operations'?"},
        {std::string(kHead) + "io_operations:\n  - name: a\n    timeot_ms: 3\n",
         "s.yaml:5:5: io_operations[0]: unknown property 'timeot_ms'; did you mean 'timeout_ms'?"},
        {std::string(kHead) + "io_operations: [{name: A-b}]\n", "'A-b' does not match"},
        {std::string(kHead) + "io_operations: [{name: a, auth: maybe}]\n",
         "expected one of none, token, hmac"},
        {std::string(kHead) + "io_operations: [{name: a, timeout_ms: soon}]\n", "expected integer"},
        {std::string(kHead) + "io_operations: [{name: a, http: {path: hash}}]\n",
         "'hash' does not match"},
        {std::string(kHead) + "io_operations: [{name: a, http: {pth: /x}}]\n",
         "unknown property 'pth'"},
        {std::string(kHead) + "io_operations: [{name: a, http: {path: '/x/{id}'}}]\n",
         "{id} must be a property of input"},
        {std::string(kHead) + "io_operations: [{name: a, http: {path: '/x/a{id}'}}]\n",
         "whole segment"},
        {std::string(kHead) + "io_operations: [{name: a, http: {path: '/{i}'}, input: {properties: "
                              "{i: {type: object}}}}]\n",
         "{i} must be a property of input with type string or integer"},
        {std::string(kHead) + "io_operations: [{name: a}, {name: a}]\n", "declared twice"},
        {std::string(kHead) +
             "io_operations: [{name: a, http: {path: /x}}, {name: b, http: {path: /x}}]\n",
         "claimed twice"},
        {std::string(kHead) +
             "io_operations: [{name: a, input: {properties: {x: {pattern: '(?=a)'}}}}]\n",
         "can't be used"},
        {std::string(kHead) + "io_operations: [{name: a, nonblocking: true, stream_in: true}]\n",
         "can't stream"},
        {"schema_version: 2.0\nnode_identity: {name: a, version: '1'}\n",
         "schema_version: 2E0 is not allowed; expected 2.0"},
        {std::string(kHead) + "settings: 5\n", "settings: 5 is an integer; expected object"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.yaml);
        const auto contract = read_node_contract(row.yaml, "s.yaml");
        ASSERT_FALSE(contract);
        EXPECT_NE(contract.error().message.find(row.contains), std::string::npos)
            << contract.error().message;
    }
}

}  // namespace
