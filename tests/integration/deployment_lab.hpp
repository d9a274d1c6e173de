// Two hosts, `laptop` and `studio`, with real Docker: what a deployment needs.
#pragma once

#include "tests/support/docker_engine.hpp"
#include "tests/support/host_process.hpp"
#include "tests/support/temp_dir.hpp"

#include <boost/json/object.hpp>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace onex::test {

/// A run as GET /workflows/{id}/status tells it.
struct RunStatus {
    std::string id;
    boost::json::object status;

    [[nodiscard]] std::string state() const { return text("state"); }
    [[nodiscard]] std::string code() const { return error("code"); }
    [[nodiscard]] std::string message() const { return error("message"); }
    [[nodiscard]] std::string text(const char* name) const;

  private:
    [[nodiscard]] std::string error(const char* name) const;
};
std::ostream& operator<<(std::ostream& out, const RunStatus& run);

/// What kind of service a test deploys.
enum class Service {
    healthy,        ///< answers its version at / and 200 at /health
    sick,           ///< answers, but /health is 404
    ends_at_once,   ///< exits with code 3
    does_not_build  ///< its Dockerfile fails in the middle
};

class DeploymentLab : public testing::Test {
  protected:
    static void SetUpTestSuite();
    static void TearDownTestSuite();
    void SetUp() override;
    void TearDown() override;

    /// Writes both configurations from the members below and starts the hosts.
    void start_hosts();
    /// One of them alone.
    void start_laptop();
    void start_studio();

    /// Input for deploying `app_` in this version to the studio, published at `app_port_`.
    [[nodiscard]] boost::json::object input(const std::string& version,
                                            Service service = Service::healthy);
    /// The same input with a health check that goes on for a while, so that it can be seen.
    [[nodiscard]] static boost::json::object watched(boost::json::object input);
    /// Starts a run; its id, or "" with a test failure.
    [[nodiscard]] std::string begin(const boost::json::object& input);
    /// The run as it is now, and as it ends.
    [[nodiscard]] RunStatus look(const std::string& id) const;
    [[nodiscard]] RunStatus wait_for(const std::string& id,
                                     std::int64_t deadline_ms = 100'000) const;
    [[nodiscard]] RunStatus deploy(const boost::json::object& input) {
        return wait_for(begin(input));
    }
    /// deploy() that has to end COMPLETED.
    void deploy_well(const std::string& version);
    /// Waits until the run is in `operation`; false when it ended before.
    [[nodiscard]] bool wait_for_operation(const std::string& id,
                                          const std::string& operation) const;

    /// What the deployed service answers at /, or "" when it does not.
    [[nodiscard]] std::string served() const;
    /// How many containers have a name that begins with, or contains, the app's.
    [[nodiscard]] int containers() const;
    /// What `sql` answers in that host's database, with :id bound; "-1" when it can't.
    [[nodiscard]] static std::string stored(const HostProcess& host,
                                            const char* sql,
                                            const std::string& id);
    /// The same for a number.
    [[nodiscard]] static std::int64_t count(const HostProcess& host,
                                            const char* sql,
                                            const std::string& id);
    /// A folder with a Dockerfile; `dockerfile` replaces the usual text.
    std::string make_context(const std::string& version,
                             Service service,
                             const std::string& dockerfile = {});

    static std::unique_ptr<DockerEngine> engine;
    static std::string why_no_engine;
    static constexpr const char* kBase = "onex-test-base:stable";

    TempDir folder_;
    std::string app_;
    std::uint16_t app_port_ = 0;
    std::uint16_t laptop_port_ = 0;
    std::uint16_t studio_port_ = 0;

    // What a test may change before start_hosts().
    std::string laptop_secret_ = "a secret that both hosts know";
    std::string studio_secret_ = "a secret that both hosts know";
    std::string laptop_in_host_;  ///< further lines of [host]
    std::vector<std::pair<std::string, std::string>> laptop_environment_;
    std::string studio_scheme_ = "http";  ///< in the laptop's url of the studio
    std::string studio_peer_toml_;        ///< further lines of the laptop's [peers.studio]
    std::string studio_in_host_;
    std::string studio_orchestrator_ = "[nodes.orchestrator]\nplugin = 'orchestrator'\n";
    std::string studio_toml_;        ///< further tables
    std::string receiver_toml_;      ///< further lines of [nodes.receiver]
    std::string receiver_settings_;  ///< further lines of its settings
    std::string studio_address_ = "127.0.0.1";
    std::string studio_network_;                   ///< a network namespace, or empty
    const DockerEngine* studio_engine_ = nullptr;  ///< default: the same as the laptop's
    bool failpoints_ = false;                      ///< hosts that arm() can stop
    std::string laptop_docker_;                    ///< sockets; default: the engine's
    std::string studio_docker_;

    std::unique_ptr<HostProcess> laptop_;
    std::unique_ptr<HostProcess> studio_;
};

/// The same with an engine of the studio's own, which a test may stop or prune.
template <class Lab>
class WithOwnEngine : public Lab {
  protected:
    static void SetUpTestSuite() {
        Lab::SetUpTestSuite();
        if (Lab::engine) own = DockerEngine::start("", Lab::why_no_engine);
        if (!own) Lab::engine.reset();
    }
    static void TearDownTestSuite() {
        own.reset();
        Lab::TearDownTestSuite();
    }
    void SetUp() override {
        Lab::SetUp();
        if (!Lab::engine) return;
        this->studio_engine_ = own.get();
        this->studio_docker_ = own->socket();
    }
    static inline std::unique_ptr<DockerEngine> own;
};

}  // namespace onex::test
