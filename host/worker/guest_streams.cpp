// Streams, HTTP, blobs and programs, as a worker's plugin gets them.
#include "host/worker/guest.hpp"
#include "host/worker/values.hpp"

#include <atomic>
#include <cstring>
#include <vector>

namespace onex::host::worker {

namespace {

/// A buffer of this process: its bytes travel in a frame when it is written.
struct Buffer {
    Buffer() : bytes(ONEX_BUF_BYTES) {
        abi.struct_size = sizeof(abi);
        abi.data = bytes.data();
        abi.capacity = bytes.size();
    }
    onex_buf abi{};  ///< first: an onex_buf* of ours is a Buffer*
    std::vector<std::uint8_t> bytes;
    std::atomic<std::uint32_t> count{1};
};

Buffer* buffer_of(onex_buf* buf) {
    return reinterpret_cast<Buffer*>(buf);
}

void release(void*, onex_buf* buf) {
    if (buf && buffer_of(buf)->count.fetch_sub(1) == 1) delete buffer_of(buf);
}

onex_status read(void* ctx, onex_handle stream, onex_wait wait, onex_buf** to, onex_error* error) {
    Packer out;
    out.number(stream);
    pack(out, wait);
    const auto told = guest_of(ctx).ask(Method::stream_read, out);
    std::string_view rest;
    const auto status = read_result(told, rest, error);
    if (status != ONEX_OK) return status;
    const auto bytes = Unpacker(rest).text();
    if (bytes.size() > ONEX_BUF_BYTES) return ONEX_E_CORRUPT;
    auto buffer = std::make_unique<Buffer>();
    std::memcpy(buffer->bytes.data(), bytes.data(), bytes.size());
    buffer->abi.size = bytes.size();
    *to = &buffer.release()->abi;
    return ONEX_OK;
}

onex_status write(void* ctx, onex_handle stream, onex_wait wait, onex_buf* buf, onex_error* error) {
    Packer out;
    out.number(stream);
    pack(out, wait);
    out.text({reinterpret_cast<const char*>(buf->data), static_cast<std::size_t>(buf->size)});
    return ask_status(ctx, Method::stream_write, out, error);
}

onex_status fail_stream(void* ctx, onex_handle stream, const onex_failure* failure) {
    Packer out;
    out.number(stream);
    pack(out, *failure);
    return ask_status(ctx, Method::stream_fail, out);
}

onex_status make_pipe(void* ctx, std::uint32_t most, onex_handle* reader, onex_handle* writer) {
    const auto told = guest_of(ctx).ask(Method::stream_pipe, Packer().number(most));
    std::string_view rest;
    const auto status = read_result(told, rest, nullptr);
    if (status < 0) return status;
    Unpacker in(rest);
    *reader = in.number<std::uint64_t>();
    *writer = in.number<std::uint64_t>();
    return status;
}

onex_status http(void* ctx,
                 Method method,
                 const onex_http_request* request,
                 onex_wait wait,
                 onex_http_response* response,
                 onex_writer* headers,
                 onex_writer* body,
                 onex_handle* stream,
                 onex_error* error) {
    Packer out;
    out.text(view(request->method)).text(view(request->url)).text(view(request->unix_socket));
    pack(out, request->headers, request->header_count);
    out.text({reinterpret_cast<const char*>(request->body.data),
              static_cast<std::size_t>(request->body.size)});
    out.number(request->body_stream).number(request->body_bytes_max).number(request->idle_ms);
    pack(out, wait);
    const auto told = guest_of(ctx).ask(method, out);
    std::string_view rest;
    const auto status = read_result(told, rest, error);
    if (status < 0) return status;
    Unpacker in(rest);
    response->status = in.number<std::uint32_t>();
    if (const auto wrote = append(headers, in.text()); wrote < 0) return wrote;
    if (const auto wrote = append(body, in.text()); wrote < 0) return wrote;
    if (stream) *stream = in.number<std::uint64_t>();
    return status;
}

void read_info(std::string_view rest, onex_blob_info* info) {
    Unpacker in(rest);
    info->bytes = in.number<std::uint64_t>();
    const auto digest = in.text();
    std::memcpy(info->digest, digest.data(), std::min(digest.size(), sizeof(info->digest)));
}

onex_status spool(void* ctx,
                  onex_handle stream,
                  std::uint64_t bytes_max,
                  onex_str expected,
                  onex_wait wait,
                  onex_blob_info* info,
                  onex_error* error) {
    Packer out;
    out.number(stream).number(bytes_max).text(view(expected));
    pack(out, wait);
    const auto told = guest_of(ctx).ask(Method::blob_spool, out);
    std::string_view rest;
    const auto status = read_result(told, rest, error);
    if (status >= 0 && info) read_info(rest, info);
    return status;
}

onex_status open_blob(
    void* ctx, onex_str digest, std::uint64_t offset, onex_handle* stream, onex_error* error) {
    const auto told =
        guest_of(ctx).ask(Method::blob_open, Packer().text(view(digest)).number(offset));
    std::string_view rest;
    const auto status = read_result(told, rest, error);
    if (status >= 0) *stream = Unpacker(rest).number<std::uint64_t>();
    return status;
}

onex_status run_program(void* ctx,
                        const onex_process* process,
                        onex_wait wait,
                        std::int32_t* exit_code,
                        onex_error* error) {
    Packer out;
    pack(out, process->args, process->arg_count);
    out.text(view(process->folder));
    pack(out, process->environment, process->environment_count);
    out.number(process->input);
    pack(out, wait);
    const auto told =
        guest_of(ctx).ask(Method::run_program, out, [process](Method, std::string_view body) {
            if (!process->on_line) return;
            Unpacker in(body);
            const auto stream = in.number<std::uint32_t>();
            process->on_line(process->user, stream, view(in.text()));
        });
    std::string_view rest;
    const auto status = read_result(told, rest, error);
    if (status >= 0 && exit_code) *exit_code = Unpacker(rest).number<std::int32_t>();
    return status;
}

}  // namespace

void fill_guest_streams(Guest::Tables& tables) {
    tables.stream = {sizeof(onex_stream_v1),
                     0,
                     nullptr,
                     [](void*, onex_buf** out) {
                         *out = &(new Buffer())->abi;
                         return ONEX_OK;
                     },
                     [](void*, onex_buf* buf) { ++buffer_of(buf)->count; },
                     release,
                     read,
                     write,
                     [](void* ctx, onex_handle stream) {
                         return ask_status(ctx, Method::stream_finish, Packer().number(stream));
                     },
                     fail_stream,
                     [](void* ctx, onex_handle stream) {
                         return ask_status(ctx, Method::stream_close, Packer().number(stream));
                     },
                     make_pipe};
    tables.http = {
        sizeof(onex_http_v1),
        0,
        nullptr,
        [](void* ctx,
           const onex_http_request* request,
           onex_wait wait,
           onex_http_response* response,
           onex_writer* headers,
           onex_writer* body,
           onex_error* error) {
            return http(
                ctx, Method::http_send, request, wait, response, headers, body, nullptr, error);
        },
        [](void* ctx,
           const onex_http_request* request,
           onex_wait wait,
           onex_http_response* response,
           onex_writer* headers,
           onex_handle* body,
           onex_error* error) {
            return http(
                ctx, Method::http_open, request, wait, response, headers, nullptr, body, error);
        }};
    tables.blob = {
        sizeof(onex_blob_v1),
        0,
        nullptr,
        spool,
        open_blob,
        [](void* ctx, onex_str digest, onex_blob_info* info, onex_error* error) {
            const auto told = guest_of(ctx).ask(Method::blob_stat, Packer().text(view(digest)));
            std::string_view rest;
            const auto status = read_result(told, rest, error);
            if (status >= 0) read_info(rest, info);
            return status;
        },
        [](void* ctx, onex_str digest, onex_error* error) {
            return ask_status(ctx, Method::blob_remove, Packer().text(view(digest)), error);
        },
        [](void* ctx, std::uint64_t* bytes) {
            const auto told = guest_of(ctx).ask(Method::blob_free, {});
            std::string_view rest;
            const auto status = read_result(told, rest, nullptr);
            if (status >= 0) *bytes = Unpacker(rest).number<std::uint64_t>();
            return status;
        }};
    tables.process = {sizeof(onex_process_v1), 0, nullptr, run_program};
}

}  // namespace onex::host::worker
