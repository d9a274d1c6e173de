// The sender in real hosts with a real Docker engine: what no pure test can show.
#include "tests/support/docker_engine.hpp"
#include "tests/support/host_process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

namespace onex::test {
namespace {

namespace json = boost::json;

constexpr const char* kBase = "onex-sender-base:stable";

class SenderEngine : public testing::Test {
  protected:
    static void SetUpTestSuite() { engine = DockerEngine::find_or_start(why_no_engine); }
    static void TearDownTestSuite() { engine.reset(); }

    void SetUp() override {
        if (!engine) GTEST_SKIP() << why_no_engine;
        ASSERT_TRUE(engine->import_busybox(kBase));
        const auto& root = folder_.path();
        write_file(root + "/key", "0123456789abcdef0123456789abcdef\n");
        // Stands for `docker buildx`: takes the arguments down and makes the image some other way.
        write_file(root + "/docker",
                   "#!/bin/sh\necho \"$@\" >> " + root +
                       "/arguments\n[ \"$2\" = version ] && exit 0\n"
                       "[ -e " +
                       root +
                       "/broken ] && { echo '#9 ERROR: no' >&2; exit 1; }\n"
                       "echo '#1 built' >&2\nexec $(PATH=/usr/local/bin:/usr/bin:/bin command -v "
                       "docker) tag " +
                       std::string(kBase) + " kit:1\n");
        ::chmod((root + "/docker").c_str(), 0700);
        const auto port = std::to_string(free_port());
        const auto docker = "docker_socket = 'unix://" + engine->socket() + "'\n";
        studio_ = start(
            "studio",
            "[nodes.receiver]\nplugin = 'deployment_receiver'\nlisten = '127.0.0.1:" + port +
                "'\n[nodes.receiver.settings]\n" + docker +
                "[peers.laptop]\nurl = 'http://127.0.0.1:1'\nkey = 'file:" + root + "/key'\n");
        laptop_ =
            start("laptop",
                  "[process]\nallow = ['" + root + "/docker']\n" +
                      "[nodes.sender]\nplugin = 'deployment_sender'\n[nodes.sender.settings]\n" +
                      docker + "context_root = '" + root + "'\nbuild_roots = ['" + root +
                      "']\n[peers.studio]\nurl = 'http://127.0.0.1:" + port +
                      "'\nkey = 'file:" + root + "/key'\n");
        studio_url_ = "http://127.0.0.1:" + port;
    }

    std::unique_ptr<HostProcess> start(const std::string& name, const std::string& toml) {
        HostOptions options;
        options.folder = folder_.path();
        options.name = name;
        options.in_host = "stop_timeout_ms = 1000";
        options.toml = toml;
        auto host = std::make_unique<HostProcess>(options);
        EXPECT_TRUE(host->start()) << host->log();
        return host;
    }

    Answer call(const std::string& operation, const json::object& input) const {
        return laptop_->ask(
            "POST", "/onex/v1/nodes/sender/operations/" + operation, json::serialize(input));
    }
    Answer build(const std::string& dockerfile, const std::string& name = "app") const {
        const auto context = folder_.path() + "/context";
        std::filesystem::create_directories(context);
        write_file(context + "/Dockerfile", "FROM " + std::string(kBase) + "\n" + dockerfile);
        return call("build_docker_image",
                    {{"container_name", name},
                     {"image_tag", "1"},
                     {"build_options", {{"build_context", "context"}}}});
    }
    /// "TYPE what" of each event of the laptop, where `what` is this member of its payload.
    [[nodiscard]] std::string events(const std::string& what) const {
        sqlite3* opened = nullptr;
        sqlite3_stmt* prepared = nullptr;
        const auto file = laptop_->data_dir() + "/onex.db";
        const auto sql = "SELECT group_concat(type || ' ' || json_extract(payload, '" + what +
                         "'), ', ') FROM (SELECT type, payload FROM events ORDER BY sequence)";
        std::string out;
        if (sqlite3_open_v2(file.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
            sqlite3_prepare_v2(opened, sql.c_str(), -1, &prepared, nullptr) == SQLITE_OK &&
            sqlite3_step(prepared) == SQLITE_ROW) {
            const auto* text = sqlite3_column_text(prepared, 0);
            out = text ? reinterpret_cast<const char*>(text) : "";
        }
        sqlite3_finalize(prepared);
        sqlite3_close(opened);
        return out;
    }
    [[nodiscard]] std::string arguments() const { return read_file(folder_.path() + "/arguments"); }

    static inline std::unique_ptr<DockerEngine> engine;
    static inline std::string why_no_engine;
    TempDir folder_;
    std::string studio_url_;
    std::unique_ptr<HostProcess> studio_;
    std::unique_ptr<HostProcess> laptop_;
};

TEST_F(SenderEngine, BuildsAndJudges) {
    write_file(folder_.path() + "/.keep", "");
    const auto built = build("COPY . /app\nLABEL team=blue\n");
    ASSERT_EQ(built.status, 200U) << built;
    json::object image{{"image_ref", "app:1"}, {"image_id", built.json.at("image_id")}};
    EXPECT_EQ(call("gather_metadata", image).json.at("checks").at("metadata_complete"), 1.0);
    image["build_options"] = {{"required_labels", {{"team", "blue"}}}};
    image["run"] = {{"gates", {{{"name", "image_size_check"}, {"max_size_bytes", 10}}}}};
    const auto checked = call("validate_image", image);
    EXPECT_EQ(checked.json.at("checks"),
              (json::object{{"image_exists", 1}, {"image_integrity", 1}, {"image_size_check", 0}}));
    image["build_options"] = {{"required_labels", {"owner"}}};
    EXPECT_EQ(call("validate_image", image).code, "VALIDATION_ERROR");
    image["image_ref"] = "app:gone";
    EXPECT_EQ(call("validate_image", image).json.at("checks").at("image_exists"), 0);
}

TEST_F(SenderEngine, AnImageOverTheLimitOfTheSettingsFailsTheCheckOfItsSize) {
    ASSERT_EQ(build("").status, 200U);
    const json::object image{{"image_ref", "app:1"}};
    EXPECT_EQ(call("validate_image", image).json.at("checks").at("image_size_check"), 1);
    laptop_.reset();
    laptop_ = start("laptop",
                    "[nodes.sender]\nplugin = 'deployment_sender'\n[nodes.sender.settings]\n"
                    "docker_socket = 'unix://" +
                        engine->socket() + "'\nmax_image_bytes = 1000\n");
    const auto large = call("validate_image", image);
    EXPECT_EQ(large.json.at("checks").at("image_size_check"), 0) << large;
    EXPECT_NE(json::serialize(large.json.at("validation")).find("1000"), std::string::npos)
        << large;
}

TEST_F(SenderEngine, TellsFailuresOutsideARunOnly) {
    json::object input{{"container_name", "app"},
                       {"image_tag", "1"},
                       {"build_options", {{"build_context", "none"}}},
                       {"build_context", "none"},
                       {"run", {{"workflow_id", "6f9619ff-8b86-4011-b42d-00cf4fc964ff"}}}};
    // Its engine tells that a run has failed.
    EXPECT_EQ(call("build_docker_image", input).code, "NOT_FOUND");
    EXPECT_EQ(call("package_container", input).code, "NOT_FOUND");
    EXPECT_EQ(events("$.container_name"), "BUILD_STARTED app, BUILD_STARTED app");
    input.erase("run");
    EXPECT_EQ(call("build_docker_image", input).code, "NOT_FOUND");
    EXPECT_EQ(call("package_container", input).code, "NOT_FOUND");
    EXPECT_EQ(events("$.container_name"),
              "BUILD_STARTED app, BUILD_STARTED app, BUILD_STARTED app, DEPLOYMENT_FAILED app, "
              "BUILD_STARTED app, DEPLOYMENT_FAILED app");
}

TEST_F(SenderEngine, PublishesWhatItIsAskedTo) {
    const json::object asked{{"event_type", "TRANSFER_COMPLETED"},
                             {"correlation_id", "6f9619ff-8b86-4011-b42d-00cf4fc964ff"},
                             {"package_id", "p-1"},
                             {"container_name", "app"},
                             {"image_tag", "1"},
                             {"event_payload", {{"bytes", 7}}}};
    const auto answer = call("publish_transfer_event", asked);
    ASSERT_EQ(answer.status, 200U) << answer;
    EXPECT_EQ(answer.json.at("success"), true) << answer;
    EXPECT_EQ(answer.json.at("event_published"), true) << answer;
    EXPECT_EQ(events("$.payload.bytes"), "TRANSFER_COMPLETED 7");
    EXPECT_EQ(events("$.package_id"), "TRANSFER_COMPLETED p-1");
    EXPECT_EQ(events("$.correlation_id"),
              "TRANSFER_COMPLETED 6f9619ff-8b86-4011-b42d-00cf4fc964ff");
    auto other = asked;
    other["event_type"] = "DEPLOYMENT_STARTED";
    EXPECT_EQ(call("publish_transfer_event", other).code, "VALIDATION_ERROR");
}

TEST_F(SenderEngine, FailedBuildsShowTheirLastLines) {
    const auto failed =
        build("RUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo the-reason; exit 3\"]\n");
    EXPECT_EQ(failed.code, "BUILD_FAILED") << failed;
    EXPECT_NE(failed.message.find("the-reason"), std::string::npos) << failed;
    EXPECT_EQ(build("NONSENSE\n").code, "BUILD_FAILED");
    EXPECT_EQ(call("build_docker_image", {{"container_name", "app"}, {"image", "none:1"}}).code,
              "NOT_FOUND");
    const auto outside =
        call("build_docker_image",
             {{"container_name", "app"}, {"build_options", {{"build_context", "/"}}}});
    EXPECT_EQ(outside.code, "POLICY_DENIED") << outside;
}

TEST_F(SenderEngine, BuildKitGoesThroughBuildx) {
    const std::string dockerfile =
        "RUN --mount=type=cache,target=/c [\"/bin/busybox\", \"true\"]\n";
    const auto built = build(dockerfile, "kit");
    EXPECT_EQ(built.status, 200U) << built;
    EXPECT_NE(arguments().find("buildx build --load --progress plain --tag=kit:1 --file="),
              std::string::npos)
        << arguments();
    write_file(folder_.path() + "/broken", "");
    const auto failed = build(dockerfile, "kit");
    EXPECT_EQ(failed.code, "BUILD_FAILED") << failed;
    EXPECT_NE(failed.message.find("#9 ERROR: no"), std::string::npos) << failed;
    std::filesystem::remove(folder_.path() + "/docker");
    const auto needed = build(dockerfile, "kit");
    EXPECT_EQ(needed.code, "BUILDKIT_NEEDED") << needed;
    EXPECT_NE(needed.message.find("line 2: RUN --mount"), std::string::npos) << needed;
}

TEST_F(SenderEngine, ACancelledBuildLeavesNoContainer) {
    // The engine may have other containers: this one is known by its command.
    const auto mark = "/bin/busybox sleep 100 # " + folder_.path();
    const auto begun = [&] {
        const auto commands = engine->docker("ps --no-trunc --format {{.Command}}").output;
        return commands.find(mark) != std::string::npos;
    };
    Answer answer;
    std::thread client(
        [&] { answer = build("RUN [\"/bin/busybox\", \"sh\", \"-c\", \"" + mark + "\"]\n"); });
    EXPECT_TRUE(wait_until(begun));
    EXPECT_EQ(laptop_->stop(), 0);
    client.join();
    EXPECT_NE(answer.status, 200U) << answer;
    EXPECT_TRUE(wait_until([&] { return !begun(); }));
}

TEST_F(SenderEngine, PackagesGoToAReceiver) {
    ASSERT_EQ(build("").status, 200U);
    for (const auto* compression : {"gzip", "zstd", "none"}) {
        SCOPED_TRACE(compression);
        const auto packed = call("package_container",
                                 {{"container_name", "app"},
                                  {"image_tag", "1"},
                                  {"build_context", "context"},
                                  {"compression", compression}});
        ASSERT_EQ(packed.status, 200U) << packed;
        json::object transfer{{"package_id", packed.json.at("package_id")},
                              {"package_path", packed.json.at("package_path")},
                              {"package_checksum", packed.json.at("package_checksum")},
                              {"remote_receiver_url", studio_url_ + "/deploy"}};
        const auto sent = call("transfer_package", transfer);
        ASSERT_EQ(sent.status, 200U) << sent;
        EXPECT_EQ(sent.json.at("checksum_verified"), true);
        EXPECT_EQ(sent.json.at("remote_deployment_id"), packed.json.at("package_id"));
        transfer["package_checksum"] = std::string(64, '0');
        EXPECT_EQ(call("transfer_package", transfer).code, "CHECKSUM_MISMATCH");
        transfer["package_path"] = std::string(64, '0');
        EXPECT_EQ(call("transfer_package", transfer).code, "NOT_FOUND");
        transfer["package_path"] = "../../etc/passwd";
        EXPECT_EQ(call("transfer_package", transfer).code, "VALIDATION_ERROR");
    }
    EXPECT_EQ(engine->docker("images -q onex-transfer/app").output, "");
}

}  // namespace
}  // namespace onex::test
