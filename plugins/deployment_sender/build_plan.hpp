// From the inputs of a build to what is asked of Docker. Touches the file system only to find
// folder and file.
#pragma once

#include "docker/wire.hpp"
#include "plugins/deployment_sender/settings.hpp"

#include <onex/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace onex::sender {

/// Everything that decides about one build.
struct BuildPlan {
    std::string tag;                ///< "<container_name>:<image_tag>"
    std::filesystem::path context;  ///< canonical
    std::string dockerfile;         ///< inside the context, '/' between names
    std::string dockerfile_text;
    json::object options;  ///< build_options as given
};

/// Checks folder and Dockerfile: inside build_roots, no "..", the Dockerfile inside its context and
/// at most 1 MiB. Errors: VALIDATION_ERROR, POLICY_DENIED (outside build_roots), NOT_FOUND. [may
/// block]
[[nodiscard]] Result<BuildPlan> plan_build(const json::object& input, const Settings& settings);

/// The query of POST /build. Errors: VALIDATION_ERROR for a build argument that is no text, number
/// or bool.
[[nodiscard]] Result<docker::Query> build_query(const BuildPlan& plan);

/// The same as arguments of `docker buildx build`. Errors: as build_query().
[[nodiscard]] Result<std::vector<std::string>> buildx_arguments(const BuildPlan& plan);

}  // namespace onex::sender
