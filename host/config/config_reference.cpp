#include "host/config/config_keys.hpp"

namespace onex::host {
namespace {

/// `|` would end a cell.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '|') out += '\\';
        out += c;
    }
    return out;
}

template <class Section>
void table(std::string& out, const char* title) {
    out += std::string("\n## `[") + title +
           "]`\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n";
    for (const auto& key : keys_of<Section>()) {
        out += "| `" + std::string(key.name) + "` | " + cell(describe(key)) + " | " +
               (key.required ? "**required**" : cell(key.standard)) + " | " + cell(key.meaning) +
               " |\n";
    }
}

}  // namespace

std::string config_reference_markdown() {
    std::string out =
        "# Every key of the host's TOML\n\nMade from the program's own tables. Relative paths "
        "start at the TOML's folder; "
        "`~` is the home folder. An unknown key is an error.\n";
    table<HostSection>(out, "host");
    table<LogSection>(out, "log");
    table<AdminSection>(out, "admin");
    table<TlsSection>(out, "tls");
    table<StoreSection>(out, "store");
    table<LimitsSection>(out, "limits");
    table<ProcessSection>(out, "process");
    table<PeerSection>(out, "peers.NAME");
    table<NodeSection>(out, "nodes.NAME");
    out += "\n## `[nodes.NAME.settings]`\n\nWhat the node's contract declares under `settings`.\n";
    return out;
}

}  // namespace onex::host
