#include "host/plugin/services.hpp"

#include "host/async/workers.hpp"
#include "host/plugin/background.hpp"

#include <onex/utf8.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace onex::host {

namespace {

// Those that this thread began and nobody has ended yet.
thread_local std::vector<std::pair<onex_handle, std::weak_ptr<OpenTransaction>>> begun;

bool transaction_open() {
    std::erase_if(begun, [](const auto& one) { return one.second.expired(); });
    return !begun.empty();
}

void put(std::string_view text, char* to, std::uint64_t capacity, std::uint64_t& size) {
    std::size_t n = std::min<std::size_t>(text.size(), capacity);
    // Cut at a character's edge.
    while (n < text.size() && n > 0 && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80)
        --n;
    if (n) std::memcpy(to, text.data(), n);
    size = n;
}

constexpr std::int64_t kCleanupMsMax = 30'000;

}  // namespace

const void* find_service(const ServiceTables& tables, std::string_view id, bool with_sql) {
    if (id == ONEX_LOG_ID) return &tables.log;
    if (id == ONEX_CONFIG_ID) return &tables.config;
    if (id == ONEX_EXEC_ID) return &tables.exec;
    if (id == ONEX_CALL_ID) return &tables.call;
    if (id == ONEX_STREAM_ID) return &tables.stream;
    if (id == ONEX_HTTP_ID) return &tables.http;
    if (id == ONEX_BLOB_ID) return &tables.blob;
    if (id == ONEX_STORE_ID) return with_sql ? &tables.store : nullptr;
    if (id == ONEX_EVENTS_ID) return &tables.events;
    if (id == ONEX_METRICS_ID) return &tables.metrics;
    if (id == ONEX_CLOCK_ID) return &tables.clock;
    if (id == ONEX_PROCESS_ID) return &tables.process;
    if (id == ONEX_CONTRACT_ID) return &tables.contract;
    if (id == ONEX_KV_ID) return &tables.kv;
    return nullptr;
}

onex_status report(const Error& error, onex_error* out) {
    if (out) {
        put(error.code, out->code, out->code_capacity, out->code_size);
        put(error.message, out->message, out->message_capacity, out->message_size);
        out->details_size = 0;
        if (error.details.size() <= out->details_capacity) {
            put(error.details, out->details, out->details_capacity, out->details_size);
        }
    }
    const auto status = static_cast<onex_status>(error.status());
    return status < 0 ? status : ONEX_E_INTERNAL;
}

onex_status append(onex_writer* out, std::string_view text) {
    if (!out || text.empty()) return ONEX_OK;
    return out->append(out->ctx, text.data(), text.size());
}

Error to_error(const onex_failure* failure) {
    if (!failure) return {"INTERNAL", "the node failed without a reason", {}, {}};
    Error out;
    out.code = valid_utf8(view(failure->code));
    out.message = valid_utf8(view(failure->message));  // It goes into JSON and logs.
    if (ONEX_HAS(failure, details)) out.details = std::string(view(failure->details));
    if (out.code.empty()) out.code = "INTERNAL";
    if (out.message.empty()) out.message = "the node gave no reason";
    return out;
}

Error ServiceWait::translate(Error error) const {
    const bool ended = error.code == "CANCELLED" || error.code == "TIMEOUT";
    if (ended && request && request->cancelled()->cancelled()) return request->end_error();
    return error;
}

Result<ServiceWait> to_wait(NodeInstance& node, onex_wait wait) {
    ServiceWait out;
    if (wait.token != 0) {
        out.request = node.runtime().tokens.find(wait.token);
        if (!out.request) {
            return fail("CANCELLED",
                        "the request has ended; use a wait of its own (token 0) for clean-up");
        }
        out.wait.cancel = out.request->cancelled();
        if (wait.timeout_ms >= 0) out.wait = Wait::for_ms(wait.timeout_ms, out.wait.cancel);
        return out;
    }
    // Clean-up inside a request that has been cancelled gets 30 s; background work names its own
    // time.
    const auto* serving = ServingScope::current();
    const bool cancelled = serving && serving->cancelled()->cancelled();
    auto ms = wait.timeout_ms < 0 ? kCleanupMsMax : wait.timeout_ms;
    if (cancelled) ms = std::min(ms, kCleanupMsMax);
    out.wait = Wait::for_ms(ms);
    return out;
}

Result<void> may_wait(bool in_transaction_ok) {
    if (!Workers::on_worker()) {
        return fail(
            "FAILED_PRECONDITION",
            ServingScope::current()
                ? "a nonblocking operation must not wait; drop `nonblocking` or answer later"
                : "this thread must not wait: it handles a batch of events, or input and output; "
                  "post a task that waits");
    }
    if (!in_transaction_ok && transaction_open()) {
        return fail("FAILED_PRECONDITION",
                    "no call, http or other wait inside a transaction; commit it first");
    }
    return {};
}

void begin_transaction(onex_handle handle, const std::shared_ptr<OpenTransaction>& opened) {
    begun.emplace_back(handle, opened);
}

PluginScope::PluginScope(NodeInstance& node, const char* what)
    : crash_(node.crash_scope(what)), runtime_(node.runtime()) {
    before_.swap(begun);
}

PluginScope::~PluginScope() {
    for (const auto& [handle, transaction] : begun)
        runtime_.transactions.take(handle);
    begun.swap(before_);
}

}  // namespace onex::host
