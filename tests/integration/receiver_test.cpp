// The receiver alone against a real Docker engine: each operation by name, the way a workflow calls
// it.
#include "host/ids.hpp"
#include "tests/support/docker_engine.hpp"
#include "tests/support/host_process.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <map>

namespace onex::test {
namespace {

namespace json = boost::json;

constexpr const char* kBase = "onex-test-base:stable";

std::string new_id() {
    return host::random_hex(16);
}

class ReceiverTest : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        engine = DockerEngine::find_or_start(why_not);
        if (engine && !engine->import_busybox(kBase)) {
            why_not = "no busybox to make a base image of (Debian: busybox-static)";
            engine.reset();
        }
        if (!engine) return;
        folder = std::make_unique<TempDir>();
        pack("one", "CMD [\"/bin/busybox\",\"httpd\",\"-f\",\"-p\",\"80\",\"-h\",\"/www\"]");
        pack("two",
             "LABEL version=2\nCMD "
             "[\"/bin/busybox\",\"httpd\",\"-f\",\"-p\",\"80\",\"-h\",\"/www\"]");
        pack("dead", "CMD [\"/bin/busybox\",\"sh\",\"-c\",\"echo no luck; exit 3\"]");
    }
    static void TearDownTestSuite() {
        engine.reset();
        folder.reset();
    }
    /// A package as `docker save | gzip` makes it; the engine forgets the image.
    static void pack(const std::string& name, const std::string& lines) {
        const auto context = folder->path() + "/" + name;
        shell("mkdir -p " + context + "/www");
        write_file(context + "/www/index.html", name);
        write_file(context + "/Dockerfile",
                   std::string("FROM ") + kBase + "\nCOPY www /www\n" + lines + "\n");
        const auto docker = "docker -H unix://" + engine->socket() + " ";
        const auto tag = "onex-receiver-test:" + name;
        const auto made =
            shell("chmod -R a+rX " + context + " && DOCKER_BUILDKIT=0 " + docker + "build -t " +
                  tag + " " + context + " && " + docker + "save " + tag + " | gzip -1 > " +
                  context + ".tgz && " + docker + "inspect -f '{{.Id}}' " + tag +
                  " | tail -n 1 > " + context + ".id && " + docker + "rmi " + tag);
        ASSERT_EQ(made.code, 0) << made.output;
    }
    static std::string package(const std::string& name) {
        return read_file(folder->path() + "/" + name + ".tgz");
    }
    static std::string digest(const std::string& name) {
        auto id = read_file(folder->path() + "/" + name + ".id");
        return id.substr(0, id.find('\n'));
    }

    void SetUp() override {
        if (!engine) GTEST_SKIP() << why_not;
        app_ = "rt-" + host::random_hex(4);
        port_ = free_port();
        start();
    }
    void TearDown() override {
        if (!engine) return;
        if (HasFailure()) std::cerr << engine->docker("ps -a --filter name=" + app_).output;
        shell("d='docker -H unix://" + engine->socket() +
              "'; for c in $($d ps -aq --filter name=" + app_ +
              "); do $d rm -f $c; done; for i in $($d images --format '{{.Repository}}:{{.Tag}}' | "
              "grep -- " +
              app_ + "); do $d rmi $i; done");
    }
    void start(const std::string& settings = "allowed_network_modes = ['bridge']\n") {
        HostOptions options{.folder = data_.path(), .name = "studio"};
        options.toml = "[nodes.receiver]\nplugin = 'deployment_receiver'\nlisten = '127.0.0.1:" +
                       std::to_string(free_port()) +
                       "'\n[nodes.receiver.settings]\ndocker_socket = '" + engine->socket() +
                       "'\npublish_address = '127.0.0.1'\nstop_grace_s = 1\nsettle_ms = "
                       "300\nmin_healthy_ms = 400\nkeep_previous = 2\n" +
                       settings;
        studio_ = std::make_unique<HostProcess>(options);
        ASSERT_TRUE(studio_->start()) << studio_->log();
    }

    [[nodiscard]] json::object config() const {
        return {{"port_mappings", {{{"host_port", port_}, {"container_port", 80}}}}};
    }
    Answer call(const std::string& operation, json::object input) const {
        return studio_->ask(
            "POST", "/onex/v1/nodes/receiver/operations/" + operation, json::serialize(input));
    }
    Answer step(const std::string& operation, const std::string& id, json::object more = {}) const {
        more["container_name"] = app_;
        more["deployment_id"] = id;
        if (!more.contains("deployment_config")) more["deployment_config"] = config();
        if (operation == "check_container_status") more.erase("deployment_config");
        return call(operation, std::move(more));
    }
    Answer upload(const std::string& id,
                  const std::string& body,
                  const std::string& query = {}) const {
        host::ClientRequest request;
        request.endpoint = studio_->admin();
        request.method = "POST";
        request.target = "/deploy?deployment_id=" + id + "&container_name=" + app_ + query;
        request.headers.add("Content-Type", "application/octet-stream");
        request.body = body;
        return send(std::move(request));
    }
    /// All steps up to the health check; the answer of the first one that fails, or of the last.
    Answer deploy(const std::string& id,
                  const std::string& name,
                  const std::string& path = "/index.html") const {
        auto answer = step("announce_deployment", id, {{"config_digest", digest(name)}});
        if (answer.status != 200) return answer;
        if (!answer.json.at("image_present").as_bool()) {
            answer = upload(id, package(name));
            if (answer.status != 202) return answer;
        }
        for (const auto* operation : {"stop_existing_container",
                                      "deploy_container",
                                      "start_container",
                                      "check_container_status"}) {
            json::object more;
            if (operation == std::string("deploy_container")) more = {{"image_tag", name}};
            answer = step(operation, id, more);
            if (answer.status != 200) return answer;
        }
        return step(
            "validate_health_endpoint",
            id,
            {{"health_check_config",
              {{"health_endpoint", path}, {"max_retries", 4}, {"retry_interval_ms", 100}}}});
    }
    Answer finish(const std::string& id, bool success) const {
        return call("release_deployment",
                    {{"workflow_id", id}, {"container_name", app_}, {"success", success}});
    }
    void deploy_well(const std::string& name) {
        const auto id = new_id();
        const auto answer = deploy(id, name);
        ASSERT_EQ(answer.status, 200U) << answer;
        ASSERT_EQ(finish(id, true).status, 200U);
    }
    [[nodiscard]] std::string inspect(const std::string& container,
                                      const std::string& format) const {
        auto out = engine->docker("inspect -f '" + format + "' " + container);
        return out.code == 0 ? out.output.substr(0, out.output.find('\n')) : "";
    }
    /// What the container of that name serves.
    [[nodiscard]] std::string served() const {
        auto out = engine->docker("exec " + app_ + " /bin/busybox cat /www/index.html");
        return out.code == 0 ? out.output : "";
    }
    [[nodiscard]] int count(const std::string& list) const {
        const auto out = engine->docker(list).output;
        int n = 0;
        for (auto at = out.find(app_); at != std::string::npos; at = out.find(app_, at + 1))
            ++n;
        return n;
    }
    [[nodiscard]] int containers() const {
        return count("ps -a --format '{{.Names}}' --filter name=" + app_);
    }
    [[nodiscard]] int tags() const { return count("images --format '{{.Repository}}'"); }

    static std::unique_ptr<DockerEngine> engine;
    static std::unique_ptr<TempDir> folder;
    static std::string why_not;
    TempDir data_;
    std::string app_;
    int port_ = 0;
    std::unique_ptr<HostProcess> studio_;
};
std::unique_ptr<DockerEngine> ReceiverTest::engine;
std::unique_ptr<TempDir> ReceiverTest::folder;
std::string ReceiverTest::why_not;

TEST_F(ReceiverTest, DeploysKeepsThePreviousAndRollsBackByHand) {
    deploy_well("one");
    EXPECT_EQ(inspect(app_, "{{.HostConfig.RestartPolicy.Name}}"), "unless-stopped");
    deploy_well("two");
    EXPECT_EQ(served(), "two");
    EXPECT_EQ(containers(), 2);

    auto back = call("rollback", {{"container_name", app_}});
    ASSERT_EQ(back.status, 200U) << back;
    EXPECT_EQ(back.json.at("restored_version"), "one");
    EXPECT_EQ(served(), "one");
    EXPECT_EQ(inspect(app_, "{{.HostConfig.RestartPolicy.Name}}"), "unless-stopped");
    EXPECT_EQ(containers(), 2);
    const auto retired = back.json.at("retired_container_id").as_string();
    EXPECT_EQ(
        inspect(std::string(retired), "{{.State.Running}} {{.HostConfig.RestartPolicy.Name}}"),
        "false no");
    EXPECT_NE(inspect(std::string(retired), "{{.Name}}").find(".undone."), std::string::npos);

    // Nothing is left to go back to, and nothing happens.
    const auto again = call("rollback", {{"container_name", app_}});
    EXPECT_EQ(again.code, "NOT_FOUND") << again;
    EXPECT_EQ(served(), "one");

    // Its image is still here: the next deployment of "two" needs no package.
    const auto known = step("announce_deployment", new_id(), {{"config_digest", digest("two")}});
    EXPECT_EQ(known.json.at("image_present"), true) << known;
}

TEST_F(ReceiverTest, AFailedDeploymentLeavesThePreviousAsItWas) {
    deploy_well("one");
    const auto before = inspect(app_, "{{.Id}}");
    const struct {
        std::string name, path, part;
    } cases[] = {{"two", "/nothing", "answered 404, expected 200"},
                 {"dead", "/", "exited with code 3"}};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto id = new_id();
        const auto failed = deploy(id, c.name, c.path);
        EXPECT_EQ(failed.code, "HEALTH_CHECK_FAILED") << failed;
        EXPECT_NE(failed.message.find(c.part), std::string::npos) << failed;
        if (c.name == "dead")
            EXPECT_NE(failed.message.find("no luck"), std::string::npos) << failed;
        for (int time = 0; time < 2; ++time) {
            const auto restored = step("restore_previous_container", id);
            ASSERT_EQ(restored.status, 200U) << restored;
            EXPECT_EQ(restored.json.at("checks").at("previous_container_restored"), 1);
        }
        EXPECT_EQ(finish(id, false).status, 200U);
        EXPECT_EQ(inspect(app_, "{{.Id}} {{.State.Running}} {{.HostConfig.RestartPolicy.Name}}"),
                  before + " true unless-stopped");
        EXPECT_EQ(containers(), 1);
        EXPECT_EQ(tags(), 1);
        EXPECT_EQ(studio_->ask("GET", "/api/deploy/" + id + "/status").json.at("status"), "failed");
    }
}

TEST_F(ReceiverTest, WithoutAPreviousOneTheNewOneIsRemoved) {
    const auto id = new_id();
    EXPECT_EQ(deploy(id, "dead").code, "HEALTH_CHECK_FAILED");
    const auto restored = step("restore_previous_container", id);
    ASSERT_EQ(restored.status, 200U) << restored;
    EXPECT_EQ(restored.json.at("checks").at("previous_container_restored"), 0);
    EXPECT_NE(restored.body.find("no luck"), std::string::npos);
    EXPECT_EQ(containers() + tags(), 0);
}

TEST_F(ReceiverTest, EveryStepMayBeRepeatedAlsoAfterAKill) {
    deploy_well("one");
    const auto old = inspect(app_, "{{.Id}}");
    const auto id = new_id();
    ASSERT_EQ(step("announce_deployment", id).status, 200U);
    ASSERT_EQ(upload(id, package("two")).status, 202U);
    std::map<std::string, std::string> seen;
    for (const auto* operation :
         {"stop_existing_container", "deploy_container", "start_container"}) {
        SCOPED_TRACE(operation);
        for (int time = 0; time < 3; ++time) {
            const auto answer = step(operation, id);
            ASSERT_EQ(answer.status, 200U) << answer;
            if (const auto* made = answer.json.as_object().if_contains("container_id")) {
                auto& first = seen.try_emplace("id", made->as_string()).first->second;
                EXPECT_EQ(made->as_string(), first);
            }
            if (time == 1) {
                studio_->kill();
                ASSERT_TRUE(studio_->start());
            }
        }
    }
    EXPECT_EQ(containers(), 2);
    studio_->kill();
    ASSERT_TRUE(studio_->start());
    ASSERT_EQ(step("restore_previous_container", id).status, 200U);
    EXPECT_EQ(inspect(app_, "{{.Id}} {{.State.Running}}"), old + " true");
    EXPECT_EQ(containers(), 1);
    // That deployment is over: it can't be taken up again.
    EXPECT_EQ(step("deploy_container", id).code, "CONFLICT");
}

TEST_F(ReceiverTest, PackagesThatAreNotWhatTheySayNeverBecomeImages) {
    const auto good = package("one");
    auto flipped = good;
    flipped[flipped.size() / 2] ^= 1;
    const struct {
        std::string name, body, digest_of, code;
    } cases[] = {
        {"other image than announced", good, "two", "CHECKSUM_MISMATCH"},
        {"flipped byte", flipped, "one", "CHECKSUM_MISMATCH"},
        {"cut", good.substr(0, good.size() / 2), "one", "CHECKSUM_MISMATCH"},
        {"no archive", "hello", "one", "CHECKSUM_MISMATCH"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto id = new_id();
        ASSERT_EQ(step("announce_deployment", id, {{"config_digest", digest(c.digest_of)}}).status,
                  200U);
        ASSERT_EQ(upload(id, c.body).status, 202U);
        const auto answer = step("deploy_container", id);
        EXPECT_EQ(answer.code, c.code) << answer;
        (void)step("restore_previous_container", id);
        finish(id, false);
        EXPECT_EQ(containers() + tags(), 0);
        EXPECT_EQ(engine->docker("images -q onex-incoming/studio").output, "");
    }
    const auto wrong = upload(new_id(), good, "&checksum=" + std::string(64, '0'));
    EXPECT_EQ(wrong.status, 422U);
    EXPECT_EQ(wrong.code, "CHECKSUM_MISMATCH") << wrong;
}

TEST_F(ReceiverTest, RefusalsComeBeforeAnyEffect) {
    const auto with = [&](const char* key, json::value value) {
        auto changed = config();
        changed[key] = std::move(value);
        return changed;
    };
    const struct {
        std::string name;
        json::object more;
        std::string code;
        unsigned status;
    } cases[] = {
        {"architecture", {{"architecture", "riscv64"}}, "ARCHITECTURE_MISMATCH", 422},
        {"disk", {{"image_size_bytes", std::int64_t{1} << 60}}, "DISK_FULL", 507},
        {"mount",
         {{"deployment_config",
           with("volumes", {{{"host_path", "/etc"}, {"container_path", "/e"}}})}},
         "POLICY_DENIED",
         403},
        {"host network",
         {{"deployment_config", with("network_mode", "host")}},
         "POLICY_DENIED",
         403},
        {"privileged", {{"deployment_config", with("privileged", true)}}, "VALIDATION_ERROR", 400},
        {"label of ours",
         {{"deployment_config", with("labels", {{"onex.container", "x"}})}},
         "VALIDATION_ERROR",
         400},
        {"variable",
         {{"deployment_config", with("environment_variables", {{"A B", "x"}})}},
         "VALIDATION_ERROR",
         400},
        {"path in the id",
         {{"run", {{"workflow_id", "x"}}}, {"deployment_id", "../../etc"}},
         "VALIDATION_ERROR",
         400},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        auto input = c.more;
        input["container_name"] = app_;
        if (!input.contains("deployment_id")) input["deployment_id"] = "d1";
        const auto answer = call("announce_deployment", input);
        EXPECT_EQ(answer.code, c.code) << answer;
        EXPECT_EQ(answer.status, c.status);
    }
    // None of them has taken the lock.
    EXPECT_EQ(step("announce_deployment", "d2").status, 200U);
    const auto second = step("announce_deployment", "d3");
    EXPECT_EQ(second.status, 409U);
    EXPECT_NE(second.message.find("is being deployed by deployment d2"), std::string::npos)
        << second;
    EXPECT_EQ(step("stop_existing_container", "d3").code, "DEPLOYMENT_LOCKED");
    finish("d2", false);
    EXPECT_EQ(step("announce_deployment", "d3").status, 200U);
}

TEST_F(ReceiverTest, ForeignContainersAreLeftAloneUnlessAdopted) {
    const auto run = [&](const std::string& options) {
        return engine->docker("run -d --name " + app_ + " " + options + " " + kBase +
                              " /bin/busybox sleep 600");
    };
    ASSERT_EQ(run("--restart on-failure:3").code, 0);
    const auto foreign = inspect(app_, "{{.Id}}");
    auto id = new_id();
    auto refused = deploy(id, "one");
    EXPECT_EQ(refused.code, "POLICY_DENIED") << refused;
    EXPECT_NE(refused.message.find("--adopt"), std::string::npos);
    EXPECT_EQ(step("deploy_container", id).code, "POLICY_DENIED");
    EXPECT_EQ(
        step("restore_previous_container", id).json.at("checks").at("previous_container_restored"),
        1);
    finish(id, false);
    EXPECT_EQ(
        inspect(app_, "{{.Id}} {{.State.Running}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}"),
        foreign + " true 3");

    id = new_id();
    auto adopting = config();
    adopting["adopt"] = true;
    ASSERT_EQ(step("stop_existing_container", id, {{"deployment_config", adopting}}).status, 200U);
    ASSERT_EQ(upload(id, package("one")).status, 202U);
    ASSERT_EQ(step("deploy_container", id, {{"deployment_config", adopting}}).status, 200U);
    ASSERT_EQ(step("restore_previous_container", id).status, 200U);
    finish(id, false);
    EXPECT_EQ(
        inspect(app_, "{{.Id}} {{.State.Running}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}"),
        foreign + " true 3");

    ASSERT_EQ(engine->docker("rm -f " + app_).code, 0);
    ASSERT_EQ(run("--rm").code, 0);
    id = new_id();
    refused = step("stop_existing_container", id, {{"deployment_config", adopting}});
    EXPECT_EQ(refused.code, "POLICY_DENIED") << refused;
    EXPECT_NE(refused.message.find("--rm"), std::string::npos);
}

TEST_F(ReceiverTest, ATakenPortIsNamed) {
    const auto other = app_ + "-other";
    ASSERT_EQ(engine
                  ->docker("run -d --name " + other + " -p 127.0.0.1:" + std::to_string(port_) +
                           ":80 " + kBase + " /bin/busybox sleep 600")
                  .code,
              0);
    const auto id = new_id();
    const auto failed = deploy(id, "one");
    EXPECT_EQ(failed.code, "DEPLOYMENT_FAILED") << failed;
    EXPECT_NE(failed.message.find("port " + std::to_string(port_) + " is taken on studio"),
              std::string::npos)
        << failed;
    EXPECT_EQ(step("restore_previous_container", id).status, 200U);
    EXPECT_EQ(containers(), 1);
}

TEST_F(ReceiverTest, OnlyTheLastOnesAreKept) {
    for (const auto* name : {"one", "two", "one", "two"})
        deploy_well(name);
    EXPECT_EQ(served(), "two");
    EXPECT_EQ(containers(), 3);
    EXPECT_EQ(tags(), 3);
    ASSERT_EQ(call("rollback", {{"container_name", app_}, {"steps", 3}}).code, "NOT_FOUND");
    const auto back = call("rollback", {{"container_name", app_}, {"steps", 2}});
    ASSERT_EQ(back.status, 200U) << back;
    EXPECT_EQ(back.json.at("restored_version"), "two");
}

TEST_F(ReceiverTest, OneSignedRequestDeploysByItself) {
    const auto request = [&](const std::string& id, const std::string& path) {
        json::object body{
            {"container_name", app_},
            {"deployment_id", id},
            {"image_tag", "v1"},
            {"deployment_config", config()},
            {"health_check_config",
             {{"health_endpoint", path}, {"max_retries", 3}, {"retry_interval_ms", 100}}}};
        return studio_->ask("POST", "/api/deploy", json::serialize(body));
    };
    const auto state = [&](const std::string& id) {
        const auto answer = studio_->ask("GET", "/api/deploy/" + id + "/status");
        return answer.status == 200 ? std::string(answer.json.at("status").as_string())
                                    : answer.code;
    };
    // Asked before the package is there, and after.
    const auto first = new_id();
    auto answer = request(first, "/index.html");
    EXPECT_EQ(answer.status, 202U) << answer;
    EXPECT_EQ(state(first), "awaiting_package");
    ASSERT_EQ(upload(first, package("one")).status, 202U);
    ASSERT_TRUE(wait_until([&] { return state(first) == "deployed" || state(first) == "failed"; }));
    EXPECT_EQ(state(first), "deployed") << studio_->ask("GET", "/api/deploy/" + first + "/status");
    EXPECT_EQ(served(), "one");

    const auto second = new_id();
    ASSERT_EQ(upload(second, package("two")).status, 202U);
    EXPECT_EQ(state(second), "ready_for_deployment");
    EXPECT_EQ(request(second, "/nothing").status, 202U);
    ASSERT_TRUE(wait_until([&] { return state(second) == "failed"; }));
    const auto told = studio_->ask("GET", "/api/deploy/" + second + "/status");
    EXPECT_EQ(told.json.at("error").at("code"), "HEALTH_CHECK_FAILED") << told;
    ASSERT_TRUE(wait_until([&] { return step("announce_deployment", "next").status == 200; }));
    EXPECT_EQ(served(), "one");
    finish("next", false);

    EXPECT_EQ(state("nobody"), "NOT_FOUND");
}

TEST_F(ReceiverTest, ARequestThatIsCutOffIsRolledBack) {
    deploy_well("one");
    const auto old = inspect(app_, "{{.Id}}");
    const auto id = new_id();
    ASSERT_EQ(upload(id, package("two")).status, 202U);
    json::object body{
        {"container_name", app_},
        {"deployment_id", id},
        {"deployment_config", config()},
        {"health_check_config",
         {{"health_endpoint", "/nothing"}, {"max_retries", 1000}, {"retry_interval_ms", 200}}}};
    ASSERT_EQ(studio_->ask("POST", "/api/deploy", json::serialize(body)).status, 202U);
    ASSERT_TRUE(wait_until([&] {
        return inspect(app_, "{{.Id}} {{.State.Running}}") != old + " true" && served() == "two";
    }));
    studio_->kill();
    ASSERT_TRUE(studio_->start());
    ASSERT_TRUE(
        wait_until([&] { return inspect(app_, "{{.Id}} {{.State.Running}}") == old + " true"; }));
    ASSERT_TRUE(wait_until([&] { return step("announce_deployment", "next").status == 200; }));
    EXPECT_EQ(containers(), 1);
    EXPECT_EQ(studio_->ask("GET", "/api/deploy/" + id + "/status").json.at("status"), "failed");
}

TEST_F(ReceiverTest, WithoutDockerItSaysSo) {
    studio_->stop();
    HostOptions options{.folder = data_.path(), .name = "lonely"};
    options.toml = "[nodes.receiver]\nplugin = 'deployment_receiver'\nlisten = '127.0.0.1:" +
                   std::to_string(free_port()) + "'\n[nodes.receiver.settings]\ndocker_socket = '" +
                   data_.path() + "/no.sock'\n";
    studio_ = std::make_unique<HostProcess>(options);
    ASSERT_TRUE(studio_->start()) << studio_->log();
    const auto answer = step("announce_deployment", "d1");
    EXPECT_EQ(answer.status, 503U);
    EXPECT_EQ(answer.code, "DOCKER_UNAVAILABLE") << answer;
    EXPECT_NE(answer.message.find("start Docker"), std::string::npos);
    const auto health = studio_->ask("GET", "/health");
    EXPECT_EQ(health.status, 503U);
    EXPECT_EQ(health.json.at("docker_connected"), false) << health;
}

}  // namespace
}  // namespace onex::test
