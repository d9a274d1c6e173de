// The node that builds images and sends them to receivers.
#pragma once

#include "plugins/deployment_sender/build.hpp"
#include "plugins/deployment_sender/packages.hpp"
#include "plugins/deployment_sender/transfer.hpp"

#include <onex/json.hpp>

#include <atomic>

namespace onex::sender {

/// Offers the operations of contracts/nodes/deployment_sender.yaml. Holds no state of a deployment.
class DeploymentSender : public JsonNode {
  public:
    DeploymentSender(const onex_host* host, const onex_create_args* args);

  private:
    Result<json::object> build_docker_image(Request& request, const json::object& input);
    Result<json::object> use_image(Request& request, const json::object& input);
    Result<json::object> gather_metadata(Request& request, const json::object& input);
    Result<json::object> validate_image(Request& request, const json::object& input);
    Result<json::object> health(Request& request);

    Settings settings_;
    docker::Engine engine_;
    Builder builder_;
    Transfer transfer_;
    Packages packages_;
    // health asks for buildx now and then only: each question starts a program.
    std::atomic<std::int64_t> buildx_asked_us_{0};
    std::atomic<bool> has_buildx_{false};
};

}  // namespace onex::sender
