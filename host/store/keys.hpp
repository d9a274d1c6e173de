// Idempotency keys: an effect that is asked for twice happens once (semantics 1.3).
#pragma once

#include "host/async/cancel.hpp"
#include "host/store/store.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace onex::host {

enum class KeyState {
    started,  ///< the caller runs the operation, then calls finish() or fail()
    running,  ///< another caller does; join() waits for its answer
    done,     ///< `answer` is the stored one
};

struct KeyBegun {
    KeyState state = KeyState::started;
    std::string answer;
};

/// The keys of operations that this process executes. Rows that an earlier boot left running count
/// as failed. [any thread], blocks.
class OperationKeys {
  public:
    OperationKeys(Store& store, std::string boot_id);
    ~OperationKeys();
    OperationKeys(const OperationKeys&) = delete;  // Waiters belong to one object.
    OperationKeys& operator=(const OperationKeys&) = delete;

    /// `input_hash` leaves out attempt and deadline. Errors: CONFLICT when the key was used for
    /// another operation or another input.
    Result<KeyBegun> begin(const std::string& key,
                           const std::string& operation,
                           const std::string& input_hash);
    /// Waits until the run that holds `key` ends: its answer, or the error it failed with. Errors
    /// besides: TIMEOUT and CANCELLED by `wait`, NOT_FOUND.
    Result<std::string> join(const std::string& key, const Wait& wait);

    /// Both: NOT_FOUND when this boot isn't running `key`. After fail() the key may run again.
    Result<void> finish(const std::string& key, const std::string& answer_json);
    Result<void> fail(const std::string& key, const Error& error);

    /// Removes the keys of a run, `workflow_id` + "/…"; the count.
    Result<std::int64_t> forget(const std::string& workflow_id);
    /// Removes keys that ended before `before_us` (the caller passes now - 24 h); the count.
    Result<std::int64_t> prune(std::int64_t before_us);

  private:
    Result<void> end(const std::string& key, const std::string& state, const std::string& answer);

    struct Waiters;
    Store& store_;
    std::string boot_id_;
    std::shared_ptr<Waiters> waiters_;
};

}  // namespace onex::host
