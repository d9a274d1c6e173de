#include "host/cli/deploy_input.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <functional>

namespace onex::host::cli {
namespace {

const std::vector<KnownPeer> kOne{{"studio", "10.0.0.2", 8001, true}};
const std::vector<KnownPeer> kTwo{{"studio", "10.0.0.2", 8001, true},
                                  {"attic", "10.0.0.3", 9001, false}};

TEST(DeployTarget, IsAPeerOrAnAddress) {
    struct Case {
        const char* to;
        const std::vector<KnownPeer>& peers;
        const char* host;  ///< empty: an error that holds `says`
        std::int64_t port;
        const char* says;
    };
    const std::vector<KnownPeer> none;
    const Case cases[] = {
        {"", kOne, "10.0.0.2", 8001, ""},
        {"attic", kTwo, "10.0.0.3", 9001, ""},
        {"192.168.86.200", kOne, "192.168.86.200", 8001, ""},
        {"192.168.86.200:9000", none, "192.168.86.200", 9000, ""},
        {"localhost", none, "localhost", 8001, ""},
        {"box:8001", none, "box", 8001, ""},
        {"", none, "", 0, "knows no peer"},
        {"", kTwo, "", 0, "the peers are studio, attic"},
        {"studoi", kOne, "", 0, "no peer is named 'studoi'; the peers are studio"},
        {"a.b:0", kOne, "", 0, "is not PEER or HOST[:PORT]"},
        {"a.b:70000", kOne, "", 0, "is not PEER or HOST[:PORT]"},
        {"a.b:80x", kOne, "", 0, "is not PEER or HOST[:PORT]"},
        {":8001", kOne, "", 0, "is not PEER or HOST[:PORT]"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.to);
        const auto target = resolve_target(c.to, c.peers);
        ASSERT_EQ(target.has_value(), *c.host != '\0');
        if (target) {
            EXPECT_EQ(target->host, c.host);
            EXPECT_EQ(target->port, c.port);
        } else {
            EXPECT_EQ(target.error().code, "VALIDATION_ERROR");
            EXPECT_NE(target.error().message.find(c.says), std::string::npos)
                << target.error().message;
        }
    }
}

TEST(DeployInput, HoldsOnlyWhatWasGiven) {
    DeployOptions options;
    options.name = "web";
    const auto input = make_deploy_input(options, {"10.0.0.2", 8001, "studio"}, "/src/web");
    ASSERT_TRUE(input);
    EXPECT_EQ(boost::json::value(*input), boost::json::parse(R"({
        "container_name": "web", "remote_host": "10.0.0.2", "remote_port": 8001,
        "build_options": {"build_context": "/src/web/"}})"));
}

TEST(DeployInput, TakesEveryFlag) {
    DeployOptions options;
    options.name = "web";
    options.tag = "v2";
    options.dockerfile = "Dockerfile.web";
    options.context = "../other";
    options.build_args = {"A=1", "B=x=y"};
    options.no_cache = options.pull = true;
    options.build_target = "release";
    options.ports = {"8080:80", "5353:53/udp"};
    options.env = {"MODE=live", "KEY=env:SECRET_KEY", "EMPTY="};
    options.volumes = {"/data:/var/data", "/etc/x:/x:ro"};
    options.networks = {"host", "backend"};
    options.labels = {"team=a"};
    options.memory = "512m";
    options.cpus = "1.5";
    options.restart = "always";
    options.health_path = "/health";
    options.health_status = 204;
    options.health_retries = 3;
    options.health_interval_ms = 100;
    options.compression = "gzip";
    options.adopt = options.no_rollback = options.skip_health = true;
    const auto input = make_deploy_input(options, {"10.0.0.2", 8001, ""}, "/src/web");
    ASSERT_TRUE(input) << input.error().message;
    EXPECT_EQ(boost::json::value(*input), boost::json::parse(R"({
        "container_name": "web", "remote_host": "10.0.0.2", "remote_port": 8001, "image_tag": "v2",
        "compression": "gzip",
        "build_options": {"build_context": "/src/other", "dockerfile_path": "Dockerfile.web",
            "build_args": {"A": "1", "B": "x=y"}, "no_cache": true, "pull": true, "target": "release"},
        "deployment_config": {
            "environment_variables": {"MODE": "live", "KEY": "env:SECRET_KEY", "EMPTY": ""},
            "port_mappings": [{"host_port": 8080, "container_port": 80},
                {"host_port": 5353, "container_port": 53, "protocol": "udp"}],
            "volumes": [{"host_path": "/data", "container_path": "/var/data", "mode": "rw"},
                {"host_path": "/etc/x", "container_path": "/x", "mode": "ro"}],
            "labels": {"team": "a"}, "network_mode": "host", "networks": ["backend"],
            "resource_limits": {"memory_limit": "512m", "cpu_limit": "1.5"},
            "restart_policy": "always", "adopt": true},
        "health_check_config": {"health_endpoint": "/health", "expected_status_code": 204,
            "max_retries": 3, "retry_interval_ms": 100},
        "rollback_on_failure": false, "skip_health_validation": true})"))
        << boost::json::serialize(*input);
}

TEST(DeployInput, AnImageReplacesTheBuild) {
    DeployOptions options;
    options.name = "web";
    options.image = "nginx:1.27";
    const auto input = make_deploy_input(options, {"10.0.0.2", 8001, ""}, "/");
    ASSERT_TRUE(input);
    EXPECT_FALSE(input->contains("build_options"));
    EXPECT_EQ(input->at("image"), "nginx:1.27");
}

TEST(DeployInput, SaysWhatIsWrongWithAFlag) {
    struct Case {
        const char* name;
        std::function<void(DeployOptions&)> spoil;
        const char* says;
    };
    const Case cases[] = {
        {"port without a colon", [](auto& o) { o.ports = {"80"}; }, "--port '80'"},
        {"port zero", [](auto& o) { o.ports = {"0:80"}; }, "--port '0:80'"},
        {"port too high", [](auto& o) { o.ports = {"8080:65536"}; }, "--port"},
        {"port not a number", [](auto& o) { o.ports = {"a:b"}; }, "--port"},
        {"unknown protocol", [](auto& o) { o.ports = {"1:1/sctp"}; }, "--port"},
        {"variable without value", [](auto& o) { o.env = {"MODE"}; }, "--env 'MODE'"},
        {"variable without name", [](auto& o) { o.env = {"=1"}; }, "--env '=1'"},
        {"build argument", [](auto& o) { o.build_args = {"X"}; }, "--build-arg 'X'"},
        {"label", [](auto& o) { o.labels = {"X"}; }, "--label 'X'"},
        {"relative volume", [](auto& o) { o.volumes = {"data:/x"}; }, "--volume"},
        {"volume without target", [](auto& o) { o.volumes = {"/data"}; }, "--volume"},
        {"volume to a relative path", [](auto& o) { o.volumes = {"/data:x"}; }, "--volume"},
        {"volume of another mode", [](auto& o) { o.volumes = {"/data:/x:z"}; }, "--volume"},
        {"empty volume", [](auto& o) { o.volumes = {""}; }, "--volume"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        DeployOptions options;
        options.name = "web";
        c.spoil(options);
        const auto input = make_deploy_input(options, {"10.0.0.2", 8001, ""}, "/");
        ASSERT_FALSE(input);
        EXPECT_EQ(input.error().code, "VALIDATION_ERROR");
        EXPECT_NE(input.error().message.find(c.says), std::string::npos) << input.error().message;
    }
}

}  // namespace
}  // namespace onex::host::cli
