// plugin new NAME: a folder with a plugin that builds, passes its test and runs.
#pragma once

#include <onex/error.hpp>

#include <string>
#include <utility>
#include <vector>

namespace onex::host::cli {

/// The files of a new plugin: path in its folder, and text. Errors: VALIDATION_ERROR for a name
/// that could not be one of a plugin.
Result<std::vector<std::pair<std::string, std::string>>> new_plugin_files(const std::string& name);

/// Writes them into `folder`, which must be empty or not exist. Errors: VALIDATION_ERROR, CONFLICT,
/// INTERNAL.
Result<void> write_new_plugin(const std::string& name, const std::string& folder);

}  // namespace onex::host::cli
