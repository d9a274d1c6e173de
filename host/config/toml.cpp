#include "host/config/toml.hpp"

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>
#include <toml++/toml.h>

#include <cmath>

namespace json = boost::json;

namespace onex::host {
namespace {

class Converter {
  public:
    explicit Converter(TomlDocument& out) : out_(out) {}

    json::object table(const toml::table& from, const std::string& path) {
        json::object result;
        for (const auto& [key, node] : from) {
            const std::string name(key.str());
            const auto inner = path.empty() ? name : path + '.' + name;
            out_.lines.at[inner] = static_cast<int>(key.source().begin.line);
            json::value value;
            if (convert(node, inner, value)) result.emplace(name, std::move(value));
        }
        return result;
    }

  private:
    bool convert(const toml::node& node, const std::string& path, json::value& to) {
        if (const auto* inner = node.as_table()) {
            to = table(*inner, path);
        } else if (const auto* list = node.as_array()) {
            to = array(*list, path);
        } else if (const auto* text = node.as_string()) {
            to = json::string(text->get());
        } else if (const auto* integer = node.as_integer()) {
            to = integer->get();
        } else if (const auto* flag = node.as_boolean()) {
            to = flag->get();
        } else if (const auto* number = node.as_floating_point()) {
            if (!std::isfinite(number->get())) return refuse(path, "is no finite number");
            to = number->get();
        } else {
            return refuse(path, "is a date or time; write it as a string in quotes");
        }
        return true;
    }

    json::array array(const toml::array& from, const std::string& path) {
        json::array result;
        for (std::size_t i = 0; i < from.size(); ++i) {
            const auto inner = path + '.' + std::to_string(i);
            out_.lines.at[inner] = static_cast<int>(from[i].source().begin.line);
            json::value value;
            if (convert(from[i], inner, value)) result.push_back(std::move(value));
        }
        return result;
    }

    bool refuse(const std::string& path, const char* what) {
        out_.problems.emplace_back(path, what);
        return false;
    }

    TomlDocument& out_;
};

}  // namespace

int KeyLines::of(std::string_view path) const {
    for (;;) {
        const auto found = at.find(path);
        if (found != at.end()) return found->second;
        const auto dot = path.rfind('.');
        if (dot == std::string_view::npos) return 1;
        path = path.substr(0, dot);
    }
}

Result<TomlDocument> parse_toml(std::string_view text) {
    try {
        const toml::table root = toml::parse(text);
        TomlDocument document;
        Converter converter(document);
        document.root = converter.table(root, "");
        return document;
    } catch (const toml::parse_error& error) {
        return fail(
            "VALIDATION_ERROR",
            std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
    }
}

}  // namespace onex::host
