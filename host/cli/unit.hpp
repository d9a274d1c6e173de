// The text of a systemd unit and of a launchd property list. Pure.
#pragma once

#include "host/config/config.hpp"

#include <cstdint>
#include <string>

namespace onex::host::cli {

struct UnitFacts {
    std::string program;
    std::string config_file;  ///< absolute
    std::string data_dir;
    std::int64_t stop_timeout_ms = 20'000;
    bool user = false;  ///< a service of one person: no system-wide dependencies
};

UnitFacts unit_facts(const Config& config, bool user);
std::string systemd_unit(const UnitFacts& facts);
std::string launchd_plist(const UnitFacts& facts);

}  // namespace onex::host::cli
