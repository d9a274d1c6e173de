// Where an installed host finds its own parts: everything is relative to the executable.
#pragma once

#include "host/config/config.hpp"

#include <string>

namespace onex::host {

/// The absolute path of the running program, links resolved; empty when the system does not tell.
std::string executable_path();

/// Fills what the configuration left empty and depends on where the program stands:
/// plugin_dirs (<prefix>/lib/onex/plugins), workflow_dirs
/// (<prefix>/share/onex/contracts/workflows), migrations_dir
/// (<prefix>/share/onex/migrations/sqlite), admin.socket and store.file (in data_dir).
void fill_paths(Config& config);

}  // namespace onex::host
