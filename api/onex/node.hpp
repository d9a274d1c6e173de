// Write a node as a class: derive from onex::Node, add one function an operation, close with
// ONEX_PLUGIN. Header-only; exceptions and std::expected stop here.
#pragma once

#include <onex/host.hpp>

#include <map>
#include <type_traits>

namespace onex __attribute__((visibility("hidden"))) {

    /// What an operation returns: JSON now, or later() after it has taken the request's responder.
    struct Answer {
        std::string output;
        unsigned http_status = 0;  ///< 0: as the contract says
        bool is_later = false;
    };

    /// The right to answer, exactly once. Dropped unused it answers UNAVAILABLE. Movable. [any
    /// thread]
    class Responder {
      public:
        Responder(const Host* host, onex_token token) : host_(host), token_(token) {}
        Responder(Responder&& other) noexcept
            : host_(other.host_), token_(std::exchange(other.token_, 0)) {}
        Responder& operator=(Responder&&) = delete;
        ~Responder() {
            if (token_) error({"UNAVAILABLE", "the node dropped the request; try again", {}, {}});
        }
        void answer(std::string_view output, unsigned http_status = 0) {
            onex_answer abi{};
            abi.struct_size = sizeof(abi);
            abi.http_status = http_status;
            abi.output = to_abi(output);
            const auto* call = host_->tables().call;
            if (token_) call->answer(call->ctx, std::exchange(token_, 0), &abi);
        }
        void error(const Error& error) {
            const Failure failure(error);
            const auto* call = host_->tables().call;
            if (token_) call->answer_error(call->ctx, std::exchange(token_, 0), &failure.failure);
        }
        void result(const Result<Answer>& result) {
            if (result) {
                answer(result->output, result->http_status);
            } else {
                error(result.error());
            }
        }
        [[nodiscard]] onex_token token() const { return token_; }

      private:
        const Host* host_;
        onex_token token_;
    };

    /// One call of an operation. Lives until the operation function returns; what a later answer
    /// needs is copied.
    class Request {
      public:
        Request(const Host& host, const onex_request& abi)
            : host_(host),
              abi_(abi),
              stream_in_(host.tables().stream, abi.stream_in),
              stream_out_(host.tables().stream, abi.stream_out) {}
        Request(const Request&) = delete;
        Request& operator=(const Request&) = delete;
        ~Request() {
            // The host closes the request's own streams; only handles that were taken belong to the
            // node.
            (void)stream_in_.release();
            (void)stream_out_.release();
        }

        [[nodiscard]] std::string_view operation() const { return from_abi(abi_.operation); }
        [[nodiscard]] std::string_view input() const { return from_abi(abi_.input); }
        [[nodiscard]] std::string correlation_id() const {
            return std::string(from_abi(abi_.correlation_id));
        }
        [[nodiscard]] std::string key() const { return std::string(from_abi(abi_.key)); }
        [[nodiscard]] std::string caller() const { return std::string(from_abi(abi_.caller)); }
        [[nodiscard]] std::string content_type() const {
            return std::string(from_abi(abi_.content_type));
        }
        [[nodiscard]] bool from_peer() const { return (abi_.flags & ONEX_REQUEST_FROM_PEER) != 0; }
        [[nodiscard]] std::int64_t timeout_ms() const { return abi_.timeout_ms; }
        [[nodiscard]] onex_token token() const { return abi_.token; }
        /// Waiting for this request: until its deadline or its cancellation.
        [[nodiscard]] Wait wait(std::int64_t timeout_ms = -1) const {
            return {timeout_ms, abi_.token};
        }
        [[nodiscard]] bool cancelled() const {
            const auto* call = host_.tables().call;
            return call->cancelled(call->ctx, abi_.token) != 0;
        }
        /// The body of an operation with stream_in / what one with stream_out writes.
        Stream& stream_in() { return stream_in_; }
        Stream& stream_out() { return stream_out_; }

        void progress_bytes(std::uint64_t done,
                            std::uint64_t total,
                            std::string_view text = {}) const {
            progress(ONEX_PROGRESS_BYTES, done, total, text);
        }
        void progress_line(std::string_view line) const {
            progress(ONEX_PROGRESS_LINE, 0, 0, line);
        }
        void progress_step(std::string_view text = {}) const {
            progress(ONEX_PROGRESS_STEP, 0, 0, text);
        }

        /// Takes the right to answer out of this request; then return later().
        [[nodiscard]] Responder responder() const { return {&host_, abi_.token}; }
        [[nodiscard]] static Result<Answer> later() { return Answer{{}, 0, true}; }

      private:
        void progress(std::uint32_t kind,
                      std::uint64_t done,
                      std::uint64_t total,
                      std::string_view text) const {
            onex_progress abi{};
            abi.struct_size = sizeof(abi);
            abi.kind = kind;
            abi.done = done;
            abi.total = total;
            abi.text = to_abi(text);
            const auto* call = host_.tables().call;
            call->progress(call->ctx, abi_.token, &abi);
        }

        const Host& host_;
        const onex_request& abi_;
        Stream stream_in_;
        Stream stream_out_;
    };

    /// Base of a node. Constructor: read host().settings(), add() the operations; no side effects.
    class Node {
      public:
        using Operation = std::function<Result<Answer>(Request&)>;

        explicit Node(const onex_host* host, const onex_create_args* args)
            : host_(host), name_(from_abi(args->node)), generation_(args->generation) {}
        virtual ~Node() = default;
        Node(const Node&) = delete;
        Node& operator=(const Node&) = delete;

        /// See onex_node for when these are called. [control]
        virtual Result<void> start() { return {}; }
        virtual Result<void> quiesce() { return {}; }
        virtual Result<void> resume() { return {}; }
        virtual void stop() {}

        Result<Answer> invoke(Request& request) {
            const auto found = operations_.find(request.operation());
            if (found == operations_.end()) {
                return fail(
                    "OPERATION_NOT_FOUND",
                    "node " + name_ + " has no operation " + std::string(request.operation()));
            }
            return found->second(request);
        }
        [[nodiscard]] Host& host() { return host_; }
        [[nodiscard]] const Host& host() const { return host_; }
        [[nodiscard]] const std::string& name() const { return name_; }
        [[nodiscard]] std::uint32_t generation() const { return generation_; }

      protected:
        void add(std::string operation, Operation function) {
            operations_.insert_or_assign(std::move(operation), std::move(function));
        }

      private:
        Host host_;
        std::string name_;
        std::uint32_t generation_;
        std::map<std::string, Operation, std::less<>> operations_;
    };

    /// Derive from this too when the node keeps state in memory that a reload must not lose; the
    /// host then finds "onex.state/1". See onex_state_v1 for the rules. [control]
    class Stateful {
      public:
        virtual ~Stateful() = default;
        struct State {
            std::uint32_t schema = 1;
            std::string bytes;
        };
        [[nodiscard]] virtual Result<State> save_state() = 0;
        /// Must accept its own schema and the one before it; refuses the rest and leaves nothing
        /// half-loaded.
        [[nodiscard]] virtual Result<void> load_state(std::uint32_t schema,
                                                      std::string_view bytes) = 0;
    };

    namespace detail {

    /// Runs `work`, turns an exception into an INTERNAL error.
    template <class T, class Work>
    Result<T> no_throw(Work&& work) noexcept {
        try {
            return work();
        } catch (const std::exception& e) {
            return fail("INTERNAL", std::string("unexpected: ") + e.what());
        } catch (...) {
            return fail("INTERNAL", "unexpected exception");
        }
    }

    template <class T>
    struct Boxed {
        explicit Boxed(std::unique_ptr<T> made) : node(std::move(made)) {
            abi.struct_size = sizeof(abi);
            abi.self = this;
            abi.start = [](void* self, onex_error* e) noexcept {
                return status(self, e, &Node::start);
            };
            abi.quiesce = [](void* self, onex_error* e) noexcept {
                return status(self, e, &Node::quiesce);
            };
            abi.resume = [](void* self, onex_error* e) noexcept {
                return status(self, e, &Node::resume);
            };
            abi.stop = [](void* self) noexcept {
                of(self).host().guarded("stop", [&] { of(self).stop(); });
            };
            abi.destroy = [](void* self) noexcept { delete static_cast<Boxed*>(self); };
            abi.get_interface = [](void*, onex_str id) noexcept -> const void* {
                if constexpr (std::is_base_of_v<Stateful, T>) {
                    if (from_abi(id) == ONEX_STATE_ID) return &kState;
                }
                return nullptr;
            };
            abi.invoke =
                [](void* self, const onex_request* request, onex_error*) noexcept -> onex_status {
                Request wrapped(of(self).host(), *request);
                auto result = no_throw<Answer>([&] { return of(self).invoke(wrapped); });
                if (result && result->is_later) return ONEX_OK;
                Responder(&of(self).host(), request->token).result(result);
                return ONEX_OK;
            };
        }
        static T& of(void* self) { return *static_cast<Boxed*>(self)->node; }
        static onex_status status(void* self,
                                  onex_error* error,
                                  Result<void> (Node::*method)()) noexcept {
            auto result = no_throw<void>([&] { return (of(self).*method)(); });
            return result ? ONEX_OK : put_error(result.error(), error);
        }
        static onex_status save(void* self,
                                onex_writer* out,
                                std::uint32_t* schema,
                                onex_error* error) noexcept {
            const auto state = no_throw<Stateful::State>([&] { return of(self).save_state(); });
            if (!state) return put_error(state.error(), error);
            *schema = state->schema;
            return out->append(out->ctx, state->bytes.data(), state->bytes.size());
        }
        static onex_status load(void* self,
                                std::uint32_t schema,
                                onex_bytes state,
                                onex_error* error) noexcept {
            const std::string_view bytes(reinterpret_cast<const char*>(state.data),
                                         static_cast<std::size_t>(state.size));
            const auto done = no_throw<void>([&] { return of(self).load_state(schema, bytes); });
            return done ? ONEX_OK : put_error(done.error(), error);
        }
        /// Only used for a T that is Stateful.
        static constexpr onex_state_v1 make_state() {
            if constexpr (std::is_base_of_v<Stateful, T>)
                return {sizeof(onex_state_v1), 0, &save, &load};
            return {};
        }
        static constexpr onex_state_v1 kState = make_state();
        onex_node abi{};
        std::unique_ptr<T> node;
    };

    template <class T>
    onex_status create(const onex_host* host,
                       const onex_create_args* args,
                       const onex_node** out,
                       onex_error* error,
                       const char* const* required) noexcept {
        for (; *required; ++required) {
            if (!host->get_service(host->ctx, to_abi(*required))) {
                return put_error(
                    {"FAILED_PRECONDITION", std::string("the host offers no ") + *required, {}, {}},
                    error);
            }
        }
        // The constructor may throw an onex::Error to refuse its settings.
        try {
            auto boxed = std::make_unique<Boxed<T>>(std::make_unique<T>(host, args));
            *out = &boxed.release()->abi;
            return ONEX_OK;
        } catch (const Error& e) {
            return put_error(e, error);
        } catch (const std::exception& e) {
            return put_error({"INTERNAL", std::string("create failed: ") + e.what(), {}, {}},
                             error);
        } catch (...) {
            return put_error({"INTERNAL", "create failed", {}, {}}, error);
        }
    }

    }  // namespace detail
}  // namespace onex

/// The contract's text, embedded by onex_add_plugin(… CONTRACT file.yaml).
extern "C" const char onex_contract_text[];

/// Defines the plugin's one exported symbol. The further arguments are the ids of the services it
/// needs.
#define ONEX_PLUGIN(Class, plugin_id, plugin_version, ...)                         \
    namespace {                                                                    \
    const char* const onex_required[] = {__VA_ARGS__ __VA_OPT__(, ) nullptr};      \
    const char* const onex_optional[] = {nullptr};                                 \
    onex_status onex_create(const onex_host* host,                                 \
                            const onex_create_args* args,                          \
                            const onex_node** out,                                 \
                            onex_error* error) {                                   \
        return onex::detail::create<Class>(host, args, out, error, onex_required); \
    }                                                                              \
    }                                                                              \
    extern "C" __attribute__((visibility("default")))                              \
    const onex_plugin_entry onex_plugin_entry_v1;                                  \
    const onex_plugin_entry onex_plugin_entry_v1 = {sizeof(onex_plugin_entry),     \
                                                    ONEX_PLUGIN_MAGIC,             \
                                                    ONEX_ABI_MAJOR,                \
                                                    0,                             \
                                                    0,                             \
                                                    plugin_id,                     \
                                                    plugin_version,                \
                                                    __VERSION__,                   \
                                                    onex_contract_text,            \
                                                    onex_required,                 \
                                                    onex_optional,                 \
                                                    onex_create}
