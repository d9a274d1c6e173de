#include <onex/json.hpp>

namespace {

namespace json = onex::json;

std::string text_of(const json::value& value) {
    return std::string(value.as_string());
}

/// Keeps what it is told in its onex.kv/1.
class Keeper : public onex::JsonNode {
  public:
    Keeper(const onex_host* host, const onex_create_args* args) : JsonNode(host, args) {
        add_json("keep", [this](onex::Request&, const json::object& input) { return keep(input); });
        add_json("fill", [this](onex::Request&, const json::object& input) { return fill(input); });
        add_json("tell", [this](onex::Request&, const json::object& input) { return tell(input); });
        add_json("list", [this](onex::Request&, const json::object& input) { return list(input); });
    }

  private:
    onex::Result<json::object> keep(const json::object& input) {
        std::vector<onex::KvChange> changes;
        for (const auto& [key, value] : input.at("entries").as_object()) {
            if (value.is_null())
                changes.push_back({ONEX_KV_REMOVE, std::string(key), {}});
            else
                changes.push_back({ONEX_KV_PUT, std::string(key), text_of(value)});
        }
        for (const auto& [key, value] : input.at("new").as_object())
            changes.push_back({ONEX_KV_PUT_IF_ABSENT, std::string(key), text_of(value)});
        if (auto done = host().kv_write(changes); !done)
            return std::unexpected(std::move(done).error());
        return json::object{};
    }
    onex::Result<json::object> fill(const json::object& input) {
        const std::string value(input.at("bytes").to_number<std::size_t>(), 'x');
        if (auto done = host().kv_put(onex::get_text(input, "key"), value); !done)
            return std::unexpected(std::move(done).error());
        return json::object{};
    }
    onex::Result<json::object> tell(const json::object& input) {
        auto value = host().kv_get(onex::get_text(input, "key"));
        if (!value) return std::unexpected(std::move(value).error());
        return json::object{{"value", *value}};
    }
    onex::Result<json::object> list(const json::object& input) {
        auto entries = host().kv_scan(onex::get_text(input, "prefix"),
                                      onex::get_text(input, "after"),
                                      input.at("limit").to_number<std::uint32_t>());
        if (!entries) return std::unexpected(std::move(entries).error());
        json::array out;
        for (const auto& entry : *entries)
            out.push_back(json::array{entry.key, entry.value.size()});
        return json::object{{"entries", out}};
    }
};

ONEX_PLUGIN(Keeper, "keeper", "1.0.0", "onex.call/1", "onex.kv/1");

}  // namespace
