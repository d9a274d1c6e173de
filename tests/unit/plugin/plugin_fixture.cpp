#include "tests/unit/plugin/plugin_fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>

namespace onex::host::test {

namespace {

constexpr const char* kContract = R"(
schema_version: "2.0"
node_identity: {name: scripted, node_type: effect, version: "1.0.0", description: What a test says}
io_operations:
  - name: work
    description: Whatever
    http: {method: POST, path: /work}
    auth: hmac
    original_signature: true
    timeout_ms: 20000
    input: {type: object, properties: {n: {type: integer, default: 7}}}
    output: {type: object, properties: {n: {type: integer}}}
  - name: inner
    description: Called by others
    timeout_ms: 20000
    input: {type: object}
    output: {type: object}
  - name: quick
    description: On the I/O thread
    http: {method: GET, path: /quick}
    auth: none
    nonblocking: true
    input: {type: object}
    output: {type: object}
  - name: brief
    description: Has little time
    timeout_ms: 100
    input: {type: object}
    output: {type: object}
  - name: moving
    description: Has little time without progress
    timeout_ms: 1000
    progress: true
    input: {type: object}
    output: {type: object}
  - name: fill
    description: Streams in
    http: {method: POST, path: /fill}
    auth: hmac
    original_signature: true
    stream_in: true
    input: {type: object}
    output: {type: object}
  - name: pour
    description: Streams out
    stream_out: true
    remote: true
    input: {type: object}
    output: {type: object}
)";

Script* next_script = nullptr;

Script& of(void* self) {
    return *static_cast<Script*>(self);
}

onex_status fine(void*, onex_error*) {
    return ONEX_OK;
}

onex_status invoke(void* self, const onex_request* request, onex_error*) {
    const std::string_view name(request->operation.data, request->operation.size);
    const auto found = of(self).operations.find(name);
    return found == of(self).operations.end() ? ONEX_E_UNIMPLEMENTED : found->second(*request);
}

onex_status create(const onex_host* host,
                   const onex_create_args*,
                   const onex_node** out,
                   onex_error*) {
    static onex_node made{};
    made.struct_size = sizeof(made);
    made.self = next_script;
    made.start = fine;
    made.quiesce = [](void* self, onex_error*) -> onex_status {
        if (of(self).on_quiesce) of(self).on_quiesce();
        return ONEX_OK;
    };
    made.resume = [](void* self, onex_error*) -> onex_status {
        if (of(self).on_resume) of(self).on_resume();
        return ONEX_OK;
    };
    made.get_interface = [](void*, onex_str) -> const void* { return nullptr; };
    made.stop = [](void* self) { ++of(self).stopped; };
    made.destroy = [](void* self) { ++of(self).destroyed; };
    made.invoke = invoke;
    next_script->host = host;
    *out = &made;
    return ONEX_OK;
}

const char* const kNone[] = {nullptr};
const onex_plugin_entry kEntry{sizeof(onex_plugin_entry),
                               ONEX_PLUGIN_MAGIC,
                               ONEX_ABI_MAJOR,
                               0,
                               0,
                               "scripted",
                               "1.0.0",
                               "",
                               kContract,
                               kNone,
                               kNone,
                               create};

/// A plugin that is only a table.
class TableImage final : public PluginImage {
  public:
    [[nodiscard]] const onex_plugin_entry& entry() const override { return kEntry; }
    [[nodiscard]] const std::string& file() const override { return none_; }
    [[nodiscard]] const std::string& copy() const override { return none_; }
    [[nodiscard]] const std::string& digest() const override { return none_; }
    [[nodiscard]] std::string isolation() const override { return "inproc"; }

  private:
    std::string none_;
};

}  // namespace

onex_status Script::answer(onex_token token, const std::string& output) const {
    const auto* call = table<onex_call_v1>(ONEX_CALL_ID);
    const onex_answer said{sizeof(onex_answer), 0, abi(output)};
    return call->answer(call->ctx, token, &said);
}

onex_status Script::answer_error(onex_token token,
                                 const std::string& code,
                                 const std::string& why) const {
    const auto* call = table<onex_call_v1>(ONEX_CALL_ID);
    const onex_failure failure{sizeof(onex_failure), 0, abi(code), abi(why), abi("")};
    return call->answer_error(call->ctx, token, &failure);
}

Slot::Slot() {
    error.struct_size = sizeof(error);
    error.code = code_;
    error.code_capacity = sizeof(code_);
    error.message = message_;
    error.message_capacity = sizeof(message_);
    writer.struct_size = sizeof(writer);
    writer.ctx = this;
    writer.append = [](void* self, const void* data, std::uint64_t size) -> onex_status {
        static_cast<Slot*>(self)->text.append(static_cast<const char*>(data), size);
        return ONEX_OK;
    };
}

void PluginTest::SetUp() {
    StoreTest::SetUp();
    for (int i = 0; i < 2; ++i)
        threads.emplace_back([this] { io.run(); });
    bus = std::make_unique<EventBus>(*store, "id", "laptop", std::chrono::milliseconds(1));
    auto opened = Blobs::open(folder.path() + "/blobs");
    ASSERT_TRUE(opened);
    blobs = std::move(*opened);
    keys_store = std::make_unique<FullStore>(*store);
    keys = std::make_unique<OperationKeys>(*keys_store, "boot");
    http = make_http_client(io.get_executor(), {});
    workers = std::make_unique<Workers>("work", 32, 64);
    peer_workers = std::make_unique<Workers>("peer", 8, 8);
    runtime = std::unique_ptr<Runtime>(new Runtime{config,
                                                   {"laptop", "id", "boot", "ns", "test", "amd64"},
                                                   io.get_executor(),
                                                   *workers,
                                                   *peer_workers,
                                                   *http,
                                                   *store,
                                                   *bus,
                                                   *blobs,
                                                   metrics,
                                                   *keys,
                                                   processes,
                                                   nullptr,
                                                   nullptr,
                                                   {},
                                                   {},
                                                   {}});
    peers = std::make_unique<Peers>(*runtime, std::vector<SigningKey>{});
    dispatcher = std::make_unique<Dispatcher>(*runtime);
    runtime->peers = peers.get();
    runtime->dispatcher = dispatcher.get();
    begin_node();
}

void PluginTest::begin_node() {
    next_script = &script;
    NodeSection section;
    section.name = "scripted";
    section.plugin = "scripted";
    section.settings = {};
    auto made = NodeInstance::create(
        *runtime, section, std::make_shared<TableImage>(), CreateOptions{true, ++generation});
    ASSERT_TRUE(made) << made.error().message;
    node = std::move(*made);
    dispatcher->set_nodes({node});
    ASSERT_TRUE(node->start());
}

void PluginTest::end_node(std::int64_t ms) {
    std::promise<void> ended;
    ASSERT_TRUE(workers->post([&] {
        node->shut_down(deadline_in(ms));
        ended.set_value();
    }));
    ended.get_future().wait();
}

void PluginTest::TearDown() {
    end_node();
    EXPECT_EQ(node->in_flight(), 0);
    EXPECT_EQ(script.destroyed, 1);
    http.reset();
    workers.reset();
    peer_workers.reset();
    dispatcher->set_nodes({});
    node.reset();
    bus.reset();
    work.reset();
    io.stop();
    for (auto& thread : threads)
        thread.join();
}

Invocation PluginTest::invocation(const std::string& operation, const std::string& input) {
    auto found = dispatcher->find("", operation);
    EXPECT_TRUE(found);
    Invocation call;
    call.node = found->node;
    call.operation = found->operation;
    call.input = boost::json::parse(input);
    call.correlation_id = "test";
    return call;
}

std::future<Outcome> PluginTest::run_async(Invocation call) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    auto future = promise->get_future();
    boost::asio::co_spawn(
        io.get_executor(),
        dispatcher->invoke(std::move(call)),
        [promise](std::exception_ptr, Outcome outcome) { promise->set_value(std::move(outcome)); });
    return future;
}

Outcome PluginTest::run(Invocation call) {
    return run_async(std::move(call)).get();
}

void PluginTest::inside(const std::function<void(const onex_request&)>& work) {
    script.operations["work"] = [&](const onex_request& request) {
        work(request);
        return script.answer(request.token, "{}");
    };
    const auto outcome = run("work");
    EXPECT_EQ(code(outcome), "ok");
}

}  // namespace onex::host::test
