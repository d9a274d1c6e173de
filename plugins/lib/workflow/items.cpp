#include "plugins/lib/workflow/items.hpp"

#include "plugins/lib/workflow/data_flow.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace json = boost::json;

namespace onex::workflow {
namespace {

constexpr std::size_t kTextMax = 64;

std::vector<std::shared_ptr<const Item>> items_of(const ForEach& each, const json::object& input) {
    std::vector<std::shared_ptr<const Item>> out;
    const auto* list = input.if_contains(each.in);
    if (!list || !list->is_array()) return out;
    for (const auto& value : list->get_array())
        out.push_back(std::make_shared<const Item>(Item{each.as, value, each.target}));
    return out;
}

/// A text or a whole number, as text; else empty.
std::string scalar_of(const json::object& from, std::string_view name) {
    const auto* value = from.if_contains(name);
    if (!value) return {};
    if (value->is_string()) return std::string(value->get_string());
    return value->is_int64() || value->is_uint64() ? json::serialize(*value) : std::string();
}

}  // namespace

std::vector<OperationRecord> calls_of(const StageSpec& stage, const json::object& input) {
    std::vector<OperationRecord> out;
    std::map<std::string, std::size_t> seen;
    const auto add = [&](std::size_t spec, std::shared_ptr<const Item> item, std::size_t round) {
        OperationRecord record;
        record.name = stage.operations[spec].name;
        record.spec = spec;
        record.key = stage.name + '/' + record.name;
        const auto index = seen[record.name]++;
        if (item || index > 0) record.key += '/' + std::to_string(index);
        record.item = std::move(item);
        record.round = round;
        out.push_back(std::move(record));
    };
    const auto add_round = [&](const std::shared_ptr<const Item>& item, std::size_t round) {
        for (std::size_t spec = 0; spec < stage.operations.size(); ++spec) {
            const auto& each = stage.operations[spec].each;
            if (each.in.empty()) {
                add(spec, item, round);
                continue;
            }
            for (auto& own : items_of(each, input))
                add(spec, std::move(own), round);
        }
    };
    if (stage.each.in.empty()) {
        add_round(nullptr, 0);
        return out;
    }
    std::size_t round = 0;
    for (const auto& item : items_of(stage.each, input))
        add_round(item, round++);
    return out;
}

json::object seen_by(const Step& step, const json::object& context) {
    auto seen = context;
    if (step.item) seen[step.item->name] = step.item->value;
    return seen;
}

bool is_wanted(const Step& step, const json::object& context) {
    if (!step.spec || step.spec->when.empty()) return true;
    return holds(step.spec->when, step.item ? seen_by(step, context) : context);
}

Result<std::string> target_of_call(const Model& model,
                                   const json::object& input,
                                   const Item* item,
                                   const std::string& target) {
    if (!item || !item->is_target) return target;
    std::string host;
    std::string port;
    if (item->value.is_string()) {
        host = std::string(item->value.get_string());
    } else if (item->value.is_object()) {
        host = scalar_of(item->value.get_object(), "host");
        port = scalar_of(item->value.get_object(), "port");
    }
    if (host.empty()) {
        return fail("VALIDATION_ERROR",
                    "the item " + item_text(*item) +
                        R"( names no host; it must be "host", "host:port" or {host, port})");
    }
    if (port.empty() && host.find(':') != std::string::npos) return host;
    if (port.empty()) port = scalar_of(input, model.target_port);
    return port.empty() ? host : host + ':' + port;
}

std::string item_text(const Item& item) {
    auto text =
        item.value.is_string() ? std::string(item.value.get_string()) : json::serialize(item.value);
    if (text.size() <= kTextMax) return text;
    // Not in the middle of a character.
    auto end = kTextMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
        --end;
    return text.substr(0, end) + "…";
}

}  // namespace onex::workflow
