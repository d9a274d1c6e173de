#include "host/router/gate.hpp"

#include "host/async/on_worker.hpp"
#include "host/config/cidr.hpp"
#include "host/store/ids.hpp"

#include <utility>

namespace onex::host {

namespace asio = boost::asio;

namespace {

constexpr std::int64_t kMicros = 1'000'000;

std::vector<std::string> own_names(const Runtime& runtime) {
    return {runtime.identity.host_id, runtime.identity.name};
}

/// True unless a browser asks for a page of another site: such a page may post anywhere, and by a
/// name that its owner points to this machine even read the answers.
bool is_asked_directly(const Headers& headers) {
    const std::string host(headers.get("Host"));
    const auto named = parse_url("http://" + host);
    if (!named || (named->host != "localhost" && !is_loopback(named->host))) return false;
    const auto origin = headers.get("Origin");
    return origin.empty() || origin == "http://" + host || origin == "https://" + host;
}

}  // namespace

Result<void> Gate::check_address(const ServerRequest& request,
                                 const std::vector<std::string>& ranges) {
    if (request.unix_socket || ranges.empty() || allowed(ranges, request.remote_address)) return {};
    return fail("AUTHENTICATION_FAILED",
                "the address " + request.remote_address +
                    " is not allowed here; add its range to the node's `allow`");
}

asio::awaitable<Result<Caller>> Gate::check_signature(const ServerRequest& request) {
    auto verified = verify_request(request.method,
                                   request.target,
                                   request.headers,
                                   keys_,
                                   own_names(runtime_),
                                   now_us() / kMicros);
    if (!verified) co_return std::unexpected(std::move(verified).error());
    auto caller = co_await remember(std::move(*verified));
    co_return caller;
}

asio::awaitable<Result<Caller>> Gate::check_original(const ServerRequest& request,
                                                     const std::string& body) {
    auto verified = verify_deployment(request.headers, body, keys_, now_us() / kMicros);
    if (!verified) co_return std::unexpected(std::move(verified).error());
    auto caller = co_await remember(std::move(*verified));
    co_return caller;
}

asio::awaitable<Result<Caller>> Gate::remember(Verified verified) {
    std::function<Result<bool>()> store = [this, verified] {
        return nonces_.remember(verified.key.key_id, verified.nonce, verified.nonce_expires_us);
    };
    auto fresh =
        co_await on_worker<bool>(runtime_.peer_workers, runtime_.executor, std::move(store));
    if (!fresh) co_return std::unexpected(std::move(fresh).error());
    if (!*fresh) co_return std::unexpected(replayed(verified));
    Caller caller;
    caller.who = "peer:" + verified.key.peer;
    caller.verified = std::move(verified);
    co_return caller;
}

Result<Caller> Gate::check_token(const ServerRequest& request) const {
    if (token_.empty()) {
        // Without a token the listener is on loopback only; a forwarded port must not pass for a
        // person, so the address is looked at here, too.
        if (!is_loopback(request.remote_address)) {
            return fail(
                "AUTHENTICATION_FAILED",
                "this host has no token, so only its own machine may ask; set [host] token");
        }
        if (!is_asked_directly(request.headers)) {
            return fail("AUTHENTICATION_FAILED",
                        "this host has no token, so it answers to 127.0.0.1 and localhost, and to "
                        "no web page of another site; set [host] token");
        }
        return Caller{"loopback", {}};
    }
    if (auto valid = verify_bearer(request.headers, token_); !valid)
        return std::unexpected(std::move(valid).error());
    return Caller{"token", {}};
}

}  // namespace onex::host
