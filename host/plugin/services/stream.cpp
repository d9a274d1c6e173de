// onex.stream/1: chunks between plugins and the host, one counted buffer at a time.
#include "host/plugin/background.hpp"
#include "host/plugin/services.hpp"

#include <atomic>
#include <utility>

namespace onex::host {

namespace {

/// What stands behind an onex_buf: the ABI struct first, so that a pointer to it is a pointer to
/// this.
struct HostBuf {
    onex_buf abi{};
    std::atomic<std::uint32_t> count{1};
    std::shared_ptr<std::string> bytes;  ///< shared with the pipes that the buffer travels through
};
static_assert(offsetof(HostBuf, abi) == 0);

HostBuf* host_buf(onex_buf* buf) {
    return reinterpret_cast<HostBuf*>(buf);
}

onex_buf* make_buf(std::shared_ptr<std::string> bytes, std::uint64_t size) {
    auto out = std::make_unique<HostBuf>();
    out->bytes = std::move(bytes);
    out->abi.struct_size = sizeof(onex_buf);
    out->abi.data = reinterpret_cast<std::uint8_t*>(out->bytes->data());
    out->abi.size = size;
    out->abi.capacity = out->bytes->size();
    return &out.release()->abi;
}

onex_status alloc(void*, onex_buf** out) {
    return guarded(nullptr, [&] {
        *out = make_buf(std::make_shared<std::string>(ONEX_BUF_BYTES, '\0'), 0);
        return ONEX_OK;
    });
}

void retain(void*, onex_buf* buf) {
    host_buf(buf)->count.fetch_add(1);
}

void release(void*, onex_buf* buf) {
    if (host_buf(buf)->count.fetch_sub(1) == 1) {
        const std::unique_ptr<HostBuf> last(host_buf(buf));
    }
}

std::shared_ptr<StreamEnd> find(void* ctx, onex_handle handle, StreamEnd::Side side) {
    auto end = node_of(ctx).runtime().streams.find(handle);
    return end && end->side == side ? end : nullptr;
}

const Error kStale{"BAD_HANDLE", "this stream has ended, or is its other end", {}, {}};

onex_status read(void* ctx, onex_handle handle, onex_wait wait, onex_buf** out, onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        *out = nullptr;
        const auto end = find(ctx, handle, StreamEnd::Side::reader);
        if (!end) return report(kStale, error);
        if (auto allowed = may_wait(); !allowed) return report(allowed.error(), error);
        const auto waiting = to_wait(node_of(ctx), wait);
        if (!waiting) return report(waiting.error(), error);
        auto chunk = end->pipe->pop(waiting->wait);
        if (!chunk) return report(waiting->translate(std::move(chunk).error()), error);
        if (!*chunk) return ONEX_END;
        // The buffer is the chunk itself; nobody writes into it, whoever holds it.
        const auto size = (*chunk)->size();
        *out = make_buf(std::const_pointer_cast<std::string>(std::move(*chunk)), size);
        return ONEX_OK;
    });
}

onex_status write(void* ctx, onex_handle handle, onex_wait wait, onex_buf* buf, onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        const auto end = find(ctx, handle, StreamEnd::Side::writer);
        if (!end) return report(kStale, error);
        if (auto allowed = may_wait(); !allowed) return report(allowed.error(), error);
        const auto waiting = to_wait(node_of(ctx), wait);
        if (!waiting) return report(waiting.error(), error);
        if (buf->size > buf->capacity) return ONEX_E_INVALID_INPUT;
        auto* held = host_buf(buf);
        Chunk chunk = held->bytes;
        if (buf->size != held->bytes->size()) {
            if (held->count.load() == 1 && held->bytes.use_count() == 2) {
                held->bytes->resize(buf->size);  // `data` stays: shrinking doesn't reallocate.
                buf->capacity = buf->size;
            } else {
                chunk = std::make_shared<const std::string>(held->bytes->substr(0, buf->size));
            }
        }
        if (chunk->empty()) return ONEX_OK;
        auto done = end->pipe->push(std::move(chunk), waiting->wait);
        return done ? ONEX_OK : report(waiting->translate(std::move(done).error()), error);
    });
}

onex_status finish(void* ctx, onex_handle handle) {
    return guarded(nullptr, [&]() -> onex_status {
        if (!find(ctx, handle, StreamEnd::Side::writer)) return ONEX_E_BAD_HANDLE;
        const auto end = node_of(ctx).runtime().streams.take(handle);
        if (!end) return ONEX_E_BAD_HANDLE;
        end->pipe->finish();
        return ONEX_OK;
    });
}

onex_status break_stream(void* ctx, onex_handle handle, const onex_failure* failure) {
    return guarded(nullptr, [&]() -> onex_status {
        const auto end = node_of(ctx).runtime().streams.take(handle);
        if (!end) return ONEX_E_BAD_HANDLE;
        end->pipe->fail(to_error(failure));
        return ONEX_OK;
    });
}

onex_status close(void* ctx, onex_handle handle) {
    return guarded(nullptr, [&] {
        return node_of(ctx).runtime().streams.take(handle) ? ONEX_OK : ONEX_E_BAD_HANDLE;
    });
}

onex_status make_pipe(void* ctx,
                      std::uint32_t chunks_max,
                      onex_handle* reader,
                      onex_handle* writer) {
    return guarded(nullptr, [&]() -> onex_status {
        if (chunks_max < 1 || chunks_max > 16) return ONEX_E_INVALID_INPUT;
        auto& node = node_of(ctx);
        auto pipe = std::make_shared<Pipe>(chunks_max);
        auto& streams = node.runtime().streams;
        *reader =
            streams.add(std::make_shared<StreamEnd>(pipe, StreamEnd::Side::reader, node.hold()));
        *writer =
            streams.add(std::make_shared<StreamEnd>(pipe, StreamEnd::Side::writer, node.hold()));
        return ONEX_OK;
    });
}

}  // namespace

void fill_stream_service(ServiceTables& tables) {
    tables.stream = {sizeof(onex_stream_v1),
                     0,
                     nullptr,
                     alloc,
                     retain,
                     release,
                     read,
                     write,
                     finish,
                     break_stream,
                     close,
                     make_pipe};
}

}  // namespace onex::host
