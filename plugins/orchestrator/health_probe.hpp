// Asks once: an address, a program of this host, or an operation of a node.
#pragma once

#include "plugins/lib/workflow/health_plan.hpp"
#include "plugins/orchestrator/resolution.hpp"

#include <onex/host.hpp>

#include <map>
#include <mutex>
#include <string>

namespace onex::orchestrator {

/// [any worker]
class HealthProber {
  public:
    explicit HealthProber(const Host& host) : host_(host) {}

    /// Waits for at most the check's timeout, or until the request of `token` is cancelled.
    /// Unknown: this host could not ask (a program that it may not start, nobody who offers the
    /// operation). Who does not answer is unhealthy.
    workflow::HealthAnswer ask(const workflow::HealthProbe& probe, onex_token token);
    /// The probe is not asked any more.
    void forget(const workflow::HealthProbe& probe);

  private:
    workflow::HealthAnswer ask_http(const workflow::HealthCheck& check, Wait wait) const;
    workflow::HealthAnswer ask_network(const workflow::HealthCheck& check, Wait wait) const;
    workflow::HealthAnswer ask_system(const workflow::HealthCheck& check, Wait wait) const;
    workflow::HealthAnswer ask_operation(const workflow::HealthProbe& probe, Wait wait);
    Result<Resolution> resolve(const workflow::HealthProbe& probe, Wait wait);

    const Host& host_;
    std::mutex mutex_;
    std::map<std::string, Resolution> known_;  ///< by probe, until a call fails
};

}  // namespace onex::orchestrator
