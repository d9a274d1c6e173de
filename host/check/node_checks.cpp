// What a node has to bear, in a host that is only memory and may refuse anything.
#include "host/check/driven_node.hpp"
#include "host/check/random_values.hpp"
#include "host/contract/contract.hpp"
#include "host/plugin/library.hpp"

#include <onex/testing.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <optional>
#include <sstream>

namespace onex::host::check {

namespace {

using testing::FakeHost;
using testing::FakeNode;

constexpr int kInstances = 200;
constexpr int kValidCalls = 8;
constexpr int kStartCallsMax = 64;
constexpr std::size_t kHugeBytes = 1 << 20;
constexpr std::size_t kDeep = 10'000;
constexpr std::size_t kGarbageBytes = 64 << 10;

/// One node of the plugin, in a host of its own; started if it likes.
struct Running {
    explicit Running(const std::string& file, const std::string& settings = "")
        : loaded(load(file)) {
        if (!settings.empty()) host.settings = settings;
        auto made = FakeNode::create(loaded.library->entry(), host, "check");
        if (!made) throw std::runtime_error("create: " + made.error().message);
        node = std::move(*made);
    }
    Loaded loaded;
    FakeHost host;
    std::unique_ptr<FakeNode> node;
};

std::vector<std::pair<const char*, std::string>> inputs() {
    return {
        {"an empty object", "{}"},
        {"no text at all", ""},
        {"what is no JSON", "}{ this is no JSON"},
        {"a JSON array", "[1, 2, 3]"},
        {"a huge text", R"({"name": ")" + std::string(kHugeBytes, 'x') + "\"}"},
        {"deep JSON", std::string(kDeep, '[') + std::string(kDeep, ']')},
        {"64 KiB of 0xFF", std::string(kGarbageBytes, '\xFF')},
    };
}

/// Calls it once and waits for the answer; empty if all is well.
std::string answered_once(Running& run,
                          const std::string& operation,
                          const std::string& input,
                          bool with_streams,
                          bool cancelled) {
    FakeNode::CallOptions options;
    options.stream_in = with_streams ? std::string("these bytes mean nothing") : std::string();
    options.has_stream_in = with_streams;
    options.has_stream_out = with_streams;
    const auto token = run.node->begin(operation, input, options);
    if (cancelled) run.host.cancel_request(token);
    const auto end = run.host.now_ms() + 3'600'000;
    while (!run.node->answered(token) && run.host.advance_to_next(end)) {
    }
    auto answer = run.node->answered(token);
    if (!answer) {  // A task that is dropped must not take the request with it.
        run.host.drop_everything();
        answer = run.node->answered(token);
    }
    if (!answer) return "is never answered";
    if (answer->times != 1) return "is answered " + std::to_string(answer->times) + " times";
    return "";
}

}  // namespace

std::vector<std::string> operations_of(const std::string& file) {
    // In a child, because the caller may be the process that loads nothing.
    const auto told = in_child("operations", 20, [&] {
        const auto loaded = load(file);
        const auto contract = read_node_contract(loaded.library->entry().contract, "contract");
        if (!contract) return failed(contract.error().message);
        Verdict verdict;
        for (const auto& operation : contract->operations)
            verdict.detail += operation.name + "\n";
        return verdict;
    });
    std::vector<std::string> out;
    if (told.state != State::passed) return out;
    std::istringstream in(told.detail);
    for (std::string line; std::getline(in, line);)
        out.push_back(line);
    return out;
}

std::string complete_settings(const onex_plugin_entry& entry, const std::string& settings) {
    const auto contract = read_node_contract(entry.contract, "contract");
    boost::system::error_code ec;
    auto value = boost::json::parse(settings.empty() ? "{}" : settings, ec);
    // What doesn't fit is handed over as it is; check_settings() tells of it.
    if (ec || !contract || !contract->settings.check(value)) return settings;
    return boost::json::serialize(value);
}

void call_validly(DrivenNode& node, const NodeContract& contract) {
    for (const auto& operation : contract.operations) {
        Dice dice(1, operation.name, 0);
        for (int i = 0; i < kValidCalls; ++i) {
            std::optional<std::string> stream;
            if (operation.stream_in || operation.stream_out) stream = random_bytes(dice, 2000);
            node.call(operation.name, valid_input(operation.input, dice), std::move(stream));
        }
    }
}

Verdict check_settings(const std::string& file, const std::string& settings) {
    const auto loaded = load(file);
    const auto contract = read_node_contract(loaded.library->entry().contract, "contract");
    if (!contract) return failed(contract.error().message);
    boost::system::error_code ec;
    auto value = boost::json::parse(settings, ec);
    if (ec) return failed("the settings are no JSON");
    if (const auto fit = contract->settings.check(value); !fit) return failed(fit.error().message);
    return passed();
}

Verdict check_create(const std::string& file, const std::string& settings) {
    const auto complete = complete_settings(load(file).library->entry(), settings);
    Running run(file, complete);
    run.node.reset();
    if (run.host.held() != 0) return failed("a destroyed node leaves buffers behind");
    return passed();
}

Verdict check_missing_services(const std::string& file) {
    const auto loaded = load(file);
    const auto& entry = loaded.library->entry();
    for (const auto* id = entry.requires_services; *id != nullptr; ++id) {
        FakeHost host;
        host.withheld.insert(*id);
        if (FakeNode::create(entry, host, "check"))
            return failed("create succeeds without " + std::string(*id) + ", which it requires");
    }
    // Whatever is not required may be missing.
    FakeHost least;
    for (const auto* id : {ONEX_LOG_ID,
                           ONEX_CONFIG_ID,
                           ONEX_EXEC_ID,
                           ONEX_CALL_ID,
                           ONEX_STREAM_ID,
                           ONEX_HTTP_ID,
                           ONEX_BLOB_ID,
                           ONEX_STORE_ID,
                           ONEX_EVENTS_ID,
                           ONEX_METRICS_ID,
                           ONEX_CLOCK_ID,
                           ONEX_PROCESS_ID,
                           ONEX_CONTRACT_ID,
                           ONEX_KV_ID})
        least.withheld.insert(id);
    for (const auto* id = entry.requires_services; *id != nullptr; ++id)
        least.withheld.erase(*id);
    const auto made = FakeNode::create(entry, least, "check");
    if (!made) return failed("with the required services alone, create: " + made.error().message);
    return passed();
}

Verdict check_interfaces(const std::string& file) {
    const Running run(file);
    for (const auto* id : {"",
                           "onex",
                           "onex.state",
                           "onex.state/",
                           "onex.state/0",
                           "onex.state/12",
                           "onex.state/1x",
                           "ONEX.STATE/1",
                           "other.thing/1"}) {
        if (run.node->get_interface(id) != nullptr)
            return failed("offers an interface under the unknown id `" + std::string(id) + "`");
    }
    return passed();
}

Verdict check_bad_settings(const std::string& file) {
    const auto loaded = load(file);
    const auto& entry = loaded.library->entry();
    onex_create_args args{};
    args.struct_size = sizeof(args);
    args.generation = 1;
    args.node = to_abi("check");
    for (const auto* settings : {"", "[]", "null", "{\"", "{\"x\":"}) {
        FakeHost host;
        host.settings = settings;
        const onex_node* node = nullptr;
        ErrorSlot error;
        const auto status = entry.create(host.abi(), &args, &node, error.get());
        if (status >= 0 && node != nullptr)
            node->destroy(node->self);
        else if (error.get()->message_size == 0)
            return failed(std::string("refuses the settings `") + settings + "` without a reason");
    }
    return passed();
}

Verdict check_many_instances(const std::string& file) {
    const auto loaded = load(file);
    for (int i = 0; i < kInstances; ++i) {
        FakeHost host;
        const auto first = FakeNode::create(loaded.library->entry(), host, "first");
        const auto second = FakeNode::create(loaded.library->entry(), host, "second");
        if (!first || !second) {
            return failed("create fails the " + std::to_string(i + 1) +
                          "th time: " + (first ? second.error().message : first.error().message));
        }
    }
    return passed();
}

Verdict check_life(const std::string& file) {
    Running run(file);
    if (const auto done = run.node->start(); !done) return failed("start: " + done.error().message);
    for (int i = 0; i < 2; ++i) {
        if (const auto done = run.node->quiesce(); !done)
            return failed("quiesce: " + done.error().message);
        if (const auto done = run.node->resume(); !done)
            return failed("resume: " + done.error().message);
    }
    run.host.advance(60'000);
    if (const auto done = run.node->quiesce(); !done)
        return failed("quiesce: " + done.error().message);
    run.node->stop();
    run.node.reset();
    if (run.host.held() != 0) return failed("a stopped node leaves buffers behind");
    return passed();
}

Verdict check_start_half_way(const std::string& file, const std::string& settings) {
    const auto loaded = load(file);
    const auto& entry = loaded.library->entry();
    const auto complete = complete_settings(entry, settings);
    for (int calls = 0; calls < kStartCallsMax; ++calls) {
        FakeHost host;
        if (!complete.empty()) host.settings = complete;
        DrivenNode node(entry, host);
        host.refusal = Error{"UNAVAILABLE", "the host refuses the rest", {}, {}};
        host.calls_before_refusal = calls;
        (void)node.start();  // Failing is fine, and going on with less, too.
        const bool refused = host.calls_before_refusal < 0;
        host.refusal = {};
        node.end();
        if (host.held() != 0) {
            return failed("after " + std::to_string(calls) +
                          " calls that the host granted, start leaves something behind");
        }
        if (!refused) break;
    }
    return passed();
}

Verdict check_refusing_host(const std::string& file) {
    Running run(file);
    run.host.refusal = Error{"UNAVAILABLE", "the host refuses everything", {}, {}};
    (void)run.node->start();  // Failing is fine; crashing and hanging are not.
    for (const auto& operation : operations_of(file)) {
        const auto wrong = answered_once(run, operation, "{}", true, false);
        if (!wrong.empty()) return failed(operation + " " + wrong);
    }
    return passed();
}

Verdict check_operation(const std::string& file, const std::string& operation) {
    Running run(file);
    (void)run.node->start();
    for (const auto& [what, input] : inputs()) {
        for (const bool with_streams : {false, true}) {
            for (const bool cancelled : {false, true}) {
                const auto wrong = answered_once(run, operation, input, with_streams, cancelled);
                if (!wrong.empty()) return failed(std::string("with ") + what + " it " + wrong);
            }
        }
    }
    return passed();
}

}  // namespace onex::host::check
