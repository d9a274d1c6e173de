// Who may come in: address, then signature or token, then nonce (semantics 7). Nothing else happens
// before.
#pragma once

#include "host/http/auth.hpp"
#include "host/plugin/runtime.hpp"
#include "host/store/nonces.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>

namespace onex::host {

/// Somebody who was let in.
struct Caller {
    std::string who = "anonymous";  ///< as onex_request.caller
    std::optional<Verified>
        verified;  ///< a signed request: its body or trailer is still to be checked
};

class Gate {
  public:
    /// `keys` outlive the gate. `token` may be empty: then `auth: token` lets in this machine's
    /// people and programs, see check_token().
    Gate(Runtime& runtime, const std::vector<SigningKey>& keys, std::string token)
        : runtime_(runtime), keys_(keys), token_(std::move(token)), nonces_(runtime.store) {}

    /// Is the address in the ranges? A refused address is a 401, and no hint at what would be
    /// allowed.
    static Result<void> check_address(const ServerRequest& request,
                                      const std::vector<std::string>& ranges);
    /// A peer's signature over the head, and its nonce, which is remembered before this returns.
    boost::asio::awaitable<Result<Caller>> check_signature(const ServerRequest& request);
    /// The original's two-header form over the body.
    boost::asio::awaitable<Result<Caller>> check_original(const ServerRequest& request,
                                                          const std::string& body);
    /// Without a token: who asks over loopback, and is no web page of another site.
    Result<Caller> check_token(const ServerRequest& request) const;

    [[nodiscard]] bool has_token() const { return !token_.empty(); }
    [[nodiscard]] Nonces& nonces() { return nonces_; }

  private:
    boost::asio::awaitable<Result<Caller>> remember(Verified verified);

    Runtime& runtime_;
    const std::vector<SigningKey>& keys_;
    std::string token_;
    Nonces nonces_;
};

}  // namespace onex::host
