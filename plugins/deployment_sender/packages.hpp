// The original's three operations: an image as a package in the blob store, and from there to a
// receiver.
#pragma once

#include "plugins/deployment_sender/build.hpp"

#include <onex/json.hpp>

namespace onex::sender {

/// package_container, transfer_package, publish_transfer_event: the same builder and streams as in
/// a workflow, with the original's names. Each function is one operation. [worker]
class Packages {
  public:
    Packages(const Host& host, docker::Engine& engine, const Settings& settings, Builder& builder)
        : host_(host), engine_(engine), settings_(settings), builder_(builder) {}

    /// Builds, exports and compresses into the blob store; `package_path` is the blob's id.
    Result<json::object> package_container(Request& request, const json::object& input);
    /// Sends a package to the receiver at `remote_receiver_url`, which has to be a peer of this
    /// host.
    Result<json::object> transfer_package(Request& request, const json::object& input);
    Result<json::object> publish_transfer_event(Request& request, const json::object& input);

  private:
    Result<json::object> send(Request& request, const json::object& input, const BlobInfo& blob);

    const Host& host_;
    docker::Engine& engine_;
    const Settings& settings_;
    Builder& builder_;
};

}  // namespace onex::sender
