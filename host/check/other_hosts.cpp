// Hosts of other minors: tables that are longer than the plugin knows, and such as have nothing
// behind their end.
#include "host/check/driven_node.hpp"
#include "host/contract/contract.hpp"
#include "host/plugin/library.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <memory>

namespace onex::host::check {

namespace {

using testing::FakeHost;

/// A copy of a table that ends where its page ends: whoever reads further crashes.
class AtTheEdge {
  public:
    explicit AtTheEdge(const void* table) : page_(static_cast<std::size_t>(::getpagesize())) {
        std::uint32_t size = 0;  // Every table begins with its own.
        std::memcpy(&size, table, sizeof(size));
        if (size > page_) throw std::runtime_error("a table is larger than a page");
        memory_ =
            ::mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory_ == MAP_FAILED) throw std::runtime_error("no memory for a table");
        auto* end = static_cast<char*>(memory_) + page_;
        ::mprotect(end, page_, PROT_NONE);
        copy_ = end - size;
        std::memcpy(copy_, table, size);
    }
    ~AtTheEdge() { ::munmap(memory_, 2 * page_); }
    AtTheEdge(const AtTheEdge&) = delete;  // Owns a mapping.
    AtTheEdge& operator=(const AtTheEdge&) = delete;
    [[nodiscard]] const void* get() const { return copy_; }

  private:
    std::size_t page_;
    void* memory_ = nullptr;
    char* copy_ = nullptr;
};

/// The oldest host that a plugin says it can live with.
class OlderHost : public FakeHost {
  public:
    explicit OlderHost(const onex_plugin_entry& entry) {
        auto shown = *abi();
        shown.abi_minor = entry.abi_minor_needed;
        shown.ctx = this;
        shown.get_service = [](void* ctx, onex_str id) -> const void* {
            auto& host = *static_cast<OlderHost*>(ctx);
            const auto* table = host.abi()->get_service(host.abi()->ctx, id);
            if (table == nullptr) return nullptr;
            auto& copy = host.tables_[table];
            if (!copy) copy = std::make_unique<AtTheEdge>(table);
            return copy->get();
        };
        shown_ = std::make_unique<AtTheEdge>(&shown);
    }
    [[nodiscard]] const onex_host* shown() const {
        return static_cast<const onex_host*>(shown_->get());
    }

  private:
    std::unique_ptr<AtTheEdge> shown_;
    std::map<const void*, std::unique_ptr<AtTheEdge>> tables_;
};

}  // namespace

Verdict check_newer_host(const std::string& file) {
    const auto loaded = load(file);
    const FakeHost fake;
    // A host of a later minor: a longer struct, whose end means nothing to this plugin.
    struct {
        onex_host known;
        unsigned char unknown[256];
    } host;
    std::memset(&host, 0xA5, sizeof host);
    host.known = *fake.abi();
    host.known.struct_size = sizeof host;
    host.known.abi_minor = ONEX_ABI_MINOR + 7;
    onex_create_args args{};
    args.struct_size = sizeof(args);
    args.generation = 1;
    args.node = to_abi("check");
    const onex_node* node = nullptr;
    ErrorSlot error;
    const auto status = loaded.library->entry().create(&host.known, &args, &node, error.get());
    if (status < 0 || node == nullptr) return failed("create: " + error.error(status).message);
    node->destroy(node->self);
    return passed();
}

Verdict check_older_host(const std::string& file, const std::string& settings) {
    const auto loaded = load(file);
    const auto contract = read_node_contract(loaded.library->entry().contract, "contract");
    if (!contract) return failed(contract.error().message);
    OlderHost host(loaded.library->entry());
    if (const auto complete = complete_settings(loaded.library->entry(), settings);
        !complete.empty())
        host.settings = complete;
    DrivenNode node(loaded.library->entry(), host, host.shown());
    (void)node.start();
    call_validly(node, *contract);
    return passed();
}

}  // namespace onex::host::check
