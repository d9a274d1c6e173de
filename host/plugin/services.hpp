// The host side of the ABI services: one table of each per node, whose ctx is the node.
#pragma once

#include "host/async/cancel.hpp"
#include "host/crash_guard.hpp"
#include "host/plugin/node.hpp"

#include <onex/abi.h>
#include <onex/error.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onex::host {

struct ServiceTables {
    onex_log_v1 log;
    onex_config_v1 config;
    onex_exec_v1 exec;
    onex_call_v1 call;
    onex_stream_v1 stream;
    onex_http_v1 http;
    onex_blob_v1 blob;
    onex_store_v1 store;
    onex_events_v1 events;
    onex_metrics_v1 metrics;
    onex_clock_v1 clock;
    onex_process_v1 process;
    onex_contract_v1 contract;
    onex_kv_v1 kv;
};

// Each fills its tables; one file a line.
void fill_basic_services(ServiceTables& tables);  // log, config, clock
void fill_exec_service(ServiceTables& tables);
void fill_call_service(ServiceTables& tables);
void fill_stream_service(ServiceTables& tables);
void fill_http_service(ServiceTables& tables);
void fill_blob_service(ServiceTables& tables);
void fill_store_service(ServiceTables& tables);
void fill_events_service(ServiceTables& tables);
void fill_metrics_service(ServiceTables& tables);
void fill_process_service(ServiceTables& tables);
void fill_contract_service(ServiceTables& tables);
void fill_kv_service(ServiceTables& tables);

/// The table with that id, or null. The store is for plugins that may use SQL.
const void* find_service(const ServiceTables& tables, std::string_view id, bool with_sql);

// --- shared by the service files

/// How the topics of this environment begin: "dev.omninode-bridge".
std::string topic_namespace(std::string_view environment);

inline std::string_view view(onex_str text) {
    return {text.data, static_cast<std::size_t>(text.size)};
}
inline onex_str view(std::string_view text) {
    return {text.data(), text.size()};
}
/// Who calls, at each service call.
inline NodeInstance& node_of(void* ctx) {
    NodeTags::check_caller(ctx);
    return *static_cast<NodeInstance*>(ctx);
}

/// Writes `error` to where the plugin wants it, and returns its status.
onex_status report(const Error& error, onex_error* out);
/// Appends to a plugin's writer; a null writer swallows.
onex_status append(onex_writer* out, std::string_view text);
Error to_error(const onex_failure* failure);

/// What a plugin's onex_wait means: the request's cancellation and the wait's own timeout, or
/// without a token the timeout alone, 30 s if it names none.
struct ServiceWait {
    Wait wait;
    std::shared_ptr<RequestState> request;  ///< null without token

    /// CANCELLED and TIMEOUT mean the request's own end, when that is what happened.
    [[nodiscard]] Error translate(Error error) const;
};
/// Error: CANCELLED, when the token is stale.
Result<ServiceWait> to_wait(NodeInstance& node, onex_wait wait);

/// FAILED_PRECONDITION when this thread must not wait: an I/O thread, one of the bus (which handles
/// a batch), or (unless `in_transaction_ok`) one with a transaction open.
Result<void> may_wait(bool in_transaction_ok = false);

/// Remembers that this thread has begun a transaction.
void begin_transaction(onex_handle handle, const std::shared_ptr<OpenTransaction>& opened);

/// After the commit that made these events true: counts them, and wakes who reads the journal.
void events_published(Runtime& runtime, const std::vector<std::string>& types);

/// Around a call of a plugin's code: who runs is known if it crashes, and transactions that it
/// began on this thread and left open are rolled back at its end (semantics 5.1).
class PluginScope {
  public:
    /// `what` runs: an operation, "a task" …; it lives as long as the scope.
    PluginScope(NodeInstance& node, const char* what);
    ~PluginScope();
    PluginScope(const PluginScope&) = delete;
    PluginScope& operator=(const PluginScope&) = delete;

  private:
    CrashScope crash_;
    Runtime& runtime_;
    std::vector<std::pair<onex_handle, std::weak_ptr<OpenTransaction>>> before_;
};

/// Runs `body`, which returns a status, so that no exception crosses the ABI.
template <class Body>
onex_status guarded(onex_error* error, Body&& body) noexcept {
    try {
        return body();
    } catch (const std::exception& e) {
        return report({"INTERNAL", std::string("the host failed: ") + e.what(), {}, {}}, error);
    } catch (...) {
        return report({"INTERNAL", "the host failed", {}, {}}, error);
    }
}

}  // namespace onex::host
