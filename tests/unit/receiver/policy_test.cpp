#include "plugins/deployment_receiver/policy.hpp"

#include <onex/json.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace onex::receiver {
namespace {

Result<ContainerSpec> judge(const std::string& settings, const std::string& config) {
    const auto policy = read_policy(*parse_object(settings));
    if (!policy) return std::unexpected(policy.error());
    auto spec = read_spec(*parse_object(config));
    if (!spec) return spec;
    return admit(*policy, std::move(*spec), [](const std::string& path) {
        return path == "/srv/link" ? std::string("/etc")
                                   : std::filesystem::path(path).lexically_normal().string();
    });
}

TEST(ContainerPolicy, DeniesByDefaultAndSaysHowToAllow) {
    const struct {
        std::string name, settings, config, code, part;
    } cases[] = {
        {"nothing special",
         "{}",
         R"({"port_mappings":[{"host_port":8080,"container_port":80}]})",
         "",
         ""},
        {"mount",
         "{}",
         R"({"volumes":[{"host_path":"/etc","container_path":"/e"}]})",
         "POLICY_DENIED",
         "allowed_host_mounts"},
        {"mount below",
         R"({"allowed_host_mounts":["/srv/data/"]})",
         R"({"volumes":[{"host_path":"/srv/data/x","container_path":"/e"}]})",
         "",
         ""},
        {"mount itself",
         R"({"allowed_host_mounts":["/srv/data"]})",
         R"({"volumes":[{"host_path":"/srv/data","container_path":"/e"}]})",
         "",
         ""},
        {"name that only begins so",
         R"({"allowed_host_mounts":["/srv/data"]})",
         R"({"volumes":[{"host_path":"/srv/database","container_path":"/e"}]})",
         "POLICY_DENIED",
         "/srv/database"},
        {"dots",
         R"({"allowed_host_mounts":["/srv/data"]})",
         R"({"volumes":[{"host_path":"/srv/data/../../etc","container_path":"/e"}]})",
         "POLICY_DENIED",
         "(which is /etc)"},
        {"symlink out",
         R"({"allowed_host_mounts":["/srv"]})",
         R"({"volumes":[{"host_path":"/srv/link","container_path":"/e"}]})",
         "POLICY_DENIED",
         "which is /etc"},
        {"everything allowed",
         R"({"allowed_host_mounts":["/"]})",
         R"({"volumes":[{"host_path":"/etc","container_path":"/e"}]})",
         "",
         ""},
        {"host network",
         "{}",
         R"({"network_mode":"host"})",
         "POLICY_DENIED",
         "allowed_network_modes"},
        {"host network allowed",
         R"({"allowed_network_modes":["host"]})",
         R"({"network_mode":"host"})",
         "",
         ""},
        {"bridge not allowed",
         R"({"allowed_network_modes":[]})",
         "{}",
         "POLICY_DENIED",
         "network_mode bridge"},
        {"network", "{}", R"({"networks":["backend"]})", "POLICY_DENIED", "allowed_networks"},
        {"network allowed",
         R"({"allowed_networks":["backend"]})",
         R"({"networks":["backend"]})",
         "",
         ""},
        {"a mode as a network",
         R"({"allowed_networks":["*"]})",
         R"({"networks":["host"]})",
         "POLICY_DENIED",
         "network mode"},
        {"another container's network",
         R"({"allowed_networks":["*"]})",
         R"({"networks":["container:x"]})",
         "POLICY_DENIED",
         "network mode"},
        {"low port",
         "{}",
         R"({"port_mappings":[{"host_port":80,"container_port":80}]})",
         "POLICY_DENIED",
         "1024..65535"},
        {"low port allowed",
         R"({"port_min":80})",
         R"({"port_mappings":[{"host_port":80,"container_port":80}]})",
         "",
         ""},
        {"high port",
         R"({"port_max":9000})",
         R"({"port_mappings":[{"host_port":9001,"container_port":80}]})",
         "POLICY_DENIED",
         "9001"},
        {"memory",
         R"({"memory_limit_max":"1g"})",
         R"({"resource_limits":{"memory_limit":"2g"}})",
         "RESOURCE_LIMIT_EXCEEDED",
         "memory_limit_max"},
        {"cpu",
         R"({"cpu_limit_max":"1.0"})",
         R"({"resource_limits":{"cpu_limit":"1.5"}})",
         "RESOURCE_LIMIT_EXCEEDED",
         "cpu_limit_max"},
        {"at the limit",
         R"({"memory_limit_max":"1g"})",
         R"({"resource_limits":{"memory_limit":"1024m"}})",
         "",
         ""},
        {"relative prefix",
         R"({"allowed_host_mounts":["srv"]})",
         "{}",
         "VALIDATION_ERROR",
         "no absolute path"},
        {"ports the wrong way round",
         R"({"port_min":9000,"port_max":8000})",
         "{}",
         "VALIDATION_ERROR",
         "port_min"},
        {"limit without sense",
         R"({"memory_limit_max":"much"})",
         "{}",
         "VALIDATION_ERROR",
         "memory_limit_max"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto spec = judge(c.settings, c.config);
        EXPECT_EQ(spec ? "" : spec.error().code, c.code) << (spec ? "" : spec.error().message);
        if (!spec)
            EXPECT_NE(spec.error().message.find(c.part), std::string::npos) << spec.error().message;
    }
}

TEST(ContainerPolicy, LimitsOfTheMachineHoldWithoutBeingAskedFor) {
    const auto spec = judge(R"({"memory_limit_max":"1g","cpu_limit_max":"2"})", "{}");
    ASSERT_TRUE(spec);
    EXPECT_EQ(spec->memory_bytes, 1 << 30);
    EXPECT_EQ(spec->cpu_nano, 2'000'000'000);
}

TEST(ContainerPolicy, SymlinksAreResolvedOnDisk) {
    const auto folder =
        std::filesystem::temp_directory_path() / ("onex_policy_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder / "real");
    std::filesystem::create_directory_symlink("/etc", folder / "out");
    std::filesystem::create_directory_symlink(folder / "real", folder / "in");
    Policy policy;
    policy.allowed_network_modes = {"bridge"};
    policy.allowed_host_mounts = {folder.string()};
    const auto mount = [&](const std::string& path) {
        ContainerSpec spec;
        spec.volumes.push_back({path, "/d", "rw"});
        return admit(policy, spec);
    };
    EXPECT_FALSE(mount((folder / "out").string()));
    EXPECT_FALSE(mount((folder / "out/ssh").string()));
    const auto inside = mount((folder / "in").string());
    ASSERT_TRUE(inside) << inside.error().message;
    EXPECT_EQ(inside->volumes[0].host_path, std::filesystem::canonical(folder / "real").string());
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace onex::receiver
