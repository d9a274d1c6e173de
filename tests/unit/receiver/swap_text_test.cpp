#include "plugins/deployment_receiver/health.hpp"

#include <gtest/gtest.h>

#include <set>

namespace onex::receiver {
namespace {

TEST(SwapText, TheTakenPortIsFound) {
    const struct {
        std::string message;
        int port;
    } cases[] = {
        {"driver failed programming external connectivity on endpoint web (1a2b): Bind for "
         "0.0.0.0:8080 failed: port is already allocated",
         8080},
        {"Error starting userland proxy: listen tcp4 0.0.0.0:9000: bind: address already in use",
         9000},
        {"Ports are not available: exposing port TCP 0.0.0.0:5000 -> 127.0.0.1:0: listen tcp "
         "0.0.0.0:5000",
         5000},
        {"OCI runtime create failed: exec: \"nothing\": executable file not found", 0},
        {"", 0},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.message);
        EXPECT_EQ(taken_port(c.message), c.port);
    }
}

TEST(SwapText, TroubleIsTold) {
    const struct {
        std::string inspected, part;
    } cases[] = {
        {R"({"State":{"Running":true,"Status":"running"}})", ""},
        {R"({"State":{"Running":false,"Status":"exited","ExitCode":3}})", "exited with code 3"},
        {R"({"State":{"Running":false,"Status":"exited","ExitCode":137,"OOMKilled":true}})",
         "want of memory"},
        {R"({"State":{"Running":true,"Restarting":true,"ExitCode":1},"RestartCount":4})",
         "again and again (4 times"},
        {R"({"State":{"Running":true},"RestartCount":1})", "again and again"},
        {R"({"State":{"Running":false,"Status":"created"}})", "never started"},
        {R"({"State":{"Running":true,"Paused":true}})", "paused"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.inspected);
        const auto text = trouble(*parse_object(c.inspected));
        EXPECT_EQ(text.empty(), c.part.empty());
        EXPECT_NE(text.find(c.part), std::string::npos) << text;
    }
}

TEST(SwapText, WhereAContainerAnswers) {
    const auto inspected =
        *parse_object(R"({"NetworkSettings":{"Networks":{"bridge":{"IPAddress":"172.17.0.3"}}},
        "Config":{"ExposedPorts":{"53/udp":{},"80/tcp":{}}}})");
    const auto url = [&](const std::string& config) {
        return Swapper::base_url(inspected, *read_spec(*parse_object(config)));
    };
    EXPECT_EQ(url(R"({"port_mappings":[{"host_port":8080,"container_port":80}]})"),
              "http://127.0.0.1:8080");
    EXPECT_EQ(
        url(R"({"port_mappings":[{"host_port":53,"container_port":53,"protocol":"udp"},{"host_port":9000,"container_port":1}]})"),
        "http://127.0.0.1:9000");
    EXPECT_EQ(
        url(R"({"network_mode":"host","port_mappings":[{"host_port":8080,"container_port":80}]})"),
        "http://127.0.0.1:80");
    EXPECT_EQ(url("{}"), "http://172.17.0.3:80");
    EXPECT_EQ(Swapper::base_url({}, {}), "");

    // A port that is published on one address only does not answer on 127.0.0.1.
    const std::vector<std::pair<std::string, std::string>> published{
        {"", "127.0.0.1"},
        {"0.0.0.0", "127.0.0.1"},
        {"::", "127.0.0.1"},
        {"198.18.0.2", "198.18.0.2"},
        {"fd00::2", "[fd00::2]"},
    };
    for (const auto& [address, host] : published) {
        const auto bound = *parse_object(R"({"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":")" +
                                         address + R"(","HostPort":"8080"}]}}})");
        const auto spec = *read_spec(
            *parse_object(R"({"port_mappings":[{"host_port":8080,"container_port":80}]})"));
        EXPECT_EQ(Swapper::base_url(bound, spec), "http://" + host + ":8080");
    }
}

TEST(SwapText, NamesAndPolicies) {
    EXPECT_EQ(retired_name("web", "prev", "abc"), "web.prev.ba7816bf8f01");
    std::set<std::string> names;
    for (const auto* id : {"release-001", "release-002", "release-003", "a/b c", "a-b-c"}) {
        const auto name = retired_name("web", "undone", id);
        EXPECT_TRUE(names.insert(name).second) << id;
        EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789."), name.npos);
    }
    EXPECT_EQ(name_part("Mac-Studio.local"), "mac-studio-local");
    EXPECT_EQ(name_part("--"), "host");
    EXPECT_EQ(
        container_policy(*parse_object(
            R"({"HostConfig":{"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":5}}})")),
        "on-failure:5");
    EXPECT_EQ(container_policy(*parse_object(R"({"HostConfig":{"RestartPolicy":{"Name":""}}})")),
              "no");
    EXPECT_EQ(iso_time(1'769'860'800'000'000), "2026-01-31T12:00:00Z");
    EXPECT_FALSE(read_target({}));
    const auto target =
        read_target(*parse_object(R"({"container_name":"web","run":{"workflow_id":"w1"}})"));
    ASSERT_TRUE(target);
    EXPECT_EQ(target->deployment_id, "w1");
    EXPECT_FALSE(check_architecture("arm64", "amd64"));
    EXPECT_TRUE(check_architecture("", "amd64"));
}

}  // namespace
}  // namespace onex::receiver
