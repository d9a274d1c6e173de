// A deployment whose hosts are killed at any commit ends whole: done, or undone. The boundaries are
// counted in a deployment that nobody disturbs; then each is one run. `ONEX_LONG=1` (./x test
// --long) takes all of them, otherwise it is a sample by ONEX_SEED.
#include "host/store/ids.hpp"
#include "tests/integration/deployment_lab.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <random>
#include <vector>

namespace onex::test {
namespace json = boost::json;
namespace fs = std::filesystem;
namespace {

constexpr int kLevels = 5;           // retired containers that a receiver keeps
constexpr std::size_t kSample = 10;  // boundaries of a test, when it is not the long one

class Killed : public DeploymentLab {
  protected:
    void SetUp() override {
        DeploymentLab::SetUp();
        failpoints_ = true;
    }
    [[nodiscard]] static std::string failpoint(const HostProcess& host) {
        return host.data_dir() + ".failpoint";
    }
    void arm(const HostProcess& host, std::size_t boundary, const char* how) {
        std::error_code ec;
        fs::remove(failpoint(host) + ".seen", ec);
        write_file(failpoint(host),
                   std::to_string(boundary) + " " + how + " " + std::to_string(++armed_) + "\n");
    }
    static void disarm(const HostProcess& host) {
        std::error_code ec;
        fs::remove(failpoint(host), ec);
    }
    /// Both hosts, v1 deployed.
    void prepare() {
        ASSERT_NO_FATAL_FAILURE(start_hosts());
        ASSERT_NO_FATAL_FAILURE(deploy_well(version_));
    }
    /// How many boundaries a deployment has on this host.
    std::size_t boundaries(const HostProcess& host) {
        arm(host, 0, "kill");
        next_version();
        deploy_well(version_);
        disarm(host);
        return read_file(failpoint(host) + ".seen").size();
    }
    /// Those of 1…`all` that this test takes.
    static std::vector<std::size_t> chosen(std::size_t all, std::size_t sample = kSample) {
        std::vector<std::size_t> out(all);
        std::iota(out.begin(), out.end(), std::size_t{1});
        const auto* const is_long = std::getenv("ONEX_LONG");
        if (is_long != nullptr && *is_long != '\0') return out;
        const auto* const seed = std::getenv("ONEX_SEED");
        const auto number = seed != nullptr ? std::stoul(seed) : 20261121UL;
        std::cout << "ONEX_SEED=" << number << ", " << sample << " of " << all << " boundaries\n";
        std::mt19937 random(static_cast<std::mt19937::result_type>(number));
        std::shuffle(out.begin(), out.end(), random);
        out.resize(std::min(out.size(), sample));
        return out;
    }
    std::string next_version() { return version_ = "v" + std::to_string(++versions_); }

    /// Asks for a deployment under an id of our own, so that it can be asked for again.
    json::object begin_as(const std::string& id) {
        auto wanted = input(next_version());
        wanted["workflow_id"] = id;
        (void)laptop_->ask("POST", "/api/v1/deployments/trigger", json::serialize(wanted));
        return wanted;
    }
    /// Who did not hear an answer asks again: with the same id, that makes no second run.
    void ask_again(const json::object& wanted) {
        const auto answer =
            laptop_->ask("POST", "/api/v1/deployments/trigger", json::serialize(wanted));
        EXPECT_EQ(answer.status, 202U) << answer;
    }
    void restart(HostProcess& host) {
        disarm(host);
        host.kill();
        ASSERT_TRUE(host.start()) << host.log();
    }
    [[nodiscard]] bool ended(const std::string& id) const {
        const auto run = look(id);
        const auto* final = run.status.if_contains("final");
        return final != nullptr && final->as_bool();
    }

    /// The run has ended, exactly one version serves, and nothing is left behind.
    void expect_whole(const std::string& id, const std::string& before) {
        const auto run = wait_for(id);
        const auto state = run.state();
        EXPECT_TRUE(state == "COMPLETED" || state == "FAILED" || state == "ROLLBACK_COMPLETED")
            << run;
        const auto after = state == "COMPLETED" ? version_ : before;
        EXPECT_TRUE(wait_until([&] { return served() == after; }, 5'000))
            << run << "\nserves: " << served();
        serving_ = after;
        // A level more to go back to, or all as it was.
        const int kept =
            state == "COMPLETED" ? std::min(containers_ + 1, kLevels + 1) : containers_;
        EXPECT_TRUE(wait_until([&] { return containers() == kept; }, 5'000))
            << kept << " containers expected, " << containers() << " there\n"
            << run;
        containers_ = kept;
        EXPECT_EQ(studio_engine_->docker("ps -q --filter name=" + app_).output.size(), 13U)
            << "exactly one runs";
        // An image for each of them under our tag, and none that is still on its way in.
        const auto images = [&](const std::string& reference) {
            return shell("docker -H unix://" + studio_engine_->socket() + " images " + reference +
                         " --format x | wc -l")
                .output;
        };
        EXPECT_EQ(images("onex/studio/" + app_), std::to_string(kept) + "\n") << run;
        EXPECT_EQ(images("onex-incoming/studio"), "0\n") << run;
        // Each state once, and each follows from the one before.
        EXPECT_EQ(count(*laptop_,
                        "SELECT count(*) FROM fsm_transitions WHERE entity_id = :id AND from_state "
                        "NOT IN (SELECT to_state FROM fsm_transitions WHERE entity_id = :id)",
                        id),
                  1);
        EXPECT_EQ(count(*laptop_,
                        "SELECT count(*) - count(DISTINCT to_state) FROM fsm_transitions WHERE "
                        "entity_id = :id",
                        id),
                  0);
        EXPECT_EQ(count(*laptop_,
                        "SELECT count(*) FROM events WHERE workflow_id = :id AND type IN "
                        "('DEPLOYMENT_COMPLETED', 'DEPLOYMENT_FAILED', "
                        "'DEPLOYMENT_ROLLBACK_COMPLETED') AND source LIKE '%orchestrator%'",
                        id),
                  1)
            << run;
        // Nothing that was begun is without its outcome.
        EXPECT_EQ(count(*laptop_,
                        "SELECT count(*) FROM steps WHERE workflow_id = :id AND state = 'intent'",
                        id),
                  0);
        // The package and what was spooled of it have gone.
        const auto spool = [&] {
            return shell("ls " + studio_->data_dir() + "/blobs/incoming | wc -l").output;
        };
        EXPECT_TRUE(wait_until([&] { return spool() == "0\n"; })) << spool();
        expect_packages(run);
    }
    /// The receiver keeps the packages of what runs and of what a rollback may go back to, each
    /// with its row, and no other.
    void expect_packages(const RunStatus& run) const {
        const auto files = [&] {
            return count_lines("find " + studio_->data_dir() + "/blobs -maxdepth 1 -type f");
        };
        const auto rows = [&](const char* where) {
            const auto sql =
                std::string("SELECT count(DISTINCT blob) FROM packages WHERE blob <> ''") + where;
            return count(*studio_, sql.c_str(), app_);
        };
        constexpr const char* kNeeded =
            " AND state = 'deployed' AND EXISTS (SELECT 1 FROM images i WHERE i.deployment_id = "
            "packages.deployment_id AND i.container_name = :id)";
        EXPECT_TRUE(wait_until([&] { return files() == rows(kNeeded); }, 40'000))
            << files() << " packages, " << rows(kNeeded) << " needed\n"
            << run;
        EXPECT_EQ(rows(" AND :id <> ''"), rows(kNeeded)) << run;
    }
    static std::int64_t count_lines(const std::string& list) {
        return std::atoll(shell(list + " | wc -l").output.c_str());
    }

    std::string version_ = "v1";
    std::string serving_ = "v1";
    int containers_ = 0;
    int versions_ = 1;
    int armed_ = 0;
};

enum class Victim { laptop, studio, both };

class AtEachCommit : public Killed, public testing::WithParamInterface<Victim> {};
std::string name_of(const testing::TestParamInfo<Victim>& one) {
    switch (one.param) {
        case Victim::laptop:
            return "Laptop";
        case Victim::studio:
            return "Studio";
        case Victim::both:
            return "Both";
    }
    return "";
}
INSTANTIATE_TEST_SUITE_P(Of,
                         AtEachCommit,
                         testing::Values(Victim::laptop, Victim::studio, Victim::both),
                         name_of);

TEST_P(AtEachCommit, TheDeploymentIsDoneOrUndone) {
    ASSERT_NO_FATAL_FAILURE(prepare());
    auto& victim = GetParam() == Victim::laptop ? *laptop_ : *studio_;
    const auto all = boundaries(victim);
    serving_ = version_;
    containers_ = containers();
    ASSERT_GT(all, 10U);
    std::size_t killed = 0;
    for (const auto boundary : chosen(all)) {
        SCOPED_TRACE("boundary " + std::to_string(boundary) + " of " + std::to_string(all));
        const auto before = serving_;
        const auto id = host::new_uuid();
        arm(victim, boundary, "kill");
        const auto wanted = begin_as(id);
        ASSERT_TRUE(wait_until([&] { return !victim.running() || ended(id); }, 100'000));
        killed += victim.running() ? 0 : 1;
        ASSERT_NO_FATAL_FAILURE(restart(victim));
        if (GetParam() == Victim::both) {
            ASSERT_NO_FATAL_FAILURE(restart(*laptop_));
        }
        ask_again(wanted);
        expect_whole(id, before);
        if (HasFailure()) break;
    }
    EXPECT_GT(killed, 0U);
}

/// The same with an engine of the studio's own that is restarted while the receiver stands still at
/// one of its commits.
class EngineRestarted : public WithOwnEngine<Killed> {
  protected:
    [[nodiscard]] bool stands_still() const {
        const auto pid = std::to_string(studio_->pid());
        return shell("ps -o state= -p " + pid).output.starts_with("T");
    }
};

TEST_F(EngineRestarted, AtEachCommitTheDeploymentIsDoneOrUndone) {
    ASSERT_NO_FATAL_FAILURE(prepare());
    const auto all = boundaries(*studio_);
    serving_ = version_;
    containers_ = containers();
    std::size_t stopped = 0;
    for (const auto boundary : chosen(all, kSample / 2)) {
        SCOPED_TRACE("boundary " + std::to_string(boundary) + " of " + std::to_string(all));
        const auto before = serving_;
        const auto id = host::new_uuid();
        arm(*studio_, boundary, "stop");
        (void)begin_as(id);
        ASSERT_TRUE(wait_until([&] { return stands_still() || ended(id); }, 100'000));
        if (stands_still()) {
            ++stopped;
            own->stop();
            ASSERT_TRUE(own->restart());
            ASSERT_EQ(::kill(studio_->pid(), SIGCONT), 0);
        }
        disarm(*studio_);
        expect_whole(id, before);
        if (HasFailure()) break;
    }
    EXPECT_GT(stopped, 0U);
}

}  // namespace
}  // namespace onex::test
