// The host's services as C++ values: Result instead of status and buffers, handles that close
// themselves. Header-only, standard library only. Thread tags are those of abi/services.h.
#pragma once

#include <onex/abi.h>
#include <onex/error.hpp>

#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace onex __attribute__((visibility("hidden"))) {

    inline onex_str to_abi(std::string_view text) {
        return {text.data(), text.size()};
    }
    inline std::string_view from_abi(onex_str text) {
        return {text.data, static_cast<std::size_t>(text.size)};
    }

    /// Room for an error that comes back over the ABI, and its translation.
    class ErrorSlot {
      public:
        ErrorSlot() {
            error_.struct_size = sizeof(error_);
            error_.code = code_;
            error_.code_capacity = sizeof(code_);
            error_.message = message_;
            error_.message_capacity = sizeof(message_);
            error_.details = details_;
            error_.details_capacity = sizeof(details_);
        }
        ErrorSlot(const ErrorSlot&) = delete;  // error_ points into this object.
        ErrorSlot& operator=(const ErrorSlot&) = delete;

        onex_error* get() { return &error_; }

        [[nodiscard]] Error error(onex_status status) const {
            Error out;
            out.code = error_.code_size ? std::string(code_, error_.code_size)
                                        : std::string(code_of(static_cast<Status>(status)));
            out.message = error_.message_size
                              ? std::string(message_, error_.message_size)
                              : "the host answered status " + std::to_string(status);
            out.details.assign(details_, error_.details_size);
            return out;
        }
        [[nodiscard]] std::unexpected<Error> fail(onex_status status) const {
            return std::unexpected(error(status));
        }

      private:
        onex_error error_{};
        char code_[64];
        char message_[2048];
        char details_[8192];
    };

    /// Writes `error` into what a caller over the ABI provided (which may be NULL), and returns its
    /// status.
    inline onex_status put_error(const Error& error, onex_error* out) {
        const auto status = static_cast<onex_status>(error.status());
        if (!out) return status;
        const auto put =
            [](std::string_view text, char* to, std::uint64_t capacity, std::uint64_t& size) {
                std::size_t n = std::min<std::size_t>(text.size(), capacity);
                while (n < text.size() && n > 0 &&
                       (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80)
                    --n;
                if (n) std::memcpy(to, text.data(), n);
                size = n;
            };
        put(error.code, out->code, out->code_capacity, out->code_size);
        put(error.message, out->message, out->message_capacity, out->message_size);
        if (error.details.size() <= out->details_capacity) {
            put(error.details, out->details, out->details_capacity, out->details_size);
        }
        return status;
    }

    /// A writer that appends to a string.
    class StringWriter {
      public:
        StringWriter() {
            writer_.struct_size = sizeof(writer_);
            writer_.ctx = this;
            writer_.append = [](void* ctx, const void* data, std::uint64_t size) -> onex_status {
                try {
                    static_cast<StringWriter*>(ctx)->text.append(static_cast<const char*>(data),
                                                                 size);
                    return ONEX_OK;
                } catch (...) {
                    return ONEX_E_EXHAUSTED;
                }
            };
        }
        StringWriter(const StringWriter&) = delete;
        StringWriter& operator=(const StringWriter&) = delete;
        onex_writer* get() { return &writer_; }

        std::string text;

      private:
        onex_writer writer_{};
    };

    struct Failure {
        explicit Failure(const Error& error) {
            failure.struct_size = sizeof(failure);
            failure.code = to_abi(error.code);
            failure.message = to_abi(error.message);
            failure.details = to_abi(error.details);
        }
        onex_failure failure{};
    };

    /// How long to wait, for whom. Default: as long as the request that is being served.
    struct Wait {
        std::int64_t timeout_ms = -1;
        onex_token token = 0;
        [[nodiscard]] onex_wait abi() const { return {timeout_ms, token}; }
    };
    /// For clean-up after a cancel: a fresh deadline (at most 30 s) and no token.
    inline Wait cleanup(std::int64_t timeout_ms = 10'000) {
        return {timeout_ms, 0};
    }

    /// The tables of one node. Filled once by Host; a table that the host lacks is null.
    struct Tables {
        const onex_log_v1* log = nullptr;
        const onex_config_v1* config = nullptr;
        const onex_exec_v1* exec = nullptr;
        const onex_call_v1* call = nullptr;
        const onex_stream_v1* stream = nullptr;
        const onex_http_v1* http = nullptr;
        const onex_blob_v1* blob = nullptr;
        const onex_store_v1* store = nullptr;
        const onex_events_v1* events = nullptr;
        const onex_metrics_v1* metrics = nullptr;
        const onex_clock_v1* clock = nullptr;
        const onex_process_v1* process = nullptr;
        const onex_contract_v1* contract = nullptr;
        const onex_kv_v1* kv = nullptr;
    };

    /// One count of a host buffer.
    class Buffer {
      public:
        Buffer() = default;
        Buffer(const onex_stream_v1* table, onex_buf* buf) : table_(table), buf_(buf) {}
        Buffer(Buffer&& other) noexcept
            : table_(other.table_), buf_(std::exchange(other.buf_, nullptr)) {}
        Buffer& operator=(Buffer&& other) noexcept {
            std::swap(table_, other.table_);
            std::swap(buf_, other.buf_);
            return *this;
        }
        ~Buffer() {
            if (buf_) table_->release(table_->ctx, buf_);
        }
        explicit operator bool() const { return buf_ != nullptr; }
        [[nodiscard]] std::span<const std::uint8_t> bytes() const {
            return {buf_->data, static_cast<std::size_t>(buf_->size)};
        }
        [[nodiscard]] std::string_view text() const {
            return {reinterpret_cast<const char*>(buf_->data),
                    static_cast<std::size_t>(buf_->size)};
        }
        onex_buf* get() { return buf_; }

      private:
        const onex_stream_v1* table_ = nullptr;
        onex_buf* buf_ = nullptr;
    };

    /// One end of a stream. Closes it when dropped; release() hands the handle to the host.
    class Stream {
      public:
        Stream() = default;
        Stream(const onex_stream_v1* table, onex_handle handle) : table_(table), handle_(handle) {}
        Stream(Stream&& other) noexcept
            : table_(other.table_), handle_(std::exchange(other.handle_, 0)) {}
        Stream& operator=(Stream&& other) noexcept {
            std::swap(table_, other.table_);
            std::swap(handle_, other.handle_);
            return *this;
        }
        ~Stream() {
            if (handle_) table_->close(table_->ctx, handle_);
        }
        explicit operator bool() const { return handle_ != 0; }
        [[nodiscard]] onex_handle get() const { return handle_; }
        onex_handle release() { return std::exchange(handle_, 0); }

        /// The next buffer; an empty one at the end. [may wait]
        Result<Buffer> read(Wait wait) {
            ErrorSlot error;
            onex_buf* buf = nullptr;
            const auto status = table_->read(table_->ctx, handle_, wait.abi(), &buf, error.get());
            if (status < 0) return error.fail(status);
            return status == ONEX_END ? Buffer{} : Buffer{table_, buf};
        }
        /// Copies `bytes` into host buffers and hands them over. [may wait]
        Result<void> write(std::string_view bytes, Wait wait) {
            while (!bytes.empty()) {
                onex_buf* buf = nullptr;
                if (const auto status = table_->alloc(table_->ctx, &buf); status < 0) {
                    return std::unexpected(Error{"QUEUE_FULL", "no stream buffer left", {}, {}});
                }
                Buffer owner{table_, buf};
                const auto n = std::min<std::size_t>(bytes.size(), buf->capacity);
                std::memcpy(buf->data, bytes.data(), n);
                buf->size = n;
                bytes.remove_prefix(n);
                if (auto done = write(owner, wait); !done) return done;
            }
            return {};
        }
        Result<void> write(Buffer& buffer, Wait wait) {
            ErrorSlot error;
            const auto status =
                table_->write(table_->ctx, handle_, wait.abi(), buffer.get(), error.get());
            if (status < 0) return error.fail(status);
            return {};
        }
        void finish() {
            if (handle_) table_->finish(table_->ctx, std::exchange(handle_, 0));
        }
        void fail(const Error& error) {
            const Failure failure(error);
            if (handle_) table_->fail(table_->ctx, std::exchange(handle_, 0), &failure.failure);
        }

      private:
        const onex_stream_v1* table_ = nullptr;
        onex_handle handle_ = 0;
    };

    using Headers = std::vector<std::pair<std::string, std::string>>;

    struct HttpRequest {
        std::string method = "GET";
        std::string url{};  ///< "/path" when unix_socket is set
        std::string unix_socket{};
        Headers headers{};
        std::string body{};
        Stream body_stream{};  ///< instead of body
        std::uint64_t body_bytes_max = 16 << 20;
        std::int64_t idle_ms = 60'000;
    };
    struct HttpResponse {
        unsigned status = 0;
        std::string headers;  ///< lines "name: value\n"
        std::string body;     ///< http_send
        Stream stream;        ///< http_open

        /// The first field of that name (lower case), or empty.
        [[nodiscard]] std::string_view header(std::string_view name) const {
            for (std::size_t at = 0; at < headers.size();) {
                const auto end = headers.find('\n', at);
                const auto line = std::string_view(headers).substr(at, end - at);
                const auto colon = line.find(": ");
                if (colon == name.size()) {
                    bool same = true;
                    for (std::size_t i = 0; i < colon; ++i)
                        same = same && (line[i] | 0x20) == (name[i] | 0x20);
                    if (same) return line.substr(colon + 2);
                }
                at = end == std::string::npos ? headers.size() : end + 1;
            }
            return {};
        }
    };

    struct BlobInfo {
        std::string digest;
        std::uint64_t bytes = 0;
    };

    struct Progress {
        enum class Kind : std::uint32_t { step, bytes, line } kind = Kind::step;
        std::uint64_t done = 0;
        std::uint64_t total = 0;
        std::string_view text;
    };

    /// A call of an operation; see onex_call.
    struct Call {
        std::string target{};
        std::string node{};
        std::string operation{};
        std::string input = "{}";
        std::string correlation_id{};
        std::string key{};
        std::int64_t timeout_ms = 0;
        Stream stream_in{};
        Stream stream_out{};
        std::function<void(const Progress&)> on_progress{};
    };

    using Bytes = std::vector<std::uint8_t>;
    using Value = std::variant<std::monostate, std::int64_t, double, std::string>;
    struct Param {
        std::string_view name;
        Value value;
    };
    using Row = std::vector<Value>;
    struct Rows {
        std::vector<Row> rows;
        std::int64_t affected = 0;
    };
    /// Column `index` as a number or text; 0 or empty when it is null or of another type.
    inline std::int64_t number(const Row& row, std::size_t index) {
        const auto* value = std::get_if<std::int64_t>(&row.at(index));
        return value ? *value : 0;
    }
    inline const std::string& text(const Row& row, std::size_t index) {
        static const std::string none;
        const auto* value = std::get_if<std::string>(&row.at(index));
        return value ? *value : none;
    }

    /// Private storage of a node: what is in it, and what changes.
    struct KvEntry {
        std::string key;
        std::string value;
    };
    struct KvChange {
        std::uint32_t kind = ONEX_KV_PUT;
        std::string key;
        std::string value{};
    };

    /// An open transaction; rolls back when dropped.
    class Tx {
      public:
        Tx(const onex_store_v1* table, onex_handle handle) : table_(table), handle_(handle) {}
        Tx(Tx&& other) noexcept : table_(other.table_), handle_(std::exchange(other.handle_, 0)) {}
        Tx& operator=(Tx&&) = delete;
        ~Tx() {
            if (handle_) table_->rollback(table_->ctx, handle_);
        }
        [[nodiscard]] onex_handle get() const { return handle_; }

        Result<Rows> execute(std::string_view sql, const std::vector<Param>& params = {}) {
            std::vector<onex_param> abi;
            abi.reserve(params.size());
            for (const auto& param : params)
                abi.push_back(to_param(param));
            Rows out;
            ErrorSlot error;
            const auto status = table_->execute(
                table_->ctx,
                handle_,
                to_abi(sql),
                abi.data(),
                static_cast<std::uint32_t>(abi.size()),
                [](void* user, const onex_value* values, std::uint32_t count) -> onex_status {
                    try {
                        static_cast<Rows*>(user)->rows.push_back(to_row(values, count));
                        return ONEX_OK;
                    } catch (...) {
                        return ONEX_E_EXHAUSTED;
                    }
                },
                &out,
                &out.affected,
                error.get());
            if (status < 0) return error.fail(status);
            return out;
        }
        Result<void> commit() {
            ErrorSlot error;
            const auto status = table_->commit(table_->ctx, std::exchange(handle_, 0), error.get());
            if (status < 0) return error.fail(status);
            return {};
        }

      private:
        static onex_param to_param(const Param& param) {
            onex_param out{};
            out.name = to_abi(param.name);
            if (const auto* n = std::get_if<std::int64_t>(&param.value)) {
                out.value.type = ONEX_VALUE_INT;
                out.value.number = *n;
            } else if (const auto* d = std::get_if<double>(&param.value)) {
                out.value.type = ONEX_VALUE_DOUBLE;
                out.value.real = *d;
            } else if (const auto* s = std::get_if<std::string>(&param.value)) {
                out.value.type = ONEX_VALUE_TEXT;
                out.value.text = to_abi(*s);
            }
            return out;
        }
        static Row to_row(const onex_value* values, std::uint32_t count) {
            Row row;
            row.reserve(count);
            for (std::uint32_t i = 0; i < count; ++i) {
                switch (values[i].type) {
                    case ONEX_VALUE_INT:
                        row.emplace_back(values[i].number);
                        break;
                    case ONEX_VALUE_DOUBLE:
                        row.emplace_back(values[i].real);
                        break;
                    case ONEX_VALUE_TEXT:
                    case ONEX_VALUE_BYTES:
                        row.emplace_back(std::string(from_abi(values[i].text)));
                        break;
                    default:
                        row.emplace_back();
                        break;
                }
            }
            return row;
        }

        const onex_store_v1* table_;
        onex_handle handle_;
    };

    /// See onex_event.
    struct Event {
        std::string type{};
        std::string topic{};
        std::string key{};
        std::string correlation_id{};
        std::string workflow_id{};
        std::string payload = "{}";
        std::string metadata{};
    };

}  // namespace onex
