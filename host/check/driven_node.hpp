// A node that is driven call by call, where testing::FakeNode would decide too much: what its
// streams are like, when it is cancelled, on which thread it is called.
#pragma once

#include "host/check/checks.hpp"

#include <onex/testing.hpp>

#include <memory>
#include <optional>
#include <string>

namespace onex::host::check {

class DrivenNode {
  public:
    /// Throws std::runtime_error with what create() answered. `shown` is what the node takes for
    /// its host, when that is not `host` as it is.
    DrivenNode(const onex_plugin_entry& entry,
               testing::FakeHost& host,
               const onex_host* shown = nullptr)
        : host_(host) {
        onex_create_args args{};
        args.struct_size = sizeof(args);
        args.generation = 1;
        args.node = to_abi("check");
        ErrorSlot error;
        const auto status = entry.create(shown ? shown : host.abi(), &args, &node_, error.get());
        if (status < 0 || !node_) {
            node_ = nullptr;
            throw std::runtime_error("create: " + error.error(status).message);
        }
    }
    ~DrivenNode() { end(); }
    DrivenNode(const DrivenNode&) = delete;  // Owns the plugin's node.
    DrivenNode& operator=(const DrivenNode&) = delete;

    /// False when it refuses; then nothing but its end may come.
    bool start() {
        started_ = control(&onex_node::start);
        return started_;
    }
    bool quiesce() { return control(&onex_node::quiesce); }
    bool resume() { return control(&onex_node::resume); }
    bool pause_and_resume() { return quiesce() && resume(); }
    /// Runs one operation. A failure means that the node has not taken the request.
    Result<void> invoke(onex_token token, const testing::FakeState::Open& open) {
        onex_request request{};
        request.struct_size = sizeof(request);
        request.token = token;
        request.operation = to_abi(open.operation);
        request.input = to_abi(open.input);
        request.correlation_id = to_abi(open.correlation_id);
        request.key = to_abi(open.key);
        request.caller = to_abi(open.caller);
        request.timeout_ms = 30'000;
        request.stream_in = open.stream_in;
        request.stream_out = open.stream_out;
        ErrorSlot error;
        const auto status = node_->invoke(node_->self, &request, error.get());
        if (status < 0) return error.fail(status);
        return {};
    }
    [[nodiscard]] const onex_state_v1* state() const {
        return static_cast<const onex_state_v1*>(
            node_->get_interface(node_->self, to_abi(ONEX_STATE_ID)));
    }
    /// Runs one operation to its answer, or for a minute of the host's clock.
    void call(const std::string& operation, std::string input, std::optional<std::string> stream) {
        const auto token = host_.open_request();
        auto& open = host_.request(token);
        open.operation = operation;
        open.input = std::move(input);
        open.caller = "anonymous";
        if (stream) {
            open.stream_in = host_.make_stream(std::move(*stream), true);
            open.stream_out = host_.make_stream({}, false);
        }
        if (const auto taken = invoke(token, open); !taken)
            host_.settle(token, std::unexpected(taken.error()), 0);
        const auto end = host_.now_ms() + 60'000;
        while (open.times == 0 && host_.advance_to_next(end)) {
        }
    }
    /// Only where state() is.
    onex_status save(onex_writer* out, std::uint32_t* schema, onex_error* error) {
        return state()->save(node_->self, out, schema, error);
    }
    onex_status load(std::uint32_t schema, onex_bytes bytes, onex_error* error) {
        return state()->load(node_->self, schema, bytes, error);
    }
    /// Stops and destroys it, as a host does. Nothing is in flight.
    void end() {
        if (!node_) return;
        if (started_) {
            (void)control(&onex_node::quiesce);
            node_->stop(node_->self);
        }
        host_.drop_everything();
        node_->destroy(node_->self);
        node_ = nullptr;
    }

  private:
    bool control(onex_status (*onex_node::*function)(void*, onex_error*)) {
        ErrorSlot error;
        return (node_->*function)(node_->self, error.get()) >= 0;
    }

    testing::FakeHost& host_;
    const onex_node* node_ = nullptr;
    bool started_ = false;
};

}  // namespace onex::host::check
