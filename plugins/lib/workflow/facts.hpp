// Which event a fact publishes and which metrics it moves, by the suffix rule of semantics 1.10.
// Pure.
#pragma once

#include "plugins/lib/workflow/machine.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace onex::workflow {

/// "STARTED", "STAGE_COMPLETED" …; empty for a fact that is no event.
[[nodiscard]] std::string_view event_name(Fact::Kind kind);

struct EventName {
    std::string type;   ///< empty: the contract has no event for this fact
    std::string topic;  ///< empty: the contract has no topic for it
};
/// The contract's event_type that ends in _<FACT>, each type belonging to the longest fact it ends
/// in, and the producer topic whose last part before .vN is that fact in kebab case.
[[nodiscard]] EventName event_for(const Model& model, Fact::Kind kind);

/// One movement of a metric: adds to a counter, sets a gauge, observes in a histogram.
struct Movement {
    std::string metric;
    std::vector<std::string> labels;  ///< values, in the order of the contract's names
    double value = 1;
    bool forget = false;  ///< takes this combination of a gauge away instead
};

/// What the labels and the metrics by name are filled from.
struct MetricSource {
    const boost::json::object& context;
    std::string_view workflow_id;
    std::int64_t running = 0;  ///< runs of this workflow that run now
};

/// The metrics of the contract that `fact` moves:
/// counters ending in _<fact>_total (also _rolled_back_total); histograms *_duration_seconds (of a
/// stage if the name begins so, else of the run) and those named like a number of the context;
/// gauges current_*_state, concurrent_*, and *_success_rate (the gate that its first part names).
[[nodiscard]] std::vector<Movement> movements(const Model& model,
                                              const RunState& state,
                                              const Fact& fact,
                                              const MetricSource& source);

/// An event's payload: ids, the scalar inputs, and what the fact itself knows.
[[nodiscard]] boost::json::object payload_of(const RunState& state,
                                             const Fact& fact,
                                             const boost::json::object& input,
                                             std::string_view workflow_id);

}  // namespace onex::workflow
