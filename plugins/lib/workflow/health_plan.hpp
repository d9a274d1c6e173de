// `health_checks` of a workflow contract: what is asked again and again about that which its runs
// have left behind. Which probes there are and when each is due. Pure.
#pragma once

#include <onex/error.hpp>

#include <boost/json/object.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace onex::workflow {

/// At most so many things are asked, those of the latest runs first.
inline constexpr std::size_t kProbesMax = 200;

enum class ProbeKind {
    none,       ///< declared, but there is nothing to ask
    http,       ///< GET `endpoint`; 2xx is good
    network,    ///< `endpoint` is "host:port"; a connection is good
    system,     ///< `command`; exit code 0 is good
    operation,  ///< of a node; good when its output says so
};

/// One of health_checks. In a probe its texts are filled in.
struct HealthCheck {
    std::string name;
    std::string type;  ///< as the contract calls it
    ProbeKind kind = ProbeKind::none;
    std::int64_t interval_ms = 60'000;
    std::int64_t timeout_ms = 5'000;
    bool critical = false;
    std::string endpoint;
    std::vector<std::string> command;  ///< program and arguments
    std::string operation;             ///< any type: this is called
    std::string node;                  ///< which node, when several offer it; or empty
    std::string on;                    ///< "source", "target", or empty: as the node says
    boost::json::object input;         ///< its further keys: what the operation may get
    std::string problem;               ///< why it can't be asked; empty: it can
};

/// Reads the key. What is wrong in it leaves that check out (kind none): a contract that began a
/// run must stay readable, and `onex-host contract check` names it.
[[nodiscard]] std::vector<HealthCheck> read_health_checks(const boost::json::object& contract);

/// Replaces each `{name}` by the input's text, number or boolean of that name; other braces stay.
/// Errors: NOT_FOUND with the name that has none. `found` counts the places.
Result<std::string> expand(std::string_view text,
                           const boost::json::object& input,
                           std::size_t* found = nullptr);

/// What the latest good run of a workflow about a subject on a target left behind.
struct Deployed {
    std::string workflow;
    std::string subject;
    std::string target;
    boost::json::object input;
};

/// One thing to ask.
struct HealthProbe {
    std::string id;  ///< the same as long as the same is asked
    std::string workflow;
    std::string subject;  ///< of the latest run that it stands for; empty: it has no placeholder
    std::string target;   ///< of that run
    HealthCheck check;
};

/// The probes: one for each distinct expansion over `newest_first`, one for a check without
/// placeholders. Where the target decides who is asked (`operation`), it counts as a placeholder.
[[nodiscard]] std::vector<HealthProbe> plan_probes(
    const std::map<std::string, std::vector<HealthCheck>>& checks_of_workflow,
    const std::vector<Deployed>& newest_first);

enum class Health { unknown, healthy, unhealthy };
[[nodiscard]] std::string_view health_word(Health health);

/// Where a probe stands.
struct HealthState {
    HealthProbe probe;
    Health health = Health::unknown;
    Health last_known = Health::unknown;  ///< the last one that was not unknown
    std::string detail;
    std::int64_t since_us = 0;  ///< wall clock; 0: was not asked yet
    std::int64_t last_ms = 0;   ///< how long the last answer took
    std::int64_t due_us = 0;    ///< monotonic
    bool busy = false;
};

/// What a probe brought.
struct HealthAnswer {
    Health health = Health::unknown;
    std::string detail;
    bool counts = true;  ///< false: nothing was learnt; it is asked again at its next turn
    std::int64_t took_ms = 0;
};

/// When each probe is due, and what the last answer was. Not thread-safe.
class HealthBoard {
  public:
    /// Takes another plan. What was asked before keeps its state; new probes are due at once.
    /// Returns those that are gone, or are about another subject now, as they were.
    std::vector<HealthProbe> renew(std::vector<HealthProbe> plan, std::int64_t now_us);

    /// The probes to begin now, the longest due first: as many as leave at most `busy_max` under
    /// way. An interval counts from one begin to the next.
    std::vector<HealthProbe> begin_due(std::int64_t now_us, std::size_t busy_max);

    /// The probe under way has ended; nothing happens if it is no longer in the plan. True if it
    /// became healthy or unhealthy and was last known as something else; the first answer counts
    /// only if it is unhealthy.
    bool ended(const std::string& id, const HealthAnswer& answer, std::int64_t wall_us);

    [[nodiscard]] const std::vector<HealthState>& states() const { return states_; }

  private:
    std::vector<HealthState> states_;
};

}  // namespace onex::workflow
