// The text of a systemd unit and of a launchd property list. Pure.
#pragma once

#include "host/config/config.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace onex::host::cli {

struct UnitFacts {
    std::string program;
    std::string config_file;  ///< absolute
    std::string data_dir;
    std::int64_t stop_timeout_ms = 20'000;
    bool user = false;  ///< a service of one person: no system-wide dependencies
    /// Holds the variables of env: secrets, NAME=value a line; it need not be there. Not for
    /// launchd.
    std::string environment_file{};
    /// What `~` and Docker's login mean to who installs it; a service has no HOME of its own.
    std::string home{};
    std::string docker_config{};
};

UnitFacts unit_facts(const Config& config, bool user);
std::string systemd_unit(const UnitFacts& facts);
std::string launchd_plist(const UnitFacts& facts);

/// The variables that the secrets of `config` name, each once.
std::vector<std::string> secret_variables(const Config& config);
/// Those of `names` that an environment file with this text does not set.
std::vector<std::string> unset_in(const std::string& environment_file_text,
                                  const std::vector<std::string>& names);

}  // namespace onex::host::cli
