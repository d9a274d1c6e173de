#include "host/worker/session.hpp"

#include "host/plugin/abi_values.hpp"
#include "host/worker/values.hpp"

#include <utility>

namespace onex::host::worker {

namespace {

constexpr int kPostedMax = 256;  // services that one worker waits for at a time

template <class Table>
const Table* table(const onex_host& host, std::string_view id) {
    return static_cast<const Table*>(host.get_service(host.ctx, view(id)));
}

/// A service call of the worker on its way to a thread that may wait.
struct Posted {
    std::shared_ptr<Session> session;
    std::function<void(bool dropped)> run;
};

}  // namespace

Services::Services(const onex_host& host)
    : log(table<onex_log_v1>(host, ONEX_LOG_ID)),
      config(table<onex_config_v1>(host, ONEX_CONFIG_ID)),
      exec(table<onex_exec_v1>(host, ONEX_EXEC_ID)),
      call(table<onex_call_v1>(host, ONEX_CALL_ID)),
      stream(table<onex_stream_v1>(host, ONEX_STREAM_ID)),
      http(table<onex_http_v1>(host, ONEX_HTTP_ID)),
      blob(table<onex_blob_v1>(host, ONEX_BLOB_ID)),
      events(table<onex_events_v1>(host, ONEX_EVENTS_ID)),
      metrics(table<onex_metrics_v1>(host, ONEX_METRICS_ID)),
      process(table<onex_process_v1>(host, ONEX_PROCESS_ID)),
      contract(table<onex_contract_v1>(host, ONEX_CONTRACT_ID)),
      kv(table<onex_kv_v1>(host, ONEX_KV_ID)) {}

void Session::give(Kind kind, std::uint64_t handle) {
    if (handle == 0) return;
    const std::scoped_lock lock(mutex_);
    given_[kind].insert(handle);
}

bool Session::has(Kind kind, std::uint64_t handle) {
    const std::scoped_lock lock(mutex_);
    return given_[kind].contains(handle);
}

bool Session::take(Kind kind, std::uint64_t handle) {
    const std::scoped_lock lock(mutex_);
    if (kind == Kind::token) {  // A request's own streams end with it.
        if (const auto streams = request_streams_.extract(handle); !streams.empty()) {
            given_[Kind::stream].erase(streams.mapped().first);
            given_[Kind::stream].erase(streams.mapped().second);
        }
    }
    return given_[kind].erase(handle) > 0;
}

bool Session::may_use(const onex_wait& wait) {
    return wait.token == 0 || has(Kind::token, wait.token);
}

void Session::refuse_handle(Packer& out) {
    out.result(ONEX_E_BAD_HANDLE, {"BAD_HANDLE", "no such handle", {}, {}});
}

void Session::run() {
    channel_.run([this](Type type, Method method, std::uint64_t id, std::string body) {
        hear(type, method, id, std::move(body));
    });
    const std::scoped_lock lock(mutex_);
    ended_ = true;
}

bool Session::may_wait(Method method) {
    switch (method) {
        case Method::ping:
        case Method::exec_add:
        case Method::exec_cancel:
        case Method::cancelled:
        case Method::on_cancel:
        case Method::call_async:
        case Method::cancel_call:
        case Method::stream_finish:
        case Method::stream_fail:
        case Method::stream_close:
        case Method::stream_pipe:
        case Method::subscribe:
        case Method::metric_define:
            return false;
        default:
            return true;
    }
}

void Session::hear(Type type, Method method, std::uint64_t id, std::string body) {
    if (type == Type::notice) return notice(method, Unpacker(body));
    if (!services_ && method != Method::ping) return channel_.close();
    if (may_wait(method)) return post(method, id, std::move(body));
    Unpacker in(body);
    Packer out;
    if (!serve(method, id, in, out) || !in.ok()) return channel_.close();
    channel_.reply(id, out);
}

void Session::post(Method method, std::uint64_t id, std::string body) {
    const auto refuse = [this, id](const char* code, onex_status status, const char* why) {
        Packer out;
        out.result(status, {code, why, {}, {}});
        channel_.reply(id, out);
    };
    if (posted_.fetch_add(1) >= kPostedMax) {
        --posted_;
        return refuse("RESOURCE_LIMIT_EXCEEDED",
                      ONEX_E_EXHAUSTED,
                      "a worker process may wait for 256 services at a time");
    }
    auto run = [this, method, id, refuse, body = std::move(body)](bool dropped) {
        if (dropped) {
            refuse("UNAVAILABLE", ONEX_E_UNAVAILABLE, "the node is stopping");
        } else {
            Unpacker in(body);
            Packer out;
            if (serve(method, id, in, out) && in.ok()) {
                channel_.reply(id, out);
            } else {
                channel_.close();  // It does not speak as it should: its process ends.
            }
        }
        --posted_;
    };
    auto posted = std::make_unique<Posted>(Posted{shared_from_this(), std::move(run)});
    const auto status = services_->exec->post(
        services_->exec->ctx,
        [](void* user, std::uint32_t dropped) {
            const std::unique_ptr<Posted> own(static_cast<Posted*>(user));
            own->run(dropped != 0);
        },
        posted.get(),
        nullptr);
    if (status == ONEX_OK) {
        (void)posted.release();  // NOLINT(bugprone-unused-return-value): the task owns it
        return;
    }
    --posted_;
    refuse("QUEUE_FULL", status, "all workers of the host are busy; try again in a moment");
}

bool Session::serve(Method method, std::uint64_t id, Unpacker& in, Packer& out) {
    if (method == Method::ping) return true;
    return serve_call(method, id, in, out) || serve_stream(method, id, in, out) ||
           serve_data(method, in, out);
}

void Session::notice(Method method, Unpacker in) {
    if (!services_) return channel_.close();
    if (method == Method::log && services_->log) {
        const auto level = in.number<std::uint32_t>();
        const auto message = in.text();
        const auto correlation = in.text();
        const auto fields = unpack_fields(in);
        if (in.done())
            services_->log->write(services_->log->ctx,
                                  level,
                                  view(message),
                                  view(correlation),
                                  fields.data(),
                                  static_cast<std::uint32_t>(fields.size()));
    } else if (method == Method::report_progress) {
        const auto token = in.number<std::uint64_t>();
        const auto progress = unpack_progress(in);
        if (in.done() && has(Kind::token, token))
            services_->call->progress(services_->call->ctx, token, &progress);
    } else if (method == Method::answer) {
        const auto token = in.number<std::uint64_t>();
        onex_answer answer{};
        answer.struct_size = sizeof(answer);
        answer.http_status = in.number<std::uint32_t>();
        answer.output = view(in.text());
        if (in.done() && take(Kind::token, token))
            services_->call->answer(services_->call->ctx, token, &answer);
    } else if (method == Method::answer_error) {
        const auto token = in.number<std::uint64_t>();
        const auto failure = unpack_failure(in);
        if (in.done() && take(Kind::token, token))
            services_->call->answer_error(services_->call->ctx, token, &failure);
    } else if (method == Method::metric_record || method == Method::metric_forget) {
        record_metric(method, in);
    }
    if (!in.ok()) channel_.close();
}

onex_status Session::invoke(const onex_request& request, onex_error*) {
    Packer out;
    out.number(request.flags).number(request.token).text(view(request.operation));
    out.text(view(request.input)).text(view(request.correlation_id)).text(view(request.key));
    out.text(view(request.caller)).number(request.timeout_ms);
    out.number(request.stream_in).number(request.stream_out).text(view(request.content_type));
    {
        const std::scoped_lock lock(mutex_);
        if (ended_) return ONEX_E_UNAVAILABLE;
        given_[Kind::token].insert(request.token);
        for (const auto stream : {request.stream_in, request.stream_out})
            if (stream != 0) given_[Kind::stream].insert(stream);
        request_streams_[request.token] = {request.stream_in, request.stream_out};
    }
    if (channel_.notice(Method::invoke, 0, out)) return ONEX_OK;
    // Whoever takes the token out answers it: here, or give_back() just now.
    return take(Kind::token, request.token) ? ONEX_E_UNAVAILABLE : ONEX_OK;
}

void Session::give_back(const std::string& why) {
    std::map<Kind, std::set<std::uint64_t>> given;
    {
        const std::scoped_lock lock(mutex_);
        ended_ = true;
        given.swap(given_);
    }
    if (!services_) return;
    onex_failure failure{};
    failure.struct_size = sizeof(failure);
    failure.code = view(std::string_view("UNAVAILABLE"));
    failure.message = view(std::string_view(why));
    const auto* call = services_->call;
    for (const auto token : given[Kind::token])
        call->answer_error(call->ctx, token, &failure);
    for (const auto task : given[Kind::task])
        services_->exec->cancel(services_->exec->ctx, task);
    for (const auto subscription : given[Kind::subscription])
        services_->events->unsubscribe(services_->events->ctx, subscription);
    for (const auto stream : given[Kind::stream])
        services_->stream->close(services_->stream->ctx, stream);
    for (const auto schema : given[Kind::schema])
        services_->contract->release(services_->contract->ctx, schema);
}

}  // namespace onex::host::worker
