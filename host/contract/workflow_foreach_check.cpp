// Can what a workflow repeats be repeated? Its lists are inputs, so that they are known from the
// start.
#include "host/contract/findings.hpp"
#include "host/text/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <string>
#include <vector>

namespace json = boost::json;

namespace onex::host {
namespace {

constexpr std::int64_t kItemsMax = 100;

class ForeachChecker {
  public:
    ForeachChecker(const json::object& root, Findings& findings)
        : properties_(properties_of(root)), findings_(findings) {}

    void stages(const json::array& list) {
        std::size_t at = 0;
        for (const auto& stage : list) {
            const auto pointer = "/workflow_stages/" + std::to_string(at++);
            const auto& own = stage.get_object();
            const bool is_repeated = own.contains("foreach");
            if (is_repeated) repeated(own, pointer + "/foreach");
            std::size_t i = 0;
            for (const auto& operation : own.at("operations").get_array()) {
                const auto& called = operation.get_object();
                const auto place = pointer + "/operations/" + std::to_string(i++) + "/foreach";
                if (!called.contains("foreach")) continue;
                repeated(called, place);
                if (is_repeated)
                    findings_.error(place,
                                    "the stage has foreach already; repeat either the stage or "
                                    "operations in it");
            }
        }
    }

  private:
    static const json::object& properties_of(const json::object& root) {
        static const json::object none;
        const auto* schema = root.if_contains("input_state");
        if (schema == nullptr) return none;
        const auto* properties = schema->get_object().if_contains("properties");
        return properties != nullptr && properties->is_object() ? properties->get_object() : none;
    }

    void repeated(const json::object& what, const std::string& pointer) {
        const auto& each = what.at("foreach").get_object();
        const std::string in(each.at("in").get_string());
        const auto* list = properties_.if_contains(in);
        if (list == nullptr) {
            std::vector<std::string> known;
            for (const auto& member : properties_)
                known.emplace_back(member.key());
            findings_.error(
                pointer + "/in",
                "'" + cut(in, 64) + "' is no property of input_state" + did_you_mean(in, known));
        } else {
            list_of(*list, in, pointer + "/in");
        }
        const auto* target = each.if_contains("target");
        const auto* on = what.if_contains("on");
        if (target != nullptr && target->get_bool() && on != nullptr && *on == "source")
            findings_.error(pointer + "/target",
                            "an operation on the source has no target; take one of both away");
    }

    void list_of(const json::value& schema, const std::string& name, const std::string& pointer) {
        const auto* own = schema.if_object();
        const auto* type = own == nullptr ? nullptr : own->if_contains("type");
        if (type == nullptr || *type != "array") {
            findings_.error(pointer, "'" + name + "' must have the type array in input_state");
            return;
        }
        const auto* most = own->if_contains("maxItems");
        if (most != nullptr && most->is_int64() && most->get_int64() > kItemsMax)
            findings_.warning(pointer,
                              "at most " + std::to_string(kItemsMax) + " items are accepted here");
    }

    const json::object& properties_;
    Findings& findings_;
};

}  // namespace

void check_repeats(const json::object& workflow, Findings& findings) {
    ForeachChecker(workflow, findings).stages(workflow.at("workflow_stages").get_array());
}

}  // namespace onex::host
