// The command line's grammar. The only file pair that knows CLI11.
#pragma once

#include <functional>
#include <optional>

namespace onex::host::cli {

struct Parsed {
    /// What to run; its result is the exit code. Empty when `exit_code` is set.
    std::function<int()> command;
    /// Help was printed (0), or the command line was wrong and that was told (2).
    std::optional<int> exit_code;
};

Parsed parse_arguments(int argc, char** argv);

}  // namespace onex::host::cli
