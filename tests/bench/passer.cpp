// A node for ./x bench: hands a stream on, and calls another node many times.
#include <onex/json.hpp>

#include <chrono>

namespace {

class Passer : public onex::JsonNode {
  public:
    Passer(const onex_host* host, const onex_create_args* args) : JsonNode(host, args) {
        add("pass", [](onex::Request& request) { return pass(request); });
        add_json("calls", [this](onex::Request& request, const onex::json::object& input) {
            return calls(request, input);
        });
    }

  private:
    static onex::Result<onex::Answer> pass(onex::Request& request) {
        while (true) {
            auto chunk = request.stream_in().read(request.wait());
            if (!chunk) return std::unexpected(chunk.error());
            if (!*chunk) return onex::Answer{};
            auto written = request.stream_out().write(*chunk, request.wait());
            if (!written) return std::unexpected(written.error());
        }
    }
    /// Calls `greet` of one node, one after another.
    onex::Result<onex::json::object> calls(onex::Request& request,
                                           const onex::json::object& input) {
        const auto rounds = onex::get_number(input, "rounds");
        const auto start = std::chrono::steady_clock::now();
        for (std::int64_t i = 0; i < rounds; ++i) {
            onex::Call call;
            call.node = onex::get_text(input, "node");
            call.operation = "greet";
            call.input = R"({"name":"Ada"})";
            auto greeting = host().call(std::move(call), request.wait());
            if (!greeting) return std::unexpected(greeting.error());
        }
        const std::chrono::duration<double, std::micro> took =
            std::chrono::steady_clock::now() - start;
        return onex::json::object{{"us_a_call", took.count() / static_cast<double>(rounds)}};
    }
};

ONEX_PLUGIN(Passer, "passer", "1.0.0", ONEX_CALL_ID, ONEX_STREAM_ID);

}  // namespace
