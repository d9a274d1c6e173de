// The host as a C++ node sees it: one object with a method for what nodes do. Header-only.
#pragma once

#include <onex/host_data.hpp>

namespace onex __attribute__((visibility("hidden"))) {

    enum class LogLevel : std::uint32_t { trace, debug, info, warn, error };

    /// Wraps the service tables of one node. Made by the plugin's entry; lives as long as the node.
    /// [any thread]
    class Host : public HostData {
      public:
        using HostData::HostData;

        // --- log, config, clock
        void log(LogLevel level,
                 std::string_view message,
                 std::string_view correlation_id = {}) const {
            t_.log->write(t_.log->ctx,
                          static_cast<std::uint32_t>(level),
                          to_abi(message),
                          to_abi(correlation_id),
                          nullptr,
                          0);
        }
        [[nodiscard]] std::string settings() const {
            StringWriter out;
            t_.config->settings(t_.config->ctx, out.get());
            return std::move(out.text);
        }
        [[nodiscard]] std::string info() const {
            StringWriter out;
            t_.config->host_info(t_.config->ctx, out.get());
            return std::move(out.text);
        }
        Result<std::string> secret(std::string_view reference) const {
            return collect([&](onex_writer* out, onex_error* error) {
                return t_.config->secret(t_.config->ctx, to_abi(reference), out, error);
            });
        }
        [[nodiscard]] std::int64_t wall_us() const { return t_.clock->wall_us(t_.clock->ctx); }
        [[nodiscard]] std::int64_t monotonic_us() const {
            return t_.clock->monotonic_us(t_.clock->ctx);
        }
        /// A random UUID, version 4.
        [[nodiscard]] std::string uuid() const {
            std::uint8_t b[16];
            t_.clock->random(t_.clock->ctx, b, sizeof(b));
            b[6] = static_cast<std::uint8_t>((b[6] & 0x0F) | 0x40);
            b[8] = static_cast<std::uint8_t>((b[8] & 0x3F) | 0x80);
            static constexpr char kHex[] = "0123456789abcdef";
            std::string out;
            for (int i = 0; i < 16; ++i) {
                if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
                out += kHex[b[i] >> 4];
                out += kHex[b[i] & 15];
            }
            return out;
        }

        // --- exec. The function is destroyed without a call when the task is dropped.
        Result<onex_handle> post(std::function<void()> work) const {
            return task(std::move(work), [&](onex_task_fn fn, void* user, onex_handle* out) {
                return t_.exec->post(t_.exec->ctx, fn, user, out);
            });
        }
        Result<onex_handle> after(std::int64_t delay_ms, std::function<void()> work) const {
            return task(std::move(work), [&](onex_task_fn fn, void* user, onex_handle* out) {
                return t_.exec->after(t_.exec->ctx, delay_ms, fn, user, out);
            });
        }
        Result<onex_handle> every(std::int64_t period_ms, std::function<void()> work) const {
            auto boxed = std::make_unique<std::function<void()>>(logged("a task", std::move(work)));
            onex_handle handle = 0;
            const auto status = t_.exec->every(
                t_.exec->ctx,
                period_ms,
                [](void* user, std::uint32_t dropped) {
                    auto* work = static_cast<std::function<void()>*>(user);
                    if (dropped) {
                        delete work;
                        return;
                    }
                    (*work)();
                },
                boxed.get(),
                &handle);
            if (status < 0) return std::unexpected(refused(status));
            (void)boxed.release();
            return handle;
        }
        void cancel(onex_handle task) const { t_.exec->cancel(t_.exec->ctx, task); }

        // --- calls
        Result<std::string> call(Call call, Wait wait) const {
            onex_call abi = to_call(call);
            return collect([&](onex_writer* out, onex_error* error) {
                return t_.call->call(t_.call->ctx, &abi, wait.abi(), out, error);
            });
        }
        Result<std::string> resolve(std::string_view target,
                                    std::string_view node,
                                    std::string_view on,
                                    std::string_view operation,
                                    Wait wait) const {
            return collect([&](onex_writer* out, onex_error* error) {
                return t_.call->resolve(t_.call->ctx,
                                        to_abi(target),
                                        to_abi(node),
                                        to_abi(on),
                                        to_abi(operation),
                                        wait.abi(),
                                        out,
                                        error);
            });
        }

        /// Cancels running calls of this node by their key; false when there is none.
        bool cancel_call(
            std::string_view key) const {  // NOLINT(modernize-use-nodiscard): often done blindly
            return t_.call->cancel_call(t_.call->ctx, to_abi(key)) >= 0;
        }

        // --- streams
        /// {reader, writer}
        [[nodiscard]] Result<std::pair<Stream, Stream>> pipe(std::uint32_t chunks_max = 2) const {
            onex_handle reader = 0;
            onex_handle writer = 0;
            const auto status = t_.stream->pipe(t_.stream->ctx, chunks_max, &reader, &writer);
            if (status < 0) return std::unexpected(refused(status));
            return std::pair{Stream{t_.stream, reader}, Stream{t_.stream, writer}};
        }

        // --- http
        Result<HttpResponse> http_send(HttpRequest request, Wait wait) const {
            return http(request, wait, false);
        }
        Result<HttpResponse> http_open(HttpRequest request, Wait wait) const {
            return http(request, wait, true);
        }

        // --- metrics
        enum class MetricKind : std::uint32_t { counter, gauge, histogram };
        Result<onex_handle> define_metric(MetricKind kind,
                                          std::string_view name,
                                          std::string_view help,
                                          const std::vector<std::string>& labels = {},
                                          const std::vector<double>& buckets = {}) const {
            std::vector<onex_str> names;
            for (const auto& label : labels)
                names.push_back(to_abi(label));
            ErrorSlot error;
            onex_handle out = 0;
            const auto status = t_.metrics->define(t_.metrics->ctx,
                                                   static_cast<std::uint32_t>(kind),
                                                   to_abi(name),
                                                   to_abi(help),
                                                   names.data(),
                                                   static_cast<std::uint32_t>(names.size()),
                                                   buckets.data(),
                                                   static_cast<std::uint32_t>(buckets.size()),
                                                   &out,
                                                   error.get());
            if (status < 0) return error.fail(status);
            return out;
        }
        void record(onex_handle metric,
                    const std::vector<std::string>& labels,
                    double value) const {
            std::vector<onex_str> values;
            for (const auto& label : labels)
                values.push_back(to_abi(label));
            t_.metrics->record(t_.metrics->ctx,
                               metric,
                               values.data(),
                               static_cast<std::uint32_t>(values.size()),
                               value);
        }
        void forget(onex_handle metric, const std::vector<std::string>& labels) const {
            std::vector<onex_str> values;
            for (const auto& label : labels)
                values.push_back(to_abi(label));
            t_.metrics->forget(
                t_.metrics->ctx, metric, values.data(), static_cast<std::uint32_t>(values.size()));
        }

        // --- process
        struct Process {
            std::vector<std::string> args{};
            std::string folder{};
            Headers environment{};
            Stream input{};
            std::function<void(bool is_stderr, std::string_view line)> on_line{};
        };
        Result<int> run(Process process, Wait wait) const {
            std::vector<onex_str> args;
            for (const auto& arg : process.args)
                args.push_back(to_abi(arg));
            std::vector<onex_field> environment;
            for (const auto& [name, value] : process.environment)
                environment.push_back({to_abi(name), to_abi(value)});
            onex_process abi{};
            abi.struct_size = sizeof(abi);
            abi.args = args.data();
            abi.arg_count = static_cast<std::uint32_t>(args.size());
            abi.folder = to_abi(process.folder);
            abi.environment = environment.data();
            abi.environment_count = static_cast<std::uint32_t>(environment.size());
            abi.input = process.input.release();
            process.on_line = logged("on_line", std::move(process.on_line));
            abi.user = &process;
            abi.on_line = [](void* user, std::uint32_t stream, onex_str line) {
                auto& on_line = static_cast<Process*>(user)->on_line;
                if (on_line) on_line(stream == 2, from_abi(line));
            };
            ErrorSlot error;
            std::int32_t code = 0;
            const auto status =
                t_.process->run(t_.process->ctx, &abi, wait.abi(), &code, error.get());
            if (status < 0) return error.fail(status);
            return code;
        }

        // --- contracts and schemas
        /// YAML → {JSON, places}.
        Result<std::pair<std::string, std::string>> parse_yaml(std::string_view yaml) const {
            StringWriter json;
            StringWriter places;
            ErrorSlot error;
            const auto status = t_.contract->parse_yaml(
                t_.contract->ctx, to_abi(yaml), json.get(), places.get(), error.get());
            if (status < 0) return error.fail(status);
            return std::pair{std::move(json.text), std::move(places.text)};
        }
        /// Checks `json` against `schema` (text) and returns it with its defaults filled in.
        Result<std::string> check(std::string_view schema, std::string_view json) const {
            ErrorSlot error;
            onex_handle handle = 0;
            auto status =
                t_.contract->compile(t_.contract->ctx, to_abi(schema), &handle, error.get());
            if (status < 0) return error.fail(status);
            StringWriter out;
            status =
                t_.contract->check(t_.contract->ctx, handle, to_abi(json), out.get(), error.get());
            t_.contract->release(t_.contract->ctx, handle);
            if (status < 0) return error.fail(status);
            return std::move(out.text);
        }

      private:
        template <class Start>
        Result<onex_handle> task(std::function<void()> work, Start&& start) const {
            auto boxed = std::make_unique<std::function<void()>>(logged("a task", std::move(work)));
            onex_handle handle = 0;
            const onex_status status = start(
                [](void* user, std::uint32_t dropped) {
                    const std::unique_ptr<std::function<void()>> work(
                        static_cast<std::function<void()>*>(user));
                    if (!dropped) (*work)();
                },
                boxed.get(),
                &handle);
            if (status < 0) return std::unexpected(refused(status));
            (void)boxed.release();
            return handle;
        }
        onex_call to_call(Call& call) const {
            onex_call abi{};
            abi.struct_size = sizeof(abi);
            abi.target = to_abi(call.target);
            abi.node = to_abi(call.node);
            abi.operation = to_abi(call.operation);
            abi.input = to_abi(call.input);
            abi.correlation_id = to_abi(call.correlation_id);
            abi.key = to_abi(call.key);
            abi.timeout_ms = call.timeout_ms;
            abi.stream_in = call.stream_in.release();
            abi.stream_out = call.stream_out.release();
            if (call.on_progress) {
                call.on_progress = logged("on_progress", std::move(call.on_progress));
                abi.progress_user = &call.on_progress;
                abi.on_progress = [](void* user, const onex_progress* progress) {
                    const auto& tell = *static_cast<std::function<void(const Progress&)>*>(user);
                    tell({static_cast<Progress::Kind>(progress->kind),
                          progress->done,
                          progress->total,
                          from_abi(progress->text)});
                };
            }
            return abi;
        }
        Result<HttpResponse> http(HttpRequest& request, Wait wait, bool stream) const {
            std::vector<onex_field> headers;
            for (const auto& [name, value] : request.headers)
                headers.push_back({to_abi(name), to_abi(value)});
            onex_http_request abi{};
            abi.struct_size = sizeof(abi);
            abi.header_count = static_cast<std::uint32_t>(headers.size());
            abi.method = to_abi(request.method);
            abi.url = to_abi(request.url);
            abi.unix_socket = to_abi(request.unix_socket);
            abi.headers = headers.data();
            abi.body = {reinterpret_cast<const std::uint8_t*>(request.body.data()),
                        request.body.size()};
            abi.body_stream = request.body_stream.release();
            abi.body_bytes_max = request.body_bytes_max;
            abi.idle_ms = request.idle_ms;
            onex_http_response response{};
            response.struct_size = sizeof(response);
            StringWriter head;
            StringWriter body;
            ErrorSlot error;
            onex_handle handle = 0;
            const auto status = stream ? t_.http->open(t_.http->ctx,
                                                       &abi,
                                                       wait.abi(),
                                                       &response,
                                                       head.get(),
                                                       &handle,
                                                       error.get())
                                       : t_.http->send(t_.http->ctx,
                                                       &abi,
                                                       wait.abi(),
                                                       &response,
                                                       head.get(),
                                                       body.get(),
                                                       error.get());
            if (status < 0) return error.fail(status);
            HttpResponse out;
            out.status = response.status;
            out.headers = std::move(head.text);
            out.body = std::move(body.text);
            out.stream = Stream{t_.stream, handle};
            return out;
        }
    };

}  // namespace onex
