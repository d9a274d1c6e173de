// A rollback after somebody has pruned the engine: stopped containers and their images are gone,
// and the package store brings them back. The engine is this test's own.
#include "host/store/digest.hpp"
#include "tests/integration/receiver_lab.hpp"

#include <cstdlib>
#include <filesystem>
#include <functional>

namespace onex::test {
namespace {

namespace fs = std::filesystem;

class PrunedEngine : public ReceiverTest {
  protected:
    static void SetUpTestSuite() {
        engine = DockerEngine::start("", why_not);
        pack_all();
        if (engine) {
            ASSERT_EQ(engine->docker("network create pruned-net").code, 0);
        }
    }
    [[nodiscard]] json::object config() const override {
        return {{"port_mappings", {{{"host_port", port_}, {"container_port", 80}}}},
                {"environment_variables", {{"MARK", "marker-5e4d3c2b1a09"}}},
                {"labels", {{"team", "garden"}}},
                {"networks", {"bridge", "pruned-net"}},
                {"volumes", {{{"host_path", data_.path()}, {"container_path", "/data"}}}},
                {"restart_policy", "on-failure"},
                {"resource_limits", {{"memory_limit", "64m"}}}};
    }
    void start_with(const std::string& settings) {
        studio_.reset();
        start("allowed_networks = ['*']\nallowed_host_mounts = ['" + data_.path() + "']\n" +
              settings);
    }
    void SetUp() override {
        ReceiverTest::SetUp();
        if (engine) start_with("");
    }
    static void prune() {
        const auto pruned = engine->docker("system prune -a -f");
        ASSERT_EQ(pruned.code, 0) << pruned.output;
    }
    [[nodiscard]] std::vector<fs::path> packages() const {
        std::vector<fs::path> out;
        for (const auto& entry : fs::directory_iterator(studio_->data_dir() + "/blobs"))
            if (entry.is_regular_file()) out.push_back(entry.path());
        return out;
    }
    [[nodiscard]] fs::path package_of(const std::string& name) const {
        return studio_->data_dir() + "/blobs/" + host::digest_of(package(name));
    }
    /// All that a container is but its id, its addresses and its state.
    [[nodiscard]] std::string likeness() const {
        return inspect(app_,
                       "{{json .Config.Env}} {{json .Config.Labels}} {{json .Config.Cmd}} "
                       "{{json .HostConfig}} {{json .Config.Image}} {{.Image}} "
                       "{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}"
                       "{{range .Mounts}}{{.Source}}:{{.Destination}} {{end}}");
    }
    /// What a plan says of the version `steps` back: "one package package".
    [[nodiscard]] std::string plan(std::size_t steps) const {
        const auto answer = call("rollback", {{"container_name", app_}, {"plan", true}});
        if (answer.status != 200) return answer.code;
        for (const auto& one : answer.json.at("rollback_plan").as_array()) {
            if (one.at("steps") != steps) continue;
            std::string out;
            for (const auto* name : {"version", "comes_from", "depends_on"})
                out += (out.empty() ? "" : " ") + std::string(one.at(name).as_string());
            return out;
        }
        return "none";
    }
    [[nodiscard]] Answer rollback(json::object more = {}) const {
        more["container_name"] = app_;
        return call("rollback", std::move(more));
    }
};

TEST_F(PrunedEngine, ThePreviousVersionComesBackAsItWas) {
    deploy_well("one");
    const auto before = likeness();
    const auto old = inspect(app_, "{{.Id}}");
    deploy_well("two");
    EXPECT_EQ(packages().size(), 2U);
    EXPECT_EQ(plan(1), "one container package");
    ASSERT_NO_FATAL_FAILURE(prune());
    ASSERT_EQ(containers(), 1);
    ASSERT_EQ(tags(), 1);
    EXPECT_EQ(plan(1), "one package package");
    EXPECT_EQ(served(), "two") << "a plan changes nothing";

    const auto back = rollback({{"version", "one"}});
    ASSERT_EQ(back.status, 200U) << back;
    EXPECT_EQ(back.json.at("restored_version"), "one");
    EXPECT_EQ(back.json.at("made_anew"), true);
    EXPECT_EQ(back.json.at("checks").at("made_anew"), 1);
    EXPECT_EQ(back.json.at("checks").at("previous_container_restored"), 1);
    EXPECT_EQ(send(tcp(static_cast<std::uint16_t>(port_)), "GET", "/index.html").body, "one");
    EXPECT_EQ(likeness(), before);
    EXPECT_NE(inspect(app_, "{{.Id}}"), old);
    EXPECT_EQ(containers(), 2);

    // Nothing goes back to "two" any more, and what was written down of it goes with its package.
    EXPECT_EQ(packages(), std::vector{package_of("one")});
    EXPECT_EQ(studio_->log().find("marker-5e4d3c2b1a09"), std::string::npos);
    EXPECT_EQ(studio_->stop(), 0);
    const auto kept =
        shell("sqlite3 " + studio_->data_dir() + "/onex.db \"SELECT count(*) FROM secrets\"");
    if (kept.code == 0) {
        EXPECT_EQ(kept.output, "0\n");
    }
}

TEST_F(PrunedEngine, AFailedDeploymentGivesWayToAPreviousOneThatWasPruned) {
    deploy_well("one");
    const auto before = likeness();
    const auto id = new_id();
    EXPECT_EQ(deploy(id, "two", "/nothing").code, "HEALTH_CHECK_FAILED");
    ASSERT_NO_FATAL_FAILURE(prune());
    for (int time = 0; time < 2; ++time) {
        const auto restored = step("restore_previous_container", id);
        ASSERT_EQ(restored.status, 200U) << restored;
        EXPECT_EQ(restored.json.at("checks").at("previous_container_restored"), 1);
        EXPECT_EQ(restored.json.at("checks").at("made_anew"), 1);
        EXPECT_EQ(restored.json.at("rollback_result").at("made_anew"), true);
    }
    EXPECT_EQ(finish(id, false).status, 200U);
    EXPECT_EQ(served(), "one");
    EXPECT_EQ(likeness(), before);
    EXPECT_EQ(containers(), 1);
    EXPECT_EQ(tags(), 1);
    EXPECT_EQ(packages(), std::vector{package_of("one")});
}

TEST_F(PrunedEngine, ADamagedPackageIsRefusedAndThePresentOneGoesOn) {
    deploy_well("one");
    deploy_well("two");
    ASSERT_NO_FATAL_FAILURE(prune());
    auto bytes = read_file(package_of("one"));
    ASSERT_FALSE(bytes.empty());
    bytes[bytes.size() / 2] ^= 1;
    write_file(package_of("one"), bytes);
    const auto running = inspect(app_, "{{.Id}} {{.State.StartedAt}}");
    for (int time = 0; time < 2; ++time) {
        const auto refused = rollback();
        EXPECT_EQ(refused.code, "ROLLBACK_FAILED") << refused;
        for (const auto* part :
             {"is damaged on disk", "deploy that version again", "goes on serving"})
            EXPECT_NE(refused.message.find(part), std::string::npos) << refused;
    }
    EXPECT_EQ(inspect(app_, "{{.Id}} {{.State.StartedAt}}"), running);
    EXPECT_EQ(containers(), 1);
    EXPECT_EQ(tags(), 1);
    EXPECT_EQ(engine->docker("images -q onex-incoming/studio").output, "");
}

TEST_F(PrunedEngine, TheStoreKeepsItsBudget) {
    const auto size = package("one").size();
    // What runs is needed most: it is the one to go back to after the next deployment.
    start_with("package_store_bytes = " + std::to_string(size + size / 2) + "\n");
    for (const auto* name : {"one", "two", "one"}) {
        deploy_well(name);
        EXPECT_EQ(packages(), std::vector{package_of(name)}) << name;
        if (name == std::string("two")) {
            EXPECT_EQ(plan(1), "one container image");
            ASSERT_NO_FATAL_FAILURE(
                prune());  // With it goes the image: the next "one" is sent again.
            EXPECT_EQ(plan(1), "none");
        }
    }
    // Without a store the engine alone has it, and what was kept goes at the start.
    start_with("package_store_bytes = 0\n");
    EXPECT_TRUE(wait_until([&] { return packages().empty(); }));
    deploy_well("two");
    EXPECT_TRUE(packages().empty());
    EXPECT_EQ(plan(1), "one container image");
    ASSERT_EQ(engine->docker("container prune -f").code, 0);
    EXPECT_EQ(plan(1), "one image image");
    const auto back = rollback();
    ASSERT_EQ(back.status, 200U) << back;
    EXPECT_EQ(back.json.at("checks").at("made_anew"), 1);
    EXPECT_EQ(served(), "one");
}

TEST_F(PrunedEngine, AVersionThatCameWithoutAPackageHasTheOneOfItsTwin) {
    deploy_well("one");
    deploy_well("two");
    deploy_well("one");  // The image is here: nothing is sent.
    deploy_well("two");
    EXPECT_EQ(packages().size(), 2U);
    EXPECT_EQ(plan(1), "one container package");
    ASSERT_NO_FATAL_FAILURE(prune());
    EXPECT_EQ(plan(1), "one package package");
    ASSERT_EQ(rollback().status, 200U);
    EXPECT_EQ(served(), "one");
}

TEST_F(PrunedEngine, TagsOfContainersThatSomebodyRemovedGoWithTheirLevel) {
    for (const auto* name : {"one", "two", "one"})
        deploy_well(name);
    ASSERT_EQ(engine->docker("container prune -f").code, 0);
    EXPECT_EQ(tags(), 3);
    EXPECT_EQ(plan(2), "one image package");
    for (const auto* name : {"two", "one"})
        deploy_well(name);
    // What runs and the two levels that are kept.
    EXPECT_EQ(tags(), 3);
    EXPECT_EQ(plan(2), "one container package");
    EXPECT_EQ(plan(3), "none");
    EXPECT_EQ(packages().size(), 2U);
}

/// Each commit of a way back is one at which the host is killed; ONEX_LONG takes all of them.
class KilledOnTheWayBack : public PrunedEngine {
  protected:
    using Step = std::function<Answer(const std::string& id)>;
    void SetUp() override {
        program_ = failpoint_host_program();
        PrunedEngine::SetUp();
    }
    void arm(std::size_t boundary) {
        std::error_code ec;
        fs::remove(failpoint() + ".seen", ec);
        write_file(failpoint(),
                   std::to_string(boundary) + " kill " + std::to_string(++armed_) + "\n");
    }
    void disarm() {
        std::error_code ec;
        fs::remove(failpoint(), ec);
    }
    /// `prepare` and prune, then `go` until the host is killed, and again after its start. In the
    /// end "one" runs as another object; `others` more containers are there.
    void at_each_commit(const std::function<void(const std::string& id)>& prepare,
                        const Step& go,
                        const Step& end,
                        int others) {
        std::size_t all = 1;
        std::size_t stride = 1;
        for (std::size_t boundary = 0; boundary <= all; boundary += boundary == 0 ? 1 : stride) {
            SCOPED_TRACE("boundary " + std::to_string(boundary) + " of " + std::to_string(all));
            const auto id = new_id();
            prepare(id);
            ASSERT_NO_FATAL_FAILURE(prune());
            arm(boundary);  // At 0 nothing happens, and the commits are counted.
            auto back = go(id);
            disarm();
            if (boundary == 0) {
                all = read_file(failpoint() + ".seen").size();
                ASSERT_GT(all, 5U);
                const auto* const is_long = std::getenv("ONEX_LONG");
                stride = is_long != nullptr && *is_long != '\0' ? 1 : all / 5;
            } else {
                studio_->kill();
                ASSERT_TRUE(studio_->start()) << studio_->log();
                back = go(id);
            }
            ASSERT_EQ(back.status, 200U) << back;
            EXPECT_EQ(back.json.at("checks").at("made_anew"), 1) << back;
            EXPECT_EQ(back.json.at("checks").at("previous_container_restored"), 1);
            EXPECT_EQ(end(id).status, 200U);
            EXPECT_EQ(served(), "one");
            EXPECT_EQ(inspect(app_, "{{.HostConfig.RestartPolicy.Name}}"), "on-failure");
            EXPECT_EQ(containers(), 1 + others);
            EXPECT_EQ(tags(), 1 + others);
            EXPECT_EQ(engine->docker("images -q onex-incoming/studio").output, "");
            // No package but the one of what runs.
            EXPECT_TRUE(wait_until([&] { return packages() == std::vector{package_of("one")}; }));
            if (HasFailure()) break;
            (void)engine->docker("rm -f $(docker -H unix://" + engine->socket() +
                                 " ps -aq --filter name=" + app_ + ")");
        }
    }

    int armed_ = 0;
};

TEST_F(KilledOnTheWayBack, ARollbackByHandEndsWhole) {
    const auto go = [&](const std::string& id) {
        return rollback({{"run", {{"workflow_id", id}}}});
    };
    at_each_commit(
        [&](const std::string&) {
            deploy_well("one");
            deploy_well("two");
        },
        go,
        go,
        1);
}

TEST_F(KilledOnTheWayBack, AFailedDeploymentIsUndone) {
    at_each_commit(
        [&](const std::string& id) {
            deploy_well("one");
            EXPECT_EQ(deploy(id, "two", "/nothing").code, "HEALTH_CHECK_FAILED");
        },
        [&](const std::string& id) { return step("restore_previous_container", id); },
        [&](const std::string& id) { return finish(id, false); },
        0);
}

}  // namespace
}  // namespace onex::test
