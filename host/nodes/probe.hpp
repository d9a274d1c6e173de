// Tries a new library in a process of its own before this one maps it.
#pragma once

#include "host/plugin/library.hpp"

#include <onex/error.hpp>

#include <cstdint>
#include <string>

namespace onex::host {

/// Runs `program plugin check --level load` on the copy that is to be loaded, with the settings
/// that its node would get. Errors: FAILED_PRECONDITION with the reason of the first check that
/// fails (no plugin, other ABI, settings that don't fit, create that crashes or refuses), TIMEOUT
/// (it hangs). Blocks.
Result<void> probe_plugin(const std::string& program,
                          const StagedFile& staged,
                          const std::string& settings,
                          const std::string& private_dir,
                          std::int64_t limit_ms);

}  // namespace onex::host
