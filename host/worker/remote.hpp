// A callback that lives in the worker, as the host's services hold it.
#pragma once

#include "host/worker/session.hpp"
#include "host/worker/values.hpp"

#include <memory>
#include <utility>

namespace onex::host::worker {

/// The `user` of a host callback. `ref` names the callback to the worker.
struct Session::Remote {
    std::shared_ptr<Session> session;
    std::uint64_t ref = 0;
    bool once = true;          ///< its first call is its last
    std::uint64_t handle = 0;  ///< of the task, once it is known; under the session's mutex
    bool ended = false;        ///< likewise

    using Box = std::shared_ptr<Remote>;

    /// An onex_task_fn: the worker runs it, and this thread waits until it has.
    static void run(void* user, std::uint32_t dropped) {
        auto* box = static_cast<Box*>(user);
        const Box self = *box;
        Packer out;
        out.number(self->ref).number(dropped);
        (void)self->session->channel_.call(Method::task, out, SteadyClock::time_point::max());
        if (!self->once && dropped == 0) return;
        delete box;
        const std::scoped_lock lock(self->session->mutex_);
        self->ended = true;
        self->session->given_[Kind::task].erase(self->handle);
    }
};

}  // namespace onex::host::worker
