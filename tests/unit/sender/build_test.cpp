// The pure parts of building: what needs BuildKit, the log, the plan, the log-ins.
#include "plugins/deployment_sender/build_log.hpp"
#include "plugins/deployment_sender/build_plan.hpp"
#include "plugins/deployment_sender/buildkit_needed.hpp"
#include "plugins/deployment_sender/registry_config.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace onex::sender {
namespace {

namespace fs = std::filesystem;

TEST(BuildkitNeeded, FindsTheLine) {
    const struct {
        const char* text;
        std::size_t line;  // 0: the classic builder can do it
        const char* what;
    } cases[] = {
        {"", 0, ""},
        {"FROM a\nRUN make --mount=x\nCOPY --from=b --chown=1 /x /y\n", 0, ""},
        {"# syntax=docker/dockerfile:1\nFROM a\n", 1, "# syntax="},
        {"# escape=`\n# SYNTAX = x\nFROM a\n", 2, "# syntax="},
        {"# a comment\n# syntax=too/late\nFROM a\n", 0, ""},
        {"FROM a\n# syntax=too/late\n", 0, ""},
        {"FROM a\n\nRUN --mount=type=cache,target=/c make\n", 3, "RUN --mount"},
        {"FROM a\nRUN --network=none make", 2, "RUN --network"},
        {"FROM a\nrun \\\n  # a comment\n  --mount=type=secret,id=x \\\n  cat /x\n",
         2,
         "RUN --mount"},
        {"# escape=`\nFROM a\nRUN `\n --mount=type=cache,target=/c make\n", 3, "RUN --mount"},
        {"FROM a\nCOPY --link a b\n", 2, "COPY --link"},
        {"FROM a\nCOPY --from=x --chmod=755 a b\n", 2, "COPY --chmod"},
        {"FROM a\nADD --checksum=sha256:1 http://x /y\n", 2, "ADD --checksum"},
        {"FROM a\nONBUILD COPY --link a b\n", 2, "COPY --link"},
        {"FROM a\nRUN <<EOF\necho hi\nEOF\n", 2, "a heredoc in RUN"},
        {"FROM a\nCOPY <<-\"EOF\" /x\nhi\nEOF\n", 2, "a heredoc in COPY"},
        {"FROM a\nRUN cat <<<hello && echo $((1 << 2))\n", 0, ""},
        {"FROM a\nENV A=\"<<EOF\"\nLABEL x=--mount\n", 0, ""},
        {"FROM a\nCOPY --linked a b\n", 0, ""},
        {"FROM a\r\nCOPY --link a b\r\n", 2, "COPY --link"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.text);
        const auto need = buildkit_needed(c.text);
        EXPECT_EQ(need ? need->line : 0, c.line);
        if (need) EXPECT_EQ(need->what, c.what);
    }
    EXPECT_TRUE(asks_for_buildkit("the --mount option requires BuildKit. Refer to …"));
    EXPECT_TRUE(asks_for_buildkit("ERROR: BuildKit not supported by daemon"));
    EXPECT_FALSE(asks_for_buildkit("The command '/bin/sh -c make' returned a non-zero code: 2"));
}

TEST(BuildLog, CutsLinesAndKeepsTheLastOnes) {
    std::vector<std::string> seen;
    BuildLog log([&](std::string_view line) { seen.emplace_back(line); });
    log.push("Step 1/2 : FR");
    log.push("OM a\n\n\x1b[31mred\x1b[0m\r\n10%\r50%\r100%\nno end");
    log.flush();
    EXPECT_EQ(seen, (std::vector<std::string>{"Step 1/2 : FROM a", "red", "100%", "no end"}));
    for (int i = 0; i < 100; ++i)
        log.push("line " + std::to_string(i) + "\n");
    EXPECT_EQ(log.last().size(), BuildLog::kLinesKept);
    EXPECT_EQ(log.last().front(), "line 80");
    const auto error = log.failure("make returned 2");
    EXPECT_EQ(error.code, "BUILD_FAILED");
    EXPECT_NE(error.message.find("make returned 2"), std::string::npos);
    EXPECT_TRUE(error.message.ends_with("\n  line 99"));
    EXPECT_EQ(error.message.find("line 94\n"), std::string::npos);
    const auto details = parse_object(error.details).value();
    EXPECT_EQ(details.at("log").as_array().size(), BuildLog::kLinesKept);
}

TEST(BuildLog, LongLinesStaySmall) {
    std::size_t longest = 0;
    BuildLog log([&](std::string_view line) { longest = std::max(longest, line.size()); });
    for (int i = 0; i < 30; ++i)
        log.push(std::string(100'000, '"') + "\n");
    EXPECT_LE(longest, 8u * 1024);
    const auto error = log.failure(std::string(10'000, 'c'));
    EXPECT_LE(error.message.size(), 2048u);
    EXPECT_LE(error.details.size(), 8192u);
    EXPECT_TRUE(parse_object(error.details));
    EXPECT_EQ(cut("aé", 2), "a");
}

class BuildPlanTest : public testing::Test {
  protected:
    BuildPlanTest() {
        fs::create_directories(root_ / "app/docker");
        std::ofstream(root_ / "app/Dockerfile") << "FROM scratch\n";
        std::ofstream(root_ / "app/docker/Dockerfile.dev") << "FROM dev\n";
        std::ofstream(root_ / "outside") << "FROM outside\n";
        fs::create_symlink(root_ / "outside", root_ / "app/leak");
        root_ = fs::canonical(root_);
    }
    ~BuildPlanTest() override { fs::remove_all(root_); }

    Result<BuildPlan> plan(json::object options) {
        json::object input{
            {"container_name", "web"}, {"image_tag", "1.0"}, {"build_options", std::move(options)}};
        return plan_build(input, settings_);
    }

    fs::path root_ = fs::path(testing::TempDir()) / ("onex_plan_" + std::to_string(::getpid()));
    Settings settings_;
};

TEST_F(BuildPlanTest, FindsFolderAndFile) {
    const auto context = (root_ / "app").string();
    const auto made = plan({{"build_context", context}}).value();
    EXPECT_EQ(made.tag, "web:1.0");
    EXPECT_EQ(made.context, root_ / "app");
    EXPECT_EQ(made.dockerfile, "Dockerfile");
    EXPECT_EQ(made.dockerfile_text, "FROM scratch\n");
    EXPECT_EQ(plan({{"build_context", context}, {"dockerfile_path", "docker/Dockerfile.dev"}})
                  ->dockerfile,
              "docker/Dockerfile.dev");
    EXPECT_EQ(plan({{"build_context", context}, {"dockerfile_path", context + "/./Dockerfile"}})
                  ->dockerfile,
              "Dockerfile");
    settings_.context_root = root_;
    settings_.build_roots = {root_};
    EXPECT_EQ(plan({{"build_context", "app"}})->context, root_ / "app");
}

TEST_F(BuildPlanTest, RefusesWhatLeadsOut) {
    const auto context = (root_ / "app").string();
    EXPECT_EQ(plan({{"build_context", "app"}}).error().code, "VALIDATION_ERROR");
    EXPECT_EQ(plan({}).error().code, "VALIDATION_ERROR");
    EXPECT_EQ(plan({{"build_context", context + "/../app"}}).error().code, "VALIDATION_ERROR");
    EXPECT_EQ(plan({{"build_context", context + "/Dockerfile"}}).error().code, "NOT_FOUND");
    EXPECT_EQ(plan({{"build_context", context + "/none"}}).error().code, "NOT_FOUND");
    const auto dockerfile = [&](const std::string& path) {
        return plan({{"build_context", context}, {"dockerfile_path", path}}).error().code;
    };
    EXPECT_EQ(dockerfile("../outside"), "VALIDATION_ERROR");
    EXPECT_EQ(dockerfile("leak"), "VALIDATION_ERROR");
    EXPECT_EQ(dockerfile("/etc/passwd"), "VALIDATION_ERROR");
    EXPECT_EQ(dockerfile("docker"), "NOT_FOUND");
    EXPECT_EQ(dockerfile("None"), "NOT_FOUND");
    settings_.build_roots = {root_ / "ap", root_ / "application"};
    EXPECT_EQ(plan({{"build_context", context}}).error().code, "POLICY_DENIED");
}

TEST_F(BuildPlanTest, OptionsBecomeQueryAndArguments) {
    const auto made = plan({{"build_context", (root_ / "app").string()},
                            {"build_args", {{"A", "x y"}, {"N", 3}}},
                            {"no_cache", true},
                            {"pull", true},
                            {"cache_from", {"a:1", "b:2"}},
                            {"target", "run"},
                            {"platform", "linux/arm64"}})
                          .value();
    const auto query = docker::query_text(build_query(made).value());
    for (const auto* part :
         {"t=web%3A1.0", "nocache=1", "pull=1", "target=run", "platform=linux%2Farm64", "rm=1"}) {
        EXPECT_NE(query.find(part), std::string::npos) << part << " in " << query;
    }
    EXPECT_NE(query.find(docker::encode(R"({"A":"x y","N":"3"})")), std::string::npos) << query;
    EXPECT_NE(query.find(docker::encode(R"(["a:1","b:2"])")), std::string::npos) << query;
    const auto args = buildx_arguments(made).value();
    for (const auto* arg :
         {"--load", "--tag=web:1.0", "--build-arg=A=x y", "--no-cache", "--cache-from=b:2"}) {
        EXPECT_TRUE(std::ranges::count(args, arg)) << arg;
    }
    EXPECT_EQ(args.back(), (root_ / "app").string());
    const auto bad =
        plan({{"build_context", (root_ / "app").string()}, {"build_args", {{"A=B", "x"}}}}).value();
    EXPECT_EQ(build_query(bad).error().code, "VALIDATION_ERROR");
    EXPECT_EQ(buildx_arguments(bad).error().code, "VALIDATION_ERROR");
}

TEST(RegistryConfig, TurnsLoginsIntoTheHeader) {
    EXPECT_EQ(registry_header(""), "");
    EXPECT_EQ(registry_header("[]"), "");
    EXPECT_EQ(registry_header(R"({"credsStore": "desktop"})"), "");
    EXPECT_EQ(registry_header(R"({"auths": {"r.example": {}, "s.example": {"auth": "%%%"}}})"), "");
    // "bob:pa:ss" → {"r.example":{"username":"bob","password":"pa:ss"}}
    EXPECT_EQ(registry_header(R"({"auths": {"r.example": {"auth": "Ym9iOnBhOnNz"}}})"),
              "eyJyLmV4YW1wbGUiOnsidXNlcm5hbWUiOiJib2IiLCJwYXNzd29yZCI6InBhOnNzIn19");
    EXPECT_NE(registry_header(R"({"auths": {"r": {"auth": "", "identitytoken": "t"}}})"), "");
}

}  // namespace
}  // namespace onex::sender
