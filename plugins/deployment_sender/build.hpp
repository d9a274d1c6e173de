// Builds an image: with the engine's own builder, or through docker buildx where the Dockerfile
// needs BuildKit.
#pragma once

#include "docker/engine.hpp"
#include "plugins/deployment_sender/build_log.hpp"
#include "plugins/deployment_sender/build_plan.hpp"

#include <onex/json.hpp>

#include <string>

namespace onex::sender {

/// What a build made.
struct Built {
    std::string image_ref;  ///< the tag
    std::string image_id;
    std::int64_t duration_ms = 0;
};

/// Builds images for one node. [worker]
class Builder {
  public:
    Builder(const Host& host, docker::Engine& engine, const Settings& settings)
        : host_(host), engine_(engine), settings_(settings) {}

    /// Builds what `input` (container_name, image_tag, build_options) says; each line of the
    /// build's log is a progress line of `request`. Cancelling the request stops the build. Errors:
    /// BUILD_FAILED with the last lines, BUILDKIT_NEEDED, DOCKER_UNAVAILABLE, those of
    /// plan_build().
    Result<Built> build(Request& request, const json::object& input);

    /// Whether `docker buildx` can be used here. [may block]
    [[nodiscard]] bool has_buildx(Wait wait) const;

  private:
    Result<void> classic(Request& request, const BuildPlan& plan, BuildLog& log);
    Result<void> buildx(Request& request, const BuildPlan& plan, BuildLog& log);

    const Host& host_;
    docker::Engine& engine_;
    const Settings& settings_;
};

}  // namespace onex::sender
