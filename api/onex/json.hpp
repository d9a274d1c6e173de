// JSON for nodes: Boost.JSON, compiled once into the static library onex_json. Optional.
#pragma once

#include <onex/node.hpp>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <string>
#include <string_view>

namespace onex __attribute__((visibility("hidden"))) {

    namespace json = boost::json;

    /// Parses `text`, which must be an object. Error: VALIDATION_ERROR.
    inline Result<json::object> parse_object(std::string_view text) {
        boost::system::error_code ec;
        json::parse_options options;
        options.max_depth = 64;
        auto value = json::parse(json::string_view(text.data(), text.size()), ec, {}, options);
        if (ec) return fail("VALIDATION_ERROR", "not valid JSON: " + ec.message());
        if (!value.is_object()) return fail("VALIDATION_ERROR", "expected a JSON object");
        return std::move(value.as_object());
    }

    /// The member `name` as text, number, bool or object; `fallback` when it is missing or of
    /// another type.
    inline std::string get_text(
        const json::object& object, std::string_view name, std::string_view fallback = {}) {
        const auto* value = object.if_contains(name);
        return value && value->is_string() ? std::string(value->as_string())
                                           : std::string(fallback);
    }
    inline std::int64_t get_number(
        const json::object& object, std::string_view name, std::int64_t fallback = 0) {
        const auto* value = object.if_contains(name);
        if (!value) return fallback;
        if (value->is_int64()) return value->as_int64();
        if (value->is_uint64()) return static_cast<std::int64_t>(value->as_uint64());
        if (value->is_double()) return static_cast<std::int64_t>(value->as_double());
        return fallback;
    }
    inline bool get_bool(const json::object& object, std::string_view name, bool fallback = false) {
        const auto* value = object.if_contains(name);
        return value && value->is_bool() ? value->as_bool() : fallback;
    }
    inline const json::object& get_object(const json::object& object, std::string_view name) {
        static const json::object none;
        const auto* value = object.if_contains(name);
        return value && value->is_object() ? value->as_object() : none;
    }

    /// A node whose operations take and return JSON objects.
    class JsonNode : public Node {
      public:
        using Node::Node;

      protected:
        using JsonOperation = std::function<Result<json::object>(Request&, const json::object&)>;
        /// Adds an operation that answers with the object it returns.
        void add_json(std::string operation, JsonOperation function) {
            add(std::move(operation),
                [function = std::move(function)](Request& request) -> Result<Answer> {
                    auto input = parse_object(request.input());
                    if (!input) return std::unexpected(std::move(input).error());
                    auto output = function(request, *input);
                    if (!output) return std::unexpected(std::move(output).error());
                    return Answer{json::serialize(*output)};
                });
        }
    };

}  // namespace onex
