// Log, configuration, tasks, calls and clock, as a worker's plugin gets them.
#include "host/ids.hpp"
#include "host/store/ids.hpp"
#include "host/worker/guest.hpp"
#include "host/worker/values.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstring>

namespace onex::host::worker {

namespace {

void log_write(void* ctx,
               std::uint32_t level,
               onex_str message,
               onex_str correlation_id,
               const onex_field* fields,
               std::uint32_t count) {
    Packer out;
    out.number(level).text(view(message)).text(view(correlation_id));
    pack(out, fields, count);
    guest_of(ctx).channel().notice(Method::log, 0, out);
}

onex_status secret(void* ctx, onex_str reference, onex_writer* to, onex_error* error) {
    const auto told = guest_of(ctx).ask(Method::secret, Packer().text(view(reference)));
    std::string_view rest;
    const auto status = read_result(told, rest, error);
    return status < 0 ? status : append(to, Unpacker(rest).text());
}

onex_status add_task(void* ctx,
                     std::int64_t delay_ms,
                     std::int64_t period_ms,
                     onex_task_fn fn,
                     void* user,
                     onex_handle* task) {
    if (!fn) return ONEX_E_INVALID_INPUT;
    auto& guest = guest_of(ctx);
    Guest::Callback callback;
    callback.task = fn;
    callback.user = user;
    callback.once = period_ms == 0;
    const auto ref = guest.keep(callback);
    const auto told =
        guest.ask(Method::exec_add, Packer().number(delay_ms).number(period_ms).number(ref));
    std::string_view rest;
    const auto status = read_result(told, rest, nullptr);
    if (status < 0) {
        guest.forget(ref);
        return status;
    }
    if (task) *task = Unpacker(rest).number<std::uint64_t>();
    return status;
}

onex_status answer(void* ctx, onex_token token, const onex_answer* with) {
    if (!guest_of(ctx).end_token(token)) return ONEX_E_BAD_HANDLE;
    Packer out;
    out.number(token).number(with->http_status).text(view(with->output));
    if (guest_of(ctx).channel().notice(Method::answer, 0, out)) return ONEX_OK;
    Packer failure;
    failure.number(token).text("RESOURCE_LIMIT_EXCEEDED");
    failure.text("the answer is too large for a worker process; stream it").text("");
    guest_of(ctx).channel().notice(Method::answer_error, 0, failure);
    return ONEX_OK;
}

onex_status answer_error(void* ctx, onex_token token, const onex_failure* failure) {
    if (!guest_of(ctx).end_token(token)) return ONEX_E_BAD_HANDLE;
    Packer out;
    out.number(token);
    pack(out, *failure);
    guest_of(ctx).channel().notice(Method::answer_error, 0, out);
    return ONEX_OK;
}

onex_status progress(void* ctx, onex_token token, const onex_progress* step) {
    Packer out;
    out.number(token);
    pack(out, *step);
    guest_of(ctx).channel().notice(Method::report_progress, 0, out);
    return ONEX_OK;
}

std::uint32_t cancelled(void* ctx, onex_token token) {
    const auto told = guest_of(ctx).ask(Method::cancelled, Packer().number(token));
    return told ? Unpacker(*told).number<std::uint32_t>() : 1;
}

onex_status on_cancel(void* ctx, onex_token token, onex_task_fn fn, void* user) {
    Guest::Callback callback;
    callback.task = fn;
    callback.user = user;
    const auto ref = guest_of(ctx).keep(callback);
    const auto status = ask_status(ctx, Method::on_cancel, Packer().number(token).number(ref));
    if (status < 0) guest_of(ctx).forget(ref);
    return status;
}

onex_status call(
    void* ctx, const onex_call* what, onex_wait wait, onex_writer* to, onex_error* error) {
    Packer out;
    pack(out, *what);
    pack(out, wait);
    const auto told = guest_of(ctx).ask(Method::call, out, [what](Method, std::string_view body) {
        if (!what->on_progress) return;
        Unpacker in(body);
        const auto step = unpack_progress(in);
        what->on_progress(what->progress_user, &step);
    });
    std::string_view rest;
    const auto status = read_result(told, rest, error);
    return status < 0 ? status : append(to, Unpacker(rest).text());
}

onex_status call_async(void* ctx,
                       const onex_call* what,
                       onex_wait wait,
                       onex_call_done_fn done,
                       void* user,
                       onex_error* error) {
    Guest::Callback callback;
    callback.done = done;
    callback.user = user;
    callback.progress = what->on_progress;
    callback.progress_user = what->progress_user;
    const auto ref = guest_of(ctx).keep(callback);
    Packer out;
    pack(out, *what);
    pack(out, wait);
    out.number(ref);
    const auto status = ask_status(ctx, Method::call_async, out, error);
    if (status < 0) guest_of(ctx).forget(ref);
    return status;
}

onex_status resolve(void* ctx,
                    onex_str target,
                    onex_str node,
                    onex_str on,
                    onex_str operation,
                    onex_wait wait,
                    onex_writer* to,
                    onex_error* error) {
    Packer out;
    out.text(view(target)).text(view(node)).text(view(on)).text(view(operation));
    pack(out, wait);
    const auto told = guest_of(ctx).ask(Method::resolve, out);
    std::string_view rest;
    const auto status = read_result(told, rest, error);
    return status < 0 ? status : append(to, Unpacker(rest).text());
}

}  // namespace

void fill_guest_calls(Guest::Tables& tables) {
    tables.log = {sizeof(onex_log_v1),
                  0,
                  nullptr,
                  [](void*, std::uint32_t level) -> std::uint32_t {
                      return level <= ONEX_LOG_ERROR ? 1 : 0;  // The host keeps what it likes.
                  },
                  log_write};
    tables.config = {
        sizeof(onex_config_v1),
        0,
        nullptr,
        [](void* ctx, onex_writer* out) { return append(out, guest_of(ctx).settings()); },
        [](void* ctx, onex_writer* out) { return append(out, guest_of(ctx).info()); },
        secret};
    tables.exec = {sizeof(onex_exec_v1),
                   0,
                   nullptr,
                   [](void* ctx, onex_task_fn fn, void* user, onex_handle* task) {
                       return add_task(ctx, 0, 0, fn, user, task);
                   },
                   [](void* ctx, std::int64_t ms, onex_task_fn fn, void* user, onex_handle* task) {
                       return add_task(ctx, std::max<std::int64_t>(ms, 1), 0, fn, user, task);
                   },
                   [](void* ctx, std::int64_t ms, onex_task_fn fn, void* user, onex_handle* task) {
                       return ms < 10 ? ONEX_E_INVALID_INPUT
                                      : add_task(ctx, ms, ms, fn, user, task);
                   },
                   [](void* ctx, onex_handle task) {
                       return ask_status(ctx, Method::exec_cancel, Packer().number(task));
                   }};
    tables.call = {sizeof(onex_call_v1),
                   0,
                   nullptr,
                   answer,
                   answer_error,
                   progress,
                   cancelled,
                   on_cancel,
                   call,
                   call_async,
                   resolve,
                   [](void* ctx, onex_str key) {
                       return ask_status(ctx, Method::cancel_call, Packer().text(view(key)));
                   }};
    tables.clock = {sizeof(onex_clock_v1),
                    0,
                    nullptr,
                    [](void*) { return now_us(); },
                    [](void*) { return monotonic_us(); },
                    [](void*, void* data, std::uint64_t size) {
                        const auto bytes = random_bytes(size);
                        std::memcpy(data, bytes.data(), size);
                    }};
}

}  // namespace onex::host::worker
