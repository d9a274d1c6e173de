// The service tables of the fake host of onex/testing.hpp.
#pragma once

#include <onex/testing/fake_host.hpp>

#include <algorithm>

namespace onex __attribute__((visibility("hidden"))) {
    namespace testing {

    /// The host of a test; see onex/testing.hpp for what it imitates. [one thread]
    class FakeHost : public FakeState {
      public:
        FakeHost() {
            fill_basic();
            fill_call();
            fill_stream();
            fill_http_and_process();
            fill_blob();
            fill_store();
            fill_contract();
            fill_kv();
            abi_.struct_size = sizeof(abi_);
            abi_.abi_major = ONEX_ABI_MAJOR;
            abi_.abi_minor = ONEX_ABI_MINOR;
            abi_.ctx = this;
            abi_.version = "test";
            abi_.get_service = [](void* ctx, onex_str id) -> const void* {
                const auto& host = of(ctx);
                const auto found = host.services_.find(from_abi(id));
                if (found == host.services_.end() || host.withheld.contains(from_abi(id)))
                    return nullptr;
                return found->second;
            };
        }
        FakeHost(const FakeHost&) = delete;  // The tables point into it.
        FakeHost& operator=(const FakeHost&) = delete;
        [[nodiscard]] const onex_host* abi() const { return &abi_; }

      private:
        static FakeHost& of(void* ctx) { return *static_cast<FakeHost*>(ctx); }
        static onex_status put(onex_writer* out, std::string_view text) {
            return out ? out->append(out->ctx, text.data(), text.size()) : ONEX_OK;
        }
        static onex_status unavailable(onex_error* error, std::string what) {
            return put_error({"UNAVAILABLE", std::move(what), {}, {}}, error);
        }
        [[nodiscard]] bool refuses() { return !refusal.code.empty() && --calls_before_refusal < 0; }
        [[nodiscard]] onex_status refuse(onex_error* error) const {
            return put_error(refusal, error);
        }
        template <class Table>
        Table& offer(const char* id, Table& table) {
            table.struct_size = sizeof(Table);
            table.ctx = this;
            services_[id] = &table;
            return table;
        }

        void fill_basic() {
            auto& log = offer(ONEX_LOG_ID, log_);
            log.enabled = [](void*, std::uint32_t) -> std::uint32_t { return 1; };
            log.write = [](void* ctx,
                           std::uint32_t level,
                           onex_str message,
                           onex_str id,
                           const onex_field*,
                           std::uint32_t) {
                of(ctx).logs.push_back(
                    {level, std::string(from_abi(message)), std::string(from_abi(id))});
            };
            auto& config = offer(ONEX_CONFIG_ID, config_);
            config.settings = [](void* ctx, onex_writer* out) {
                return put(out, of(ctx).settings);
            };
            config.host_info = [](void* ctx, onex_writer* out) { return put(out, of(ctx).info); };
            config.secret = [](void* ctx, onex_str reference, onex_writer* out, onex_error* error) {
                const auto found = of(ctx).secrets.find(from_abi(reference));
                if (found != of(ctx).secrets.end()) return put(out, found->second);
                return put_error(
                    {"NOT_FOUND", "no secret " + std::string(from_abi(reference)), {}, {}}, error);
            };
            auto& clock = offer(ONEX_CLOCK_ID, clock_);
            clock.wall_us = [](void* ctx) { return of(ctx).now_us_; };
            clock.monotonic_us = [](void* ctx) { return of(ctx).now_us_; };
            clock.random = [](void* ctx, void* data, std::uint64_t size) {
                for (std::uint64_t i = 0; i < size; ++i) {  // The same numbers in every run.
                    auto& x = of(ctx).random_;
                    x = x * 6364136223846793005U + 1442695040888963407U;
                    static_cast<std::uint8_t*>(data)[i] = static_cast<std::uint8_t>(x >> 56U);
                }
            };
            auto& exec = offer(ONEX_EXEC_ID, exec_);
            exec.post = [](void* ctx, onex_task_fn fn, void* user, onex_handle* out) {
                return of(ctx).add_task({of(ctx).now_ms(), 0, fn, user}, out);
            };
            exec.after = [](void* ctx,
                            std::int64_t delay_ms,
                            onex_task_fn fn,
                            void* user,
                            onex_handle* out) {
                return of(ctx).add_task({of(ctx).now_ms() + delay_ms, 0, fn, user}, out);
            };
            exec.every = [](void* ctx,
                            std::int64_t period_ms,
                            onex_task_fn fn,
                            void* user,
                            onex_handle* out) {
                return of(ctx).add_task({of(ctx).now_ms() + period_ms, period_ms, fn, user}, out);
            };
            exec.cancel = [](void* ctx, onex_handle task) -> onex_status {
                const auto node = of(ctx).tasks_.extract(task);
                if (!node) return ONEX_E_BAD_HANDLE;
                node.mapped().fn(node.mapped().user, 1);
                return ONEX_OK;
            };
            auto& metrics = offer(ONEX_METRICS_ID, metrics_);
            metrics.define = [](void* ctx,
                                std::uint32_t,
                                onex_str name,
                                onex_str,
                                const onex_str*,
                                std::uint32_t,
                                const double*,
                                std::uint32_t,
                                onex_handle* out,
                                onex_error*) -> onex_status {
                *out = ++of(ctx).last_handle_;
                of(ctx).metric_names_[*out] = std::string(from_abi(name));
                return ONEX_OK;
            };
            metrics.record = [](void* ctx,
                                onex_handle metric,
                                const onex_str* labels,
                                std::uint32_t count,
                                double value) -> onex_status {
                Recorded row{of(ctx).metric_names_[metric], {}, value};
                for (std::uint32_t i = 0; i < count; ++i)
                    row.labels.emplace_back(from_abi(labels[i]));
                of(ctx).FakeState::metrics.push_back(std::move(row));
                return ONEX_OK;
            };
            metrics.forget = [](void*, onex_handle, const onex_str*, std::uint32_t) -> onex_status {
                return ONEX_OK;
            };
        }
        onex_status add_task(Task task, onex_handle* out) {
            if (refuses()) return ONEX_E_EXHAUSTED;
            tasks_[++last_handle_] = task;
            if (out) *out = last_handle_;
            return ONEX_OK;
        }

        Result<std::string> run_call(const onex_call& call) {
            CallSeen seen{std::string(from_abi(call.target)),
                          std::string(from_abi(call.node)),
                          std::string(from_abi(call.operation)),
                          std::string(from_abi(call.input)),
                          std::string(from_abi(call.key))};
            calls.push_back(seen);
            if (refuses()) return std::unexpected(refusal);
            if (on_call) return on_call(seen);
            return fail("OPERATION_NOT_FOUND",
                        "the test scripts no operation " + seen.operation + "; set on_call");
        }
        void fill_call() {
            auto& call = offer(ONEX_CALL_ID, call_);
            call.answer = [](void* ctx, onex_token token, const onex_answer* answer) {
                return of(ctx).settle(
                    token, std::string(from_abi(answer->output)), answer->http_status);
            };
            call.answer_error = [](void* ctx, onex_token token, const onex_failure* failure) {
                Error error{std::string(from_abi(failure->code)),
                            std::string(from_abi(failure->message)),
                            std::string(from_abi(failure->details)),
                            {}};
                if (error.code.empty()) error.code = "INTERNAL";
                return of(ctx).settle(token, std::unexpected(std::move(error)), 0);
            };
            call.progress = [](void* ctx, onex_token token, const onex_progress* p) -> onex_status {
                of(ctx).progress.push_back(
                    {token, p->kind, p->done, p->total, std::string(from_abi(p->text))});
                return ONEX_OK;
            };
            call.cancelled = [](void* ctx, onex_token token) -> std::uint32_t {
                const auto found = of(ctx).requests_.find(token);
                return found == of(ctx).requests_.end() || found->second.cancelled ? 1 : 0;
            };
            call.on_cancel =
                [](void* ctx, onex_token token, onex_task_fn fn, void* user) -> onex_status {
                const auto found = of(ctx).requests_.find(token);
                if (found == of(ctx).requests_.end() || found->second.times > 0)
                    return ONEX_E_BAD_HANDLE;
                found->second.on_cancel = fn;
                found->second.on_cancel_user = user;
                return ONEX_OK;
            };
            call.call = [](void* ctx,
                           const onex_call* what,
                           onex_wait,
                           onex_writer* out,
                           onex_error* error) {
                const auto answer = of(ctx).run_call(*what);
                return answer ? put(out, *answer) : put_error(answer.error(), error);
            };
            call.call_async = [](void* ctx,
                                 const onex_call* what,
                                 onex_wait,
                                 onex_call_done_fn done,
                                 void* user,
                                 onex_error*) -> onex_status {
                struct Later {
                    Result<std::string> answer;
                    onex_call_done_fn done;
                    void* user;
                };
                auto later = std::make_unique<Later>(Later{of(ctx).run_call(*what), done, user});
                const auto tell = [](void* boxed, std::uint32_t) {
                    const std::unique_ptr<Later> own(static_cast<Later*>(boxed));
                    if (own->answer) {
                        own->done(own->user, ONEX_OK, to_abi(*own->answer), nullptr);
                    } else {
                        const Failure failure(own->answer.error());
                        own->done(own->user,
                                  static_cast<onex_status>(own->answer.error().status()),
                                  {},
                                  &failure.failure);
                    }
                };
                of(ctx).tasks_[++of(ctx).last_handle_] = {
                    of(ctx).now_ms(), 0, tell, later.release()};
                return ONEX_OK;
            };
            call.resolve = [](void*,
                              onex_str,
                              onex_str,
                              onex_str,
                              onex_str operation,
                              onex_wait,
                              onex_writer*,
                              onex_error* error) {
                return put_error({"OPERATION_NOT_FOUND",
                                  "no offer of " + std::string(from_abi(operation)),
                                  {},
                                  {}},
                                 error);
            };
            call.cancel_call = [](void*, onex_str) -> onex_status { return ONEX_E_NOT_FOUND; };
        }

        void fill_stream();
        void fill_http_and_process();
        void fill_blob();
        void fill_store();
        void fill_contract();
        void fill_kv();

        onex_host abi_{};
        std::map<std::string, const void*, std::less<>> services_;
        onex_log_v1 log_{};
        onex_config_v1 config_{};
        onex_clock_v1 clock_{};
        onex_exec_v1 exec_{};
        onex_metrics_v1 metrics_{};
        onex_call_v1 call_{};
        onex_stream_v1 stream_{};
        onex_http_v1 http_{};
        onex_process_v1 process_{};
        onex_blob_v1 blob_{};
        onex_store_v1 store_{};
        onex_events_v1 events_{};
        onex_contract_v1 contract_{};
        onex_kv_v1 kv_{};
    };

    }  // namespace testing
}  // namespace onex

#include <onex/testing/fake_data.hpp>
