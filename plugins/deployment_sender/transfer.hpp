// The operations of the stage that sends an image: connect, send, verify, release.
#pragma once

#include "docker/engine.hpp"
#include "plugins/deployment_sender/settings.hpp"

#include <onex/json.hpp>

#include <string>

namespace onex::sender {

/// Sends images of one engine to receivers. Each function is one operation: input object in, output
/// object out. [worker]
class Transfer {
  public:
    Transfer(const Host& host, docker::Engine& engine, const Settings& settings)
        : host_(host), engine_(engine), settings_(settings) {}

    /// Announces the deployment, which takes the receiver's lock of the name.
    Result<json::object> establish_connection(Request& request, const json::object& input);
    /// Sends the image unless the receiver has it. Errors: CHECKSUM_MISMATCH when the receiver got
    /// other bytes.
    Result<json::object> send(Request& request, const json::object& input);
    /// Asks the receiver what it holds.
    Result<json::object> verify(Request& request, const json::object& input);
    /// Removes what a killed host may have left of send(): the temporary tag.
    Result<json::object> release(Request& request, const json::object& input);

  private:
    Result<json::object> send_image(Request& request,
                                    const json::object& input,
                                    const std::string& deployment_id);

    const Host& host_;
    docker::Engine& engine_;
    const Settings& settings_;
};

/// Repository of the sender's temporary tag, by which an export carries exactly that one tag.
[[nodiscard]] std::string transfer_repository(const json::object& input);

/// The id of the deployment that `input` belongs to: its own, or that of its run.
[[nodiscard]] std::string deployment_id_of(const json::object& input);

/// Scores and receipt of verify_transfer from what send() and the receiver say.
[[nodiscard]] json::object judge_transfer(const json::object& transfer,
                                          std::string_view checksum,
                                          const json::object& status);

}  // namespace onex::sender
