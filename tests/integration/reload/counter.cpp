// One plugin in many variants. Which one stands in a text that the tests change in their copy of
// the library, so that one build gives them all.
#include <onex/node.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace {

// volatile: read from the file as it was loaded.
const volatile char kVariant[] = "variant:one             ";

std::string variant() {
    std::string text;
    for (const volatile char* at = kVariant + sizeof("variant:") - 1; *at != ' '; ++at)
        text += *at;
    return text;
}

/// Until its stack is full.
// NOLINTNEXTLINE(misc-no-recursion): that is what it is for
int climb(int step) {
    volatile char room[4096];
    room[0] = static_cast<char>(step);
    const int above = step > 0 ? climb(step + (room[0] == 0 ? 2 : 1)) : 0;
    return above + room[0];
}

#ifdef COUNTER_KEEPS_STATE
class CounterBase : public onex::Node, public onex::Stateful {
    using Node::Node;
};
#else
/// The same functions, which nobody calls.
class CounterBase : public onex::Node {
    using Node::Node;

  public:
    virtual onex::Result<onex::Stateful::State> save_state() = 0;
    virtual onex::Result<void> load_state(std::uint32_t schema, std::string_view bytes) = 0;
};
#endif

class Counter : public CounterBase {
  public:
    Counter(const onex_host* host, const onex_create_args* args) : CounterBase(host, args) {
        if (variant() == "throws") throw std::runtime_error("it throws in create");
        if (variant() == "crashes") (void)std::raise(SIGSEGV);
        while (variant() == "hangs")
            ::pause();
        add("count", [this](onex::Request&) -> onex::Result<onex::Answer> {
            if (variant() == "internal") return onex::fail("INTERNAL", "this one is wrong");
            return onex::Answer{"{\"count\":" + std::to_string(++count_) + ",\"variant\":\"" +
                                variant() + "\"}"};
        });
        add("later", [this](onex::Request& request) { return later(request); });
        add("hold", [](onex::Request& request) { return hold(request); });
        add("limits", [](onex::Request&) { return limits(); });
        add("climb", [](onex::Request&) -> onex::Result<onex::Answer> {
            return onex::Answer{"{\"height\":" + std::to_string(climb(1)) + "}"};
        });
        add("crash", [](onex::Request&) -> onex::Result<onex::Answer> {
            (void)std::raise(SIGSEGV);
            return onex::Answer{};
        });
    }

    onex::Result<void> quiesce() override {
        if (variant() == "quiet") (void)std::raise(SIGSEGV);
        return {};
    }
    onex::Result<onex::Stateful::State> save_state() override {
        return onex::Stateful::State{variant() == "newer" ? 2U : 1U, std::to_string(count_.load())};
    }
    onex::Result<void> load_state(std::uint32_t schema, std::string_view bytes) override {
        if (schema > 1 && variant() != "newer")
            return onex::fail("VALIDATION_ERROR", "this schema is newer");
        if (variant() == "forgets") return onex::fail("VALIDATION_ERROR", "it does not know this");
        std::uint64_t count = 0;
        std::from_chars(bytes.data(), bytes.data() + bytes.size(), count);
        count_ = count;
        return {};
    }

  private:
    onex::Result<onex::Answer> later(onex::Request& request) {
        auto responder = std::make_shared<onex::Responder>(request.responder());
        (void)host().after(
            5, [responder] { responder->answer("{\"variant\":\"" + variant() + "\"}"); });
        return onex::Request::later();
    }
    static onex::Result<onex::Answer> hold(onex::Request& request) {
        std::uint64_t bytes = 0;
        while (true) {
            auto chunk = request.stream_in().read(request.wait());
            if (!chunk) return std::unexpected(chunk.error());
            if (!*chunk) break;
            bytes += chunk->text().size();
        }
        return onex::Answer{"{\"bytes\":" + std::to_string(bytes) + ",\"variant\":\"" + variant() +
                            "\"}"};
    }

    static onex::Result<onex::Answer> limits() {
        rlimit files{};
        rlimit memory{};
        ::getrlimit(RLIMIT_NOFILE, &files);
        ::getrlimit(RLIMIT_AS, &memory);
        // More than any limit of the tests, and never touched. Volatile, or an optimizer leaves
        // the allocation out.
        void* volatile much = std::malloc(std::size_t{3} << 30U);
        const bool got = much != nullptr;
        std::free(much);
        return onex::Answer{"{\"files\":" + std::to_string(files.rlim_cur) + ",\"bytes\":" +
                            std::to_string(static_cast<std::int64_t>(memory.rlim_cur)) +
                            ",\"got\":" + (got ? "true" : "false") + "}"};
    }

    std::atomic<std::uint64_t> count_{0};
};

ONEX_PLUGIN(Counter, "counter", "1.0.0", ONEX_CALL_ID, ONEX_EXEC_ID, ONEX_STREAM_ID);

}  // namespace
