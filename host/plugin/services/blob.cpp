// onex.blob/1: content on disk, found by its digest.
#include "host/plugin/background.hpp"
#include "host/plugin/services.hpp"

#include <cstring>
#include <utility>

namespace onex::host {

namespace {

onex_status put_info(const Result<BlobInfo>& info, onex_blob_info* out, onex_error* error) {
    if (!info) return report(info.error(), error);
    out->bytes = info->bytes;
    std::memcpy(
        out->digest, info->digest.data(), std::min(info->digest.size(), sizeof(out->digest)));
    return ONEX_OK;
}

onex_status spool(void* ctx,
                  onex_handle stream,
                  std::uint64_t bytes_max,
                  onex_str expected,
                  onex_wait wait,
                  onex_blob_info* out,
                  onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& node = node_of(ctx);
        const auto end = node.runtime().streams.find(stream);
        if (!end || end->side != StreamEnd::Side::reader) {
            return report({"BAD_HANDLE", "spool needs the reading end of a stream", {}, {}}, error);
        }
        if (auto allowed = may_wait(); !allowed) return report(allowed.error(), error);
        const auto waiting = to_wait(node, wait);
        if (!waiting) return report(waiting.error(), error);
        const auto most = std::min(bytes_max, node.runtime().config.limits.blob_bytes_max);
        // Bytes that come are a sign of life of the request.
        const auto moved = [request = waiting->request](std::uint64_t bytes) {
            if (request) request->progress({ONEX_PROGRESS_BYTES, bytes, 0, {}});
        };
        auto info = node.runtime().blobs.spool(
            *end->pipe, most, std::string(view(expected)), waiting->wait, moved);
        if (!info) return report(waiting->translate(std::move(info).error()), error);
        return put_info(info, out, error);
    });
}

onex_status open(
    void* ctx, onex_str digest, std::uint64_t offset, onex_handle* stream, onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& node = node_of(ctx);
        auto& runtime = node.runtime();
        auto pipe = runtime.blobs.read(
            std::string(view(digest)), offset, [&runtime](std::function<void()> work) {
                return runtime.workers.post(std::move(work));
            });
        if (!pipe) return report(pipe.error(), error);
        *stream = runtime.streams.add(
            std::make_shared<StreamEnd>(*pipe, StreamEnd::Side::reader, node.hold()));
        return ONEX_OK;
    });
}

onex_status stat(void* ctx, onex_str digest, onex_blob_info* out, onex_error* error) {
    return guarded(error, [&] {
        return put_info(node_of(ctx).runtime().blobs.stat(std::string(view(digest))), out, error);
    });
}

onex_status remove(void* ctx, onex_str digest, onex_error* error) {
    return guarded(error, [&] {
        auto done = node_of(ctx).runtime().blobs.remove(std::string(view(digest)));
        return done ? ONEX_OK : report(done.error(), error);
    });
}

onex_status free_bytes(void* ctx, std::uint64_t* out) {
    return guarded(nullptr, [&] {
        *out = node_of(ctx).runtime().blobs.free_bytes();
        return ONEX_OK;
    });
}

}  // namespace

void fill_blob_service(ServiceTables& tables) {
    tables.blob = {sizeof(onex_blob_v1), 0, nullptr, spool, open, stat, remove, free_bytes};
}

}  // namespace onex::host
