// Which of a workflow's health_checks can be run here? (plugins/lib/workflow/health_plan.cpp runs
// them.)
#include "host/contract/findings.hpp"
#include "host/text/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace json = boost::json;

namespace onex::host {
namespace {

std::string text(const json::object& from, std::string_view key) {
    const auto* value = from.if_contains(key);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool is_blank(const std::string& text) {
    return text.find_first_not_of(' ') == std::string::npos;
}

/// Why nothing can be asked; empty: something can.
std::string nothing_to_ask(const json::object& check) {
    if (!is_blank(text(check, "operation"))) return {};
    const auto type = text(check, "type");
    if (type == "http" || type == "network")
        return is_blank(text(check, "endpoint")) ? "no endpoint" : "";
    if (type == "system") return is_blank(text(check, "command")) ? "no command" : "";
    return "the type '" + cut(type, 64) + "' needs an operation";
}

std::string wrong_endpoint(const json::object& check) {
    const auto endpoint = text(check, "endpoint");
    // One that begins with a placeholder is known when it is filled in.
    if (check.contains("operation") || endpoint.empty() || endpoint.starts_with('{')) return {};
    const auto type = text(check, "type");
    if (type == "http" && !endpoint.starts_with("http://") && !endpoint.starts_with("https://"))
        return "the endpoint of a http check begins with http:// or https://";
    if (type == "network" && endpoint.rfind(':') == std::string::npos)
        return "the endpoint of a network check is host:port";
    return {};
}

class HealthChecker {
  public:
    HealthChecker(const json::object& root, Findings& findings)
        : root_(root), findings_(findings) {}

    void run() {
        const auto* list = root_.if_contains("health_checks");
        if (list == nullptr) return;
        std::size_t at = 0;
        for (const auto& item : list->get_array())
            one(item.get_object(), "/health_checks/" + std::to_string(at++));
    }

  private:
    void one(const json::object& check, const std::string& pointer) {
        const auto name = text(check, "name");
        if (!names_.insert(name).second) {
            findings_.warning(pointer + "/name",
                              "the health check '" + cut(name, 64) + "' is declared twice");
        }
        if (const auto why = nothing_to_ask(check); !why.empty()) {
            findings_.note(
                pointer,
                "the health check '" + cut(name, 64) + "': declared, without effect here: " + why);
            return;
        }
        if (const auto why = wrong_endpoint(check); !why.empty())
            findings_.error(pointer + "/endpoint", why);
        for (const auto& member : check) {
            if (!member.value().is_string() || member.key() == "description") continue;
            placeholders(std::string(member.value().get_string()),
                         pointer + '/' + pointer_escape(member.key()));
        }
    }

    /// Each `{name}` has to be an input.
    void placeholders(const std::string& in, const std::string& pointer) {
        for (auto open = in.find('{'); open != std::string::npos; open = in.find('{', open + 1)) {
            const auto close = in.find('}', open);
            if (close == std::string::npos) return;
            const auto name = in.substr(open + 1, close - open - 1);
            if (!is_name(name) || is_input(name)) continue;
            findings_.error(pointer,
                            "'" + cut(name, 64) + "' is no property of input_state" +
                                did_you_mean(name, inputs()));
        }
    }

    static bool is_name(std::string_view name) {
        constexpr std::string_view kName =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
        return !name.empty() && (name[0] < '0' || name[0] > '9') &&
               name.find_first_not_of(kName) == std::string_view::npos;
    }
    bool is_input(const std::string& name) const {
        if (name == "workflow_id") return true;
        const auto known = inputs();
        return std::ranges::find(known, name) != known.end();
    }
    std::vector<std::string> inputs() const {
        std::vector<std::string> out;
        const auto* schema = root_.if_contains("input_state");
        if (schema == nullptr || !schema->is_object()) return out;
        const auto* properties = schema->get_object().if_contains("properties");
        if (properties == nullptr || !properties->is_object()) return out;
        for (const auto& property : properties->get_object())
            out.emplace_back(property.key());
        return out;
    }

    const json::object& root_;
    Findings& findings_;
    std::set<std::string> names_;
};

}  // namespace

void check_health_checks(const json::object& workflow, Findings& findings) {
    HealthChecker(workflow, findings).run();
}

}  // namespace onex::host
