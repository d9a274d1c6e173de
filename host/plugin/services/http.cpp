// onex.http/1: HTTP to other servers (the Docker engine, health endpoints) through the host's
// client.
#include "host/plugin/background.hpp"
#include "host/plugin/blocking.hpp"
#include "host/plugin/services.hpp"

#include <utility>

namespace onex::host {

namespace {

constexpr std::int64_t kIdleMs = 60'000;

/// Also takes the body stream's handle over, whether or not the rest is right.
Result<ClientRequest> to_request(NodeInstance& node, const onex_http_request& in) {
    ClientRequest out;
    if (in.body_stream != 0) {
        const auto end = node.runtime().streams.take(in.body_stream);
        if (!end || end->side != StreamEnd::Side::reader) {
            return fail("BAD_HANDLE", "body_stream is not the reading end of a stream");
        }
        // The client reads the pipe from now on; keep the end until then, it closes the reader when
        // it goes.
        out.stream = {end->pipe.get(), [end](Pipe*) {}};
    }
    out.method = std::string(view(in.method));
    if (in.unix_socket.size) {
        out.endpoint.unix_path = std::string(view(in.unix_socket));
        out.target = std::string(view(in.url));
    } else {
        auto endpoint = parse_url(view(in.url), &out.target);
        if (!endpoint) return std::unexpected(std::move(endpoint).error());
        out.endpoint = std::move(*endpoint);
    }
    for (std::uint32_t i = 0; i < in.header_count; ++i) {
        out.headers.add(std::string(view(in.headers[i].name)),
                        std::string(view(in.headers[i].value)));
    }
    out.body.assign(reinterpret_cast<const char*>(in.body.data), in.body.size);
    return out;
}

/// "tcp://host:port": only connects.
Result<Endpoint> to_place(std::string_view url) {
    constexpr std::string_view kScheme = "tcp://";
    return parse_url("http://" + std::string(url.substr(kScheme.size())));
}

void put_head(const ClientResponse& from, onex_http_response* to, onex_writer* headers) {
    to->status = from.status;
    for (const auto& field : from.headers.all())
        append(headers, field.name + ": " + field.value + "\n");
}

onex_status send(void* ctx,
                 const onex_http_request* request,
                 onex_wait wait,
                 onex_http_response* response,
                 onex_writer* headers,
                 onex_writer* body,
                 onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& node = node_of(ctx);
        auto& runtime = node.runtime();
        if (view(request->url).starts_with("tcp://")) {
            const auto place = to_place(view(request->url));
            if (!place) return report(place.error(), error);
            if (auto allowed = may_wait(); !allowed) return report(allowed.error(), error);
            const auto waiting = to_wait(node, wait);
            if (!waiting) return report(waiting.error(), error);
            auto reached =
                run_blocking<void>(runtime.executor, runtime.http.reach(*place, waiting->wait));
            if (!reached) return report(waiting->translate(std::move(reached).error()), error);
            response->status = 0;
            return ONEX_OK;
        }
        auto out = to_request(node, *request);
        if (!out) return report(out.error(), error);
        if (auto allowed = may_wait(); !allowed) return report(allowed.error(), error);
        const auto waiting = to_wait(node, wait);
        if (!waiting) return report(waiting.error(), error);
        auto answer = run_blocking<ClientResponse>(
            runtime.executor,
            runtime.http.send(std::move(*out), request->body_bytes_max, waiting->wait));
        if (!answer) return report(waiting->translate(std::move(answer).error()), error);
        put_head(*answer, response, headers);
        return append(body, answer->body);
    });
}

onex_status open(void* ctx,
                 const onex_http_request* request,
                 onex_wait wait,
                 onex_http_response* response,
                 onex_writer* headers,
                 onex_handle* body,
                 onex_error* error) {
    return guarded(error, [&]() -> onex_status {
        auto& node = node_of(ctx);
        auto out = to_request(node, *request);
        if (!out) return report(out.error(), error);
        if (auto allowed = may_wait(); !allowed) return report(allowed.error(), error);
        const auto waiting = to_wait(node, wait);
        if (!waiting) return report(waiting.error(), error);
        auto& runtime = node.runtime();
        const auto idle_ms = request->idle_ms > 0 ? request->idle_ms : kIdleMs;
        auto answer = run_blocking<ClientResponse>(
            runtime.executor, runtime.http.open(std::move(*out), waiting->wait, idle_ms));
        if (!answer) return report(waiting->translate(std::move(answer).error()), error);
        put_head(*answer, response, headers);
        *body = runtime.streams.add(
            std::make_shared<StreamEnd>(answer->stream, StreamEnd::Side::reader, node.hold()));
        return ONEX_OK;
    });
}

}  // namespace

void fill_http_service(ServiceTables& tables) {
    tables.http = {sizeof(onex_http_v1), 0, nullptr, send, open};
}

}  // namespace onex::host
