// onex.log/1, onex.config/1, onex.clock/1
#include "host/ids.hpp"
#include "host/log.hpp"
#include "host/plugin/services.hpp"
#include "host/version.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <cstring>
#include <vector>

namespace onex::host {

namespace json = boost::json;

namespace {

std::uint32_t log_enabled_for(void*, std::uint32_t level) {
    return level <= ONEX_LOG_ERROR && log_enabled(static_cast<LogLevel>(level)) ? 1 : 0;
}

void log_write(void* ctx,
               std::uint32_t level,
               onex_str message,
               onex_str correlation_id,
               const onex_field* fields,
               std::uint32_t field_count) {
    (void)guarded(nullptr, [&] {
        std::vector<LogField> all{{"node", node_of(ctx).name()}};
        if (correlation_id.size) all.push_back({"correlation_id", view(correlation_id)});
        for (std::uint32_t i = 0; i < std::min(field_count, 32U); ++i) {
            all.push_back({view(fields[i].name), view(fields[i].value)});
        }
        log(static_cast<LogLevel>(std::min(level, ONEX_LOG_ERROR)), view(message), all);
        return ONEX_OK;
    });
}

onex_status settings(void* ctx, onex_writer* out) {
    return guarded(nullptr, [&] { return append(out, node_of(ctx).settings()); });
}

onex_status host_info(void* ctx, onex_writer* out) {
    return guarded(nullptr, [&] {
        const auto& node = node_of(ctx);
        const auto& runtime = node.runtime();
        json::array workflow_dirs;
        for (const auto& dir : runtime.config.host.workflow_dirs)
            workflow_dirs.emplace_back(dir);
        const json::object info{{"host", runtime.identity.name},
                                {"host_id", runtime.identity.host_id},
                                {"boot_id", runtime.identity.boot_id},
                                {"generation", node.generation()},
                                {"namespace", runtime.identity.ns},
                                {"environment", runtime.identity.environment},
                                {"topic_namespace", topic_namespace(runtime.identity.environment)},
                                {"architecture", runtime.identity.architecture},
                                {"node", node.name()},
                                {"data_dir", runtime.config.host.data_dir},
                                {"version", host_version()},
                                {"keep_days", runtime.config.store.keep_days},
                                {"size_budget_bytes", runtime.config.store.size_budget_bytes},
                                {"workflow_dirs", std::move(workflow_dirs)},
                                {"listen", node.section().listen}};
        return append(out, json::serialize(info));
    });
}

onex_status secret(void*, onex_str reference, onex_writer* out, onex_error* error) {
    return guarded(error, [&] {
        auto value = resolve_secret({std::string(view(reference))});
        return value ? append(out, *value) : report(value.error(), error);
    });
}

std::int64_t wall_us(void*) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::int64_t monotonic(void*) {
    return monotonic_us();
}

void fill_random(void*, void* data, std::uint64_t size) {
    // Without randomness nothing that follows would be right; let it end the process.
    const auto bytes = random_bytes(size);
    std::memcpy(data, bytes.data(), size);
}

}  // namespace

void fill_basic_services(ServiceTables& tables) {
    tables.log = {sizeof(onex_log_v1), 0, nullptr, log_enabled_for, log_write};
    tables.config = {sizeof(onex_config_v1), 0, nullptr, settings, host_info, secret};
    tables.clock = {sizeof(onex_clock_v1), 0, nullptr, wall_us, monotonic, fill_random};
}

}  // namespace onex::host
