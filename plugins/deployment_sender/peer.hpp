// The receiver on the other side, as the sender sees it.
#pragma once

#include <onex/json.hpp>

#include <string>
#include <string_view>

namespace onex::sender {

/// One receiver, called by operation name on behalf of one request. [worker]
class Peer {
  public:
    /// `input` has remote_host and remote_port. `request` must outlive this object.
    Peer(const Host& host, Request& request, const json::object& input);
    /// `target` is "host:port".
    Peer(const Host& host, Request& request, std::string target)
        : host_(host), request_(request), target_(std::move(target)) {}

    /// Calls `operation` and waits. Errors: REMOTE_ENDPOINT_UNREACHABLE when nobody answers; else
    /// the operation's own, unchanged. `is_effect`: the receiver answers a repetition of it from
    /// its memory.
    Result<json::object> call(std::string_view operation,
                              const json::object& input,
                              bool is_effect,
                              Stream body = {});

    [[nodiscard]] const std::string& target() const { return target_; }

  private:
    const Host& host_;
    Request& request_;
    std::string target_;
};

/// "host:port" of an http or https URL. Errors: VALIDATION_ERROR.
[[nodiscard]] Result<std::string> target_of_url(std::string_view url);

}  // namespace onex::sender
