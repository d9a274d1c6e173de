// Runs `health_checks` of workflow contracts by their intervals, for what this host's runs have
// left behind.
#pragma once

#include "plugins/orchestrator/engine.hpp"
#include "plugins/orchestrator/health_probe.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace onex::orchestrator {

/// At most four probes are under way, never two of the same. Results live in memory: a restarted
/// host asks again. A run that came from a peer is that peer's to look after.
class HealthChecks {
  public:
    HealthChecks(const Host& host,
                 Engine& engine,
                 Contracts& contracts,
                 std::string host_id,
                 std::string node)
        : host_(host),
          engine_(engine),
          contracts_(contracts),
          host_id_(std::move(host_id)),
          node_(std::move(node)),
          prober_(host) {}

    Result<void> start();              ///< [control]
    void quiesce() { quiet_ = true; }  ///< no probe begins, and none that ends changes anything
    void resume() { quiet_ = false; }

    /// Each check and where it stands. [any thread]
    [[nodiscard]] json::array report();
    /// How many are healthy, unhealthy and unknown. [any thread]
    [[nodiscard]] json::object counts();

    /// The operation behind each probe: a request, so that what it waits for ends when the host
    /// does. NOT_FOUND when nothing of that id is under way. [any worker]
    Result<json::object> answer(const std::string& id, onex_token token);

  private:
    using Plan = std::vector<workflow::HealthProbe>;
    void tick();
    /// Plans anew if a run may have ended since, or a contract been edited.
    void look(std::int64_t now_us);
    Result<Plan> plan();
    std::vector<workflow::HealthCheck> checks_of(const std::string& workflow_id,
                                                 const std::string& workflow,
                                                 bool is_installed);
    void ask(const workflow::HealthProbe& probe);
    [[nodiscard]] workflow::HealthAnswer called(const workflow::HealthProbe& probe) const;
    [[nodiscard]] bool is_under_way(const workflow::HealthProbe& probe) const;
    void show(const workflow::HealthProbe& probe, workflow::Health health) const;
    void hide(const workflow::HealthProbe& probe) const;
    void tell(const workflow::HealthProbe& probe, const workflow::HealthAnswer& answer) const;

    const Host& host_;
    Engine& engine_;
    Contracts& contracts_;
    const std::string host_id_;
    const std::string node_;
    HealthProber prober_;
    onex_handle gauge_ = 0;  ///< 0: the host refused it
    std::atomic<bool> quiet_{false};

    // Only the timer's task uses these.
    std::int64_t look_us_ = 0;  ///< when to look for changes
    std::int64_t plan_us_ = 0;  ///< when to plan anew in any case
    std::pair<std::int64_t, std::size_t> seen_{-1, 0};
    bool store_failed_ = false;

    std::mutex mutex_;
    workflow::HealthBoard board_;
};

}  // namespace onex::orchestrator
