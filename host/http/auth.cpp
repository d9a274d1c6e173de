#include "host/http/auth.hpp"

#include "host/ids.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <utility>

namespace onex::host {
namespace {

std::string joined(std::initializer_list<std::string_view> values) {
    std::string text;
    for (const auto value : values) {
        text += value;
        text += '\n';
    }
    text.pop_back();
    return text;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
    Number value{};
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return value;
}

bool is_hex(std::string_view text, std::size_t length) {
    return text.size() == length && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

std::unexpected<Error> refused(std::string message) {
    return fail("AUTHENTICATION_FAILED", std::move(message));
}

/// A header that appears twice is read differently by different parsers; nobody honest sends one.
Result<void> refuse_doubled(const Headers& headers, std::initializer_list<std::string_view> names) {
    for (const auto name : names) {
        if (headers.count(name) > 1) {
            return refused("header " + std::string(name) + " appears more than once; send it once");
        }
    }
    return {};
}

Result<void> check_timestamp(std::string_view timestamp, std::int64_t now_s) {
    const auto sent_s = number_of<std::int64_t>(timestamp);
    // Compared by bounds: a difference with a made-up number could overflow.
    if (!sent_s || *sent_s < 0) return refused("the timestamp is no number of Unix seconds");
    if (*sent_s < now_s - kTimestampSkewMaxS || *sent_s > now_s + kTimestampSkewMaxS) {
        const bool behind = *sent_s < now_s;
        const auto skew = behind ? now_s - *sent_s : *sent_s - now_s;
        return refused("the request's timestamp is " + std::to_string(skew) + " s " +
                       (behind ? "behind" : "ahead of") + " this host's clock; at most " +
                       std::to_string(kTimestampSkewMaxS) + " s are allowed, set both clocks");
    }
    return {};
}

void set_head(Headers& headers, const SignedHead& head, const SigningKey& key) {
    headers.set("X-Onex-Key", head.key_id);
    headers.set("X-Onex-To", head.to);
    headers.set("X-Onex-Timestamp", head.timestamp);
    headers.set("X-Onex-Nonce", head.nonce);
    headers.set("X-Onex-Content", head.content);
    if (!head.announced_bytes.empty()) headers.set("X-Onex-Bytes", head.announced_bytes);
    headers.set("X-Onex-Signature", hmac_sha256_hex(key.secret, canonical(head)));
}

SignedHead head_of(std::string_view method, std::string_view target, const Headers& headers) {
    const auto field = [&](std::string_view name) { return std::string(headers.get(name)); };
    return {.key_id = field("X-Onex-Key"),
            .to = field("X-Onex-To"),
            .method = std::string(method),
            .target = std::string(target),
            .content_type = field("Content-Type"),
            .timestamp = field("X-Onex-Timestamp"),
            .nonce = field("X-Onex-Nonce"),
            .idempotency_key = field("Idempotency-Key"),
            .announced_bytes = field("X-Onex-Bytes"),
            .content = field("X-Onex-Content")};
}

std::string sign(Headers& headers,
                 const SigningKey& key,
                 std::string_view to,
                 std::string_view method,
                 std::string_view target,
                 std::string content,
                 std::string announced_bytes,
                 std::int64_t now_s) {
    auto head = head_of(method, target, headers);
    head.key_id = key.key_id;
    head.to = to;
    head.timestamp = std::to_string(now_s);
    head.nonce = random_hex(16);
    head.announced_bytes = std::move(announced_bytes);
    head.content = std::move(content);
    set_head(headers, head, key);
    return head.nonce;
}

std::string trailer_text(std::string_view nonce, std::uint64_t bytes, std::string_view blake3) {
    return joined({nonce, std::to_string(bytes), blake3});
}

}  // namespace

std::string canonical(const SignedHead& head) {
    return joined({head.key_id,
                   head.to,
                   head.method,
                   head.target,
                   head.content_type,
                   head.timestamp,
                   head.nonce,
                   head.idempotency_key,
                   head.announced_bytes,
                   head.content});
}

std::string sign_request(Headers& headers,
                         const SigningKey& key,
                         std::string_view to,
                         std::string_view method,
                         std::string_view target,
                         std::string_view body,
                         std::int64_t now_s) {
    return sign(headers, key, to, method, target, sha256_hex(body), {}, now_s);
}

std::string sign_stream(Headers& headers,
                        const SigningKey& key,
                        std::string_view to,
                        std::string_view method,
                        std::string_view target,
                        std::optional<std::uint64_t> announced_bytes,
                        std::int64_t now_s) {
    auto bytes = announced_bytes ? std::to_string(*announced_bytes) : std::string();
    return sign(headers, key, to, method, target, std::string(kStreamed), std::move(bytes), now_s);
}

Result<Verified> verify_request(std::string_view method,
                                std::string_view target,
                                const Headers& headers,
                                const std::vector<SigningKey>& keys,
                                const std::vector<std::string>& own_names,
                                std::int64_t now_s) {
    auto single = refuse_doubled(headers,
                                 {"X-Onex-Key",
                                  "X-Onex-To",
                                  "Content-Type",
                                  "X-Onex-Timestamp",
                                  "X-Onex-Nonce",
                                  "Idempotency-Key",
                                  "X-Onex-Bytes",
                                  "X-Onex-Content",
                                  "X-Onex-Signature"});
    if (!single) return std::unexpected(std::move(single).error());
    const auto signature = headers.get("X-Onex-Signature");
    if (signature.empty()) {
        return refused(
            "the request is not signed; calls between hosts need a shared key in [peers]");
    }
    const auto head = head_of(method, target, headers);
    const auto bytes = number_of<std::uint64_t>(head.announced_bytes);
    if (!is_hex(head.nonce, 32) || (head.content != kStreamed && !is_hex(head.content, 64)) ||
        (!bytes && !head.announced_bytes.empty())) {
        return refused("X-Onex-Nonce, X-Onex-Content or X-Onex-Bytes is malformed");
    }

    // Without the key a signature is computed all the same, so that the time does not tell which
    // ids exist.
    static const SigningKey nobody{{}, random_hex(32), {}};
    const auto found = std::ranges::find(keys, head.key_id, &SigningKey::key_id);
    const auto& key = found == keys.end() ? nobody : *found;
    const bool match = equal_constant_time(hmac_sha256_hex(key.secret, canonical(head)), signature);
    if (!match || found == keys.end() || key.secret.empty()) {
        return refused("the signature does not match; both hosts need the same key under [peers]");
    }
    if (head.to.empty() || std::ranges::find(own_names, head.to) == own_names.end()) {
        return refused("the request is meant for host '" + head.to + "', this is '" +
                       (own_names.empty() ? std::string() : own_names.back()) +
                       "'; give the peer the name that its own [host] name says");
    }
    auto fresh = check_timestamp(head.timestamp, now_s);
    if (!fresh) return std::unexpected(std::move(fresh).error());
    return Verified{.key = key,
                    .nonce = head.nonce,
                    .content = head.content,
                    .idempotency_key = head.idempotency_key,
                    .announced_bytes = bytes,
                    .nonce_expires_us = (now_s + kNonceKeepS) * 1'000'000};
}

Error replayed(const Verified& request) {
    return {"AUTHENTICATION_FAILED",
            "peer '" + request.key.peer + "' sent this request before; sign each request anew",
            {},
            {}};
}

Result<void> verify_body(const Verified& request, std::string_view body) {
    if (request.content.empty() || request.streamed()) {
        return refused("the request was signed as a stream; sign the SHA-256 of its body");
    }
    if (!equal_constant_time(sha256_hex(body), request.content)) {
        return refused("the body is not the one that was signed; it was changed on the way");
    }
    return {};
}

Headers sign_trailer(const SigningKey& key,
                     std::string_view nonce,
                     std::uint64_t bytes,
                     std::string_view blake3) {
    Headers trailers;
    trailers.set("X-Onex-Blake3", std::string(blake3));
    trailers.set("X-Onex-Trailer-Signature",
                 hmac_sha256_hex(key.secret, trailer_text(nonce, bytes, blake3)));
    return trailers;
}

Verified answer_to(const Verified& request) {
    Verified answer;
    answer.key = request.key;
    answer.nonce = request.nonce + "/answer";
    return answer;
}

Result<void> verify_trailer(const Verified& request,
                            const Headers& trailers,
                            std::uint64_t bytes,
                            std::string_view blake3) {
    auto single = refuse_doubled(trailers, {"X-Onex-Blake3", "X-Onex-Trailer-Signature"});
    if (!single) return single;
    if (request.announced_bytes && *request.announced_bytes != bytes) {
        return fail("VALIDATION_ERROR",
                    "the stream has " + std::to_string(bytes) + " bytes, " +
                        std::to_string(*request.announced_bytes) +
                        " were announced; send it again");
    }
    const auto signed_digest = trailers.get("X-Onex-Blake3");
    const auto signature = trailers.get("X-Onex-Trailer-Signature");
    if (signature.empty()) return refused("the stream ended without its signed trailer");
    const auto expected =
        hmac_sha256_hex(request.key.secret, trailer_text(request.nonce, bytes, signed_digest));
    if (!equal_constant_time(expected, signature)) {
        return refused("the trailer's signature does not match the " + std::to_string(bytes) +
                       " bytes that arrived; send the stream again");
    }
    if (signed_digest != blake3) {
        return fail("CHECKSUM_MISMATCH",
                    "what arrived has BLAKE3 " + std::string(blake3) + ", sent was " +
                        std::string(signed_digest) +
                        "; the bytes were changed on the way, send again");
    }
    return {};
}

std::string sign_response(const SigningKey& key,
                          std::string_view nonce,
                          unsigned status,
                          std::string_view content) {
    return hmac_sha256_hex(key.secret, joined({nonce, std::to_string(status), content}));
}

Result<void> verify_response(const SigningKey& key,
                             std::string_view nonce,
                             unsigned status,
                             std::string_view content,
                             const Headers& headers) {
    auto single = refuse_doubled(headers, {"X-Onex-Signature"});
    if (!single) return single;
    const auto expected = sign_response(key, nonce, status, content);
    if (!equal_constant_time(expected, headers.get("X-Onex-Signature"))) {
        return refused("peer '" + key.peer + "' answered " + std::to_string(status) +
                       " without a matching signature; both hosts need the same key under [peers]");
    }
    return {};
}

void sign_deployment(Headers& headers,
                     std::string_view secret,
                     std::string_view body,
                     std::int64_t now_s) {
    auto timestamp = std::to_string(now_s);
    headers.set("X-Deployment-Signature",
                hmac_sha256_hex(secret, timestamp + "." + std::string(body)));
    headers.set("X-Deployment-Timestamp", std::move(timestamp));
}

Result<Verified> verify_deployment(const Headers& headers,
                                   std::string_view body,
                                   const std::vector<SigningKey>& keys,
                                   std::int64_t now_s) {
    auto single = refuse_doubled(headers, {"X-Deployment-Signature", "X-Deployment-Timestamp"});
    if (!single) return std::unexpected(std::move(single).error());
    const auto signature = headers.get("X-Deployment-Signature");
    const auto timestamp = headers.get("X-Deployment-Timestamp");
    if (signature.empty() || timestamp.empty()) {
        return refused(
            "the request is not signed; send X-Deployment-Signature and X-Deployment-Timestamp");
    }
    const auto text = std::string(timestamp) + "." + std::string(body);
    const SigningKey* match = nullptr;
    for (const auto& key : keys) {
        const bool same = equal_constant_time(hmac_sha256_hex(key.secret, text), signature);
        if (same && !key.secret.empty()) match = &key;
    }
    if (match == nullptr) {
        return refused(
            "the signature does not match; sign \"<timestamp>.<body>\" with the shared key");
    }
    auto fresh = check_timestamp(timestamp, now_s);
    if (!fresh) return std::unexpected(std::move(fresh).error());
    return Verified{.key = *match,
                    .nonce = std::string(signature),
                    .content = sha256_hex(body),
                    .idempotency_key = {},
                    .announced_bytes = {},
                    .nonce_expires_us = (now_s + kNonceKeepS) * 1'000'000};
}

Result<void> verify_bearer(const Headers& headers, std::string_view token) {
    auto single = refuse_doubled(headers, {"Authorization"});
    if (!single) return single;
    const auto field = headers.get("Authorization");
    constexpr std::string_view scheme = "bearer ";
    const bool bearer =
        field.size() > scheme.size() &&
        std::ranges::equal(field.substr(0, scheme.size()), scheme, [](char a, char b) {
            return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
        });
    if (!bearer) return refused("this route needs a token; send \"Authorization: Bearer <token>\"");
    // Digests are compared, so that not even the token's length shows.
    const auto given = sha256_hex(field.substr(scheme.size()));
    if (token.empty() || !equal_constant_time(given, sha256_hex(token))) {
        return refused("the token is not the one that [host] token names");
    }
    return {};
}

}  // namespace onex::host
