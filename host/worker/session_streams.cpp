// Streams, blobs, HTTP and programs of a worker.
#include "host/plugin/abi_values.hpp"
#include "host/worker/session.hpp"
#include "host/worker/values.hpp"

#include <cstring>

namespace onex::host::worker {

namespace {

constexpr std::size_t kTextBytesMax = kFrameBytesMax - 64 * 1024;

}  // namespace

bool Session::serve_stream(Method method, std::uint64_t id, Unpacker& in, Packer& out) {
    const auto& streams = *services_->stream;
    switch (method) {
        case Method::stream_read:
            return read_stream(in, out), true;
        case Method::stream_write:
            return write_stream(in, out), true;
        case Method::stream_finish:
        case Method::stream_close: {
            const auto stream = in.number<std::uint64_t>();
            if (!take(Kind::stream, stream)) return refuse_handle(out), true;
            out.result(method == Method::stream_close ? streams.close(streams.ctx, stream)
                                                      : streams.finish(streams.ctx, stream),
                       {});
            return true;
        }
        case Method::stream_fail: {
            const auto stream = in.number<std::uint64_t>();
            const auto failure = unpack_failure(in);
            if (!take(Kind::stream, stream)) return refuse_handle(out), true;
            out.result(streams.fail(streams.ctx, stream, &failure), {});
            return true;
        }
        case Method::stream_pipe: {
            onex_handle reader = 0;
            onex_handle writer = 0;
            const auto status =
                streams.pipe(streams.ctx, in.number<std::uint32_t>(), &reader, &writer);
            out.result(status, {});
            if (status < 0) return true;
            give(Kind::stream, reader);
            give(Kind::stream, writer);
            out.number(reader).number(writer);
            return true;
        }
        case Method::http_send:
        case Method::http_open:
            return send_http(method, in, out), true;
        case Method::run_program:
            return run_program(id, in, out), true;
        default:
            return serve_blob(method, in, out);
    }
}

bool Session::serve_blob(Method method, Unpacker& in, Packer& out) {
    const auto& blob = *services_->blob;
    ErrorRoom room;
    switch (method) {
        case Method::blob_spool: {
            const auto stream = in.number<std::uint64_t>();
            const auto bytes_max = in.number<std::uint64_t>();
            const auto expected = in.text();
            const auto wait = unpack_wait(in);
            if (!may_use(wait) || !take(Kind::stream, stream)) return refuse_handle(out), true;
            onex_blob_info info{};
            info.struct_size = sizeof(info);
            const auto status =
                blob.spool(blob.ctx, stream, bytes_max, view(expected), wait, &info, &room.abi);
            out.result(status, status < 0 ? room.error(status, "spool") : Error{});
            if (status >= 0) out.number(info.bytes).text({info.digest, sizeof(info.digest)});
            return true;
        }
        case Method::blob_open: {
            const auto digest = in.text();
            const auto offset = in.number<std::uint64_t>();
            onex_handle stream = 0;
            const auto status = blob.open(blob.ctx, view(digest), offset, &stream, &room.abi);
            out.result(status, status < 0 ? room.error(status, "open") : Error{});
            if (status < 0) return true;
            give(Kind::stream, stream);
            out.number(stream);
            return true;
        }
        case Method::blob_stat: {
            onex_blob_info info{};
            info.struct_size = sizeof(info);
            const auto status = blob.stat(blob.ctx, view(in.text()), &info, &room.abi);
            out.result(status, status < 0 ? room.error(status, "stat") : Error{});
            if (status >= 0) out.number(info.bytes).text({info.digest, sizeof(info.digest)});
            return true;
        }
        case Method::blob_remove: {
            const auto status = blob.remove(blob.ctx, view(in.text()), &room.abi);
            out.result(status, status < 0 ? room.error(status, "remove") : Error{});
            return true;
        }
        case Method::blob_free: {
            std::uint64_t bytes = 0;
            const auto status = blob.free_bytes(blob.ctx, &bytes);
            out.result(status, {}).number(bytes);
            return true;
        }
        default:
            return false;
    }
}

void Session::read_stream(Unpacker& in, Packer& out) {
    const auto stream = in.number<std::uint64_t>();
    const auto wait = unpack_wait(in);
    if (!has(Kind::stream, stream) || !may_use(wait)) return refuse_handle(out);
    ErrorRoom room;
    onex_buf* buffer = nullptr;
    const auto& streams = *services_->stream;
    const auto status = streams.read(streams.ctx, stream, wait, &buffer, &room.abi);
    out.result(status, status < 0 ? room.error(status, "read") : Error{});
    if (status != ONEX_OK) return;
    out.text({reinterpret_cast<const char*>(buffer->data), buffer->size});
    streams.release(streams.ctx, buffer);
}

void Session::write_stream(Unpacker& in, Packer& out) {
    const auto stream = in.number<std::uint64_t>();
    const auto wait = unpack_wait(in);
    const auto bytes = in.text();
    if (!has(Kind::stream, stream) || !may_use(wait)) return refuse_handle(out);
    const auto& streams = *services_->stream;
    onex_buf* buffer = nullptr;
    auto status = streams.alloc(streams.ctx, &buffer);
    if (status < 0 || bytes.size() > buffer->capacity) {
        if (buffer) streams.release(streams.ctx, buffer);
        out.result(ONEX_E_INVALID_INPUT,
                   {"VALIDATION_ERROR", "more bytes than one buffer holds", {}, {}});
        return;
    }
    std::memcpy(buffer->data, bytes.data(), bytes.size());
    buffer->size = bytes.size();
    ErrorRoom room;
    status = streams.write(streams.ctx, stream, wait, buffer, &room.abi);
    streams.release(streams.ctx, buffer);
    out.result(status, status < 0 ? room.error(status, "write") : Error{});
}

void Session::send_http(Method method, Unpacker& in, Packer& out) {
    onex_http_request request{};
    request.struct_size = sizeof(request);
    request.method = view(in.text());
    request.url = view(in.text());
    request.unix_socket = view(in.text());
    const auto headers = unpack_fields(in);
    request.headers = headers.data();
    request.header_count = static_cast<std::uint32_t>(headers.size());
    const auto body = in.text();
    request.body = {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()};
    request.body_stream = in.number<std::uint64_t>();
    request.body_bytes_max = in.number<std::uint64_t>();
    request.idle_ms = in.number<std::int64_t>();
    const auto wait = unpack_wait(in);
    if (!in.ok() || !may_use(wait)) return refuse_handle(out);
    if (request.body_stream != 0 && !take(Kind::stream, request.body_stream))
        return refuse_handle(out);
    ErrorRoom room;
    onex_http_response response{};
    response.struct_size = sizeof(response);
    TextWriter head(256 * 1024);
    TextWriter text(kTextBytesMax);
    onex_handle stream = 0;
    const auto& http = *services_->http;
    const auto status =
        method == Method::http_send
            ? http.send(http.ctx, &request, wait, &response, &head.abi, &text.abi, &room.abi)
            : http.open(http.ctx, &request, wait, &response, &head.abi, &stream, &room.abi);
    out.result(status, status < 0 ? room.error(status, "http") : Error{});
    if (status < 0) return;
    give(Kind::stream, stream);
    out.number(response.status).text(head.text).text(text.text).number(stream);
}

void Session::run_program(std::uint64_t id, Unpacker& in, Packer& out) {
    onex_process process{};
    process.struct_size = sizeof(process);
    const auto args = unpack_texts(in);
    process.args = args.data();
    process.arg_count = static_cast<std::uint32_t>(args.size());
    process.folder = view(in.text());
    const auto environment = unpack_fields(in);
    process.environment = environment.data();
    process.environment_count = static_cast<std::uint32_t>(environment.size());
    process.input = in.number<std::uint64_t>();
    const auto wait = unpack_wait(in);
    if (!in.ok() || !may_use(wait)) return refuse_handle(out);
    if (process.input != 0 && !take(Kind::stream, process.input)) return refuse_handle(out);
    struct Told {
        Channel* channel;
        std::uint64_t id;
    } told{&channel_, id};
    process.user = &told;
    process.on_line = [](void* user, std::uint32_t stream, onex_str text) {
        const auto& to = *static_cast<Told*>(user);
        Packer body;
        body.number(stream).text(view(text));
        to.channel->notice(Method::line, to.id, body);
    };
    ErrorRoom room;
    std::int32_t exit_code = 0;
    const auto status =
        services_->process->run(services_->process->ctx, &process, wait, &exit_code, &room.abi);
    out.result(status, status < 0 ? room.error(status, "the program") : Error{});
    if (status >= 0) out.number(exit_code);
}

}  // namespace onex::host::worker
