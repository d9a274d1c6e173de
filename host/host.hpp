// The composition root: builds the parts, starts them in order, drains and stops them in reverse.
#pragma once

#include <string>
#include <string_view>

namespace onex::host {

struct RunOptions {
    std::string config_file;
};

/// Runs a host until SIGTERM or SIGINT. Logs what happens; the result is the process's exit code:
/// 0 stopped as asked, 1 could not start or stop cleanly, 2 the configuration is wrong.
int run_host(const RunOptions& options);

/// The version of this program, e.g. "0.1.0".
std::string_view host_version();

}  // namespace onex::host
