// What a node saves is what its successor loads, also when it has worked before, and when it can't
// be written.
#include "host/check/driven_node.hpp"
#include "host/contract/contract.hpp"
#include "host/plugin/library.hpp"

#include <algorithm>

namespace onex::host::check {

namespace {

constexpr std::size_t kCutsMax = 4096;
constexpr std::size_t kFullWritersMax = 64;

struct Saved {
    std::uint32_t schema = 0;
    std::string bytes;
    bool operator==(const Saved&) const = default;
};

Saved save(DrivenNode& node) {
    Saved out;
    StringWriter bytes;
    ErrorSlot error;
    const auto status = node.save(bytes.get(), &out.schema, error.get());
    if (status < 0) throw std::runtime_error("save: " + error.error(status).message);
    out.bytes = std::move(bytes.text);
    return out;
}

Result<void> load_into(DrivenNode& node, std::uint32_t schema, std::string_view bytes) {
    ErrorSlot error;
    const auto status = node.load(
        schema, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, error.get());
    if (status < 0) return error.fail(status);
    return {};
}

/// Does save() succeed where `room` bytes are all that can be written, in as many pieces as the
/// node likes?
bool fits_into(DrivenNode& node, std::size_t room) {
    onex_writer out{};
    out.struct_size = sizeof(out);
    out.ctx = &room;
    out.append = [](void* ctx, const void*, std::uint64_t size) -> onex_status {
        auto& left = *static_cast<std::size_t*>(ctx);
        if (size > left) return ONEX_E_EXHAUSTED;
        left -= static_cast<std::size_t>(size);
        return ONEX_OK;
    };
    ErrorSlot error;
    std::uint32_t schema = 0;
    return node.save(&out, &schema, error.get()) >= 0;
}

/// The state of a node that was never started; and what is no state.
std::string check_fresh(const onex_plugin_entry& entry, testing::FakeHost& host) {
    DrivenNode node(entry, host);
    const auto saved = save(node);
    DrivenNode next(entry, host);
    if (const auto done = load_into(next, saved.schema, saved.bytes); !done)
        return "load of its own state: " + done.error().message;
    if (save(next) != saved) return "save, load, save gives another state";
    if (load_into(next, saved.schema + 1, saved.bytes)) return "accepts a state of a newer schema";
    if (load_into(next, saved.schema, std::string(1000, '\xFF')))
        return "accepts garbage as its state";
    for (std::size_t size = 0; size < saved.bytes.size() && size < kCutsMax; ++size)
        (void)load_into(next, saved.schema, std::string_view(saved.bytes).substr(0, size));
    return "";
}

/// The state of a node that has worked, as a reload takes it over.
std::string check_worked(const onex_plugin_entry& entry,
                         testing::FakeHost& host,
                         const NodeContract& contract) {
    DrivenNode node(entry, host);
    if (!node.start()) return "";  // Another check tells.
    call_validly(node, contract);
    if (!node.quiesce()) return "quiesce fails";
    const auto saved = save(node);
    {
        DrivenNode next(entry, host);
        if (const auto done = load_into(next, saved.schema, saved.bytes); !done)
            return "load of its own state after work: " + done.error().message;
        if (save(next) != saved) return "save, load, save gives another state after work";
    }
    const auto step = std::max<std::size_t>(1, saved.bytes.size() / kFullWritersMax);
    for (std::size_t room = 0; room < saved.bytes.size(); room += step) {
        if (fits_into(node, room)) return "save succeeds though its writer was full";
    }
    // The reload failed: the old node goes on as it was.
    if (save(node) != saved) return "a save that fails changes its state";
    if (!node.resume()) return "resume after a save fails";
    return "";
}

}  // namespace

Verdict check_state(const std::string& file, const std::string& settings) {
    const auto loaded = load(file);
    const auto& entry = loaded.library->entry();
    const auto contract = read_node_contract(entry.contract, "contract");
    if (!contract) return failed(contract.error().message);
    testing::FakeHost host;
    if (const auto complete = complete_settings(entry, settings); !complete.empty())
        host.settings = complete;
    if (DrivenNode(entry, host).state() == nullptr) return skipped("has no onex.state/1");
    auto wrong = check_fresh(entry, host);
    if (wrong.empty()) wrong = check_worked(entry, host, *contract);
    return wrong.empty() ? passed() : failed(wrong);
}

}  // namespace onex::host::check
