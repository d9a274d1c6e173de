#include "host/check/random_values.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <cstdint>
#include <limits>

namespace onex::host::check {

namespace json = boost::json;

std::string random_bytes(Dice& dice, std::size_t size_max) {
    std::string out(dice.below(size_max), '\0');
    for (auto& c : out)
        c = static_cast<char>(dice.next());
    return out;
}

std::string random_text(Dice& dice, std::size_t min, std::size_t max) {
    const auto size = min + dice.below(max - min + 1);
    std::string out;
    const bool plain = dice.one_in(2);
    for (std::size_t i = 0; i < size; ++i) {
        if (plain || !dice.one_in(4)) {
            out += static_cast<char>('a' + dice.below(26));
        } else {
            out +=
                dice.any_of({"\"", "\\", "/", "\n", "\t", " ", "%s", "'", "ü", "€", "😀", "\x7f"});
        }
    }
    return out;
}

json::value random_json(Dice& dice, int depth) {
    switch (dice.below(depth > 0 ? 9 : 6)) {
        case 0:
            return nullptr;
        case 1:
            return dice.one_in(2);
        case 2:
            return static_cast<std::int64_t>(dice.below(200)) - 100;
        case 3:
            return dice.any_of({std::numeric_limits<std::int64_t>::min(),
                                std::numeric_limits<std::int64_t>::max(),
                                std::int64_t{1} << 53U,
                                std::int64_t{1} << 32U});
        case 4:
            return dice.any_of({0.5, -0.0, 1e-300, 1e300, 3.141592653589793});
        case 5:
            return json::string(random_text(dice, 0, dice.one_in(20) ? 5000 : 12));
        case 6: {
            json::array out;
            for (auto left = dice.below(4); left > 0; --left)
                out.push_back(random_json(dice, depth - 1));
            return out;
        }
        default: {
            json::object out;
            for (auto left = dice.below(4); left > 0; --left)
                out[random_text(dice, 1, 8)] = random_json(dice, depth - 1);
            return out;
        }
    }
}

json::value spoil(json::value value, Dice& dice) {
    if (auto* array = value.if_array(); array && !array->empty() && !dice.one_in(4)) {
        auto& element = (*array)[dice.below(array->size())];
        if (dice.one_in(3))
            array->push_back(random_json(dice, 2));
        else
            element = spoil(element, dice);
        return value;
    }
    auto* object = value.if_object();
    if (!object || dice.one_in(20)) return random_json(dice, 3);
    if (object->empty() || dice.one_in(4)) {
        (*object)[random_text(dice, 1, 8)] = random_json(dice, 2);
        return value;
    }
    const auto member = object->begin() + dice.below(object->size());
    if (dice.one_in(3))
        object->erase(member);
    else
        member->value() = spoil(member->value(), dice);
    return value;
}

std::string mutate(std::string text, Dice& dice) {
    for (auto left = 1 + dice.below(4); left > 0; --left) {
        const auto at = dice.below(text.size() + 1);
        const auto span = dice.below(std::min<std::size_t>(text.size() - at, 16) + 1);
        switch (dice.below(5)) {
            case 0:
                if (at < text.size()) text[at] = static_cast<char>(dice.next());
                break;
            case 1:
                text.erase(at, span);
                break;
            case 2:
                text.insert(at, text.substr(at, span));
                break;
            case 3:
                text.insert(at,
                            dice.any_of({R"(\u0000)",
                                         "1e999",
                                         "-",
                                         "[[[[[[[[",
                                         "null",
                                         "\xFF",
                                         "9223372036854775808",
                                         "\"",
                                         "}",
                                         "{",
                                         "%n",
                                         R"(\ud800)"}));
                break;
            default:
                if (dice.one_in(3)) text.resize(at);
        }
    }
    return text;
}

}  // namespace onex::host::check
