#include "host/plugin/dispatcher.hpp"

#include "host/async/report.hpp"
#include "host/ids.hpp"
#include "host/log.hpp"
#include "host/metrics.hpp"
#include "host/plugin/background.hpp"
#include "host/plugin/services.hpp"
#include "host/store/ids.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <utility>

namespace onex::host {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::int64_t kSettleMs = 5'000;  // for the outcome of what has ended to be stored

/// Equal inputs have equal hashes, whatever the order of their members; `run` holds attempt and
/// deadline and is left out (semantics 1.3).
void canonical_json(const json::value& value, std::string& out, bool top) {
    if (const auto* object = value.if_object()) {
        std::vector<std::string_view> names;
        for (const auto& member : *object)
            names.push_back(member.key());
        std::sort(names.begin(), names.end());
        out += '{';
        for (const auto name : names) {
            if (top && name == "run") continue;
            out += json::serialize(json::string(name));
            out += ':';
            canonical_json(object->at(name), out, false);
            out += ',';
        }
        out += '}';
    } else if (const auto* array = value.if_array()) {
        out += '[';
        for (const auto& item : *array) {
            canonical_json(item, out, false);
            out += ',';
        }
        out += ']';
    } else {
        out += json::serialize(value);
    }
}

std::string input_hash(const json::value& input) {
    std::string text;
    canonical_json(input, text, true);
    return sha256_hex(text);
}

/// An answer that the contract forbids is the node's fault: nobody else may have to cope with it.
void review_output(const std::string& node, const OperationContract& operation, Outcome& outcome) {
    if (!outcome.output) return;
    boost::system::error_code ec;
    json::parse_options options;
    options.max_depth = 64;
    auto value = outcome.output->empty() ? json::value(json::object{})
                                         : json::parse(*outcome.output, ec, {}, options);
    std::string why = ec ? "it is not valid JSON" : "";
    if (why.empty() && !value.is_object()) why = "it is not a JSON object";
    if (why.empty()) {
        if (auto valid = operation.output.check(value); !valid) why = valid.error().message;
    }
    if (why.empty()) return;
    outcome.output =
        fail("INTERNAL",
             "the answer of " + operation.name + " of node " + node +
                 " is not what its contract says: " + why + "; report it to its author");
}

/// For a call that never reaches its node: nobody may go on waiting at one of its streams.
void end_streams(const Invocation& call, const Error& error) {
    if (call.stream_in) call.stream_in->close_reader();
    if (call.stream_out) call.stream_out->fail(error);
}

}  // namespace

Dispatcher::Dispatcher(Runtime& runtime) : runtime_(runtime), parking_(runtime.executor) {
    auto& metrics = runtime.metrics;
    total_ = metrics
                 .define(MetricKind::counter,
                         "onex_operations_total",
                         "Operations that ended, by code (OK or the error's)",
                         {"node", "operation", "code"})
                 .value_or(0);
    duration_ = metrics
                    .define(MetricKind::histogram,
                            "onex_operation_duration_seconds",
                            "How long operations took",
                            {"node", "operation"})
                    .value_or(0);
    missed_ = metrics
                  .define(MetricKind::counter,
                          "onex_operation_target_missed_total",
                          "Operations that took longer than their contract's target_ms",
                          {"node", "operation"})
                  .value_or(0);
}

void Dispatcher::set_nodes(NodeList nodes) {
    auto next = std::make_shared<const NodeList>(std::move(nodes));
    const std::scoped_lock lock(mutex_);
    nodes_.swap(next);
}

std::shared_ptr<const NodeList> Dispatcher::nodes() const {
    const std::scoped_lock lock(mutex_);
    return nodes_;
}

std::shared_ptr<NodeInstance> Dispatcher::node(std::string_view name) const {
    const auto now = nodes();
    for (const auto& candidate : *now) {
        if (candidate->name() == name) return candidate;
    }
    return nullptr;
}

Result<Dispatcher::Found> Dispatcher::find(std::string_view node,
                                           std::string_view operation) const {
    Found out;
    std::string others;
    const auto now = nodes();
    for (const auto& candidate : *now) {
        if (!node.empty() && candidate->name() != node) continue;
        const auto* found = candidate->contract().find(operation);
        if (!found) continue;
        others += (others.empty() ? "" : ", ") + candidate->name();
        if (!out.operation) out = {candidate, found};
    }
    if (!out.operation) {
        return fail("OPERATION_NOT_FOUND",
                    "no node " + (node.empty() ? "" : "named " + std::string(node) + " ") + "on " +
                        runtime_.identity.name + " offers " + std::string(operation));
    }
    if (others.find(',') != std::string::npos) {
        return fail(
            "OPERATION_AMBIGUOUS",
            std::string(operation) + " is offered by " + others + "; name one with `node:`");
    }
    return out;
}

void Dispatcher::account(const NodeInstance& node,
                         const OperationContract& operation,
                         double seconds,
                         const Outcome& outcome) {
    const std::string_view code =
        outcome.output ? std::string_view("OK") : std::string_view(outcome.output.error().code);
    (void)runtime_.metrics.record(total_, {node.name(), operation.name, code}, 1);
    (void)runtime_.metrics.record(duration_, {node.name(), operation.name}, seconds);
    if (operation.target_ms > 0 && seconds * 1000 > operation.target_ms) {
        (void)runtime_.metrics.record(missed_, {node.name(), operation.name}, 1);
    }
    if (outcome.output) return;
    const auto& error = outcome.output.error();
    // A node's words may quote a secret of its input, which the caller alone knows how to strike
    // out: only the host's own finding is repeated here.
    const bool ours = error.code == "INTERNAL";
    if (ours && on_internal) on_internal(node, error);
    log(ours ? LogLevel::error : LogLevel::debug,
        operation.name + " failed: " + error.code + (ours ? ": " + error.message : ""),
        {{"node", node.name()}, {"correlation_id", error.correlation_id}});
}

void Dispatcher::refuse(const Invocation& call,
                        Error error,
                        const std::function<void(Outcome)>& done) {
    error.correlation_id = call.correlation_id;
    end_streams(call, error);
    done({std::unexpected(std::move(error)), 0});
}

std::shared_ptr<void> Dispatcher::enter(Invocation& call) const {
    while (true) {
        if (auto place = call.node->enter(call.depth > 0)) return place;
        auto newer = node(call.node->name());
        if (!newer || newer == call.node) return nullptr;
        const auto* operation = newer->contract().find(call.operation->name);
        if (!operation) return nullptr;
        call.node = std::move(newer);
        call.operation = operation;
    }
}

bool Dispatcher::park(Invocation& call, std::function<void(Outcome)>& done) {
    auto waiting = std::make_shared<Invocation>(std::move(call));
    auto tell = std::make_shared<std::function<void(Outcome)>>(std::move(done));
    const auto name = waiting->node->name();
    const auto answer = parking_.park(name, [this, waiting, tell](bool opened) {
        if (opened) return invoke_async(std::move(*waiting), std::move(*tell));
        refuse(*waiting,
               {"UNAVAILABLE",
                "node " + waiting->node->name() + " is being reloaded; try again in a moment",
                {},
                {}},
               *tell);
    });
    if (answer == Parking::Answer::parked) return true;
    call = std::move(*waiting);
    done = std::move(*tell);
    return false;
}

void Dispatcher::run(Invocation call, std::function<void(Outcome)> done) {
    if (call.correlation_id.empty()) call.correlation_id = new_uuid();
    if (call.depth > kDepthMax) {
        return refuse(
            call,
            {"RESOURCE_LIMIT_EXCEEDED", "operations call each other more than 16 deep", {}, {}},
            done);
    }
    auto place = enter(call);
    if (!place) {
        if (park(call, done)) return;
        place = enter(call);  // The gate may have opened just now.
    }
    if (!place) {
        return refuse(
            call,
            {"UNAVAILABLE", "node " + call.node->name() + " is stopping; try again later", {}, {}},
            done);
    }
    run_entered(std::move(call), std::move(place), std::move(done));
}

void Dispatcher::run_entered(Invocation call,
                             std::shared_ptr<void> place,
                             std::function<void(Outcome)> done) {
    if (!call.input.is_object())
        return refuse(call, {"VALIDATION_ERROR", "the input must be a JSON object", {}, {}}, done);
    if (auto valid = call.operation->input.check(call.input); !valid)
        return refuse(call, std::move(valid).error(), done);
    if (call.operation->stream_in && !call.stream_in) {
        return refuse(call,
                      {"VALIDATION_ERROR", call.operation->name + " needs a body to read", {}, {}},
                      done);
    }
    // What streams out is read, not done: there is no answer to keep for a second caller.
    if (call.key.empty() || call.stream_out)
        return run_plain(std::move(call), std::move(place), std::move(done), {});
    run_keyed(std::move(call), std::move(place), std::move(done));
}

void Dispatcher::run_keyed(Invocation call,
                           std::shared_ptr<void> place,
                           std::function<void(Outcome)> done) {
    const auto key = call.key;
    const auto correlation_id = call.correlation_id;
    const auto through = [&](Result<std::string> answer) {
        if (!answer && answer.error().correlation_id.empty())
            answer.error().correlation_id = correlation_id;
        if (call.stream_in) call.stream_in->close_reader();
        done({std::move(answer), 0});
    };
    const auto name = call.node->name() + "." + call.operation->name;
    auto begun = runtime_.keys.begin(key, name, input_hash(call.input));
    if (!begun) return through(std::unexpected(std::move(begun).error()));
    if (begun->state == KeyState::done) return through(std::move(begun->answer));
    if (begun->state == KeyState::running) return through(join(key, call));
    // How it really ended decides what the key answers from now on, not what its first caller still
    // heard.
    auto settled = [this, key](const Outcome& outcome) {
        const auto store = [this, key, outcome] {
            auto stored = outcome.output ? runtime_.keys.finish(key, *outcome.output)
                                         : runtime_.keys.fail(key, outcome.output.error());
            if (!stored)
                log(LogLevel::error,
                    "the outcome of " + key + " could not be stored, and is kept until it can: " +
                        stored.error().message);
        };
        if (Workers::on_worker() || !runtime_.workers.post(store)) store();
    };
    try {
        run_plain(std::move(call), std::move(place), std::move(done), settled);
    } catch (...) {  // Else the key would run for ever.
        settled({fail("INTERNAL", "the host failed: " + what_of(std::current_exception())), 0});
        throw;
    }
}

Result<std::string> Dispatcher::join(const std::string& key, const Invocation& call) {
    // As long as the one that runs makes progress its deadline moves, and with it this one.
    auto ms = call.timeout_ms > 0 ? call.timeout_ms : call.operation->timeout_ms;
    while (true) {
        auto joined = runtime_.keys.join(key, Wait::for_ms(ms, call.cancel));
        if (joined || joined.error().code != "TIMEOUT") return joined;
        bool runs = false;
        ms = 0;
        for (const auto& running : runtime_.tokens.all()) {
            if (running->parts().key != key) continue;
            runs = true;
            ms = std::max(ms, running->timeout_left_ms());
        }
        // What ended just now is stored at once: its answer is there in a moment.
        if (!runs) return runtime_.keys.join(key, Wait::for_ms(kSettleMs, call.cancel));
        if (ms == 0) return joined;
    }
}

void Dispatcher::run_plain(Invocation call,
                           std::shared_ptr<void> place,
                           std::function<void(Outcome)> done,
                           std::function<void(const Outcome&)> settled) {
    auto node = call.node;
    const auto* operation = call.operation;
    if (call.cancel && call.cancel->cancelled()) {
        Error error{
            "CANCELLED", operation->name + " was cancelled", {}, std::move(call.correlation_id)};
        end_streams(call, error);
        const Outcome refused{std::unexpected(std::move(error)), 0};
        if (settled) settled(refused);
        return done(refused);
    }
    RequestState::Parts parts;
    parts.node_instance = node.get();
    parts.node = node->name();
    parts.operation = operation->name;
    parts.input = json::serialize(call.input);
    parts.correlation_id = std::move(call.correlation_id);
    parts.key = std::move(call.key);
    parts.caller = std::move(call.caller);
    parts.content_type = std::move(call.content_type);
    parts.stream_in = std::move(call.stream_in);
    parts.stream_out = std::move(call.stream_out);
    parts.timeout_ms = call.timeout_ms > 0 ? call.timeout_ms : operation->timeout_ms;
    parts.progress_rearms = operation->progress;
    parts.hop = call.hop;
    parts.depth = call.depth;
    parts.parent = std::move(call.cancel);
    parts.on_progress = std::move(call.on_progress);
    parts.in_flight = std::move(place);
    parts.review = [name = node->name(), operation](Outcome& outcome) {
        review_output(name, *operation, outcome);
    };
    parts.settled = std::move(settled);
    parts.done = [this, node, operation, done = std::move(done), began = SteadyClock::now()](
                     Outcome outcome) {
        const std::chrono::duration<double> took = SteadyClock::now() - began;
        account(*node, *operation, took.count(), outcome);
        done(std::move(outcome));
    };
    auto request = std::make_shared<RequestState>(runtime_.executor, std::move(parts));
    const auto token = runtime_.tokens.add(request);
    request->arm();

    const auto& held = request->parts();
    onex_request abi{};
    abi.struct_size = sizeof(abi);
    abi.flags = held.hop > 0 ? ONEX_REQUEST_FROM_PEER : 0;
    abi.token = token;
    const auto text = [](const std::string& from) { return onex_str{from.data(), from.size()}; };
    abi.operation = text(held.operation);
    abi.input = text(held.input);
    abi.correlation_id = text(held.correlation_id);
    abi.key = text(held.key);
    abi.caller = text(held.caller);
    abi.content_type = text(held.content_type);
    abi.timeout_ms = held.timeout_ms;
    // The request's own streams end with it; the plugin's handles go when the request does.
    std::vector<std::uint64_t> streams;
    const auto lend = [&](const PipePtr& pipe, StreamEnd::Side side) -> onex_handle {
        if (!pipe) return 0;
        auto lent = std::make_shared<StreamEnd>(pipe, side, nullptr);
        const auto handle = runtime_.streams.add(lent);
        request->keep({nullptr, [this, handle](void*) { runtime_.streams.take(handle); }});
        return handle;
    };
    abi.stream_in = lend(held.stream_in, StreamEnd::Side::reader);
    abi.stream_out = lend(held.stream_out, StreamEnd::Side::writer);

    const ServingScope serving(request.get());
    const PluginScope scope(*node, held.operation.c_str());
    Error error;
    if (const auto status = node->invoke(abi, error); status < 0) {
        if (runtime_.tokens.take(token)) request->answer({std::unexpected(std::move(error)), 0});
    }
}

void Dispatcher::invoke_async(Invocation call, std::function<void(Outcome)> done) {
    auto& pool = call.hop > 0 ? runtime_.peer_workers : runtime_.workers;
    auto shared = std::make_shared<Invocation>(std::move(call));
    auto tell = std::make_shared<std::function<void(Outcome)>>(std::move(done));
    const bool posted = pool.post([this, shared, tell] {
        // Once, and in any case: the caller waits for it.
        const auto told = std::make_shared<std::atomic<bool>>(false);
        const auto once = [tell, told](Outcome outcome) {
            if (!told->exchange(true)) (*tell)(std::move(outcome));
        };
        const auto name = shared->operation->name;
        try {
            run(std::move(*shared), once);
        } catch (...) {
            const auto why = what_of(std::current_exception());
            log(LogLevel::error, name + " ended with an exception of the host: " + why);
            once({fail("INTERNAL", "the host failed: " + why), 0});
        }
    });
    if (!posted) {
        const Error full{"QUEUE_FULL",
                         "all workers are busy; try again in a moment",
                         {},
                         shared->correlation_id};
        end_streams(*shared, full);
        (*tell)({std::unexpected(full), 0});
    }
}

asio::awaitable<Outcome> Dispatcher::invoke(Invocation call) {
    const bool here = call.operation->nonblocking && call.key.empty() && !call.stream_in &&
                      !call.stream_out && call.input_bytes <= kInlineInputMax;
    auto start = [this, here, &call](auto handler) {
        // The handler must run on its own executor, whichever thread the node answers on, and not
        // inline.
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        auto done = [shared, executor = runtime_.executor](Outcome outcome) {
            const auto bound = asio::get_associated_executor(*shared, executor);
            asio::post(bound, [shared, outcome = std::move(outcome)]() mutable {
                (*shared)(std::move(outcome));
            });
        };
        if (here) {
            run(std::move(call), std::move(done));
        } else {
            invoke_async(std::move(call), std::move(done));
        }
    };
    auto outcome = co_await asio::async_initiate<decltype(asio::use_awaitable), void(Outcome)>(
        start, asio::use_awaitable);
    co_return outcome;
}

Outcome Dispatcher::invoke_here(Invocation call, const Wait& wait) {
    struct Box {
        std::mutex mutex;
        std::condition_variable ready;
        std::optional<Outcome> outcome;
    };
    auto box = std::make_shared<Box>();
    // Our own wait may end first; then the operation is cancelled and ends by itself.
    auto stop = std::make_shared<Cancel>();
    Cancel::Registration chained;
    if (call.cancel) chained = call.cancel->on_cancel([stop] { stop->cancel(); });
    call.cancel = stop;
    const auto name = call.operation->name;
    run(std::move(call), [box](Outcome outcome) {
        const std::scoped_lock lock(box->mutex);
        box->outcome = std::move(outcome);
        box->ready.notify_all();
    });
    std::unique_lock lock(box->mutex);
    const auto told = [&] { return box->outcome.has_value(); };
    if (wait.deadline == SteadyClock::time_point::max()) {
        box->ready.wait(lock, told);
    } else if (!box->ready.wait_until(lock, wait.deadline, told)) {
        lock.unlock();
        stop->cancel();
        return {fail("TIMEOUT", name + " took longer than its caller waits"), 0};
    }
    return std::move(*box->outcome);
}

}  // namespace onex::host
