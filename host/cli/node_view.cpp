#include "host/cli/node_view.hpp"

#include "host/cli/output.hpp"
#include "host/cli/view.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace onex::host::cli {

namespace json = boost::json;

namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr std::size_t kShortDigestChars = 12;

std::string or_dash(std::string value) {
    return value.empty() ? "-" : std::move(value);
}

std::string age(std::int64_t since_us, std::int64_t now_us) {
    if (since_us <= 0) return "-";
    return human_duration(std::max<std::int64_t>(now_us - since_us, 0) / 1000);
}

/// "3 (2 ending, 1 mapped)": the generation that serves, and what is left of earlier ones.
std::string generation(const json::object& node) {
    auto out = text(node, "generation", "0");
    std::string left;
    if (const auto ending = number(node, "retiring"); ending > 0)
        left = std::to_string(ending) + " ending";
    if (const auto mapped = number(node, "images_mapped"); mapped > 0)
        left += (left.empty() ? "" : ", ") + std::to_string(mapped) + " mapped";
    if (!left.empty()) out += " (" + left + ")";
    return out;
}

/// "2: hash, hash".
std::string in_flight(const json::object& node) {
    const auto running = text(node, "running");
    return text(node, "in_flight", "0") + (running.empty() ? "" : ": " + running);
}

std::string joined(const json::array& values) {
    std::string out;
    for (const auto& value : values) {
        out += out.empty() ? "" : ", ";
        out += value.is_string() ? std::string(value.get_string()) : json::serialize(value);
    }
    return out;
}

/// Several lines (a configuration's problems), each without control characters.
std::string lines(const std::string& message, const std::string& indent) {
    std::string out;
    std::size_t start = 0;
    while (start < message.size()) {
        const auto end = std::min(message.find('\n', start), message.size());
        out += indent + printable(std::string_view(message).substr(start, end - start)) + "\n";
        start = end + 1;
    }
    return out;
}

std::string available_text(const json::object& answer) {
    std::string out;
    for (const auto& value : list(answer, "available")) {
        if (!value.is_object()) continue;
        const auto& library = value.get_object();
        out += "\n" + printable(text(library, "plugin")) + " is in " +
               printable(text(library, "file")) + ", and no node uses it. Add to the TOML:\n\n" +
               lines(text(library, "toml"), "    ");
    }
    if (!out.empty()) out += "\nthen: onex-host config reload\n";
    return out;
}

Rows operation_rows(const json::object& node) {
    Rows rows{{"OPERATION", "ROUTES"}};
    for (const auto& value : list(node, "operations")) {
        if (!value.is_object()) continue;
        const auto& operation = value.get_object();
        rows.push_back({text(operation, "name"), or_dash(joined(list(operation, "routes")))});
    }
    return rows;
}

/// What is left of earlier generations, and what holds them.
void add_earlier(Rows& rows, const json::object& node) {
    const auto ending = number(node, "retiring");
    if (ending > 0) {
        const auto busy = text(node, "retiring_busy_with");
        rows.push_back({"earlier",
                        std::to_string(ending) + " generations still end what they have" +
                            (busy.empty() ? "" : ": " + busy)});
    }
    if (const auto mapped = number(node, "images_mapped"); mapped > 0) {
        rows.push_back({"still mapped",
                        std::to_string(mapped) + " images of ended generations did not leave; a "
                                                 "restart of the host frees them"});
    }
}

/// Whatever the worker process tells of itself.
void add_worker(Rows& rows, const json::object& node) {
    std::string told;
    for (const auto& [key, value] : members(node, "worker")) {
        if (value.is_string() && value.get_string().empty()) continue;
        told += (told.empty() ? "" : ", ") + std::string(key) + " ";
        told += value.is_string() ? std::string(value.get_string()) : json::serialize(value);
    }
    if (!told.empty()) rows.push_back({"worker", told});
}

std::string named(const json::object& answer, std::string_view key, std::string_view what) {
    const auto names = joined(list(answer, key));
    return names.empty() ? "" : std::string(what) + printable(names) + "\n";
}

}  // namespace

std::string nodes_text(const json::object& answer, std::int64_t now_us) {
    Rows rows{{"NODE",
               "PLUGIN",
               "VERSION",
               "ABI",
               "STATE",
               "SINCE",
               "IN FLIGHT",
               "GENERATION",
               "RUNS",
               "DIGEST",
               "FILE"}};
    std::string errors;
    for (const auto& value : list(answer, "nodes")) {
        if (!value.is_object()) continue;
        const auto& node = value.get_object();
        rows.push_back({text(node, "name"),
                        text(node, "plugin"),
                        or_dash(text(node, "version")),
                        or_dash(text(node, "abi")),
                        text(node, "state"),
                        age(number(node, "since_us"), now_us),
                        text(node, "in_flight", "0"),
                        generation(node),
                        or_dash(text(node, "isolation")),
                        or_dash(text(node, "digest").substr(0, kShortDigestChars)),
                        or_dash(text(node, "file"))});
        if (const auto error = text(node, "last_error"); !error.empty())
            errors +=
                "\n" + printable(text(node, "name")) + ": last error:\n" + lines(error, "    ");
    }
    const auto nodes = rows.size() == 1 ? "no node is configured\n" : table(rows);
    return nodes + errors + available_text(answer);
}

std::string node_text(const json::object& node, std::int64_t now_us) {
    Rows rows{{"node", text(node, "name")},
              {"plugin", text(node, "plugin") + " " + text(node, "version")},
              {"state", text(node, "state") + ", since " + age(number(node, "since_us"), now_us)},
              {"generation", generation(node)},
              {"in flight", in_flight(node)},
              {"listen", or_dash(text(node, "listen"))},
              {"runs", or_dash(text(node, "isolation"))},
              {"file", or_dash(text(node, "file"))},
              {"digest", or_dash(text(node, "digest"))},
              {"pinned to", or_dash(text(node, "pinned"))},
              {"abi", or_dash(text(node, "abi"))},
              {"reload", or_dash(text(node, "reload"))},
              {"services", or_dash(joined(list(node, "requires_services")))},
              {"optional", or_dash(joined(list(node, "optional_services")))},
              {"build", or_dash(text(node, "build"))},
              {"before it", or_dash(text(node, "previous.file"))}};
    add_worker(rows, node);
    add_earlier(rows, node);
    auto out = table(rows);
    if (const auto error = text(node, "last_error"); !error.empty())
        out += "last error:\n" + lines(error, "    ");
    if (const auto& settings = members(node, "settings"); !settings.empty()) {
        out += "\nsettings:\n";
        for (const auto& [key, value] : settings)
            out += "    " + printable(std::string(key) + " = " + json::serialize(value)) + "\n";
    }
    const auto operations = operation_rows(node);
    if (operations.size() > 1) out += "\n" + table(operations);
    return out;
}

std::string change_text(const json::object& node) {
    const auto name = printable(text(node, "name"));
    const auto state = text(node, "state");
    if (state != "serving") return name + " is " + printable(state) + "\n";
    return name + " serves " + printable(text(node, "plugin") + " " + text(node, "version")) +
           ", generation " + text(node, "generation") + ", digest " +
           printable(text(node, "digest").substr(0, kShortDigestChars)) + "\n";
}

std::string config_change_text(const json::object& answer) {
    auto out = named(answer, "added", "started: ") + named(answer, "reloaded", "reloaded: ") +
               named(answer, "removed", "stopped: ") +
               named(answer, "disabled", "stays disabled, plugin enable starts it: ");
    for (const auto& value : list(answer, "failed")) {
        if (!value.is_object()) continue;
        const auto& failure = value.get_object();
        out += printable(text(failure, "node")) + " FAILED:\n" +
               lines(text(failure, "code") + ": " + text(failure, "message"), "    ");
    }
    if (out.empty()) out = "no node has changed\n";
    return out + named(answer, "restart_needed", "takes effect at the next start of the host: ");
}

}  // namespace onex::host::cli
