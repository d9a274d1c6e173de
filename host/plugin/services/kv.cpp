// onex.kv/1: private storage of a node.
#include "host/plugin/background.hpp"
#include "host/plugin/services.hpp"
#include "host/store/ids.hpp"
#include "kv_sql.hpp"

#include <onex/utf8.hpp>

#include <functional>
#include <utility>
#include <vector>

namespace onex::host {

namespace {

constexpr std::size_t kKeyBytesMax = 512;
constexpr std::size_t kValueBytesMax = 1U << 20;
constexpr std::int64_t kEntriesMax = 10'000;
constexpr std::int64_t kNodeBytesMax = 64LL << 20;
constexpr std::uint32_t kCountMax = 1000;
constexpr std::int64_t kStoreMs = 10'000;

Result<void> check_key(std::string_view key) {
    if (key.empty() || key.size() > kKeyBytesMax || valid_utf8(key) != key)
        return fail("VALIDATION_ERROR", "a key is UTF-8 text of 1 to 512 bytes");
    return {};
}

/// Runs `work` in the transaction `tx`, or in one of its own that is committed after it.
Result<void> in_transaction(NodeInstance& node,
                            onex_handle tx,
                            TxMode mode,
                            const std::function<Result<void>(Transaction&)>& work) {
    if (tx != 0) {
        const auto open = node.runtime().transactions.find(tx);
        if (!open) return fail("BAD_HANDLE", "this transaction has ended");
        const std::scoped_lock lock(open->mutex);
        if (!open->tx) return fail("BAD_HANDLE", "this transaction has ended");
        auto done = work(*open->tx);
        // Whoever goes on after a change that was refused must not commit half of it, or more than
        // fits: "that whole transaction must be given up" (onex_kv_v1).
        if (!done && mode == TxMode::write) open->tx->rollback();
        return done;
    }
    if (auto allowed = may_wait(); !allowed) return allowed;
    auto own = node.runtime().store.begin(mode, Wait::for_ms(kStoreMs));
    if (!own) return std::unexpected(std::move(own).error());
    if (auto done = work(**own); !done) return done;
    return (*own)->commit();
}

onex_status get(void* ctx, onex_handle tx, onex_str key, onex_writer* value, onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& node = node_of(ctx);
        std::string found;
        auto done = in_transaction(node, tx, TxMode::read, [&](Transaction& in) -> Result<void> {
            auto rows =
                in.execute(sql::kv_get, {{"node", node.name()}, {"key", std::string(view(key))}});
            if (!rows) return std::unexpected(std::move(rows).error());
            if (rows->rows.empty()) return fail("NOT_FOUND", "no key " + std::string(view(key)));
            const auto& bytes = std::get<SqlBytes>(rows->rows.front().front());
            found.assign(bytes.begin(), bytes.end());
            return {};
        });
        return done ? append(value, found) : report(done.error(), error);
    });
}

onex_status scan(void* ctx,
                 onex_handle tx,
                 onex_str prefix,
                 onex_str after,
                 std::uint32_t limit,
                 onex_kv_entry_fn fn,
                 void* user,
                 onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& node = node_of(ctx);
        if (!fn || limit < 1 || limit > kCountMax) {
            return report(
                {"VALIDATION_ERROR", "scan needs a function and a limit of 1 to 1000", {}, {}},
                error);
        }
        SqlResult found;
        auto done = in_transaction(node, tx, TxMode::read, [&](Transaction& in) -> Result<void> {
            auto rows = in.execute(sql::kv_scan,
                                   {{"node", node.name()},
                                    {"prefix", std::string(view(prefix))},
                                    {"after", std::string(view(after))},
                                    {"limit", std::int64_t{limit}}});
            if (!rows) return std::unexpected(std::move(rows).error());
            found = std::move(*rows);
            return {};
        });
        if (!done) return report(done.error(), error);
        // After the transaction: the plugin's function may do as it likes.
        for (const auto& row : found.rows) {
            const auto& key = std::get<std::string>(row.at(0));
            const auto& value = std::get<SqlBytes>(row.at(1));
            const auto status =
                fn(user,
                   view(std::string_view(key)),
                   {reinterpret_cast<const std::uint8_t*>(value.data()), value.size()});
            if (status != ONEX_OK) return status;
        }
        return ONEX_OK;
    });
}

Result<void> apply(Transaction& in, const std::string& node, const onex_kv_change& change) {
    const auto key = view(change.key);
    if (auto fit = check_key(key); !fit) return fit;
    if (change.kind == ONEX_KV_REMOVE) {
        auto done = in.execute(sql::kv_remove, {{"node", node}, {"key", std::string(key)}});
        if (!done) return std::unexpected(std::move(done).error());
        return {};
    }
    if (change.kind != ONEX_KV_PUT && change.kind != ONEX_KV_PUT_IF_ABSENT)
        return fail("VALIDATION_ERROR", "no such kind of change");
    if (change.value.size > kValueBytesMax) {
        return fail("RESOURCE_LIMIT_EXCEEDED",
                    "the value of " + std::string(key) + " has " +
                        std::to_string(change.value.size) +
                        " bytes, 1048576 are allowed; a blob takes more");
    }
    const auto* data = change.value.data;
    const bool if_absent = change.kind == ONEX_KV_PUT_IF_ABSENT;
    auto done = in.execute(if_absent ? sql::kv_put_if_absent : sql::kv_put,
                           {{"node", node},
                            {"key", std::string(key)},
                            {"value", SqlBytes(data, data + change.value.size)},
                            {"now_us", now_us()}});
    if (!done) return std::unexpected(std::move(done).error());
    if (if_absent && done->rows_affected == 0)
        return fail("CONFLICT", "the key " + std::string(key) + " is there already");
    return {};
}

onex_status write(void* ctx,
                  onex_handle tx,
                  const onex_kv_change* changes,
                  std::uint32_t count,
                  onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& node = node_of(ctx);
        if (count < 1 || count > kCountMax) {
            return report({"VALIDATION_ERROR", "write takes 1 to 1000 changes", {}, {}}, error);
        }
        auto done = in_transaction(node, tx, TxMode::write, [&](Transaction& in) -> Result<void> {
            bool grows = false;
            for (std::uint32_t i = 0; i < count; ++i) {
                if (auto one = apply(in, node.name(), changes[i]); !one) return one;
                grows = grows || changes[i].kind != ONEX_KV_REMOVE;
            }
            if (!grows) return {};
            auto usage = in.execute(sql::kv_usage, {{"node", node.name()}});
            if (!usage) return std::unexpected(std::move(usage).error());
            const auto& row = usage->rows.front();
            if (std::get<std::int64_t>(row.at(0)) > kEntriesMax ||
                std::get<std::int64_t>(row.at(1)) > kNodeBytesMax) {
                return fail("RESOURCE_LIMIT_EXCEEDED",
                            "a node keeps at most 10000 entries and 64 MiB; remove some first");
            }
            return {};
        });
        return done ? ONEX_OK : report(done.error(), error);
    });
}

}  // namespace

void fill_kv_service(ServiceTables& tables) {
    tables.kv = {sizeof(onex_kv_v1), 0, nullptr, get, scan, write};
}

}  // namespace onex::host
