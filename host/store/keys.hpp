// Idempotency keys: an effect that is asked for twice happens once (semantics 1.3).
#pragma once

#include "host/async/cancel.hpp"
#include "host/store/store.hpp"

#include <cstddef>
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
///
/// Why it remembers what runs: an outcome may find the store full or busy, and then its row says
/// `running` though nobody runs it. Such an outcome is kept here, answers whoever asks, and is
/// stored as soon as that works; a row of this boot that nothing here runs counts as failed, too.
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

    /// Both: NOT_FOUND when this boot isn't running `key`; another error is the store's, and the
    /// outcome is kept. After fail() the key may run again.
    Result<void> finish(const std::string& key, const std::string& answer_json);
    Result<void> fail(const std::string& key, const Error& error);

    /// Stores the outcomes that could not be stored when they came; the count of those that still
    /// can't.
    std::size_t store_kept();
    /// Removes keys that ended before `before_us` (the caller passes now - 24 h); the count.
    Result<std::int64_t> prune(std::int64_t before_us);

  private:
    struct Held;
    struct State;

    Result<KeyBegun> begin_row(const std::string& key,
                               const std::string& operation,
                               const std::string& input_hash);
    Result<void> end(const std::string& key, const std::string& state, const std::string& answer);
    Result<void> store_end(const std::string& key,
                           const std::string& state,
                           const std::string& answer);

    Store& store_;
    std::string boot_id_;
    std::shared_ptr<State> state_;
};

}  // namespace onex::host
