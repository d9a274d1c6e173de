#include "host/check/parallel_host.hpp"

#include <chrono>
#include <utility>

namespace onex::host::check {

namespace {

/// A stream that gets nothing for so long gets nothing any more; real time.
constexpr auto kReadWait = std::chrono::seconds(5);
constexpr auto kChangeWait = std::chrono::milliseconds(2);

}  // namespace

template <class Table, class R, class... A, R (*Table::*Function)(void*, A...)>
struct ParallelHost::Locked<Function> {
    static R call(void* ctx, A... arguments) {
        auto& host = of(ctx);
        const std::scoped_lock lock(host.mutex_);
        host.changed_.notify_all();  // Whoever waits goes on when the lock is free.
        return (std::get<Table>(host.plain_).*Function)(ctx, arguments...);
    }
};

template <class Table, auto... Functions>
void ParallelHost::lock_all(const char* id) {
    auto& table = seen<Table>(id);
    std::get<Table>(plain_) = table;
    ((table.*Functions = &Locked<Functions>::call), ...);
}

ParallelHost::ParallelHost() {
    lock_all<onex_log_v1, &onex_log_v1::enabled, &onex_log_v1::write>(ONEX_LOG_ID);
    lock_all<onex_config_v1,
             &onex_config_v1::settings,
             &onex_config_v1::host_info,
             &onex_config_v1::secret>(ONEX_CONFIG_ID);
    lock_all<onex_clock_v1,
             &onex_clock_v1::wall_us,
             &onex_clock_v1::monotonic_us,
             &onex_clock_v1::random>(ONEX_CLOCK_ID);
    lock_all<onex_exec_v1, &onex_exec_v1::post, &onex_exec_v1::after, &onex_exec_v1::every>(
        ONEX_EXEC_ID);
    lock_all<onex_metrics_v1,
             &onex_metrics_v1::define,
             &onex_metrics_v1::record,
             &onex_metrics_v1::forget>(ONEX_METRICS_ID);
    lock_all<onex_call_v1,
             &onex_call_v1::progress,
             &onex_call_v1::cancelled,
             &onex_call_v1::on_cancel,
             &onex_call_v1::call,
             &onex_call_v1::call_async,
             &onex_call_v1::resolve,
             &onex_call_v1::cancel_call>(ONEX_CALL_ID);
    lock_all<onex_stream_v1,
             &onex_stream_v1::alloc,
             &onex_stream_v1::retain,
             &onex_stream_v1::release,
             &onex_stream_v1::write,
             &onex_stream_v1::finish,
             &onex_stream_v1::fail,
             &onex_stream_v1::close,
             &onex_stream_v1::pipe>(ONEX_STREAM_ID);
    lock_all<onex_http_v1, &onex_http_v1::send, &onex_http_v1::open>(ONEX_HTTP_ID);
    lock_all<onex_process_v1, &onex_process_v1::run>(ONEX_PROCESS_ID);
    lock_all<onex_blob_v1,
             &onex_blob_v1::spool,
             &onex_blob_v1::open,
             &onex_blob_v1::stat,
             &onex_blob_v1::remove,
             &onex_blob_v1::free_bytes>(ONEX_BLOB_ID);
    lock_all<onex_store_v1,
             &onex_store_v1::begin,
             &onex_store_v1::execute,
             &onex_store_v1::commit,
             &onex_store_v1::rollback>(ONEX_STORE_ID);
    lock_all<onex_events_v1,
             &onex_events_v1::publish,
             &onex_events_v1::subscribe,
             &onex_events_v1::read>(ONEX_EVENTS_ID);
    lock_all<onex_contract_v1,
             &onex_contract_v1::parse_yaml,
             &onex_contract_v1::compile,
             &onex_contract_v1::check,
             &onex_contract_v1::release>(ONEX_CONTRACT_ID);
    lock_all<onex_kv_v1, &onex_kv_v1::get, &onex_kv_v1::write>(ONEX_KV_ID);
    call_back_without_lock();
}

void ParallelHost::call_back_without_lock() {
    seen<onex_call_v1>(ONEX_CALL_ID).answer = answer;
    seen<onex_call_v1>(ONEX_CALL_ID).answer_error = answer_error;
    seen<onex_exec_v1>(ONEX_EXEC_ID).cancel = cancel_task;
    seen<onex_events_v1>(ONEX_EVENTS_ID).unsubscribe = unsubscribe;
    seen<onex_stream_v1>(ONEX_STREAM_ID).read = read;
    seen<onex_kv_v1>(ONEX_KV_ID).scan = scan;
}

template <class What>
onex_status ParallelHost::settle_unlocked(onex_status (*function)(void*, onex_token, const What*),
                                          void* ctx,
                                          onex_token token,
                                          const What* what) {
    auto& host = of(ctx);
    onex_task_fn fn = nullptr;
    void* user = nullptr;
    onex_status status = ONEX_OK;
    {
        const std::scoped_lock lock(host.mutex_);
        if (const auto found = host.requests_.find(token); found != host.requests_.end()) {
            fn = std::exchange(found->second.on_cancel, nullptr);
            user = found->second.on_cancel_user;
        }
        status = function(ctx, token, what);
        host.changed_.notify_all();
    }
    if (fn) fn(user, 1);
    return status;
}

onex_status ParallelHost::answer(void* ctx, onex_token token, const onex_answer* what) {
    return settle_unlocked(std::get<onex_call_v1>(of(ctx).plain_).answer, ctx, token, what);
}

onex_status ParallelHost::answer_error(void* ctx, onex_token token, const onex_failure* what) {
    return settle_unlocked(std::get<onex_call_v1>(of(ctx).plain_).answer_error, ctx, token, what);
}

onex_status ParallelHost::cancel_task(void* ctx, onex_handle task) {
    auto& host = of(ctx);
    Task dropped;
    {
        const std::scoped_lock lock(host.mutex_);
        if (const auto now = host.running_.find(task); now != host.running_.end()) {
            now->second = true;  // Whoever runs it tells it.
            return ONEX_OK;
        }
        const auto found = host.tasks_.extract(task);
        if (!found) return ONEX_E_BAD_HANDLE;
        dropped = found.mapped();
    }
    dropped.fn(dropped.user, 1);
    return ONEX_OK;
}

onex_status ParallelHost::unsubscribe(void* ctx, onex_handle subscription) {
    auto& host = of(ctx);
    Subscribed dropped;
    {
        const std::scoped_lock lock(host.mutex_);
        const auto found = host.subscriptions_.extract(subscription);
        if (!found) return ONEX_E_BAD_HANDLE;
        dropped = found.mapped();
    }
    dropped.fn(dropped.user, 0, onex_str{}, 1);
    return ONEX_OK;
}

onex_status ParallelHost::read(
    void* ctx, onex_handle stream, onex_wait wait, onex_buf** out, onex_error* error) {
    auto& host = of(ctx);
    const auto end = std::chrono::steady_clock::now() + kReadWait;
    for (;;) {
        {
            const std::scoped_lock lock(host.mutex_);
            const auto found = host.streams_.find(stream);
            const auto* line = found == host.streams_.end() ? nullptr : found->second.get();
            // The plain function would wait by moving the clock, under the lock.
            if (!line || line->read < line->bytes.size() || line->finished || line->closed ||
                line->broken)
                return std::get<onex_stream_v1>(host.plain_).read(ctx, stream, wait, out, error);
        }
        if (std::chrono::steady_clock::now() >= end)
            return put_error({"TIMEOUT", "nothing was written to this stream", {}, {}}, error);
        if (!host.run_a_task()) host.wait_for_change();
    }
}

onex_status ParallelHost::scan(void* ctx,
                               onex_handle tx,
                               onex_str prefix,
                               onex_str after,
                               std::uint32_t limit,
                               onex_kv_entry_fn fn,
                               void* user,
                               onex_error* error) {
    using Entries = std::vector<std::pair<std::string, std::string>>;
    Entries entries;
    const auto collect = [](void* into, onex_str key, onex_bytes value) -> onex_status {
        static_cast<Entries*>(into)->emplace_back(
            from_abi(key),
            std::string(reinterpret_cast<const char*>(value.data),
                        static_cast<std::size_t>(value.size)));
        return ONEX_OK;
    };
    {
        auto& host = of(ctx);
        const std::scoped_lock lock(host.mutex_);
        const auto status = std::get<onex_kv_v1>(host.plain_)
                                .scan(ctx, tx, prefix, after, limit, collect, &entries, error);
        if (status < 0) return status;
    }
    for (const auto& [key, value] : entries) {
        const onex_bytes bytes{reinterpret_cast<const std::uint8_t*>(value.data()), value.size()};
        if (const auto status = fn(user, to_abi(key), bytes); status != ONEX_OK) return status;
    }
    return ONEX_OK;
}

onex_token ParallelHost::open(std::string operation,
                              std::string input,
                              std::string stream_in,
                              bool streams) {
    const std::scoped_lock lock(mutex_);
    const auto token = open_request();
    auto& open = request(token);
    open.operation = std::move(operation);
    open.input = std::move(input);
    open.caller = "anonymous";
    if (streams) {
        open.stream_in = make_stream(std::move(stream_in), true);
        open.stream_out = make_stream({}, false);
    }
    return token;
}

const ParallelHost::Open& ParallelHost::opened(onex_token token) {
    const std::scoped_lock lock(mutex_);
    return request(token);
}

int ParallelHost::times(onex_token token) {
    const std::scoped_lock lock(mutex_);
    return request(token).times;
}

void ParallelHost::refuse_request(onex_token token, Error error) {
    const std::scoped_lock lock(mutex_);
    settle(token, std::unexpected(std::move(error)), 0);
}

void ParallelHost::cancel(onex_token token) {
    onex_task_fn fn = nullptr;
    void* user = nullptr;
    {
        const std::scoped_lock lock(mutex_);
        auto& open = request(token);
        open.cancelled = true;
        fn = std::exchange(open.on_cancel, nullptr);
        user = open.on_cancel_user;
    }
    if (fn) fn(user, 0);
}

void ParallelHost::wait_for_change() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kChangeWait);  // The caller looks again, whatever it was.
}

bool ParallelHost::run_a_task() {
    Task task;
    onex_handle handle = 0;
    {
        const std::scoped_lock lock(mutex_);
        auto next = tasks_.end();
        for (auto it = tasks_.begin(); it != tasks_.end(); ++it) {
            if (next == tasks_.end() || it->second.due_ms < next->second.due_ms) next = it;
        }
        if (next == tasks_.end()) return false;
        handle = next->first;
        task = next->second;
        now_us_ = std::max(now_us_, task.due_ms * 1000);
        tasks_.erase(next);
        if (task.period_ms > 0) running_[handle] = false;
    }
    task.fn(task.user, 0);
    if (task.period_ms == 0) return true;
    bool over = false;
    {
        const std::scoped_lock lock(mutex_);
        over = running_.at(handle);
        running_.erase(handle);
        task.due_ms += task.period_ms;
        if (!over) tasks_[handle] = task;
    }
    if (over) task.fn(task.user, 1);
    return true;
}

}  // namespace onex::host::check
