#include "host/worker/guest.hpp"

#include "host/plugin/abi_values.hpp"
#include "host/worker/values.hpp"
#include "host/worker/worker.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace onex::host {

namespace worker {

namespace {

constexpr std::size_t kThreadsMax = 32;
constexpr std::size_t kQueueMax = 4096;
constexpr std::size_t kStateBytesMax = 8U << 20;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ONEX_SHADOW_MEMORY 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ONEX_SHADOW_MEMORY 1
#endif

/// Before any of the plugin's code runs.
void set_limits(std::uint64_t memory_bytes, std::uint64_t open_files) {
    const auto limit = [](int what, std::uint64_t most) {
        rlimit value{};
        value.rlim_cur = value.rlim_max = static_cast<rlim_t>(most);
        ::setrlimit(what, &value);
    };
    limit(RLIMIT_CORE, 0);
    if (open_files > 0) limit(RLIMIT_NOFILE, open_files);
#ifndef ONEX_SHADOW_MEMORY
    if (memory_bytes > 0) limit(RLIMIT_AS, memory_bytes);
#else
    (void)memory_bytes;  // A sanitizer reserves terabytes of address space.
#endif
}

}  // namespace

onex_status read_result(const Result<std::string>& told,
                        std::string_view& rest,
                        onex_error* error) {
    if (!told) return report(told.error(), error);
    Unpacker in(*told);
    Error failed;
    const auto status = in.result(failed);
    if (status < 0) {
        if (!failed.message.empty()) report(failed, error);
        return status;
    }
    rest = std::string_view(*told).substr(sizeof(status));
    return status;
}

onex_status ask_status(void* ctx, Method method, const Packer& input, onex_error* error) {
    std::string_view rest;
    return read_result(guest_of(ctx).ask(method, input), rest, error);
}

Guest::Guest(Fd socket)
    : channel_(std::move(socket)),
      workers_(std::make_unique<Workers>("onex-guest", kThreadsMax, kQueueMax)) {
    fill_guest_calls(tables_);
    fill_guest_streams(tables_);
    fill_guest_data(tables_);
    tables_.log.ctx = tables_.config.ctx = tables_.exec.ctx = tables_.call.ctx = this;
    tables_.stream.ctx = tables_.http.ctx = tables_.blob.ctx = tables_.events.ctx = this;
    tables_.metrics.ctx = tables_.clock.ctx = tables_.process.ctx = tables_.contract.ctx = this;
    tables_.kv.ctx = this;
}

void Guest::run() {
    channel_.run([this](Type type, Method method, std::uint64_t id, std::string body) {
        hear(type, method, id, std::move(body));
    });
}

Result<std::string> Guest::ask(Method method,
                               const Packer& input,
                               const std::function<void(Method, std::string_view)>& on_notice) {
    return channel_.call(method, input, SteadyClock::time_point::max(), on_notice);
}

std::uint64_t Guest::keep(Callback callback) {
    const std::scoped_lock lock(mutex_);
    const auto ref = next_ref_++;
    callbacks_.emplace(ref, callback);
    return ref;
}

void Guest::forget(std::uint64_t ref) {
    const std::scoped_lock lock(mutex_);
    callbacks_.erase(ref);
}

Guest::Callback Guest::find(std::uint64_t ref) {
    const std::scoped_lock lock(mutex_);
    const auto found = callbacks_.find(ref);
    return found == callbacks_.end() ? Callback{} : found->second;
}

bool Guest::end_token(onex_token token) {
    const std::scoped_lock lock(mutex_);
    const auto open = requests_.find(token);
    if (open == requests_.end() || open->second.answered) return false;
    open->second.answered = true;
    if (open->second.returned) requests_.erase(open);
    return true;
}

void Guest::hear(Type type, Method method, std::uint64_t id, std::string body) {
    (void)served_.load(std::memory_order_acquire);
    if (type == Type::notice) {
        if (method == Method::invoke) return invoke(std::move(body));
        if (id != 0) return (void)channel_.hand_over(method, id, std::move(body));
        if (method == Method::progress) async_progress(body);
        return;
    }
    if (method == Method::ping) return (void)channel_.reply(id, {});
    const bool posted = workers_->post([this, method, id, body = std::move(body)] {
        const auto answer = serve(method, Unpacker(body));
        served_.fetch_add(1, std::memory_order_release);
        channel_.reply(id, answer);
    });
    if (posted) return;
    Packer out;
    out.result(ONEX_E_EXHAUSTED, {"QUEUE_FULL", "the worker process is busy", {}, {}});
    channel_.reply(id, out);
}

Packer Guest::serve(Method method, Unpacker in) {
    Packer out;
    switch (method) {
        case Method::load:
            load(in, out);
            break;
        case Method::create:
            create(in, out);
            break;
        case Method::save:
            save(out);
            break;
        case Method::restore:
            restore(in, out);
            break;
        case Method::task:
            run_task(in, out);
            break;
        case Method::batch:
            run_batch(in, out);
            break;
        case Method::call_done:
            run_done(in, out);
            break;
        default:
            control(method, out);
            break;
    }
    return out;
}

void Guest::load(Unpacker& in, Packer& out) {
    StagedFile staged;
    staged.source = std::string(in.text());
    staged.path = std::string(in.text());
    staged.digest = std::string(in.text());
    const auto memory_bytes = in.number<std::uint64_t>();
    set_limits(memory_bytes, in.number<std::uint64_t>());
    auto library = Library::load(staged);
    if (!library) {
        out.result(static_cast<onex_status>(library.error().status()), library.error());
        return;
    }
    library_ = std::move(*library);
    const auto& entry = library_->entry();
    out.result(ONEX_OK, {}).number(entry.abi_minor_needed);
    out.text(entry.id).text(entry.version).text(entry.build ? entry.build : "");
    out.text(entry.contract);
    for (const auto* list : {entry.requires_services, entry.optional_services}) {
        std::uint32_t count = 0;
        for (const auto* one = list; one && *one; ++one)
            ++count;
        out.number(count);
        for (std::uint32_t i = 0; i < count; ++i)
            out.text(list[i]);
    }
}

void Guest::create(Unpacker& in, Packer& out) {
    node_name_ = std::string(in.text());
    onex_create_args args{};
    args.struct_size = sizeof(args);
    args.generation = in.number<std::uint32_t>();
    args.node = view(std::string_view(node_name_));
    for (const auto* id : {ONEX_LOG_ID,
                           ONEX_CONFIG_ID,
                           ONEX_EXEC_ID,
                           ONEX_CALL_ID,
                           ONEX_STREAM_ID,
                           ONEX_HTTP_ID,
                           ONEX_BLOB_ID,
                           ONEX_EVENTS_ID,
                           ONEX_METRICS_ID,
                           ONEX_CLOCK_ID,
                           ONEX_PROCESS_ID,
                           ONEX_CONTRACT_ID,
                           ONEX_KV_ID})
        if (in.number<std::uint8_t>() != 0) offered_.insert(id);
    settings_ = std::string(in.text());
    info_ = std::string(in.text());
    host_.struct_size = sizeof(host_);
    host_.abi_major = ONEX_ABI_MAJOR;
    host_.abi_minor = ONEX_ABI_MINOR;
    host_.ctx = this;
    host_.version = "onex-host";
    host_.get_service = [](void* ctx, onex_str id) -> const void* {
        auto& self = guest_of(ctx);
        const auto wanted = view(id);
        if (!self.offered_.contains(wanted)) return nullptr;
        const auto& t = self.tables_;
        const std::pair<std::string_view, const void*> all[] = {{ONEX_LOG_ID, &t.log},
                                                                {ONEX_CONFIG_ID, &t.config},
                                                                {ONEX_EXEC_ID, &t.exec},
                                                                {ONEX_CALL_ID, &t.call},
                                                                {ONEX_STREAM_ID, &t.stream},
                                                                {ONEX_HTTP_ID, &t.http},
                                                                {ONEX_BLOB_ID, &t.blob},
                                                                {ONEX_EVENTS_ID, &t.events},
                                                                {ONEX_METRICS_ID, &t.metrics},
                                                                {ONEX_CLOCK_ID, &t.clock},
                                                                {ONEX_PROCESS_ID, &t.process},
                                                                {ONEX_CONTRACT_ID, &t.contract},
                                                                {ONEX_KV_ID, &t.kv}};
        for (const auto& [name, table] : all)
            if (name == wanted) return table;
        return nullptr;
    };
    ErrorRoom room;
    const auto status =
        library_ ? library_->entry().create(&host_, &args, &node_, &room.abi) : ONEX_E_INTERNAL;
    if (status >= 0 && (!node_ || !is_whole(*node_))) {
        node_ = nullptr;  // Nothing of it can be called, not even its end.
        out.result(ONEX_E_FAILED_PRECONDITION,
                   {"FAILED_PRECONDITION",
                    "it was made without all functions of ABI 1.0; report it to its author",
                    {},
                    {}});
        return;
    }
    out.result(status, status < 0 ? room.error(status, "create") : Error{});
    if (status < 0) return;
    const auto* state = node_->get_interface(node_->self, view(std::string_view(ONEX_STATE_ID)));
    out.number(static_cast<std::uint8_t>(state ? 1 : 0));
}

void Guest::control(Method method, Packer& out) {
    if (!node_) {
        out.result(ONEX_E_FAILED_PRECONDITION,
                   {"FAILED_PRECONDITION", "there is no node yet", {}, {}});
        return;
    }
    ErrorRoom room;
    onex_status status = ONEX_OK;
    switch (method) {
        case Method::start:
            status = node_->start(node_->self, &room.abi);
            break;
        case Method::quiesce:
            status = node_->quiesce(node_->self, &room.abi);
            break;
        case Method::resume:
            status = node_->resume(node_->self, &room.abi);
            break;
        case Method::stop:
            node_->stop(node_->self);
            break;
        case Method::destroy:
            node_->destroy(node_->self);
            node_ = nullptr;
            break;
        default:
            status = ONEX_E_UNIMPLEMENTED;
            break;
    }
    out.result(status, status < 0 ? room.error(status, "the node") : Error{});
}

void Guest::save(Packer& out) {
    const auto* state = static_cast<const onex_state_v1*>(
        node_->get_interface(node_->self, view(std::string_view(ONEX_STATE_ID))));
    ErrorRoom room;
    TextWriter bytes(kStateBytesMax);
    std::uint32_t schema = 0;
    const auto status = state->save(node_->self, &bytes.abi, &schema, &room.abi);
    out.result(status, status < 0 ? room.error(status, "save") : Error{});
    if (status >= 0) out.number(schema).text(bytes.text);
}

void Guest::restore(Unpacker& in, Packer& out) {
    const auto* state = static_cast<const onex_state_v1*>(
        node_->get_interface(node_->self, view(std::string_view(ONEX_STATE_ID))));
    const auto schema = in.number<std::uint32_t>();
    const auto bytes = in.text();
    ErrorRoom room;
    const auto status =
        state->load(node_->self,
                    schema,
                    {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                    &room.abi);
    out.result(status, status < 0 ? room.error(status, "load") : Error{});
}

void Guest::invoke(std::string body) {
    onex_token token = 0;
    const auto text = std::make_shared<const std::string>(std::move(body));
    {
        Unpacker in(*text);
        (void)in.number<std::uint32_t>();
        token = in.number<std::uint64_t>();
        const std::scoped_lock lock(mutex_);
        requests_[token].text = text;
    }
    const auto refuse = [this, token](const Error& error) {
        if (!end_token(token)) return;
        Packer out;
        out.number(token).text(error.code).text(error.message).text(error.details);
        channel_.notice(Method::answer_error, 0, out);
    };
    const bool posted = workers_->post([this, text, refuse] {
        Unpacker in(*text);
        onex_request request{};
        request.struct_size = sizeof(request);
        request.flags = in.number<std::uint32_t>();
        request.token = in.number<std::uint64_t>();
        request.operation = view(in.text());
        request.input = view(in.text());
        request.correlation_id = view(in.text());
        request.key = view(in.text());
        request.caller = view(in.text());
        request.timeout_ms = in.number<std::int64_t>();
        request.stream_in = in.number<std::uint64_t>();
        request.stream_out = in.number<std::uint64_t>();
        request.content_type = view(in.text());
        ErrorRoom room;
        const auto status = node_->invoke(node_->self, &request, &room.abi);
        if (status < 0) refuse(room.error(status, "invoke"));
        const std::scoped_lock lock(mutex_);
        const auto open = requests_.find(request.token);
        if (open == requests_.end()) return;
        open->second.returned = true;
        if (open->second.answered) requests_.erase(open);
    });
    if (!posted)
        refuse({"QUEUE_FULL", "the worker process is busy; try again in a moment", {}, {}});
}

void Guest::run_task(Unpacker& in, Packer& out) {
    const auto ref = in.number<std::uint64_t>();
    const auto dropped = in.number<std::uint32_t>();
    const auto callback = find(ref);
    if (callback.once || dropped != 0) forget(ref);
    if (callback.task) callback.task(callback.user, dropped);
    out.result(ONEX_OK, {});
}

void Guest::run_batch(Unpacker& in, Packer& out) {
    const auto ref = in.number<std::uint64_t>();
    const auto tx = in.number<std::uint64_t>();
    const auto batch = in.text();
    const auto dropped = in.number<std::uint32_t>();
    const auto callback = find(ref);
    if (dropped != 0) forget(ref);
    const auto status =
        callback.batch ? callback.batch(callback.user, tx, view(batch), dropped) : ONEX_OK;
    out.number(status);
}

void Guest::run_done(Unpacker& in, Packer& out) {
    const auto ref = in.number<std::uint64_t>();
    const auto status = in.number<onex_status>();
    const auto output = in.text();
    const bool failed = in.number<std::uint8_t>() != 0;
    onex_failure failure{};
    if (failed) failure = unpack_failure(in);
    const auto callback = find(ref);
    forget(ref);
    if (callback.done)
        callback.done(callback.user, status, view(output), failed ? &failure : nullptr);
    out.result(ONEX_OK, {});
}

void Guest::async_progress(std::string_view body) {
    Unpacker in(body);
    const auto callback = find(in.number<std::uint64_t>());
    const auto progress = unpack_progress(in);
    if (callback.progress) callback.progress(callback.progress_user, &progress);
}

}  // namespace worker

int worker_main() {
    std::signal(SIGPIPE, SIG_IGN);
    ::setpgid(0, 0);
    worker::Guest guest(Fd(0));
    guest.run();
    // The host is gone or has closed the channel: whatever the plugin still does ends with us.
    std::_Exit(0);
}

}  // namespace onex::host
