// The states of a workflow contract and what may follow what. Pure.
#pragma once

#include <onex/error.hpp>

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onex::workflow {

/// The states that the contract language itself knows; compared without case.
inline constexpr std::string_view kCompleted = "COMPLETED";
inline constexpr std::string_view kFailed = "FAILED";
inline constexpr std::string_view kRollingBack = "ROLLING_BACK";
inline constexpr std::string_view kRollbackCompleted = "ROLLBACK_COMPLETED";

/// Do two names differ in nothing but the case of ASCII letters?
[[nodiscard]] bool same_name(std::string_view a, std::string_view b);

struct State {
    std::string name;
    std::string description;
    std::vector<std::string> transitions;
};

/// `fsm_states` of a contract. A state is named as the contract spells it; look-ups ignore case.
class Fsm {
  public:
    /// Checks names, the initial and the final states: every transition leads to a known state, a
    /// final state has none, COMPLETED and FAILED are final and COMPLETED is reachable.
    /// Errors: VALIDATION_ERROR.
    static Result<Fsm> read(const boost::json::object& fsm_states);

    [[nodiscard]] const std::string& initial() const { return initial_; }
    [[nodiscard]] const std::vector<State>& states() const { return states_; }
    [[nodiscard]] bool is_final(std::string_view state) const;
    /// The contract's spelling of `state`; empty when it has no such state.
    [[nodiscard]] std::string spelled(std::string_view state) const;
    [[nodiscard]] bool allows(std::string_view from, std::string_view to) const;
    /// FAILED_PRECONDITION, naming both states, when `to` does not follow `from`.
    [[nodiscard]] Result<void> check(std::string_view from, std::string_view to) const;
    /// The states after `from` up to and with `to` on the shortest way; none of those between is
    /// final or one of the contract language's own. Nothing when there is no way; empty when
    /// `from` is `to`.
    [[nodiscard]] std::optional<std::vector<std::string>> path(std::string_view from,
                                                               std::string_view to) const;

  private:
    [[nodiscard]] const State* find(std::string_view state) const;
    [[nodiscard]] Result<void> verify() const;

    std::vector<State> states_;
    std::vector<std::string> finals_;
    std::string initial_;
};

}  // namespace onex::workflow
