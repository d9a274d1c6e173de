// Reads typed members of a JSON object and remembers the first that is wrong. For this folder only.
#pragma once

#include <onex/error.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace onex::workflow {

namespace json = boost::json;

class Reader {
  public:
    explicit Reader(std::string where) : where_(std::move(where)) {}

    std::string text(const json::object& from, std::string_view key, bool required = false) {
        const auto* value = find(from, key, required, "a text");
        if (!value) return {};
        if (!value->is_string()) return wrong(key, "a text"), std::string();
        return std::string(value->get_string());
    }
    std::int64_t number(const json::object& from,
                        std::string_view key,
                        std::int64_t fallback,
                        std::int64_t least) {
        return static_cast<std::int64_t>(
            real(from, key, static_cast<double>(fallback), static_cast<double>(least)));
    }
    double real(const json::object& from, std::string_view key, double fallback, double least) {
        const auto* value = find(from, key, false, "a number");
        if (!value) return fallback;
        boost::system::error_code no_number;
        const auto number = value->to_number<double>(no_number);
        if (no_number || number < least || number > 1e15) {
            wrong(key, "a number from " + std::to_string(static_cast<std::int64_t>(least)) + " on");
            return fallback;
        }
        return number;
    }
    bool flag(const json::object& from, std::string_view key, bool fallback) {
        const auto* value = find(from, key, false, "true or false");
        if (!value) return fallback;
        if (!value->is_bool()) return wrong(key, "true or false"), fallback;
        return value->get_bool();
    }
    std::vector<std::string> texts(const json::object& from, std::string_view key) {
        std::vector<std::string> out;
        for (const auto& item : list(from, key)) {
            if (!item.is_string()) return wrong(key, "a list of texts"), out;
            out.emplace_back(item.get_string());
        }
        return out;
    }
    std::vector<double> reals(const json::object& from, std::string_view key) {
        std::vector<double> out;
        for (const auto& item : list(from, key)) {
            boost::system::error_code no_number;
            out.push_back(item.to_number<double>(no_number));
            if (no_number) return wrong(key, "a list of numbers"), out;
        }
        return out;
    }
    std::vector<const json::object*> objects(const json::object& from, std::string_view key) {
        std::vector<const json::object*> out;
        for (const auto& item : list(from, key)) {
            if (!item.is_object()) return wrong(key, "a list of objects"), out;
            out.push_back(&item.get_object());
        }
        return out;
    }
    std::map<std::string, std::string> pairs(const json::object& from, std::string_view key) {
        std::map<std::string, std::string> out;
        for (const auto& member : object(from, key)) {
            if (!member.value().is_string()) return wrong(key, "an object of texts"), out;
            out.emplace(member.key(), member.value().get_string());
        }
        return out;
    }
    const json::object& object(const json::object& from, std::string_view key) {
        static const json::object none;
        const auto* value = find(from, key, false, "an object");
        if (!value) return none;
        if (!value->is_object()) return wrong(key, "an object"), none;
        return value->get_object();
    }
    /// VALIDATION_ERROR of the first member that was wrong.
    [[nodiscard]] Result<void> done() const {
        if (problem_.empty()) return {};
        return fail("VALIDATION_ERROR", problem_);
    }
    void wrong(std::string_view key, const std::string& expected) {
        if (problem_.empty()) problem_ = where_ + ": " + std::string(key) + " must be " + expected;
    }

  private:
    const json::array& list(const json::object& from, std::string_view key) {
        static const json::array none;
        const auto* value = find(from, key, false, "a list");
        if (!value) return none;
        if (!value->is_array()) return wrong(key, "a list"), none;
        return value->get_array();
    }
    const json::value* find(const json::object& from,
                            std::string_view key,
                            bool required,
                            const std::string& expected) {
        const auto* value = from.if_contains(key);
        if (value && value->is_null()) value = nullptr;
        if (!value && required) wrong(key, expected);
        return value;
    }

    std::string where_;
    std::string problem_;
};

}  // namespace onex::workflow
