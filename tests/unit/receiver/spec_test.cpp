#include "plugins/deployment_receiver/spec.hpp"

#include <onex/json.hpp>

#include <gtest/gtest.h>

namespace onex::receiver {
namespace {

Result<ContainerSpec> read(const std::string& text) {
    return read_spec(*parse_object(text));
}

TEST(ContainerSpecText, AWholeConfigurationIsRead) {
    const auto spec = read(
        R"({"environment_variables":{"A":"1","B":2,"C":true},"port_mappings":[{"host_port":8080,"container_port":80},
        {"host_port":8080,"container_port":53,"protocol":"udp"}],"volumes":[{"host_path":"/srv/a","container_path":"/data","mode":"ro"}],
        "networks":["one","two"],"restart_policy":"on-failure","labels":{"team":"x"},"resource_limits":{"cpu_limit":"1.5","memory_limit":"512m"},
        "adopt":true})");
    ASSERT_TRUE(spec) << spec.error().message;
    EXPECT_EQ(spec->environment.size(), 3U);
    EXPECT_EQ(spec->environment[1].second, "2");
    EXPECT_EQ(spec->cpu_nano, 1'500'000'000);
    EXPECT_EQ(spec->memory_bytes, 512 << 20);
    EXPECT_TRUE(spec->adopt);

    const auto body =
        create_body(*spec, {"web", "studio", "d1", "w1", "onex/studio/web:d1", "v1", "0.0.0.0"});
    const auto& host = get_object(body, "HostConfig");
    EXPECT_EQ(get_text(get_object(host, "RestartPolicy"), "Name"), "no");
    EXPECT_EQ(get_text(host, "NetworkMode"), "one");
    EXPECT_FALSE(get_bool(host, "Privileged", true));
    EXPECT_EQ(get_number(host, "Memory"), 512 << 20);
    EXPECT_EQ(get_text(get_object(body, "Labels"), "onex.deployment"), "d1");
    EXPECT_EQ(get_text(get_object(body, "Labels"), "team"), "x");
    EXPECT_EQ(get_object(host, "PortBindings").size(), 2U);
    EXPECT_TRUE(get_bool(host.at("Mounts").as_array()[0].as_object(), "ReadOnly"));
    EXPECT_EQ(body.at("Env").as_array()[0].as_string(), "A=1");
}

TEST(ContainerSpecText, NothingAskedIsADefaultContainer) {
    const auto spec = read("{}");
    ASSERT_TRUE(spec);
    EXPECT_EQ(spec->restart_policy, "unless-stopped");
    const auto body = create_body(*spec, {});
    EXPECT_EQ(get_text(get_object(body, "HostConfig"), "NetworkMode"), "bridge");
    EXPECT_FALSE(get_object(body, "HostConfig").contains("Memory"));
}

TEST(ContainerSpecText, PortsOfTheHostsNetworkAreNotPublished) {
    const auto spec =
        read(R"({"network_mode":"host","port_mappings":[{"host_port":8080,"container_port":80}]})");
    ASSERT_TRUE(spec);
    EXPECT_TRUE(
        get_object(get_object(create_body(*spec, {}), "HostConfig"), "PortBindings").empty());
}

TEST(ContainerSpecText, WhatIsWrongIsNamed) {
    const struct {
        std::string config, part;
    } cases[] = {
        {R"({"privileged":true})", "privileged is unknown"},
        {R"({"environment_variables":[]})", "environment_variables must be an object"},
        {R"({"environment_variables":{"1A":"x"}})", "1A is no name"},
        {R"({"environment_variables":{"A=B":"x"}})", "is no name"},
        {R"({"environment_variables":{"":"x"}})", "is no name"},
        {R"({"environment_variables":{"A":{"$secret":"7"}}})", "nobody resolved"},
        {R"({"environment_variables":{"A":null}})", "must be a text"},
        {R"({"environment_variables":{"A":"x\u0000y"}})", "NUL"},
        {R"({"port_mappings":{}})", "must be a list"},
        {R"({"port_mappings":[7]})", "no object"},
        {R"({"port_mappings":[{"host_port":0,"container_port":80}]})", "host_port is 0"},
        {R"({"port_mappings":[{"host_port":80,"container_port":70000}]})",
         "container_port is 70000"},
        {R"({"port_mappings":[{"host_port":80,"container_port":80,"protocol":"sctp"}]})",
         "protocol is sctp"},
        {R"({"port_mappings":[{"host_port":80,"container_port":80},{"host_port":80,"container_port":81}]})",
         "80 twice"},
        {R"({"volumes":[{"host_path":"data","container_path":"/d"}]})", "no absolute path"},
        {R"({"volumes":[{"host_path":"/data","container_path":"../d"}]})", "no absolute path"},
        {R"({"volumes":[{"host_path":"/data","container_path":"//"}]})", "mounted on /"},
        {R"({"volumes":[{"host_path":"/data","container_path":"/d","mode":"rwx"}]})",
         "mode is rwx"},
        {R"({"network_mode":"container:x"})", "network_mode is none of"},
        {R"({"network_mode":"host","networks":["a"]})", "network_mode host"},
        {R"({"networks":[""]})", "list of names"},
        {R"({"restart_policy":"sometimes"})", "restart_policy is none of"},
        {R"({"labels":{"onex.container":"other"}})", "not yours to set"},
        {R"({"resource_limits":{"pids":"1"}})", "resource_limits.pids is unknown"},
        {R"({"resource_limits":{"cpu_limit":"lots"}})", "cpu_limit"},
        {R"({"resource_limits":{"memory_limit":"1m"}})", "below 6m"},
        {R"({"adopt":"yes"})", "adopt must be true or false"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.config);
        const auto spec = read(c.config);
        ASSERT_FALSE(spec);
        EXPECT_EQ(spec.error().code, "VALIDATION_ERROR");
        EXPECT_NE(spec.error().message.find(c.part), std::string::npos) << spec.error().message;
    }
}

TEST(ContainerSpecText, ValuesOfVariablesAreNeverInAnError) {
    const auto spec =
        read(R"({"environment_variables":{"GOOD":"marker-7","bad name":"marker-7"}})");
    ASSERT_FALSE(spec);
    EXPECT_EQ(spec.error().message.find("marker-7"), std::string::npos);
}

TEST(ContainerSpecText, LimitsAreNumbersWithUnits) {
    const struct {
        std::string text;
        std::int64_t cpu, memory;
    } cases[] = {
        {"2", 2'000'000'000, -1},
        {"0.25", 250'000'000, -1},
        {"1.", -1, -1},
        {".5", -1, -1},
        {"0", -1, -1},
        {"-1", -1, -1},
        {"1.5.5", -1, -1},
        {"99999", -1, -1},
        {"1e3", -1, -1},
        {"", -1, -1},
        {"512m", -1, 512 << 20},
        {"1g", -1, 1 << 30},
        {"8192k", -1, 8 << 20},
        {"16777216b", -1, 16 << 20},
        {"1t", -1, -1},
        {"99999999999g", -1, -1},
        {"512 m", -1, -1},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.text);
        EXPECT_EQ(read_cpu(c.text).value_or(-1), c.cpu);
        EXPECT_EQ(read_memory(c.text).value_or(-1), c.memory);
    }
}

}  // namespace
}  // namespace onex::receiver
