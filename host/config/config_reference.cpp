#include "host/config/config_keys.hpp"

#include <boost/json/array.hpp>

namespace onex::host {
namespace {

namespace json = boost::json;

/// `|` would end a cell.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '|') out += '\\';
        out += c;
    }
    return out;
}

/// Calls `see(title, keys)` for each table, in the order of the reference.
template <class See>
void each_table(const See& see) {
    see("host", keys_of<HostSection>());
    see("log", keys_of<LogSection>());
    see("admin", keys_of<AdminSection>());
    see("tls", keys_of<TlsSection>());
    see("store", keys_of<StoreSection>());
    see("limits", keys_of<LimitsSection>());
    see("process", keys_of<ProcessSection>());
    see("peers.NAME", keys_of<PeerSection>());
    see("nodes.NAME", keys_of<NodeSection>());
}

}  // namespace

std::string config_reference_markdown() {
    std::string out =
        "# Every key of the host's TOML\n\nMade from the program's own tables. Relative paths "
        "start at the TOML's folder; "
        "`~` is the home folder. An unknown key is an error.\n";
    each_table([&out](const char* title, auto keys) {
        out += std::string("\n## `[") + title +
               "]`\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n";
        for (const auto& key : keys) {
            out += "| `" + std::string(key.name) + "` | " + cell(describe(key)) + " | " +
                   (key.required ? "**required**" : cell(key.standard)) + " | " +
                   cell(key.meaning) + " |\n";
        }
    });
    out += "\n## `[nodes.NAME.settings]`\n\nWhat the node's contract declares under `settings`.\n";
    return out;
}

json::object config_reference_json() {
    json::array all;
    each_table([&all](const char* title, auto keys) {
        for (const auto& key : keys) {
            json::object one{{"table", title}, {"key", key.name}, {"value", describe(key)}};
            one["required"] = key.required;
            if (!key.required) one["default"] = key.standard;
            one["meaning"] = key.meaning;
            all.push_back(std::move(one));
        }
    });
    return {{"keys", std::move(all)}};
}

}  // namespace onex::host
