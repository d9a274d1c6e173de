// Signed requests that were accepted, remembered so that none is accepted twice (semantics 7.2).
#pragma once

#include "host/store/store.hpp"

#include <cstdint>
#include <string>

namespace onex::host {

/// [any thread], blocks.
class Nonces {
  public:
    explicit Nonces(Store& store) : store_(store) {}

    /// Durable before it returns. False: this key has used this nonce before, refuse the request.
    Result<bool> remember(const std::string& key_id,
                          const std::string& nonce,
                          std::int64_t expires_us);
    /// Removes what expired before `before_us`; the count.
    Result<std::int64_t> prune(std::int64_t before_us);

  private:
    Store& store_;
};

}  // namespace onex::host
