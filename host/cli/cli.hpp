// The command line of onex-host.
#pragma once

namespace onex::host {

/// Runs the command that `argv` names. Exit codes: 0 done, 1 failed, 2 wrong use, 3 host
/// unreachable.
int run_cli(int argc, char** argv);

}  // namespace onex::host
