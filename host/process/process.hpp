// Programs that the host starts for a node: allow-listed, without a shell, never left behind.
#pragma once

#include "host/async/cancel.hpp"
#include "host/async/pipe.hpp"

#include <onex/error.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onex::host {

inline constexpr std::size_t kProcessLineBytesMax = 64 * 1024;

/// Which programs may run: [process] allow.
class ProcessPolicy {
  public:
    explicit ProcessPolicy(std::vector<std::string> allowed_paths)
        : allowed_(std::move(allowed_paths)) {}

    /// The absolute path of `program`: an allowed path itself, or the file name of one.
    /// Errors: VALIDATION_ERROR (empty), POLICY_DENIED (not allowed, or two allowed paths have the
    /// name).
    [[nodiscard]] Result<std::string> resolve(std::string_view program) const;

  private:
    std::vector<std::string> allowed_;
};

struct ProcessRequest {
    std::vector<std::string>
        args{};  ///< args[0] is the program, as ProcessPolicy::resolve takes it
    std::string folder = "/";
    /// All of the program's environment, beyond the host's own PATH, HOME and LANG.
    std::vector<std::pair<std::string, std::string>> environment{};
    PipePtr input{};  ///< its stdin; null: /dev/null
    /// Gets each line of stdout (1) and stderr (2) without its end, on the calling thread; a longer
    /// line comes in pieces of kProcessLineBytesMax. May be empty.
    std::function<void(int stream, std::string_view line)> on_line{};
};

/// Runs a program in a process group of its own and waits for its end; its exit code, or 128 + the
/// signal that ended it. When `wait` is over the group gets SIGTERM, and SIGKILL after 2 s;
/// whatever the program left running in its group when it ended is killed. Blocks; for worker
/// threads. Errors: VALIDATION_ERROR (NUL in an argument, bad name of a variable), POLICY_DENIED,
/// NOT_FOUND (no such program or folder), TIMEOUT, CANCELLED, UNAVAILABLE (no more processes or
/// file descriptors).
Result<int> run_process(const ProcessPolicy& policy, ProcessRequest request, Wait wait);

}  // namespace onex::host
