// Requests that came while a node's worker process was being started again: they wait here for the
// new one.
#pragma once

#include <onex/abi.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace onex::host::worker {

/// A request with its own copy of all texts.
class HeldRequest {
  public:
    explicit HeldRequest(const onex_request& request)
        : fixed_(request),
          operation_(request.operation.data, request.operation.size),
          input_(request.input.data, request.input.size),
          correlation_id_(request.correlation_id.data, request.correlation_id.size),
          key_(request.key.data, request.key.size),
          caller_(request.caller.data, request.caller.size),
          content_type_(request.content_type.data, request.content_type.size) {}

    [[nodiscard]] onex_token token() const { return fixed_.token; }
    /// Valid as long as this is.
    [[nodiscard]] onex_request view() const {
        const auto of = [](const std::string& text) { return onex_str{text.data(), text.size()}; };
        auto request = fixed_;
        const auto waited = std::chrono::steady_clock::now() - since_;
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(waited).count();
        if (request.timeout_ms >= 0)
            request.timeout_ms = std::max<std::int64_t>(request.timeout_ms - ms, 1);
        request.operation = of(operation_);
        request.input = of(input_);
        request.correlation_id = of(correlation_id_);
        request.key = of(key_);
        request.caller = of(caller_);
        request.content_type = of(content_type_);
        return request;
    }

  private:
    onex_request fixed_;
    std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
    std::string operation_, input_, correlation_id_, key_, caller_, content_type_;
};

using HeldRequests = std::deque<HeldRequest>;
/// So many wait for one worker; more are refused.
inline constexpr std::size_t kHeldMax = 256;

}  // namespace onex::host::worker
