// What a container has written, fit to be told to others.
#pragma once

#include "docker/engine.hpp"

#include <onex/json.hpp>

#include <string>
#include <string_view>

namespace onex::receiver {

/// The last lines of a container's log. A program that fails may print what it was given, so the
/// values of its environment are starred; those that its image brought along are no secrets.
/// Errors: NOT_FOUND, DOCKER_UNAVAILABLE. [worker]
Result<std::string> container_log(docker::Engine& engine,
                                  std::string_view id,
                                  int lines,
                                  Wait wait);

/// `log` with "***" in place of each value in Env of `config` that the image's has not. Values of
/// less than six bytes stay: they would star words that have nothing to do with them.
[[nodiscard]] std::string without_values(std::string log,
                                         const json::object& config,
                                         const json::object& config_of_the_image);

}  // namespace onex::receiver
