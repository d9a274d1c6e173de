// A host in memory, for unit tests of nodes without a process: the plugin's sources and the test
// are one program (onex_add_plugin_test). Header-only, standard library only.
//
// Everything happens on the test's own thread: the clock stands until advance() moves it, tasks run
// in advance(), and a wait for a stream moves the clock, too. Other waits end at once: what is not
// scripted answers an error.
// Not imitated: SQL (answers are scripted, see `on_sql`), schemas (check() accepts and fills
// nothing in), and BLAKE3 (a blob's digest is 64 hex digits of another hash). Streams hold whatever
// is written to them.
#pragma once

#include <onex/testing/fake_services.hpp>

namespace onex __attribute__((visibility("hidden"))) {
    namespace testing {

    /// How one call of an operation ended.
    struct Answered {
        Result<std::string> output = std::string("{}");
        unsigned http_status = 0;
        int times = 0;         ///< answers given; anything but 1 is a defect of the node
        std::string streamed;  ///< what it wrote to stream_out
    };

    /// One node of a plugin, made and driven as a host would.
    class FakeNode {
      public:
        /// create() of the plugin. Errors: what it answered.
        static Result<std::unique_ptr<FakeNode>> create(const onex_plugin_entry& entry,
                                                        FakeHost& host,
                                                        std::string name = "node") {
            auto out = std::unique_ptr<FakeNode>(new FakeNode(host, std::move(name)));
            onex_create_args args{};
            args.struct_size = sizeof(args);
            args.generation = 1;
            args.node = to_abi(out->name_);
            ErrorSlot error;
            const auto status = entry.create(host.abi(), &args, &out->node_, error.get());
            if (status < 0 || !out->node_) return error.fail(status < 0 ? status : ONEX_E_INTERNAL);
            return out;
        }
        ~FakeNode() {
            if (!node_) return;
            if (started_) stop();
            host_.drop_everything();
            node_->destroy(node_->self);
        }
        FakeNode(const FakeNode&) = delete;  // Owns the plugin's node.
        FakeNode& operator=(const FakeNode&) = delete;

        Result<void> start() {
            auto done = control(&onex_node::start);
            started_ = done.has_value();
            return done;
        }
        Result<void> quiesce() { return control(&onex_node::quiesce); }
        Result<void> resume() { return control(&onex_node::resume); }
        void stop() {
            node_->stop(node_->self);
            started_ = false;
        }

        struct CallOptions {
            std::string stream_in;
            bool has_stream_in = false;
            bool has_stream_out = false;
            std::string caller = "anonymous";
            std::string key;
        };
        /// Begins a call and returns its token; answered() tells how it ended, maybe after
        /// advance().
        onex_token begin(std::string operation, std::string input) {
            return begin(std::move(operation), std::move(input), CallOptions{});
        }
        onex_token begin(std::string operation, std::string input, CallOptions options) {
            const auto token = host_.open_request();
            auto& open = host_.request(token);
            open.operation = std::move(operation);
            open.input = std::move(input);
            open.caller = std::move(options.caller);
            open.key = std::move(options.key);
            if (options.has_stream_in)
                open.stream_in = host_.make_stream(std::move(options.stream_in), true);
            if (options.has_stream_out) open.stream_out = host_.make_stream({}, false);
            onex_request abi{};
            abi.struct_size = sizeof(abi);
            abi.token = token;
            abi.operation = to_abi(open.operation);
            abi.input = to_abi(open.input);
            abi.correlation_id = to_abi(open.correlation_id);
            abi.key = to_abi(open.key);
            abi.caller = to_abi(open.caller);
            abi.timeout_ms = 30'000;
            abi.stream_in = open.stream_in;
            abi.stream_out = open.stream_out;
            ErrorSlot error;
            const auto status = node_->invoke(node_->self, &abi, error.get());
            if (status < 0) host_.settle(token, std::unexpected(error.error(status)), 0);
            return token;
        }
        /// Null while the node has not answered.
        [[nodiscard]] std::optional<Answered> answered(onex_token token) {
            const auto& open = host_.request(token);
            if (open.times == 0) return std::nullopt;
            return Answered{
                open.output, open.http_status, open.times, host_.stream_bytes(open.stream_out)};
        }
        /// begin(), then lets the clock run for at most `limit_ms`, until the answer is there.
        Answered call(std::string operation,
                      std::string input = "{}",
                      std::int64_t limit_ms = 60'000) {
            return call(std::move(operation), std::move(input), CallOptions{}, limit_ms);
        }
        Answered call(std::string operation,
                      std::string input,
                      CallOptions options,
                      std::int64_t limit_ms = 60'000) {
            const auto token = begin(std::move(operation), std::move(input), std::move(options));
            const auto end = host_.now_ms() + limit_ms;
            while (!answered(token) && host_.advance_to_next(end)) {
            }
            if (auto out = answered(token)) return *out;
            Answered none;
            none.output = fail(
                "TIMEOUT", "the node did not answer within " + std::to_string(limit_ms) + " ms");
            return none;
        }

        /// The node's onex.state/1, or null.
        [[nodiscard]] const onex_state_v1* state() const {
            return static_cast<const onex_state_v1*>(
                node_->get_interface(node_->self, to_abi(ONEX_STATE_ID)));
        }
        [[nodiscard]] Result<std::pair<std::uint32_t, std::string>> save_state() const {
            StringWriter out;
            ErrorSlot error;
            std::uint32_t schema = 0;
            const auto status = state()->save(node_->self, out.get(), &schema, error.get());
            if (status < 0) return error.fail(status);
            return std::pair{schema, std::move(out.text)};
        }
        Result<void> load_state(std::uint32_t schema, std::string_view bytes) {
            ErrorSlot error;
            const onex_bytes view{reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                  bytes.size()};
            const auto status = state()->load(node_->self, schema, view, error.get());
            if (status < 0) return error.fail(status);
            return {};
        }
        [[nodiscard]] const void* get_interface(std::string_view id) const {
            return node_->get_interface(node_->self, to_abi(id));
        }

      private:
        FakeNode(FakeHost& host, std::string name) : host_(host), name_(std::move(name)) {}
        Result<void> control(onex_status (*onex_node::*function)(void*, onex_error*)) {
            ErrorSlot error;
            const auto status = (node_->*function)(node_->self, error.get());
            if (status < 0) return error.fail(status);
            return {};
        }

        FakeHost& host_;
        std::string name_;
        const onex_node* node_ = nullptr;
        bool started_ = false;
    };

    }  // namespace testing
}  // namespace onex

/// The plugin under test, linked into this program.
extern "C" const onex_plugin_entry onex_plugin_entry_v1;
