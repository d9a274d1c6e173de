// Writes what became true about a run: one transaction for the step's end, the context, the
// transitions and their events; then the metrics.
#pragma once

#include "plugins/orchestrator/metrics.hpp"
#include "plugins/orchestrator/run.hpp"
#include "plugins/orchestrator/step_call.hpp"

#include <cstdint>
#include <functional>
#include <string_view>

namespace onex::orchestrator {

/// The end of an attempt, beside the facts that follow from it.
struct EndedStep {
    workflow::Step step;
    CallResult result;
};

/// [any worker], waits for the store.
class Recorder {
  public:
    Recorder(const Host& host, const RunRows& rows, MetricBook& metrics)
        : host_(host), rows_(rows), metrics_(metrics) {}

    /// All or nothing. `ended` may be null; `running` is how many runs of the workflow run now.
    /// Errors: FAILED_PRECONDITION (the claim is another's), those of the store.
    Result<void> write(Run& run,
                       const workflow::Facts& facts,
                       const EndedStep* ended,
                       std::int64_t running);

    /// A line of the run's log; it is stored with the next write or flush.
    void line(Run& run,
              std::string_view level,
              std::string_view stage,
              std::string_view operation,
              std::string_view text) const;
    /// Stores the lines that wait. [any worker]
    void flush(Run& run) const;

    /// Called when a first line waits, so that somebody flushes soon.
    std::function<void(Run&)> on_first_line;

  private:
    Result<void> write_once(Run& run, const workflow::Facts& facts, const EndedStep* ended);
    Result<void> write_step(Tx& tx, const Run& run, const EndedStep& ended) const;
    Result<void> write_facts(Tx& tx, const Run& run, const workflow::Facts& facts) const;
    Result<void> write_end(Tx& tx, Run& run) const;
    void tell(Run& run, const workflow::Facts& facts) const;

    const Host& host_;
    const RunRows& rows_;
    MetricBook& metrics_;
};

}  // namespace onex::orchestrator
