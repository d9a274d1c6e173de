// Signs of life of a request, also after its function has returned.
#pragma once

#include <onex/host.hpp>

#include <string_view>

namespace onex::receiver {

/// Tells the caller of a request what goes on; a copy is cheap. Token 0 tells nobody. [any thread]
class Tell {
  public:
    Tell(const Host& host, onex_token token) : host_(&host), token_(token) {}

    void bytes(std::uint64_t done, std::uint64_t total) const {
        send(ONEX_PROGRESS_BYTES, done, total, {});
    }
    void line(std::string_view text) const { send(ONEX_PROGRESS_LINE, 0, 0, text); }
    void step() const { send(ONEX_PROGRESS_STEP, 0, 0, {}); }

  private:
    void send(std::uint32_t kind,
              std::uint64_t done,
              std::uint64_t total,
              std::string_view text) const {
        if (token_ == 0) return;
        onex_progress progress{};
        progress.struct_size = sizeof(progress);
        progress.kind = kind;
        progress.done = done;
        progress.total = total;
        progress.text = to_abi(text);
        const auto* call = host_->tables().call;
        call->progress(call->ctx, token_, &progress);
    }

    const Host* host_;
    onex_token token_;
};

}  // namespace onex::receiver
