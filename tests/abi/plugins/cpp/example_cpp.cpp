// A node in C++: one operation, one that answers later, one that streams, and state that a reload
// keeps.
#include <onex/node.hpp>

#include <atomic>
#include <charconv>

namespace {

class Example : public onex::Node, public onex::Stateful {
  public:
    Example(const onex_host* host, const onex_create_args* args) : Node(host, args) {
        add("count", [this](onex::Request&) -> onex::Result<onex::Answer> {
            return onex::Answer{"{\"count\":" + std::to_string(++count_) + "}"};
        });
        add("later", [this](onex::Request& request) { return later(request); });
        add("lines", [](onex::Request& request) { return lines(request); });
    }

    onex::Result<State> save_state() override { return State{1, std::to_string(count_.load())}; }
    onex::Result<void> load_state(std::uint32_t schema, std::string_view bytes) override {
        std::uint64_t count = 0;
        const auto* const end = bytes.data() + bytes.size();
        const auto read = std::from_chars(bytes.data(), end, count);
        if (schema != 1 || read.ec != std::errc{} || read.ptr != end) {
            return onex::fail("VALIDATION_ERROR", "not a state of schema 1; start without it");
        }
        count_ = count;
        return {};
    }

  private:
    onex::Result<onex::Answer> later(onex::Request& request) {
        // A std::function must be copyable, so the responder is shared.
        auto responder = std::make_shared<onex::Responder>(request.responder());
        // A refused task drops the responder, and that answers UNAVAILABLE.
        (void)host().after(20, [responder] { responder->answer("{\"late\":true}"); });
        return onex::Request::later();
    }
    static onex::Result<onex::Answer> lines(onex::Request& request) {
        for (const auto* line : {"one\n", "two\n", "three\n"}) {
            if (auto done = request.stream_out().write(line, request.wait()); !done) {
                return std::unexpected(done.error());
            }
        }
        return onex::Answer{};
    }

    std::atomic<std::uint64_t> count_{0};
};

ONEX_PLUGIN(Example, "example_cpp", "1.0.0", ONEX_CALL_ID, ONEX_EXEC_ID, ONEX_STREAM_ID);

}  // namespace
