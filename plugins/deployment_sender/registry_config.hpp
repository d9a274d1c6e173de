// Registry log-ins for a build, from Docker's own configuration file. Pure.
#pragma once

#include <string>
#include <string_view>

namespace onex::sender {

/// The value of the header X-Registry-Config: the `auths` of Docker's config.json, as the engine
/// wants them. Empty when there are none (also for a text that isn't such a file): a build then
/// pulls without logging in. Log-ins that live in a credential helper are not in that file. The
/// value is a secret.
[[nodiscard]] std::string registry_header(std::string_view config_json);

}  // namespace onex::sender
