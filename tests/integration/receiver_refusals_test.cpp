// What the receiver refuses, and that nothing is left of it.
#include "tests/integration/receiver_lab.hpp"

namespace onex::test {
namespace {

TEST_F(ReceiverTest, PackagesThatAreNotWhatTheySayNeverBecomeImages) {
    const auto good = package("one");
    auto flipped = good;
    flipped[flipped.size() / 2] ^= 1;
    // The image "two", whose configuration goes by the digest of "one".
    const auto disguised = [&] {
        const auto at = data_.path() + "/disguised";
        const auto one = digest("one").substr(7);
        const auto two = digest("two").substr(7);
        const auto made = shell("mkdir " + at + " && cd " + at + " && tar xzf " + folder->path() +
                                "/two.tgz && sed -i s/" + two + "/" + one +
                                "/g manifest.json && for f in $(find . " + "-name '*" + two +
                                "*'); do mv $f $(echo $f | sed s/" + two + "/" + one +
                                "/); done && tar czf ../disguised.tgz *");
        EXPECT_EQ(made.code, 0) << made.output;
        return read_file(at + ".tgz");
    }();
    const struct {
        std::string name, body, digest_of, code;
    } cases[] = {
        {"other image than announced", good, "two", "CHECKSUM_MISMATCH"},
        {"other image under its name", disguised, "one", "CHECKSUM_MISMATCH"},
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

TEST_F(ReceiverTest, UnsignedUploadsAreOnlyKeptAndOnlyWhenAllowed) {
    const auto body = [&](const std::string& id) {
        const auto part = [](const std::string& head, const std::string& text) {
            return "--cut\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + text + "\r\n";
        };
        return part("name=\"package_id\"", id) + part("name=\"container_name\"", app_) +
               part("name=\"verify_checksum\"", "true") +
               part("name=\"input\"",
                    json::serialize(json::object{{"deployment_config", config()}})) +
               part("name=\"package\"; filename=\"p.tar.gz\"\r\nContent-Type: application/gzip",
                    package("one")) +
               "--cut--\r\n";
    };
    const auto post = [&](const std::string& id) {
        return send(tcp(listen_),
                    "POST",
                    "/deploy",
                    body(id),
                    {{"Content-Type", "multipart/form-data; boundary=cut"}});
    };
    const auto refused = post("u1");
    EXPECT_EQ(refused.status, 401U) << refused;
    EXPECT_NE(refused.message.find("allow_unsigned_upload"), std::string::npos) << refused;
    studio_->stop();
    start("allow_unsigned_upload = true\n");
    const auto kept = post("u1");
    ASSERT_EQ(kept.status, 202U) << kept;
    EXPECT_EQ(kept.json.at("state"), "ready_for_deployment");
    // Nothing runs, and a deployment of its own id is refused; a signed request may name its
    // digest.
    EXPECT_EQ(step("deploy_container", "u1").code, "AUTHENTICATION_FAILED");
    (void)step("restore_previous_container", "u1");
    finish("u1", false);
    EXPECT_EQ(containers() + tags(), 0);
    ASSERT_EQ(post("u2").status, 202U);
    json::object request{{"container_name", app_},
                         {"package_checksum", kept.json.at("checksum")},
                         {"deployment_config", config()}};
    const auto asked = studio_->ask("POST", "/api/deploy", json::serialize(request));
    ASSERT_EQ(asked.status, 202U) << asked;
    const auto status =
        "/api/deploy/" + std::string(asked.json.at("deployment_id").as_string()) + "/status";
    EXPECT_TRUE(
        wait_until([&] { return studio_->ask("GET", status).json.at("status") == "deployed"; }));
    EXPECT_EQ(served(), "one");
}

TEST_F(ReceiverTest, ValuesOfVariablesStandNowhere) {
    const auto id = new_id();
    const std::string marker = "marker-" + host::random_hex(8);
    auto secret = config();
    secret["environment_variables"] = json::object{{"TOKEN", marker}};
    ASSERT_EQ(upload(id, package("one")).status, 202U);
    for (const auto* operation : {"announce_deployment",
                                  "stop_existing_container",
                                  "deploy_container",
                                  "start_container"}) {
        const auto answer = step(operation, id, {{"deployment_config", secret}});
        ASSERT_EQ(answer.status, 200U) << answer;
        EXPECT_EQ(answer.body.find(marker), std::string::npos);
    }
    EXPECT_EQ(inspect(app_, "{{index .Config.Env 0}}"), "TOKEN=" + marker);
    secret["environment_variables"].as_object()["BAD NAME"] = marker;
    EXPECT_EQ(
        step("stop_existing_container", id, {{"deployment_config", secret}}).body.find(marker),
        std::string::npos);
    (void)step("restore_previous_container", id);
    EXPECT_EQ(studio_->stop(), 0);
    EXPECT_NE(shell("grep -rac " + marker + " " + data_.path() + " | grep -v ':0$'").code, 0);
}

}  // namespace
}  // namespace onex::test
