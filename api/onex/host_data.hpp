// The base of onex::Host: its service tables, and the methods for what keeps data (blobs, store,
// events, private storage). Nodes use onex::Host. Header-only.
#pragma once

#include <onex/services.hpp>

#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace onex __attribute__((visibility("hidden"))) {

    /// Finds the tables of a host. [any thread]
    class HostTables {
      public:
        explicit HostTables(const onex_host* host) : host_(host) {
            find(ONEX_LOG_ID, t_.log);
            find(ONEX_CONFIG_ID, t_.config);
            find(ONEX_EXEC_ID, t_.exec);
            find(ONEX_CALL_ID, t_.call);
            find(ONEX_STREAM_ID, t_.stream);
            find(ONEX_HTTP_ID, t_.http);
            find(ONEX_BLOB_ID, t_.blob);
            find(ONEX_STORE_ID, t_.store);
            find(ONEX_EVENTS_ID, t_.events);
            find(ONEX_METRICS_ID, t_.metrics);
            find(ONEX_CLOCK_ID, t_.clock);
            find(ONEX_PROCESS_ID, t_.process);
            find(ONEX_CONTRACT_ID, t_.contract);
            find(ONEX_KV_ID, t_.kv);
        }
        HostTables(const HostTables&) = delete;
        HostTables& operator=(const HostTables&) = delete;

        [[nodiscard]] const Tables& tables() const { return t_; }
        [[nodiscard]] bool has(std::string_view id) const {
            return host_->get_service(host_->ctx, to_abi(id)) != nullptr;
        }

        /// Runs `work` so that nothing escapes, for ends that nobody may hear of: destructors.
        template <class Work>
        static void guarded(Work&& work) noexcept {
            try {
                work();
            } catch (...) {  // Nobody is there to tell.
            }
        }
        /// Runs `work` so that nothing escapes, for functions that the host calls: an exception is
        /// an error in the log, under the name `what`.
        template <class Work>
        void guarded(std::string_view what, Work&& work) const noexcept {
            guarded(t_.log, what, std::forward<Work>(work));
        }

      protected:
        template <class Work>
        static void guarded(const onex_log_v1* log, std::string_view what, Work&& work) noexcept {
            try {
                work();
            } catch (const std::exception& e) {
                guarded([&] { log_fault(log, std::string(what) + " ended: " + e.what()); });
            } catch (...) {
                guarded([&] { log_fault(log, std::string(what) + " ended by an exception"); });
            }
        }
        /// `work` with guarded() around it, for the host to call; it may outlive this object.
        template <class... Args>
        std::function<void(Args...)> logged(std::string_view what,
                                            std::function<void(Args...)> work) const {
            if (!work) return work;
            return [log = t_.log, what, work = std::move(work)](Args... args) {
                guarded(log, what, [&] { work(args...); });
            };
        }
        static Error refused(onex_status status) {
            return {std::string(code_of(static_cast<Status>(status))),
                    "the host refused: it is busy or stopping",
                    {},
                    {}};
        }
        template <class Function>
        static Result<std::string> collect(Function&& function) {
            StringWriter out;
            ErrorSlot error;
            const onex_status status = function(out.get(), error.get());
            if (status < 0) return error.fail(status);
            return std::move(out.text);
        }

        const onex_host* host_;
        Tables t_;

      private:
        static void log_fault(const onex_log_v1* log, const std::string& message) {
            if (log) log->write(log->ctx, ONEX_LOG_ERROR, to_abi(message), {}, nullptr, 0);
        }
        template <class Table>
        void find(std::string_view id, const Table*& out) const {
            out = static_cast<const Table*>(host_->get_service(host_->ctx, to_abi(id)));
        }
    };

    /// What a node keeps, and where. [any thread that may wait]
    class HostData : public HostTables {
      public:
        using HostTables::HostTables;

        // --- blobs
        Result<BlobInfo> spool(Stream& stream,
                               std::uint64_t bytes_max,
                               std::string_view expected,
                               Wait wait) const {
            ErrorSlot error;
            onex_blob_info info{};
            info.struct_size = sizeof(info);
            const auto status = t_.blob->spool(t_.blob->ctx,
                                               stream.get(),
                                               bytes_max,
                                               to_abi(expected),
                                               wait.abi(),
                                               &info,
                                               error.get());
            if (status < 0) return error.fail(status);
            return BlobInfo{std::string(info.digest, sizeof(info.digest)), info.bytes};
        }
        Result<Stream> open_blob(std::string_view digest, std::uint64_t offset = 0) const {
            ErrorSlot error;
            onex_handle handle = 0;
            const auto status =
                t_.blob->open(t_.blob->ctx, to_abi(digest), offset, &handle, error.get());
            if (status < 0) return error.fail(status);
            return Stream{t_.stream, handle};
        }
        Result<BlobInfo> stat_blob(std::string_view digest) const {
            ErrorSlot error;
            onex_blob_info info{};
            info.struct_size = sizeof(info);
            const auto status = t_.blob->stat(t_.blob->ctx, to_abi(digest), &info, error.get());
            if (status < 0) return error.fail(status);
            return BlobInfo{std::string(info.digest, sizeof(info.digest)), info.bytes};
        }
        Result<void> remove_blob(std::string_view digest) const {
            ErrorSlot error;
            const auto status = t_.blob->remove(t_.blob->ctx, to_abi(digest), error.get());
            if (status < 0) return error.fail(status);
            return {};
        }
        [[nodiscard]] std::uint64_t blob_free_bytes() const {
            std::uint64_t out = 0;
            t_.blob->free_bytes(t_.blob->ctx, &out);
            return out;
        }

        // --- store and events
        Result<Tx> begin(bool write, Wait wait) const {
            ErrorSlot error;
            onex_handle tx = 0;
            const auto status = t_.store->begin(
                t_.store->ctx, write ? ONEX_TX_WRITE : ONEX_TX_READ, wait.abi(), &tx, error.get());
            if (status < 0) return error.fail(status);
            return Tx{t_.store, tx};
        }
        /// One statement in a transaction of its own.
        Result<Rows> execute(bool write,
                             std::string_view sql,
                             const std::vector<Param>& params,
                             Wait wait) const {
            auto tx = begin(write, wait);
            if (!tx) return std::unexpected(std::move(tx).error());
            auto rows = tx->execute(sql, params);
            if (!rows) return rows;
            if (auto done = tx->commit(); !done) return std::unexpected(std::move(done).error());
            return rows;
        }
        /// `tx` may be null: a transaction of its own. Returns the event's id.
        Result<std::string> publish(const Event& event, Tx* tx) const {
            onex_event abi{};
            abi.struct_size = sizeof(abi);
            abi.type = to_abi(event.type);
            abi.topic = to_abi(event.topic);
            abi.key = to_abi(event.key);
            abi.correlation_id = to_abi(event.correlation_id);
            abi.workflow_id = to_abi(event.workflow_id);
            abi.payload = to_abi(event.payload);
            abi.metadata = to_abi(event.metadata);
            return collect([&](onex_writer* out, onex_error* error) {
                return t_.events->publish(t_.events->ctx, tx ? tx->get() : 0, &abi, out, error);
            });
        }
        Result<std::string> read_events(std::int64_t after,
                                        std::string_view workflow_id,
                                        std::uint32_t limit) const {
            return collect([&](onex_writer* out, onex_error* error) {
                return t_.events->read(
                    t_.events->ctx, after, to_abi(workflow_id), limit, out, error);
            });
        }

        // --- private storage; `tx` is 0, or the handle of a transaction. See onex_kv_v1.
        Result<std::string> kv_get(std::string_view key, onex_handle tx = 0) const {
            return collect([&](onex_writer* out, onex_error* error) {
                return t_.kv->get(t_.kv->ctx, tx, to_abi(key), out, error);
            });
        }
        /// Entries whose key begins with `prefix` and comes after `after`, in the order of keys.
        Result<std::vector<KvEntry>> kv_scan(std::string_view prefix,
                                             std::string_view after = {},
                                             std::uint32_t limit = 1000,
                                             onex_handle tx = 0) const {
            std::vector<KvEntry> out;
            ErrorSlot error;
            const auto status = t_.kv->scan(
                t_.kv->ctx,
                tx,
                to_abi(prefix),
                to_abi(after),
                limit,
                [](void* user, onex_str key, onex_bytes value) -> onex_status {
                    try {
                        static_cast<std::vector<KvEntry>*>(user)->push_back(
                            {std::string(from_abi(key)),
                             std::string(reinterpret_cast<const char*>(value.data),
                                         static_cast<std::size_t>(value.size))});
                        return ONEX_OK;
                    } catch (...) {
                        return ONEX_E_EXHAUSTED;
                    }
                },
                &out,
                error.get());
            if (status < 0) return error.fail(status);
            return out;
        }
        /// All of the changes or none.
        Result<void> kv_write(const std::vector<KvChange>& changes, onex_handle tx = 0) const {
            std::vector<onex_kv_change> abi;
            abi.reserve(changes.size());
            for (const auto& one : changes)
                abi.push_back(
                    {one.kind,
                     0,
                     to_abi(one.key),
                     {reinterpret_cast<const std::uint8_t*>(one.value.data()), one.value.size()}});
            ErrorSlot error;
            const auto status = t_.kv->write(
                t_.kv->ctx, tx, abi.data(), static_cast<std::uint32_t>(abi.size()), error.get());
            if (status < 0) return error.fail(status);
            return {};
        }
        Result<void> kv_put(std::string_view key, std::string_view value) const {
            return kv_write({{ONEX_KV_PUT, std::string(key), std::string(value)}});
        }
        Result<void> kv_remove(std::string_view key) const {
            return kv_write({{ONEX_KV_REMOVE, std::string(key), {}}});
        }
    };

}  // namespace onex
