// onex.store/1: SQL for the plugins of the installation.
#include "host/plugin/background.hpp"
#include "host/plugin/services.hpp"

#include <utility>
#include <vector>

namespace onex::host {

namespace {

SqlValue to_sql(const onex_value& value) {
    switch (value.type) {
        case ONEX_VALUE_INT:
            return value.number;
        case ONEX_VALUE_DOUBLE:
            return value.real;
        case ONEX_VALUE_TEXT:
            return std::string(view(value.text));
        case ONEX_VALUE_BYTES: {
            const auto text = view(value.text);
            return SqlBytes(text.begin(), text.end());
        }
        default:
            return std::monostate{};
    }
}

onex_value to_abi(const SqlValue& value) {
    onex_value out{};
    if (const auto* n = std::get_if<std::int64_t>(&value)) {
        out.type = ONEX_VALUE_INT;
        out.number = *n;
    } else if (const auto* d = std::get_if<double>(&value)) {
        out.type = ONEX_VALUE_DOUBLE;
        out.real = *d;
    } else if (const auto* s = std::get_if<std::string>(&value)) {
        out.type = ONEX_VALUE_TEXT;
        out.text = view(std::string_view(*s));
    } else if (const auto* b = std::get_if<SqlBytes>(&value)) {
        out.type = ONEX_VALUE_BYTES;
        out.text = {reinterpret_cast<const char*>(b->data()), b->size()};
    }
    return out;
}

onex_status begin(
    void* ctx, std::uint32_t mode, onex_wait wait, onex_handle* tx, onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& node = node_of(ctx);
        // A second transaction on this thread would wait for the first one's end, which never
        // comes.
        if (auto allowed = may_wait(); !allowed) return report(allowed.error(), error);
        const auto waiting = to_wait(node, wait);
        if (!waiting) return report(waiting.error(), error);
        auto opened = node.runtime().store.begin(
            mode == ONEX_TX_WRITE ? TxMode::write : TxMode::read, waiting->wait);
        if (!opened) return report(waiting->translate(std::move(opened).error()), error);
        const auto open = std::make_shared<OpenTransaction>(std::move(*opened), node.hold());
        *tx = node.runtime().transactions.add(open);
        begin_transaction(*tx, open);
        return ONEX_OK;
    });
}

const Error kStale{"BAD_HANDLE", "this transaction has ended", {}, {}};

onex_status execute(void* ctx,
                    onex_handle handle,
                    onex_str sql,
                    const onex_param* params,
                    std::uint32_t count,
                    onex_row_fn row,
                    void* user,
                    std::int64_t* affected,
                    onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        const auto open = node_of(ctx).runtime().transactions.find(handle);
        if (!open) return report(kStale, error);
        std::vector<SqlParam> bound;
        bound.reserve(count);
        for (std::uint32_t i = 0; i < count; ++i) {
            bound.push_back({std::string(view(params[i].name)), to_sql(params[i].value)});
        }
        Result<SqlResult> result;
        {
            const std::scoped_lock lock(open->mutex);
            if (!open->tx) return report(kStale, error);
            result = open->tx->execute(view(sql), bound);
        }
        if (!result) return report(result.error(), error);
        if (affected) *affected = result->rows_affected;
        if (!row) return ONEX_OK;
        std::vector<onex_value> values;
        for (const auto& from : result->rows) {
            values.clear();
            for (const auto& value : from)
                values.push_back(to_abi(value));
            const auto status = row(user, values.data(), static_cast<std::uint32_t>(values.size()));
            if (status < 0) return status;
        }
        return ONEX_OK;
    });
}

onex_status commit(void* ctx, onex_handle handle, onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& runtime = node_of(ctx).runtime();
        const auto found = runtime.transactions.find(handle);
        if (found && found->borrowed) {
            return report(
                {"FAILED_PRECONDITION", "a batch's transaction is committed by the host", {}, {}},
                error);
        }
        const auto open = runtime.transactions.take(handle);
        if (!open) return report(kStale, error);
        Result<void> done;
        {
            const std::scoped_lock lock(open->mutex);
            if (!open->tx) return report(kStale, error);
            done = open->tx->commit();
            open->tx.reset();
        }
        if (!done) return report(done.error(), error);
        events_published(runtime, open->published);
        return ONEX_OK;
    });
}

void rollback(void* ctx, onex_handle handle) {
    (void)guarded(nullptr, [&]() -> onex_status {
        auto& runtime = node_of(ctx).runtime();
        const auto found = runtime.transactions.find(handle);
        if (!found || found->borrowed) return ONEX_E_BAD_HANDLE;
        const auto open = runtime.transactions.take(handle);
        if (!open) return ONEX_E_BAD_HANDLE;
        const std::scoped_lock lock(open->mutex);
        open->tx.reset();
        return ONEX_OK;
    });
}

}  // namespace

void fill_store_service(ServiceTables& tables) {
    tables.store = {sizeof(onex_store_v1), 0, nullptr, begin, execute, commit, rollback};
}

}  // namespace onex::host
