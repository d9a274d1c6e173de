// What the host asks of a node in a worker process.
#include "host/plugin/abi_values.hpp"
#include "host/plugin/services.hpp"
#include "host/worker/image.hpp"

#include <cstring>

namespace onex::host::worker {

namespace {

constexpr std::int64_t kEndMs = 10'000;  // of stop and destroy: then the process is killed
constexpr std::int64_t kHoldMs = 1'000;  // requests wait for a start that comes within this time

}  // namespace

void WorkerImage::make_node_table() {
    table_.struct_size = sizeof(table_);
    table_.self = this;
    table_.start = [](void* self, onex_error* error) {
        const auto status = of(self).control(Method::start, error);
        const std::scoped_lock lock(of(self).mutex_);
        of(self).started_ = of(self).ready_ = status >= 0;
        return status;
    };
    table_.quiesce = [](void* self, onex_error* error) { return of(self).set_quiet(true, error); };
    table_.resume = [](void* self, onex_error* error) { return of(self).set_quiet(false, error); };
    table_.stop = [](void* self) {
        {
            const std::scoped_lock lock(of(self).mutex_);
            of(self).started_ = false;
        }
        (void)of(self).control(Method::stop, nullptr);
    };
    table_.destroy = [](void* self) {
        (void)of(self).control(Method::destroy, nullptr);
        of(self).end();
    };
    table_.invoke = [](void* self, const onex_request* request, onex_error* error) {
        return of(self).invoke(*request, error);
    };
    table_.get_interface = [](void* self, onex_str id) -> const void* {
        const bool state = std::string_view(id.data, id.size) == ONEX_STATE_ID;
        return state && of(self).has_state_ ? &of(self).state_table_ : nullptr;
    };
    state_table_.struct_size = sizeof(state_table_);
    state_table_.save =
        [](void* self, onex_writer* out, std::uint32_t* schema, onex_error* error) -> onex_status {
        const auto session = of(self).current();
        if (!session) return ONEX_E_UNAVAILABLE;
        const auto told = of(self).ask(*session, Method::save, {});
        if (!told) return report(told.error(), error);
        Unpacker in(*told);
        *schema = in.number<std::uint32_t>();
        const auto bytes = in.text();
        return out->append(out->ctx, bytes.data(), bytes.size());
    };
    state_table_.load =
        [](void* self, std::uint32_t schema, onex_bytes state, onex_error* error) -> onex_status {
        const auto session = of(self).current();
        if (!session) return ONEX_E_UNAVAILABLE;
        Packer input;
        input.number(schema).text({reinterpret_cast<const char*>(state.data), state.size});
        const auto told = of(self).ask(*session, Method::restore, input);
        return told ? ONEX_OK : report(told.error(), error);
    };
}

Result<std::string> WorkerImage::ask(Session& session,
                                     Method method,
                                     const Packer& input,
                                     std::int64_t ms) {
    auto told = session.channel().call(method, input, deadline_in(ms));
    if (!told) return told;
    Unpacker in(*told);
    Error error;
    const auto status = in.result(error);
    if (!in.ok()) return fail("INTERNAL", "the worker process answers nonsense");
    if (status < 0) return std::unexpected(std::move(error));
    return told->substr(sizeof(status));
}

onex_status WorkerImage::control(Method method, onex_error* error) {
    const auto session = current();
    if (!session) return report({"UNAVAILABLE", "the worker process has ended", {}, {}}, error);
    const bool last = method == Method::stop || method == Method::destroy;
    const auto told = ask(*session, method, {}, last ? kEndMs : kControlMs);
    return told ? ONEX_OK : report(told.error(), error);
}

onex_status WorkerImage::set_quiet(bool quiet, onex_error* error) {
    std::shared_ptr<Session> session;
    {
        const std::scoped_lock lock(mutex_);
        quiesced_ = quiet;
        if (!ready_) return ONEX_OK;
        session = session_;
    }
    const auto told = ask(*session, quiet ? Method::quiesce : Method::resume, {});
    return told || session->channel().closed() ? ONEX_OK : report(told.error(), error);
}

onex_status WorkerImage::invoke(const onex_request& request, onex_error* error) {
    std::shared_ptr<Session> tried;
    std::unique_lock lock(mutex_);
    while (ready_ && session_ && session_ != tried) {
        tried = session_;
        lock.unlock();
        const auto status = tried->invoke(request, error);
        if (status != ONEX_E_UNAVAILABLE) return status;
        lock.lock();
    }
    if (!ending_ && started_ && backoff_ms_ <= kHoldMs && held_.size() < kHeldMax) {
        held_.emplace_back(request);
        return ONEX_OK;
    }
    return report(
        {"UNAVAILABLE",
         "the worker process of " + node_ + " is being started again; try again in a moment",
         {},
         {}},
        error);
}

void WorkerImage::release_held(const std::shared_ptr<Session>& to) {
    HeldRequests held;
    {
        const std::scoped_lock lock(mutex_);
        held.swap(held_);
        ready_ = to != nullptr;
    }
    if (held.empty()) return;
    const auto* call = static_cast<const onex_call_v1*>(
        host_->get_service(host_->ctx, onex_str{ONEX_CALL_ID, std::strlen(ONEX_CALL_ID)}));
    constexpr std::string_view kCode = "UNAVAILABLE";
    const auto why = "the worker process of " + node_ + " can't be started again";
    onex_failure failure{};
    failure.struct_size = sizeof(failure);
    failure.code = {kCode.data(), kCode.size()};
    failure.message = {why.data(), why.size()};
    for (const auto& request : held) {
        // Whom nobody waits for is not begun; its token ends all the same.
        const bool wanted = to && call->cancelled(call->ctx, request.token()) == 0;
        if (!wanted || to->invoke(request.view(), nullptr) < 0)
            call->answer_error(call->ctx, request.token(), &failure);
    }
}

}  // namespace onex::host::worker
