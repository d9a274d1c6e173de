// Makes one call of a run: finds who offers the operation, builds its input, writes the intent,
// calls, waits.
#pragma once

#include "plugins/orchestrator/resolution.hpp"
#include "plugins/orchestrator/run.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace onex::orchestrator {

struct CallResult {
    workflow::StepOutcome outcome;  ///< times are the caller's to fill
    json::object output;
    std::vector<workflow::Artifact> artifacts;
    std::string resolution;
    std::uint64_t bytes = 0;  ///< that moved
};

/// [any worker], waits as long as the operation takes.
class StepCaller {
  public:
    /// `log` takes a line of a run: level, stage, operation, text.
    using Log = std::function<void(
        Run&, std::string_view level, const workflow::Step&, std::string_view text)>;
    StepCaller(const Host& host, const RunRows& rows, Log log)
        : host_(host), rows_(rows), log_(std::move(log)) {}

    /// Whatever goes wrong is an outcome. `started_us` stands in the intent row.
    CallResult call(Run& run, const workflow::Step& step, std::int64_t started_us) const;

    /// The operations that nodes of a failed run want to be called, beyond those that it reached.
    std::vector<workflow::Closer> closers(Run& run) const;

    /// The run's secrets with their values.
    Result<std::vector<workflow::Secret>> secrets(Run& run) const;

  private:
    Result<Resolution> resolve(Run& run, const workflow::Step& step) const;
    Result<std::string> input_of(Run& run,
                                 const workflow::Step& step,
                                 const Resolution& resolution) const;
    Result<void> load_secrets(Run& run) const;
    Result<void> write_intent(const Run& run,
                              const workflow::Step& step,
                              const std::string& resolution,
                              const std::string& input,
                              std::int64_t started_us) const;
    Result<std::string> perform(Run& run,
                                const workflow::Step& step,
                                const Resolution& resolution,
                                std::string input,
                                CallResult& result) const;

    const Host& host_;
    const RunRows& rows_;
    Log log_;
};

}  // namespace onex::orchestrator
