// The metrics that contracts declare, defined at the host when they first move.
#pragma once

#include "plugins/lib/workflow/facts.hpp"

#include <onex/host.hpp>

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace onex::orchestrator {

/// [any thread]
class MetricBook {
  public:
    explicit MetricBook(const Host& host) : host_(host) {}
    /// A metric that the host refuses (another kind or other labels under that name) is left out,
    /// with one warning.
    void move(const workflow::Model& model, const std::vector<workflow::Movement>& movements);

  private:
    onex_handle handle_of(const workflow::Model& model, const std::string& name);

    const Host& host_;
    std::mutex mutex_;
    std::map<std::string, onex_handle> handles_;  ///< 0: refused
};

}  // namespace onex::orchestrator
