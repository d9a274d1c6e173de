#include "host/plugin/node.hpp"

#include "host/log.hpp"
#include "host/plugin/abi_values.hpp"
#include "host/plugin/background.hpp"
#include "host/plugin/services.hpp"
#include "host/store/ids.hpp"

#include <onex/utf8.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <cstring>
#include <utility>

namespace onex::host {

namespace {

using State = NodeTags::State;

constexpr std::size_t kStateBytesMax = 64 * 1024 * 1024;

}  // namespace

/// Waits for its turn, and has it as long as it lives.
class NodeInstance::ControlTurn {
  public:
    explicit ControlTurn(ControlQueue& queue) : queue_(queue) {
        std::unique_lock lock(queue_.mutex);
        const auto mine = queue_.next++;
        queue_.moved.wait(lock, [&] { return queue_.runs == mine; });
    }
    ~ControlTurn() {
        const std::scoped_lock lock(queue_.mutex);
        ++queue_.runs;
        queue_.moved.notify_all();
    }
    ControlTurn(const ControlTurn&) = delete;  // One turn, one end.
    ControlTurn& operator=(const ControlTurn&) = delete;

  private:
    ControlQueue& queue_;
};

std::string place_of(const NodeSection& section, const std::string& file) {
    const auto line = section.line == 0 ? "" : file + ":" + std::to_string(section.line) + ": ";
    return line + "[nodes." + section.name;
}

NodeInstance::NodeInstance(Runtime& runtime,
                           NodeSection section,
                           NodeContract contract,
                           std::shared_ptr<PluginImage> image,
                           CreateOptions options)
    : runtime_(runtime),
      section_(std::move(section)),
      contract_(std::move(contract)),
      image_(std::move(image)),
      options_(options),
      tables_(std::make_unique<ServiceTables>()),
      tags_(this, section_.name + ", generation " + std::to_string(options_.generation)) {}

Result<std::shared_ptr<NodeInstance>> NodeInstance::create(Runtime& runtime,
                                                           const NodeSection& section,
                                                           std::shared_ptr<PluginImage> image,
                                                           CreateOptions options) {
    const auto& entry = image->entry();
    auto contract =
        read_node_contract(entry.contract, std::string(entry.id) + " (embedded contract)");
    if (!contract) return std::unexpected(std::move(contract).error());
    auto node = std::shared_ptr<NodeInstance>(
        new NodeInstance(runtime, section, std::move(*contract), std::move(image), options));
    boost::json::value settings = section.settings;
    if (auto checked = node->contract_.settings.check(settings); !checked) {
        return fail(
            "VALIDATION_ERROR",
            place_of(section, runtime.config.file) + ".settings]: " + checked.error().message);
    }
    node->settings_ = boost::json::serialize(settings);
    node->version_ = entry.version;

    auto& tables = *node->tables_;
    std::memset(&tables, 0, sizeof(tables));
    fill_basic_services(tables);
    fill_exec_service(tables);
    fill_call_service(tables);
    fill_stream_service(tables);
    fill_http_service(tables);
    fill_blob_service(tables);
    fill_store_service(tables);
    fill_events_service(tables);
    fill_metrics_service(tables);
    fill_process_service(tables);
    fill_contract_service(tables);
    fill_kv_service(tables);
    void* const self = node.get();
    tables.log.ctx = tables.config.ctx = tables.exec.ctx = tables.call.ctx = tables.stream.ctx =
        self;
    tables.http.ctx = tables.blob.ctx = tables.store.ctx = tables.events.ctx = tables.metrics.ctx =
        self;
    tables.clock.ctx = tables.process.ctx = tables.contract.ctx = tables.kv.ctx = self;

    node->host_.struct_size = sizeof(onex_host);
    node->host_.abi_major = ONEX_ABI_MAJOR;
    node->host_.abi_minor = ONEX_ABI_MINOR;
    node->host_.ctx = self;
    node->host_.version = "onex-host";
    node->host_.get_service = [](void* ctx, onex_str id) -> const void* {
        return find_service(*node_of(ctx).tables_, view(id), node_of(ctx).with_sql());
    };
    for (const auto* needed = entry.requires_services; needed && *needed; ++needed) {
        if (find_service(tables, *needed, options.with_sql)) continue;
        return fail("FAILED_PRECONDITION",
                    "node " + section.name + " (" + entry.id + ") needs the service " + *needed +
                        ", which it is not given here; the store is for installed plugins and "
                        "those listed in [host] sql_plugins");
    }
    onex_create_args args{};
    args.struct_size = sizeof(args);
    args.generation = options.generation;
    args.node = view(std::string_view(section.name));
    ErrorRoom room;
    const auto scope = node->crash_scope("create");
    const auto status = node->image_->create(node->host_, args, node->node_, room.abi);
    if (status < 0 || !node->node_) {
        node->node_ = nullptr;
        auto error = room.error(status, "create of " + section.name);
        error.message =
            "node " + section.name + " (" + entry.id + ") could not be made: " + error.message;
        return std::unexpected(std::move(error));
    }
    if (!is_whole(*node->node_)) {
        node->node_ = nullptr;  // Nothing of it can be called, not even its end.
        return fail("FAILED_PRECONDITION",
                    "node " + section.name + " (" + entry.id +
                        ") was made without all functions of ABI 1.0; report it to its author");
    }
    return node;
}

NodeInstance::~NodeInstance() {
    // Made, but the host never came to start it.
    if (!node_) return;
    const auto scope = crash_scope("destroy");
    NodeTags::Control control(tags_, "destroy", {State::made});
    node_->destroy(node_->self);
}

Result<void> NodeInstance::start() {
    const ControlTurn turn(control_);
    if (!node_) return fail("FAILED_PRECONDITION", "node " + name() + " has ended");
    const auto scope = crash_scope("start");
    NodeTags::Control control(tags_, "start", {State::made});
    ErrorRoom room;
    const auto status = node_->start(node_->self, &room.abi);
    if (status < 0) return std::unexpected(room.error(status, "start of " + name()));
    control.done(State::started);
    auto made = Phase::made;  // Unless its end has begun meanwhile.
    phase_.compare_exchange_strong(made, Phase::serving);
    started_ = true;
    since_us_ = now_us();
    return {};
}

Result<void> NodeInstance::quiesce() {
    const ControlTurn turn(control_);
    if (!started_) return {};
    const auto scope = crash_scope("quiesce");
    NodeTags::Control control(tags_, "quiesce", {State::started, State::quiesced});
    ErrorRoom room;
    const auto status = node_->quiesce(node_->self, &room.abi);
    if (status < 0) return std::unexpected(room.error(status, "quiesce of " + name()));
    control.done(State::quiesced);
    return {};
}

Result<void> NodeInstance::resume() {
    const ControlTurn turn(control_);
    if (!started_) return {};
    // Also of one whose quiesce failed halfway.
    const auto scope = crash_scope("resume");
    NodeTags::Control control(tags_, "resume", {State::quiesced, State::started});
    ErrorRoom room;
    const auto status = node_->resume(node_->self, &room.abi);
    if (status < 0) return std::unexpected(room.error(status, "resume of " + name()));
    control.done(State::started);
    return {};
}

const onex_state_v1* NodeInstance::state_table() const {
    const auto scope = crash_scope("get_interface");
    return static_cast<const onex_state_v1*>(
        node_->get_interface(node_->self, view(std::string_view(ONEX_STATE_ID))));
}

bool NodeInstance::has_state() const {
    return state_table() != nullptr;
}

Result<SavedState> NodeInstance::save() {
    const ControlTurn turn(control_);
    if (!started_) return fail("FAILED_PRECONDITION", "node " + name() + " does not run");
    const auto scope = crash_scope("save");
    const NodeTags::Control control(tags_, "save", {State::quiesced});
    SavedState out;
    TextWriter writer(kStateBytesMax);
    ErrorRoom room;
    const auto status = state_table()->save(node_->self, &writer.abi, &out.schema, &room.abi);
    if (status < 0) return std::unexpected(room.error(status, "saving the state of " + name()));
    out.bytes = std::move(writer.text);
    return out;
}

Result<void> NodeInstance::load(const SavedState& from) {
    const ControlTurn turn(control_);
    if (!node_) return fail("FAILED_PRECONDITION", "node " + name() + " has ended");
    const auto* table = state_table();
    if (!table) {
        return fail("FAILED_PRECONDITION",
                    "the new version of " + name() +
                        " offers no onex.state/1: the state of the running one would be lost");
    }
    const auto scope = crash_scope("load");
    const NodeTags::Control control(tags_, "load", {State::made});
    const onex_bytes bytes{reinterpret_cast<const std::uint8_t*>(from.bytes.data()),
                           from.bytes.size()};
    ErrorRoom room;
    const auto status = table->load(node_->self, from.schema, bytes, &room.abi);
    if (status < 0)
        return std::unexpected(room.error(status, "loading the saved state into " + name()));
    return {};
}

std::string NodeInstance::busy_with() const {
    std::string out;
    for (const auto& request : runtime_.tokens.all()) {
        if (request->parts().node_instance != this) continue;
        out += (out.empty() ? "" : ", ") + request->parts().operation;
    }
    return out;
}

std::shared_ptr<void> NodeInstance::enter(bool inner) {
    auto place = hold();
    requests_->count.fetch_add(1);
    std::shared_ptr<void> request(this, [place, counted = requests_](void*) mutable {
        if (counted->count.fetch_sub(1) == 1) {
            const std::scoped_lock lock(counted->mutex);
            counted->idle.notify_all();
        }
        place.reset();
    });
    // Counted first, looked second: whoever closes the gate and then waits for zero misses nobody.
    const auto now = phase_.load();
    return now == Phase::serving || (now == Phase::gated && inner) ? request : nullptr;
}

std::shared_ptr<void> NodeInstance::hold() {
    in_flight_->count.fetch_add(1);
    // The place keeps the node itself alive, too; the count's owner may only go when it is 0.
    return {this, [self = shared_from_this(), count = in_flight_](void*) mutable {
                self.reset();
                if (count->count.fetch_sub(1) == 1) {
                    const std::scoped_lock lock(count->mutex);
                    count->idle.notify_all();
                }
            }};
}

std::shared_ptr<void> NodeInstance::work() {
    working_.fetch_add(1);
    return {this, [hold = hold()](void* self) {
                static_cast<NodeInstance*>(self)->working_.fetch_sub(1);
            }};
}

bool NodeInstance::is_busy() const {
    return requests_in_flight() != 0 || working_.load() != 0 || !calls.empty();
}

bool NodeInstance::wait_zero(InFlight& counted, SteadyClock::time_point deadline) {
    std::unique_lock lock(counted.mutex);
    return counted.idle.wait_until(
        lock, deadline, [&counted] { return counted.count.load() == 0; });
}

bool NodeInstance::wait_requests(SteadyClock::time_point deadline) {
    return wait_zero(*requests_, deadline);
}

onex_status NodeInstance::invoke(const onex_request& request, Error& error) {
    tags_.check_invoke();
    ErrorRoom room;
    const auto status = node_->invoke(node_->self, &request, &room.abi);
    if (status < 0) error = room.error(status, "invoke of " + name());
    return status;
}

void NodeInstance::end_subscriptions() {
    for (auto& [handle, subscription] :
         subscriptions.take_if([](const Subscription&) { return true; })) {
        subscription->end();
    }
}

void NodeInstance::drop_background_work() {
    for (auto& [handle, task] : tasks.take_if([](const Task&) { return true; }))
        task->cancel();
    end_subscriptions();
}

void NodeInstance::drop_handles() {
    const auto own = [this](const auto& held) { return held.hold.get() == this; };
    (void)runtime_.streams.take_if(own);
    (void)runtime_.transactions.take_if(own);
}

void NodeInstance::shut_down(SteadyClock::time_point deadline) {
    set_phase(Phase::stopped);
    const ControlTurn turn(control_);
    if (!node_) return;
    if (started_) {
        const auto scope = crash_scope("stop");
        NodeTags::Control control(tags_, "stop", {State::started, State::quiesced});
        node_->stop(node_->self);
        control.done(State::stopped);
        started_ = false;  // A call that waited for its turn does nothing any more.
    }
    drop_background_work();
    if (!wait_zero(*in_flight_, deadline)) {
        for (const auto& request : runtime_.tokens.all()) {
            if (request->parts().node_instance == this) request->cancel();
        }
        for (const auto& call : calls.all())
            call->cancel->cancel();
        drop_background_work();
        drop_handles();
        if (!wait_zero(*in_flight_, SteadyClock::now() + std::chrono::seconds(5))) {
            const auto held = busy_with();
            log(LogLevel::warn,
                "node " + name() + " does not give back: " + (held.empty() ? "a task" : held) +
                    "; its library stays mapped");
            new std::shared_ptr<NodeInstance>(shared_from_this());  // Deliberately kept for ever.
            return;
        }
    }
    const auto scope = crash_scope("destroy");
    NodeTags::Control control(tags_, "destroy", {State::made, State::stopped});
    node_->destroy(node_->self);
    control.done(State::destroyed);
    node_ = nullptr;
}

}  // namespace onex::host
