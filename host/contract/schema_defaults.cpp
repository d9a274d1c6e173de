#include "host/contract/schema_defaults.hpp"

#include "host/contract/schema_prepare.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

namespace json = boost::json;

namespace onex::host {
namespace {

constexpr int kDepthMax = 64;
constexpr int kAddedMax = 10'000;

class Filler {
  public:
    explicit Filler(const json::value& root) : root_(root) {}

    void fill(const json::value& schema, json::value& value, int depth) {
        const auto* target = follow_refs(root_, &schema);
        if (target == nullptr || depth > kDepthMax) return;
        const auto* object = target->if_object();
        if (object == nullptr) return;
        if (const auto* all = object->if_contains("allOf"); all != nullptr && all->is_array()) {
            for (const auto& part : all->get_array())
                fill(part, value, depth + 1);
        }
        if (auto* members = value.if_object()) fill_members(*object, *members, depth);
        if (auto* items = value.if_array()) {
            const auto* item_schema = object->if_contains("items");
            if (item_schema == nullptr || !item_schema->is_object()) return;
            for (auto& item : *items)
                fill(*item_schema, item, depth + 1);
        }
    }

  private:
    void fill_members(const json::object& schema, json::object& members, int depth) {
        const auto* properties = schema.if_contains("properties");
        const auto* named = properties == nullptr ? nullptr : properties->if_object();
        if (named != nullptr) {
            for (const auto& property : *named) {
                auto* present = members.if_contains(property.key());
                if (present == nullptr) present = add(property, members);
                if (present != nullptr) fill(property.value(), *present, depth + 1);
            }
        }
        const auto* additional = schema.if_contains("additionalProperties");
        if (additional == nullptr || !additional->is_object()) return;
        for (auto& member : members) {
            if (named == nullptr || !named->contains(member.key())) {
                fill(*additional, member.value(), depth + 1);
            }
        }
    }

    json::value* add(const json::key_value_pair& property, json::object& members) {
        const auto* target = follow_refs(root_, &property.value());
        const auto* schema = target == nullptr ? nullptr : target->if_object();
        const auto* value = schema == nullptr ? nullptr : schema->if_contains("default");
        if (const auto* own = property.value().if_object();
            own != nullptr && own->contains("default")) {
            value = own->if_contains("default");
        }
        if (value == nullptr || ++added_ > kAddedMax) return nullptr;
        return &members.emplace(property.key(), *value).first->value();
    }

    const json::value& root_;
    int added_ = 0;
};

}  // namespace

void fill_defaults(const json::value& schema, json::value& value) {
    Filler filler(schema);
    filler.fill(schema, value, 0);
}

std::vector<std::string> types_of(const json::value& schema, const std::string& name) {
    const auto* root = follow_refs(schema, &schema);
    const auto* object = root == nullptr ? nullptr : root->if_object();
    const auto* properties = object == nullptr ? nullptr : object->if_contains("properties");
    const auto* named = properties == nullptr ? nullptr : properties->if_object();
    const auto* property =
        named == nullptr ? nullptr : follow_refs(schema, named->if_contains(name));
    const auto* fields = property == nullptr ? nullptr : property->if_object();
    const auto* type = fields == nullptr ? nullptr : fields->if_contains("type");
    std::vector<std::string> result;
    if (type == nullptr) return result;
    if (type->is_string()) result.emplace_back(type->get_string());
    if (const auto* list = type->if_array()) {
        for (const auto& item : *list) {
            if (item.is_string()) result.emplace_back(item.get_string());
        }
    }
    return result;
}

}  // namespace onex::host
