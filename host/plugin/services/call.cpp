// onex.call/1: answers, and calls of operations wherever they live.
#include "host/log.hpp"
#include "host/peer/peers.hpp"
#include "host/plugin/background.hpp"
#include "host/plugin/blocking.hpp"
#include "host/plugin/dispatcher.hpp"
#include "host/plugin/services.hpp"
#include "host/store/ids.hpp"

#include <onex/utf8.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <atomic>
#include <chrono>
#include <utility>

namespace onex::host {

namespace json = boost::json;

namespace {

onex_status end(void* ctx, onex_token token, Outcome outcome) {
    auto& node = node_of(ctx);
    const auto request = node.runtime().tokens.take(token);
    if (!request) return ONEX_E_BAD_HANDLE;
    return request->answer(std::move(outcome)) ? ONEX_OK : ONEX_E_BAD_HANDLE;
}

onex_status answer(void* ctx, onex_token token, const onex_answer* in) {
    return guarded(nullptr, [&] {
        Outcome outcome;
        const bool final = in->http_status >= 200 && in->http_status <= 599;
        outcome.http_status = final ? in->http_status : 0;
        if (in->output.size) outcome.output = std::string(view(in->output));
        return end(ctx, token, std::move(outcome));
    });
}

onex_status answer_error(void* ctx, onex_token token, const onex_failure* failure) {
    return guarded(nullptr, [&] {
        Outcome outcome;
        outcome.output = std::unexpected(to_error(failure));
        return end(ctx, token, std::move(outcome));
    });
}

onex_status progress(void* ctx, onex_token token, const onex_progress* in) {
    return guarded(nullptr, [&]() -> onex_status {
        const auto request = node_of(ctx).runtime().tokens.find(token);
        if (!request) return ONEX_E_BAD_HANDLE;
        request->progress({in->kind, in->done, in->total, valid_utf8(view(in->text))});
        return ONEX_OK;
    });
}

std::uint32_t cancelled(void* ctx, onex_token token) {
    const auto request = node_of(ctx).runtime().tokens.find(token);
    return !request || request->cancelled()->cancelled() ? 1 : 0;
}

/// A plugin's callback on the end of a request. Called once, on a worker: for real when it is
/// cancelled, as dropped when it ends without that. Never inside the plugin's own answer.
class CancelCallback : public std::enable_shared_from_this<CancelCallback> {
  public:
    CancelCallback(NodeInstance& node, onex_task_fn fn, void* user)
        : node_(node), hold_(node.hold()), fn_(fn), user_(user), timer_(node.runtime().executor) {}

    void tell(std::uint32_t dropped) {
        if (!told_.exchange(true)) run_soon(dropped);
    }

  private:
    void run_soon(std::uint32_t dropped) {
        const bool posted = node_.runtime().workers.post([self = shared_from_this(), dropped] {
            const PluginScope scope(self->node_, "a cancel callback");
            self->fn_(self->user_, dropped);
        });
        if (posted) return;
        timer_.expires_after(std::chrono::milliseconds(50));  // The queue is full; look again.
        timer_.async_wait([self = shared_from_this(), dropped](boost::system::error_code) {
            self->run_soon(dropped);
        });
    }

    NodeInstance& node_;  ///< alive while hold_ is
    std::shared_ptr<void> hold_;
    onex_task_fn fn_;
    void* user_;
    std::atomic<bool> told_{false};
    boost::asio::steady_timer timer_;  ///< touched by whoever set told_, then by its own handler
};

onex_status on_cancel(void* ctx, onex_token token, onex_task_fn fn, void* user) {
    return guarded(nullptr, [&]() -> onex_status {
        auto& node = node_of(ctx);
        const auto request = node.runtime().tokens.find(token);
        if (!request) return ONEX_E_BAD_HANDLE;
        const auto callback = std::make_shared<CancelCallback>(node, fn, user);
        request->keep(request->cancelled()->on_cancel([callback] { callback->tell(0); }));
        request->keep({nullptr, [callback](void*) { callback->tell(1); }});
        return ONEX_OK;
    });
}

/// The caller's progress function lives only as long as its call; a callee that runs on must not
/// reach it.
struct ProgressGate {
    std::mutex mutex;
    bool open = true;
};

/// A call in the host's own words; takes the streams' handles over, whatever comes of it.
struct Prepared {
    Invocation local;
    PeerCall remote;
    const PeerSection* peer = nullptr;
    std::shared_ptr<RequestState> request;
    Wait wait;
    ServiceWait service_wait;
    std::shared_ptr<CallInFlight> in_flight;
    std::uint64_t in_flight_handle = 0;
    std::shared_ptr<ProgressGate> gate = std::make_shared<ProgressGate>();
};

PipePtr take_stream(Runtime& runtime,
                    onex_handle handle,
                    StreamEnd::Side side,
                    Result<void>& problem) {
    if (handle == 0) return nullptr;
    const auto end = runtime.streams.take(handle);
    if (!end || end->side != side) {
        problem = fail("BAD_HANDLE",
                       "the call was given a stream that has ended, or the wrong end of one");
        return nullptr;
    }
    // The end lives with the pipe's new user and closes its side when that goes.
    return {end->pipe.get(), [end](Pipe*) {}};
}

bool is_self(const Runtime& runtime, std::string_view target) {
    if (target.empty() || target == runtime.identity.name || target == runtime.identity.host_id)
        return true;
    for (const auto& node : runtime.config.nodes) {
        if (!node.listen.empty() && node.listen == target) return true;
    }
    return false;
}

/// What a call here and one to a peer have in common.
struct CallParts {
    PipePtr stream_in, stream_out;
    std::string correlation_id;
    std::function<void(const ProgressInfo&)> on_progress;
    int hop = 0;
    int depth = 0;
};

std::function<void(const ProgressInfo&)> progress_of(const onex_call& in,
                                                     const std::shared_ptr<ProgressGate>& gate) {
    if (!in.on_progress) return {};
    return [fn = in.on_progress, user = in.progress_user, gate](const ProgressInfo& info) {
        const std::scoped_lock lock(gate->mutex);
        if (!gate->open) return;
        onex_progress abi{};
        abi.struct_size = sizeof(abi);
        abi.kind = info.kind;
        abi.done = info.done;
        abi.total = info.total;
        abi.text = view(std::string_view(info.text));
        fn(user, &abi);
    };
}

Result<void> aim_at_peer(Runtime& runtime, const onex_call& in, CallParts parts, Prepared& out) {
    if (parts.hop > 0)
        return fail("POLICY_DENIED",
                    "a call that came from a peer is not forwarded to another one");
    const auto target = view(in.target);
    out.peer = runtime.peers->find(target);
    if (!out.peer) return std::unexpected(runtime.peers->unknown(target));
    out.remote = {std::string(view(in.node)),
                  std::string(view(in.operation)),
                  std::string(view(in.input)),
                  std::move(parts.correlation_id),
                  std::string(view(in.key)),
                  in.timeout_ms,
                  std::move(parts.stream_in),
                  std::move(parts.stream_out),
                  std::move(parts.on_progress)};
    return {};
}

Result<void> aim_here(NodeInstance& node, const onex_call& in, CallParts parts, Prepared& out) {
    auto found = node.runtime().dispatcher->find(view(in.node), view(in.operation));
    if (!found) return std::unexpected(std::move(found).error());
    boost::system::error_code ec;
    json::parse_options options;
    options.max_depth = 64;
    auto input = json::parse(view(in.input), ec, {}, options);
    if (ec) {
        return fail("VALIDATION_ERROR",
                    "the input of " + std::string(view(in.operation)) + " is not valid JSON");
    }
    auto& local = out.local;
    local.node = std::move(found->node);
    local.operation = found->operation;
    local.input = std::move(input);
    local.correlation_id = std::move(parts.correlation_id);
    local.key = std::string(view(in.key));
    local.caller = "node:" + node.name();
    local.stream_in = std::move(parts.stream_in);
    local.stream_out = std::move(parts.stream_out);
    local.timeout_ms = in.timeout_ms;
    local.hop = parts.hop;
    local.depth = parts.depth;
    local.cancel = out.in_flight->cancel;
    local.on_progress = std::move(parts.on_progress);
    return {};
}

Result<Prepared> prepare(NodeInstance& node, const onex_call& in, onex_wait wait) {
    auto& runtime = node.runtime();
    Prepared out;
    CallParts parts;
    Result<void> streams;
    parts.stream_in = take_stream(runtime, in.stream_in, StreamEnd::Side::reader, streams);
    parts.stream_out = take_stream(runtime, in.stream_out, StreamEnd::Side::writer, streams);
    if (!streams) return std::unexpected(std::move(streams).error());
    auto waiting = to_wait(node, wait);
    if (!waiting) return std::unexpected(std::move(waiting).error());
    out.service_wait = *waiting;
    out.request = waiting->request;
    const auto* serving = out.request ? out.request.get() : ServingScope::current();
    parts.hop = serving ? serving->parts().hop : 0;
    parts.depth = serving ? serving->parts().depth + 1 : 0;
    parts.correlation_id = view(in.correlation_id);
    if (parts.correlation_id.empty())
        parts.correlation_id = serving ? serving->parts().correlation_id : new_uuid();
    parts.on_progress = progress_of(in, out.gate);

    // Cancelled by the request, or by cancel_call with the key.
    out.in_flight = std::make_shared<CallInFlight>();
    out.in_flight->key = std::string(view(in.key));
    out.in_flight->cancel = std::make_shared<Cancel>();
    out.wait = {waiting->wait.deadline, out.in_flight->cancel};

    auto aimed = is_self(runtime, view(in.target))
                     ? aim_here(node, in, std::move(parts), out)
                     : aim_at_peer(runtime, in, std::move(parts), out);
    if (!aimed) return std::unexpected(std::move(aimed).error());
    out.in_flight_handle = node.calls.add(out.in_flight);
    return out;
}

/// The name of the node on the peer that offers the operation, when the caller named none.
Result<void> find_remote_node(Runtime& runtime, Prepared& call) {
    if (!call.remote.node.empty()) return {};
    auto description = run_blocking<json::object>(
        runtime.executor, runtime.peers->describe(*call.peer, call.wait, false));
    if (!description) return std::unexpected(std::move(description).error());
    const auto* offers = description->if_contains("operations");
    std::string found;
    for (const auto& offer : offers && offers->is_array() ? offers->as_array() : json::array{}) {
        const auto& object = offer.as_object();
        if (object.at("operation").as_string() != call.remote.operation) continue;
        if (!found.empty()) {
            return fail("OPERATION_AMBIGUOUS",
                        call.remote.operation + " is offered by several nodes of " +
                            call.peer->name + "; name one");
        }
        found = std::string(offer.at("node").as_string());
    }
    if (found.empty()) {
        return fail("OPERATION_NOT_FOUND",
                    "no node on " + call.peer->name + " offers " + call.remote.operation);
    }
    call.remote.node = std::move(found);
    return {};
}

Result<std::string> perform(NodeInstance& node, Prepared& call) {
    auto& runtime = node.runtime();
    Cancel::Registration chained;
    if (call.service_wait.wait.cancel) {
        chained = call.service_wait.wait.cancel->on_cancel(
            [cancel = call.in_flight->cancel] { cancel->cancel(); });
    }
    const std::shared_ptr<void> listed(nullptr, [&](void*) {
        node.calls.take(call.in_flight_handle);
        const std::scoped_lock lock(call.gate->mutex);
        call.gate->open = false;
    });
    if (call.peer) {
        if (auto found = find_remote_node(runtime, call); !found) {
            if (call.remote.stream_in) call.remote.stream_in->close_reader();
            return std::unexpected(call.service_wait.translate(std::move(found).error()));
        }
        auto output = run_blocking<std::string>(
            runtime.executor, runtime.peers->call(*call.peer, std::move(call.remote), call.wait));
        if (!output) return std::unexpected(call.service_wait.translate(std::move(output).error()));
        return output;
    }
    auto outcome = runtime.dispatcher->invoke_here(std::move(call.local), call.wait);
    if (!outcome.output)
        return std::unexpected(call.service_wait.translate(std::move(outcome.output).error()));
    return std::move(outcome.output);
}

/// A peer's description or answer may be other than its protocol says.
Result<std::string> perform_safely(NodeInstance& node, Prepared& call) noexcept {
    try {
        return perform(node, call);
    } catch (const std::exception& e) {
        return fail("INTERNAL", std::string("the call failed: ") + e.what());
    }
}

onex_status call(
    void* ctx, const onex_call* in, onex_wait wait, onex_writer* out, onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& node = node_of(ctx);
        auto prepared = prepare(node, *in, wait);
        if (!prepared) return report(prepared.error(), error);
        if (auto allowed = may_wait(); !allowed) {
            node.calls.take(prepared->in_flight_handle);
            return report(allowed.error(), error);
        }
        auto output = perform_safely(node, *prepared);
        return output ? append(out, *output) : report(output.error(), error);
    });
}

onex_status call_async(void* ctx,
                       const onex_call* in,
                       onex_wait wait,
                       onex_call_done_fn done,
                       void* user,
                       onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& node = node_of(ctx);
        auto prepared = prepare(node, *in, wait);
        if (!prepared) return report(prepared.error(), error);
        auto shared = std::make_shared<Prepared>(std::move(*prepared));
        auto& pool = shared->local.hop > 0 ? node.runtime().peer_workers : node.runtime().workers;
        const bool posted = pool.post([shared, done, user, hold = node.hold(), &node] {
            const auto output = perform_safely(node, *shared);
            const PluginScope scope(node, "a call that it made");
            if (output) return done(user, ONEX_OK, view(std::string_view(*output)), nullptr);
            const auto& failed = output.error();
            onex_failure failure{};
            failure.struct_size = sizeof(failure);
            failure.code = view(std::string_view(failed.code));
            failure.message = view(std::string_view(failed.message));
            failure.details = view(std::string_view(failed.details));
            done(user, report(failed, nullptr), onex_str{nullptr, 0}, &failure);
        });
        if (posted) return ONEX_OK;
        node.calls.take(shared->in_flight_handle);
        return report({"QUEUE_FULL", "all workers are busy; try again in a moment", {}, {}}, error);
    });
}

onex_status cancel_call(void* ctx, onex_str key) {
    return guarded(nullptr, [&]() -> onex_status {
        bool found = false;
        for (const auto& one : node_of(ctx).calls.all()) {
            if (one->key != view(key)) continue;
            found = true;
            one->cancel->cancel();
        }
        return found ? ONEX_OK : ONEX_E_NOT_FOUND;
    });
}

/// Offers that count for a workflow aimed at the target (semantics 2.3).
Result<json::object> resolve_offer(NodeInstance& node,
                                   std::string_view target,
                                   std::string_view wanted_node,
                                   std::string_view on,
                                   std::string_view operation,
                                   const Wait& wait) {
    auto& runtime = node.runtime();
    const bool self = is_self(runtime, target);
    std::vector<json::object> found;
    const auto consider = [&](const json::value& offer, bool on_target, const json::object& where) {
        const auto& object = offer.as_object();
        if (object.at("operation").as_string() != operation) return;
        if (!wanted_node.empty() && object.at("node").as_string() != wanted_node) return;
        const std::string_view placement =
            on.empty() ? std::string_view(object.at("placement").as_string()) : on;
        if (!self && (placement == "target") != on_target) return;
        auto out = object;
        for (const auto& member : where)
            out[member.key()] = member.value();
        found.push_back(std::move(out));
    };
    const auto& identity = runtime.identity;
    for (const auto& offer : runtime.dispatcher->offers(true)) {
        consider(
            offer, false, {{"host", identity.name}, {"host_id", identity.host_id}, {"target", ""}});
    }
    std::string asked = identity.name;
    if (found.empty() && !self) {
        const auto* peer = runtime.peers->find(target);
        if (!peer) return std::unexpected(runtime.peers->unknown(target));
        auto description = run_blocking<json::object>(runtime.executor,
                                                      runtime.peers->describe(*peer, wait, false));
        if (!description) return std::unexpected(std::move(description).error());
        asked += " and " + peer->name;
        const json::object where{
            {"host", peer->name},
            {"host_id", description->contains("host_id") ? description->at("host_id") : ""},
            {"target", peer->name}};
        const auto* offers = description->if_contains("operations");
        for (const auto& offer :
             offers && offers->is_array() ? offers->as_array() : json::array{}) {
            consider(offer, true, where);
        }
    }
    if (found.empty()) {
        return fail("OPERATION_NOT_FOUND",
                    "nobody offers " + std::string(operation) + "; asked " + asked);
    }
    if (found.size() > 1) {
        return fail("OPERATION_AMBIGUOUS",
                    std::string(operation) + " is offered by " + std::to_string(found.size()) +
                        " nodes on " + asked + "; name one with `node:`");
    }
    return std::move(found.front());
}

onex_status resolve(void* ctx,
                    onex_str target,
                    onex_str wanted_node,
                    onex_str on,
                    onex_str operation,
                    onex_wait wait,
                    onex_writer* out,
                    onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& node = node_of(ctx);
        if (auto allowed = may_wait(); !allowed) return report(allowed.error(), error);
        const auto waiting = to_wait(node, wait);
        if (!waiting) return report(waiting.error(), error);
        auto offer = resolve_offer(
            node, view(target), view(wanted_node), view(on), view(operation), waiting->wait);
        if (!offer) return report(waiting->translate(std::move(offer).error()), error);
        return append(out, json::serialize(*offer));
    });
}

}  // namespace

void fill_call_service(ServiceTables& tables) {
    tables.call = {sizeof(onex_call_v1),
                   0,
                   nullptr,
                   answer,
                   answer_error,
                   progress,
                   cancelled,
                   on_cancel,
                   call,
                   call_async,
                   resolve,
                   cancel_call};
}

}  // namespace onex::host
