// Signed requests and answers, as pure functions (semantics 7). No socket, no store, no clock.
//
// Order of checks for a peer's request. The address comes first (the caller's, by the allow list),
// then verify_request(): form and doubled headers, signature, recipient, timestamp; then the caller
// remembers the nonce (Nonces::remember) and refuses with replayed(); then size; then verify_body()
// or, for a stream, verify_trailer() once all of it has arrived. Nothing takes effect before that.
#pragma once

#include "host/http/message.hpp"

#include <onex/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onex::host {

inline constexpr std::int64_t kTimestampSkewMaxS = 300;
inline constexpr std::int64_t kNonceKeepS = 660;  ///< both directions of the skew, and a minute
inline constexpr std::string_view kStreamed = "streamed";  ///< stands for the digest of a stream

/// What a signature covers, as text, in this order.
struct SignedHead {
    std::string key_id;
    std::string to;  ///< the recipient's host id, or its name
    std::string method;
    std::string target;  ///< path and query as sent
    std::string content_type;
    std::string timestamp;  ///< Unix seconds
    std::string nonce;      ///< 32 hex digits
    std::string idempotency_key;
    std::string announced_bytes;  ///< decimal; of streams; empty: not known
    std::string content;          ///< SHA-256 of the body, 64 hex digits, or "streamed"
};
/// The values joined by line feeds.
[[nodiscard]] std::string canonical(const SignedHead& head);

/// A secret that a peer and this host share. During rotation a peer has two.
struct SigningKey {
    std::string key_id;
    std::string secret;
    std::string peer;  ///< name in [peers]
};

/// Sets the security headers of a request whose Content-Type and Idempotency-Key are in place.
/// Returns the nonce, which the trailer and the answer refer to.
std::string sign_request(Headers& headers,
                         const SigningKey& key,
                         std::string_view to,
                         std::string_view method,
                         std::string_view target,
                         std::string_view body,
                         std::int64_t now_s);
/// The same for a streamed body; sign_trailer() has to follow it.
std::string sign_stream(Headers& headers,
                        const SigningKey& key,
                        std::string_view to,
                        std::string_view method,
                        std::string_view target,
                        std::optional<std::uint64_t> announced_bytes,
                        std::int64_t now_s);

/// A request that was proved to come from `key.peer`.
struct Verified {
    SigningKey key;
    std::string nonce;
    std::string content;
    std::string idempotency_key;
    std::optional<std::uint64_t> announced_bytes;
    std::int64_t nonce_expires_us = 0;  ///< for Nonces::remember
    [[nodiscard]] bool streamed() const { return content == kStreamed; }
};

/// Checks a request's head. `own_names` are this host's id and name. Error: AUTHENTICATION_FAILED.
/// Takes as long for an unknown key id as for a wrong signature.
Result<Verified> verify_request(std::string_view method,
                                std::string_view target,
                                const Headers& headers,
                                const std::vector<SigningKey>& keys,
                                const std::vector<std::string>& own_names,
                                std::int64_t now_s);
/// The error for a nonce that was used before.
[[nodiscard]] Error replayed(const Verified& request);
/// Is it the body that was signed? Errors: AUTHENTICATION_FAILED.
Result<void> verify_body(const Verified& request, std::string_view body);

/// The trailer fields of a stream: X-Onex-Blake3 and X-Onex-Trailer-Signature.
[[nodiscard]] Headers sign_trailer(const SigningKey& key,
                                   std::string_view nonce,
                                   std::uint64_t bytes,
                                   std::string_view blake3);
/// `bytes` and `blake3` are of what arrived. Errors: VALIDATION_ERROR (other length than
/// announced), AUTHENTICATION_FAILED (no trailer, wrong signature), CHECKSUM_MISMATCH (bytes were
/// changed on the way).
Result<void> verify_trailer(const Verified& request,
                            const Headers& trailers,
                            std::uint64_t bytes,
                            std::string_view blake3);

/// What the trailer of a streamed answer is signed and verified by: the request's key, and a nonce
/// of its own, so that no trailer of a request passes for one.
[[nodiscard]] Verified answer_to(const Verified& request);

/// Answers to signed requests carry X-Onex-Signature over nonce, status and SHA-256 of the body
/// ("streamed" for a stream).
[[nodiscard]] std::string sign_response(const SigningKey& key,
                                        std::string_view nonce,
                                        unsigned status,
                                        std::string_view content);
Result<void> verify_response(const SigningKey& key,
                             std::string_view nonce,
                             unsigned status,
                             std::string_view content,
                             const Headers& headers);

/// The original's form: X-Deployment-Signature over "<X-Deployment-Timestamp>.<body>".
void sign_deployment(Headers& headers,
                     std::string_view secret,
                     std::string_view body,
                     std::int64_t now_s);
/// Tries each key. The answer's nonce is the signature. Error: AUTHENTICATION_FAILED.
Result<Verified> verify_deployment(const Headers& headers,
                                   std::string_view body,
                                   const std::vector<SigningKey>& keys,
                                   std::int64_t now_s);

/// "Authorization: Bearer <token>", compared in constant time. An empty `token` refuses everybody.
/// Error: AUTHENTICATION_FAILED.
Result<void> verify_bearer(const Headers& headers, std::string_view token);

}  // namespace onex::host
