// `onex-host doctor`: what works, what does not, and what to do about it.
#pragma once

#include "host/breaker/guarded_client.hpp"
#include "host/plugin/runtime.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

namespace onex::host {

/// {"checks":[{name, ok, detail, advice?}]}: data_dir and disk, each node's health, each peer
/// (reachable, same secret, clock, architecture, TLS), each circuit breaker of `client`. Takes at
/// most 5 s a peer.
boost::asio::awaitable<boost::json::object> examine(Runtime& runtime, const GuardedClient& client);

}  // namespace onex::host
