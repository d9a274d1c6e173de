// The composition root: builds the parts, starts them in order, drains and stops them in reverse.
#pragma once

#include <string>

namespace onex::host {

struct RunOptions {
    std::string config_file;
    bool watch = false;  ///< as if [host] watch were true
};

/// Runs a host until SIGTERM or SIGINT. Logs what happens; the result is the process's exit code:
/// 0 stopped as asked, 1 could not start or stop cleanly, 2 the configuration is wrong.
int run_host(const RunOptions& options);

}  // namespace onex::host
