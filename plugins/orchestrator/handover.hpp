// Hands a run over to the orchestrator of the host that it is aimed at, once all that is left of it
// happens there: the host that began it may then go away (semantics 1.2). Speaks with the other
// host; what follows for a run is the engine's.
#pragma once

#include "plugins/orchestrator/parcel.hpp"
#include "plugins/orchestrator/run.hpp"

#include <onex/error.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace onex::orchestrator {

/// [any worker], waits for the peer.
class Handover {
  public:
    Handover(const Host& host, const RunRows& rows) : host_(host), rows_(rows) {}

    /// The peer on which all operations from the pending one on run, and the rollback; or empty.
    /// A peer that does not answer now gives empty, too: the step itself will say so.
    [[nodiscard]] std::string destination(const Run& run) const;

    /// FAILED_PRECONDITION when the run will have to be handed over and its target has no
    /// orchestrator; REMOTE_ENDPOINT_UNREACHABLE when nobody has configured the target. True when
    /// that is settled, false when the target did not answer.
    [[nodiscard]] Result<bool> check_target(const Run& run) const;

    /// Asks run.row.handed_to to take the run. The same question again has the same answer. Errors:
    /// see is_refusal().
    Result<void> offer(const Run& run, std::vector<workflow::Secret> secrets) const;
    /// True for an answer by which the other host certainly has not taken the run.
    [[nodiscard]] static bool is_refusal(const Error& error);

    /// What its owner tells of the run. NOT_FOUND: it knows nothing of it.
    Result<News> ask(const Run& run) const;
    /// Stores that here, all or nothing.
    Result<void> store(Run& run, const News& news) const;

    Result<void> pass_cancel(const RunRow& row, const std::string& reason) const;
    Result<void> pass_approval(const RunRow& row,
                               const std::string& approved_by,
                               const std::string& note) const;
    /// Tells this host's own nodes that took part that the run, in `end`, is over. Best effort.
    void tell_own_nodes(const Run& run, const RunRow& end) const;

    // --- on the host that takes a run over
    /// Stores the run as `claim`'s. True when it is new here. Errors: VALIDATION_ERROR, CONFLICT
    /// (another's run has that id), those of the store.
    Result<bool> take(Parcel parcel, const workflow::Model& model) const;
    /// What `run` is like now; without rows when the asker has seen that `revision`.
    Result<News> news(const RunRow& run,
                      std::int64_t after_line,
                      const std::string& revision) const;

  private:
    [[nodiscard]] std::string peer_of(const Run& run, const workflow::OperationSpec& spec) const;
    Result<std::string> ask_owner(const RunRow& row,
                                  const char* operation,
                                  const json::object& input,
                                  std::int64_t timeout_ms) const;

    const Host& host_;
    const RunRows& rows_;
};

}  // namespace onex::orchestrator
