// Requests, calls and tasks of a worker.
#include "host/plugin/abi_values.hpp"
#include "host/worker/remote.hpp"

namespace onex::host::worker {

namespace {

constexpr std::size_t kTextBytesMax = kFrameBytesMax - 4096;

/// A call_async on its way: who hears of it.
struct Pending {
    std::shared_ptr<Session> session;
    std::uint64_t ref = 0;
};

void pack_text(Packer& out, onex_status status, const ErrorRoom& room, const std::string& text) {
    out.result(status, status < 0 ? room.error(status, "the service") : Error{});
    if (status >= 0) out.text(text);
}

}  // namespace

bool Session::serve_call(Method method, std::uint64_t id, Unpacker& in, Packer& out) {
    const auto& call = *services_->call;
    switch (method) {
        case Method::exec_add:
            return add_task(in, out), true;
        case Method::exec_cancel: {
            const auto task = in.number<std::uint64_t>();
            const bool known = has(Kind::task, task);
            out.result(
                known ? services_->exec->cancel(services_->exec->ctx, task) : ONEX_E_BAD_HANDLE,
                {});
            return true;
        }
        case Method::cancelled: {
            const auto token = in.number<std::uint64_t>();
            out.number(has(Kind::token, token) ? call.cancelled(call.ctx, token) : 1U);
            return true;
        }
        case Method::on_cancel: {
            const auto token = in.number<std::uint64_t>();
            auto box = std::make_unique<Remote::Box>(std::make_shared<Remote>());
            (*box)->session = shared_from_this();
            (*box)->ref = in.number<std::uint64_t>();
            auto status = ONEX_E_BAD_HANDLE;
            if (has(Kind::token, token))
                status = call.on_cancel(call.ctx, token, &Remote::run, box.get());
            if (status == ONEX_OK) (void)box.release();  // NOLINT(bugprone-unused-return-value)
            out.result(status, {});
            return true;
        }
        case Method::call:
            return make_call(id, in, out), true;
        case Method::call_async:
            return make_call_async(in, out), true;
        case Method::resolve: {
            const auto target = in.text();
            const auto node = in.text();
            const auto on = in.text();
            const auto operation = in.text();
            const auto wait = unpack_wait(in);
            if (!may_use(wait)) return refuse_handle(out), true;
            ErrorRoom room;
            TextWriter text(kTextBytesMax);
            const auto status = call.resolve(call.ctx,
                                             view(target),
                                             view(node),
                                             view(on),
                                             view(operation),
                                             wait,
                                             &text.abi,
                                             &room.abi);
            return pack_text(out, status, room, text.text), true;
        }
        case Method::cancel_call:
            out.result(call.cancel_call(call.ctx, view(in.text())), {});
            return true;
        default:
            return false;
    }
}

void Session::make_call(std::uint64_t id, Unpacker& in, Packer& out) {
    auto call = unpack_call(in);
    const auto wait = unpack_wait(in);
    if (!in.ok() || !may_use(wait)) return refuse_handle(out);
    for (const auto stream : {call.stream_in, call.stream_out})
        if (stream != 0 && !take(Kind::stream, stream)) return refuse_handle(out);
    struct Told {
        Channel* channel;
        std::uint64_t id;
    } told{&channel_, id};
    call.progress_user = &told;
    call.on_progress = [](void* user, const onex_progress* progress) {
        const auto& to = *static_cast<Told*>(user);
        Packer body;
        pack(body, *progress);
        to.channel->notice(Method::progress, to.id, body);
    };
    ErrorRoom room;
    TextWriter text(kTextBytesMax);
    const auto status =
        services_->call->call(services_->call->ctx, &call, wait, &text.abi, &room.abi);
    pack_text(out, status, room, text.text);
}

void Session::make_call_async(Unpacker& in, Packer& out) {
    auto call = unpack_call(in);
    const auto wait = unpack_wait(in);
    auto pending = std::make_unique<Pending>();
    pending->session = shared_from_this();
    pending->ref = in.number<std::uint64_t>();
    if (!in.ok() || !may_use(wait)) return refuse_handle(out);
    for (const auto stream : {call.stream_in, call.stream_out})
        if (stream != 0 && !take(Kind::stream, stream)) return refuse_handle(out);
    call.progress_user = pending.get();
    call.on_progress = [](void* user, const onex_progress* progress) {
        const auto& to = *static_cast<Pending*>(user);
        Packer body;
        body.number(to.ref);
        pack(body, *progress);
        to.session->channel().notice(Method::progress, 0, body);
    };
    const auto done =
        [](void* user, onex_status status, onex_str output, const onex_failure* failure) {
            const std::unique_ptr<Pending> own(static_cast<Pending*>(user));
            Packer body;
            body.number(own->ref).number(status).text(view(output));
            body.number(static_cast<std::uint8_t>(failure != nullptr ? 1 : 0));
            if (failure) pack(body, *failure);
            (void)own->session->channel().call(
                Method::call_done, body, SteadyClock::time_point::max());
        };
    ErrorRoom room;
    const auto status = services_->call->call_async(
        services_->call->ctx, &call, wait, done, pending.get(), &room.abi);
    if (status >= 0) (void)pending.release();  // NOLINT(bugprone-unused-return-value)
    out.result(status, status < 0 ? room.error(status, "call_async") : Error{});
}

void Session::add_task(Unpacker& in, Packer& out) {
    const auto delay_ms = in.number<std::int64_t>();
    const auto period_ms = in.number<std::int64_t>();
    const auto remote = std::make_shared<Remote>();
    remote->session = shared_from_this();
    remote->ref = in.number<std::uint64_t>();
    remote->once = period_ms == 0;
    auto box = std::make_unique<Remote::Box>(remote);
    const auto& exec = *services_->exec;
    onex_handle task = 0;
    onex_status status = ONEX_OK;
    if (period_ms > 0) {
        status = exec.every(exec.ctx, period_ms, &Remote::run, box.get(), &task);
    } else if (delay_ms > 0) {
        status = exec.after(exec.ctx, delay_ms, &Remote::run, box.get(), &task);
    } else {
        status = exec.post(exec.ctx, &Remote::run, box.get(), &task);
    }
    out.result(status, {});
    if (status < 0) return;
    (void)box.release();  // NOLINT(bugprone-unused-return-value): the task owns it
    out.number(task);
    const std::scoped_lock lock(mutex_);
    remote->handle = task;
    if (!remote->ended) given_[Kind::task].insert(task);
}

}  // namespace onex::host::worker
