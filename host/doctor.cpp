#include "host/doctor.hpp"

#include "host/config/cidr.hpp"
#include "host/http/auth.hpp"
#include "host/ids.hpp"
#include "host/peer/peers.hpp"
#include "host/plugin/dispatcher.hpp"
#include "host/store/ids.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace onex::host {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::int64_t kPeerMs = 5'000;
constexpr std::int64_t kNodeMs = 3'000;
constexpr std::int64_t kSkewWarnS = 30;

void add(
    json::array& checks, std::string name, bool ok, std::string detail, std::string advice = {}) {
    json::object check{{"name", std::move(name)}, {"ok", ok}, {"detail", std::move(detail)}};
    if (!ok && !advice.empty()) check["advice"] = std::move(advice);
    checks.push_back(std::move(check));
}

/// What works, but not as one would want it.
void warn(json::array& checks, std::string name, std::string detail, std::string advice) {
    checks.push_back(json::object{{"name", std::move(name)},
                                  {"ok", true},
                                  {"warning", true},
                                  {"detail", std::move(detail)},
                                  {"advice", std::move(advice)}});
}

std::string text_of(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

/// A node's health in words: its scalars, "docker connected yes, docker version 28.2.2".
std::string in_words(const json::object& health) {
    std::string out;
    for (const auto& member : health) {
        const auto& value = member.value();
        if (member.key() == "status" || member.key() == "advice" || value.is_structured() ||
            value.is_null())
            continue;
        std::string name(member.key());
        std::ranges::replace(name, '_', ' ');
        out += (out.empty() ? "" : ", ") + name + ' ';
        if (value.is_string()) {
            out += value.as_string();
        } else if (value.is_bool()) {
            out += value.as_bool() ? "yes" : "no";
        } else {
            out += json::serialize(value);
        }
    }
    return out.empty() ? text_of(health, "status") : out;
}

std::string mebibytes(std::uint64_t bytes) {
    return std::to_string(bytes >> 20U) + " MiB";
}

std::string advice_for(const Error& error, const PeerSection& peer) {
    if (error.code == "AUTHENTICATION_FAILED") {
        return "give both hosts the same key and key_id: [peers." + peer.name +
               "] here, and the entry for this host there";
    }
    if (error.code == "REMOTE_ENDPOINT_UNREACHABLE" || error.code == "TIMEOUT") {
        return "is onex-host running there, and does " + peer.url +
               " lead to its `listen` address?";
    }
    return "see the log of " + peer.name;
}

bool is_on_loopback(const PeerSection& peer) {
    const auto endpoint = parse_url(peer.url);
    return endpoint && (endpoint->host == "localhost" || is_loopback(endpoint->host));
}

void add_described(json::array& checks,
                   const Runtime& runtime,
                   const PeerSection& peer,
                   const json::object& what) {
    const auto text = [&](std::string_view name) { return text_of(what, name); };
    add(checks,
        "peer " + peer.name,
        true,
        text("host") + " at " + peer.url + ", architecture " + text("architecture"));
    add(checks, "secret of " + peer.name, true, "both sides sign with the same key");
    const auto* time = what.if_contains("time_us");
    const auto skew_s =
        time && time->is_int64() ? std::llabs(time->as_int64() - now_us()) / 1'000'000 : 0;
    add(checks,
        "clock of " + peer.name,
        skew_s <= kSkewWarnS,
        std::to_string(skew_s) + " s apart",
        "set both clocks by NTP; requests are refused from " + std::to_string(kTimestampSkewMaxS) +
            " s on");
    if (const auto there = text("architecture"); there != runtime.identity.architecture) {
        warn(checks,
             "architecture of " + peer.name,
             there + ", this host is " + runtime.identity.architecture,
             "build for it: onex-host deploy --platform linux/" + there);
    }
    if (!peer.url.starts_with("https://") && !is_on_loopback(peer)) {
        warn(checks,
             "encryption to " + peer.name,
             "none: environment values travel in clear",
             "set tls = true on its node, and https:// here with its fingerprint");
    }
    const bool offers_target =
        json::serialize(what).find(R"("placement":"target")") != std::string::npos;
    add(checks,
        "operations of " + peer.name,
        offers_target,
        offers_target ? "it can be deployed to" : "it offers no target operations",
        "give it a node with plugin = \"deployment_receiver\"");
    if (!offers_target) return;
    const bool takes_over =
        json::serialize(what).find(R"("operation":"take_over_run")") != std::string::npos;
    add(checks,
        "orchestrator of " + peer.name,
        takes_over,
        takes_over ? "it ends what this host has sent, also when this host sleeps"
                   : "it has none, so deployments to it are refused",
        "give it a node with plugin = \"orchestrator\"");
}

asio::awaitable<void> add_node(json::array& checks,
                               Runtime& runtime,
                               std::shared_ptr<NodeInstance> node) {
    const auto name = "node " + node->name();
    const auto* operation = node->contract().find("health");
    if (!operation) {
        add(checks, name, true, "running");
        co_return;
    }
    Invocation call;
    call.node = std::move(node);
    call.operation = operation;
    call.input = json::object{};
    call.correlation_id = new_uuid();
    call.caller = "doctor";
    call.timeout_ms = kNodeMs;
    auto outcome = co_await runtime.dispatcher->invoke(std::move(call));
    if (!outcome.output) {
        add(checks, name, false, outcome.output.error().message, "see the log");
        co_return;
    }
    boost::system::error_code ec;
    const auto told = json::parse(*outcome.output, ec);
    if (ec || !told.is_object()) {
        add(checks, name, false, "its health can't be read", "see the log");
        co_return;
    }
    const auto& health = told.as_object();
    const auto advice = text_of(health, "advice");
    add(checks,
        name,
        text_of(health, "status") == "healthy",
        in_words(health),
        advice.empty() ? "look at what it reports" : advice);
}

/// After nodes and peers: their checks are calls, too.
void add_breakers(json::array& checks, const GuardedClient& client) {
    for (const auto& breaker : client.breakers()) {
        std::string detail = "closed";
        if (breaker.state == BreakerState::half_open) {
            detail = "half-open: open since " + iso_utc(breaker.opened_us) +
                     ", the next answer closes it";
        } else if (breaker.state == BreakerState::open) {
            detail = "open since " + iso_utc(breaker.opened_us) +
                     ", the next call is let through at " + iso_utc(breaker.next_try_us);
        }
        if (breaker.failures > 0) {
            detail += "; " + std::to_string(breaker.failures) +
                      " calls in a row failed, the last one: " + breaker.reason;
        }
        add(checks,
            "circuit breaker to " + breaker.to,
            breaker.state != BreakerState::open,
            std::move(detail),
            "start it there, or see why it cannot be reached; the breaker closes by itself when it "
            "answers");
    }
}

}  // namespace

asio::awaitable<json::object> examine(Runtime& runtime, const GuardedClient& client) {
    json::array checks;
    const auto free = runtime.blobs.free_bytes();
    add(checks,
        "disk",
        free > 2 * runtime.config.limits.disk_reserve_bytes,
        mebibytes(free) + " free in " + runtime.config.host.data_dir,
        "free some space, or move data_dir");
    const auto nodes = runtime.dispatcher->nodes();
    for (const auto& node : *nodes)
        co_await add_node(checks, runtime, node);
    for (const auto& peer : runtime.config.peers) {
        if (peer.url.empty()) {
            add(checks,
                "peer " + peer.name,
                true,
                "has no url: it calls this host, never the other way");
            continue;
        }
        const auto wait = Wait::for_ms(kPeerMs);
        auto described = co_await runtime.peers->describe(peer, wait, true);
        if (!described) {
            add(checks,
                "peer " + peer.name,
                false,
                described.error().code + ": " + described.error().message,
                advice_for(described.error(), peer));
            continue;
        }
        add_described(checks, runtime, peer, *described);
    }
    add_breakers(checks, client);
    json::object report;
    report["checks"] = std::move(checks);
    co_return report;
}

}  // namespace onex::host
