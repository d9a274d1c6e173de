#include "plugins/deployment_receiver/blueprint.hpp"

#include <onex/json.hpp>

#include <gtest/gtest.h>

namespace onex::receiver {
namespace {

constexpr const char* kInspected = R"({
    "Id": "0123456789abcdef", "Image": "sha256:aa",
    "Config": {"Hostname": "0123456789ab", "Image": "web:v1", "Env": ["A=1"], "Labels": {"team": "x"}},
    "HostConfig": {"NetworkMode": "front", "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
                   "Binds": ["named:/named:rw"],
                   "Mounts": [{"Type": "volume", "Target": "/anon"}]},
    "NetworkSettings": {"Networks": {
        "front": {"Aliases": ["web", "0123456789ab"], "IPAMConfig": null, "NetworkID": "n1",
                  "IPAddress": "10.0.0.2"},
        "back": {"Aliases": ["0123456789ab"], "IPAMConfig": {"IPv4Address": "10.1.0.9"},
                 "NetworkID": "n2"}}},
    "Mounts": [{"Type": "volume", "Name": "named", "Destination": "/named", "RW": true},
               {"Type": "volume", "Name": "v-anon", "Destination": "/anon", "RW": true},
               {"Type": "volume", "Name": "v-image", "Destination": "/image", "RW": false},
               {"Type": "bind", "Source": "/srv", "Destination": "/srv", "RW": true}]})";

TEST(Blueprint, MakesTheSameContainer) {
    const auto blueprint = blueprint_of(*parse_object(kInspected));
    EXPECT_EQ(blueprint.image_id, "sha256:aa");
    EXPECT_EQ(blueprint.body, *parse_object(R"({
        "Image": "web:v1", "Env": ["A=1"], "Labels": {"team": "x"},
        "HostConfig": {"NetworkMode": "front", "RestartPolicy": {"Name": "no"},
                       "Binds": ["named:/named:rw"],
                       "Mounts": [{"Type": "volume", "Target": "/anon", "Source": "v-anon"},
                                  {"Type": "volume", "Source": "v-image", "Target": "/image",
                                   "ReadOnly": true}]},
        "NetworkingConfig": {"EndpointsConfig": {"front": {"Aliases": ["web"]}}}})"));
    EXPECT_EQ(blueprint.networks,
              *parse_object(R"({"back": {"IPAMConfig": {"IPv4Address": "10.1.0.9"}}})"));
}

TEST(Blueprint, NetworksThatDockerBringsAlongTakeNoSettings) {
    const struct {
        std::string mode, network, hostname;
        bool has_hostname, is_joined_later;
    } cases[] = {
        {"default", "bridge", "0123456789ab", false, false},
        {"bridge", "bridge", "chosen", true, false},
        {"host", "host", "machine", true, false},
        {"container:abc", "bridge", "other", false, true},
        {"n1", "front", "chosen", true, false},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.mode);
        const json::object inspected{
            {"Id", "0123456789abcdef"},
            {"Config", {{"Hostname", c.hostname}}},
            {"HostConfig", {{"NetworkMode", c.mode}}},
            {"NetworkSettings", {{"Networks", {{c.network, {{"NetworkID", "n1"}}}}}}}};
        const auto blueprint = blueprint_of(inspected);
        EXPECT_EQ(blueprint.body.contains("Hostname"), c.has_hostname);
        EXPECT_FALSE(blueprint.body.contains("NetworkingConfig"));
        EXPECT_EQ(blueprint.networks.contains(c.network), c.is_joined_later);
    }
}

TEST(Blueprint, IsReadAsItWasWritten) {
    const auto blueprint = blueprint_of(*parse_object(kInspected));
    const auto again = read_blueprint(write_blueprint(blueprint));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->body, blueprint.body);
    EXPECT_EQ(again->networks, blueprint.networks);
    EXPECT_EQ(again->image_id, blueprint.image_id);
    for (const auto* text : {"", "no JSON", "[]", "{}", R"({"body": 1})"}) {
        const auto refused = read_blueprint(text);
        ASSERT_FALSE(refused) << text;
        EXPECT_EQ(refused.error().code, "VALIDATION_ERROR");
    }
}

}  // namespace
}  // namespace onex::receiver
