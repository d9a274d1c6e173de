#include <onex/json.hpp>

namespace {

/// Greets whoever is named.
class Greeter : public onex::JsonNode {
  public:
    Greeter(const onex_host* host, const onex_create_args* args) : JsonNode(host, args) {
        const auto settings = onex::parse_object(this->host().settings());
        if (!settings) throw settings.error();
        greeting_ = onex::get_text(*settings, "greeting", "Hello");
        add_json("greet",
                 [this](onex::Request&, const onex::json::object& input) { return greet(input); });
    }

  private:
    onex::Result<onex::json::object> greet(const onex::json::object& input) {
        const auto name = onex::get_text(input, "name");
        if (name == "nobody") return onex::fail("NOT_FOUND", "nobody is not here; name somebody");
        return onex::json::object{{"text", greeting_ + ", " + name + "!"}};
    }

    std::string greeting_;
};

ONEX_PLUGIN(Greeter, "greeter", "1.0.0", "onex.call/1", "onex.config/1");

}  // namespace
