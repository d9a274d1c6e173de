// plugin list, inspect, reload, …; config reload: the nodes of a running host.
#include "host/cli/commands.hpp"
#include "host/cli/node_view.hpp"
#include "host/cli/output.hpp"
#include "host/cli/view.hpp"

#include <boost/json/array.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace onex::host::cli {

namespace json = boost::json;

namespace {

/// A reload waits for others of its kind, for earlier generations, and for the node's own start.
constexpr std::int64_t kChangeMs = 300'000;

// A VALIDATION_ERROR of a change is kFailed: mostly the library or the TOML is wrong, as `plugin
// check` and `config check` would say, and not the command line.

constexpr const char* kPlugins = "/onex/v1/plugins";

std::int64_t now_us() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

int show(Session& session,
         const std::optional<json::object>& answer,
         const std::function<std::string(const json::object&)>& text) {
    if (!answer) return session.exit_code();
    if (session.json()) {
        print_json(*answer);
    } else {
        print(text(*answer));
    }
    return kOk;
}

}  // namespace

int plugin_list(Session& session) {
    return show(session, session.get(kPlugins), [](const json::object& answer) {
        return nodes_text(answer, now_us());
    });
}

int plugin_inspect(Session& session, const std::string& node) {
    const auto answer = session.get(std::string(kPlugins) + "/" + url_encode(node));
    return show(
        session, answer, [](const json::object& told) { return node_text(told, now_us()); });
}

int plugin_change(Session& session, const std::string& verb, const PluginOptions& options) {
    json::object body;
    if (!options.as.empty()) body["as"] = options.as;
    const auto target = std::string(kPlugins) + "/" + url_encode(options.name) + "/" + verb;
    return show(session, session.post(target, body, kChangeMs, kFailed), change_text);
}

int config_reload(Session& session) {
    const auto answer = session.post("/onex/v1/config/reload", {}, kChangeMs, kFailed);
    const int code = show(session, answer, config_change_text);
    return code == kOk && !list(*answer, "failed").empty() ? kFailed : code;
}

}  // namespace onex::host::cli
