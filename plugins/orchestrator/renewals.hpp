// Tells the nodes that a run uses that it still goes on: the operations that node contracts mark
// with `run_renew`, every five seconds. What they lend to a run (the lease of a name) ends without
// that.
#pragma once

#include "plugins/orchestrator/resolution.hpp"
#include "plugins/orchestrator/run.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace onex::orchestrator {

/// [any worker]
class Renewals {
  public:
    /// `lost` hears of a run that a node will not let go on, and why.
    using Lost = std::function<void(const std::string& workflow_id, const std::string& why)>;
    Renewals(const Host& host, Lost lost) : host_(host), lost_(std::move(lost)) {}

    /// At each tick, with the runs that go on: begins what is due, one round at a time for each
    /// run.
    void tick(const std::vector<RunPtr>& runs);

  private:
    struct Entry {
        std::int64_t due_us = 0;
        bool busy = false;
        bool known = false;                ///< all nodes of the run were found
        std::vector<Resolution> renewers;  ///< of the operation that renews
    };
    void round(const RunPtr& run, Entry& entry) const;
    bool find_renewers(const Run& run, Entry& entry) const;

    const Host& host_;
    Lost lost_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<Entry>> entries_;  ///< by workflow id
};

}  // namespace onex::orchestrator
