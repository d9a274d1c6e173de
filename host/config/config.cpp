#include "host/config/config.hpp"

#include "host/config/cidr.hpp"
#include "host/config/config_keys.hpp"
#include "host/config/toml.hpp"
#include "host/config/values.hpp"
#include "host/text/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

namespace json = boost::json;

namespace onex::host {
namespace {

constexpr std::size_t kFileBytesMax = 16U << 20;
constexpr std::size_t kTextMax = 256;
constexpr std::size_t kPathMax = 4096;
constexpr std::size_t kListMax = 1024;
/// The shortest sun_path of the systems we run on, less its NUL.
constexpr std::size_t kSocketPathMax = 103;

std::string shown(const json::value& value) {
    if (const auto* text = value.if_string()) {
        return "'" + std::string(std::string_view(*text).substr(0, 64)) +
               (text->size() > 64 ? "…" : "") + "'";
    }
    if (value.is_object()) return "a table";
    if (value.is_array()) return "a list";
    if (value.is_bool()) return value.get_bool() ? "true" : "false";
    if (value.is_int64()) return std::to_string(value.get_int64());
    return "a number";
}

class Reader {
  public:
    Reader(const TomlDocument& document, std::string file, std::filesystem::path folder)
        : document_(document), file_(std::move(file)), folder_(std::move(folder)) {}

    Result<Config> run() {
        Config config;
        config.file = file_;
        config.lines = document_.lines;
        for (const auto& [path, what] : document_.problems)
            problem(path, path + " " + what);
        section("host", config.host, true);
        section("log", config.log);
        section("admin", config.admin);
        section("tls", config.tls);
        section("store", config.store);
        section("limits", config.limits);
        section("process", config.process);
        unknown_sections();
        read_nodes(config);
        read_peers(config);
        finish(config);
        if (problems_.empty()) return config;
        std::string message;
        for (const auto& [line, text] : problems_) {
            message +=
                (message.empty() ? "" : "\n") + file_ + ':' + std::to_string(line) + ": " + text;
        }
        return fail("VALIDATION_ERROR", std::move(message));
    }

  private:
    void problem(std::string_view path, std::string text) {
        problems_.emplace(document_.lines.of(path), std::move(text));
    }

    void unknown_sections() {
        static const std::vector<std::string> known{
            "host", "log", "admin", "tls", "store", "limits", "process", "peers", "nodes"};
        for (const auto& member : document_.root) {
            const std::string name(member.key());
            if (std::ranges::find(known, name) == known.end()) {
                problem(name,
                        "unknown section [" + name.substr(0, 64) + "]" + did_you_mean(name, known));
            }
        }
    }

    template <class Section>
    void section(const std::string& name, Section& to, bool required = false) {
        const auto* value = document_.root.if_contains(name);
        if (value == nullptr) {
            if (required) problem("", "the section [" + name + "] is missing");
            return;
        }
        const auto* table = value->if_object();
        if (table == nullptr) {
            problem(name, name + " must be a section: write [" + name + "]");
            return;
        }
        read(*table, name, name, to, {});
    }

    /// Reads a table by its keys. `also` are keys that the caller reads itself.
    template <class Section>
    void read(const json::object& table,
              const std::string& path,
              const std::string& title,
              Section& to,
              const std::vector<std::string>& also) {
        std::vector<std::string> known = also;
        for (const auto& key : keys_of<Section>()) {
            known.emplace_back(key.name);
            const auto* value = table.if_contains(key.name);
            const auto place = path + '.' + std::string(key.name);
            if (value == nullptr) {
                if (key.required && !document_.lines.at.contains(place)) {
                    problem(path,
                            "[" + title + "] needs the key '" + std::string(key.name) +
                                "': " + describe(key));
                }
                continue;
            }
            KeyValue read_value;
            const auto wrong =
                check(key.kind, key.choices, key.least, key.most, *value, read_value);
            if (wrong) {
                problem(place,
                        "[" + title + "] " + std::string(key.name) + ": " + *wrong + "; expected " +
                            describe(key));
            } else {
                key.store(to, read_value);
            }
        }
        for (const auto& member : table) {
            const std::string name(member.key());
            if (std::ranges::find(known, name) != known.end()) continue;
            problem(path + '.' + name,
                    "unknown key '" + name.substr(0, 64) + "' in [" + title + "]" +
                        did_you_mean(name, known));
        }
    }

    /// What is wrong with the value, or nothing and `to` is filled.
    std::optional<std::string> check(KeyKind kind,
                                     std::string_view choices,
                                     std::int64_t least,
                                     std::int64_t most,
                                     const json::value& value,
                                     KeyValue& to) {
        const auto is = shown(value);
        switch (kind) {
            case KeyKind::flag:
                if (!value.is_bool()) return is + " is no boolean";
                to.flag = value.get_bool();
                return std::nullopt;
            case KeyKind::integer:
                if (!value.is_int64()) return is + " is no integer";
                to.number = value.get_int64();
                break;
            case KeyKind::bytes:
                if (value.is_int64()) {
                    to.number = value.get_int64();
                } else if (const auto size = parse_bytes(text_of(value)); size) {
                    to.number = static_cast<std::int64_t>(*size);
                } else {
                    return is + " is no size";
                }
                break;
            case KeyKind::days: {
                const auto time = parse_duration_ms(text_of(value));
                if (!time) return is + " is no time";
                constexpr std::int64_t kDayMs = 86'400'000;
                to.number = *time / kDayMs + (*time % kDayMs == 0 ? 0 : 1);
                break;
            }
            case KeyKind::path_list:
            case KeyKind::program_list:
            case KeyKind::text_list:
            case KeyKind::cidr_list:
            case KeyKind::address_list:
                return check_list(kind, value, to);
            default:
                return check_text(kind, choices, value, to);
        }
        if (to.number < least || to.number > most) return is + " is out of range";
        return std::nullopt;
    }

    static std::string_view text_of(const json::value& value) {
        const auto* text = value.if_string();
        return text == nullptr ? std::string_view() : std::string_view(*text);
    }

    std::optional<std::string> check_list(KeyKind kind, const json::value& value, KeyValue& to) {
        const auto* list = value.if_array();
        if (list == nullptr) return shown(value) + " is no list";
        if (list->size() > kListMax)
            return "the list has more than " + std::to_string(kListMax) + " items";
        for (const auto& item : *list) {
            const auto text = text_of(item);
            if (text.empty() || text.size() > kPathMax) return shown(item) + " is no usable text";
            if (kind == KeyKind::path_list) {
                to.list.push_back(resolve(text));
                continue;
            }
            if (kind == KeyKind::program_list && !text.starts_with('/'))
                return shown(item) + " is no absolute path";
            if (kind == KeyKind::cidr_list) {
                const auto range = Cidr::parse(text);
                if (!range) return range.error().message;
            }
            if (kind == KeyKind::address_list && !parse_endpoint(text, true) &&
                !parse_endpoint(std::string(text) + ":1", true) && !Cidr::parse(text)) {
                return shown(item) + " is no address";
            }
            to.list.emplace_back(text);
        }
        return std::nullopt;
    }

    std::optional<std::string> check_text(KeyKind kind,
                                          std::string_view choices,
                                          const json::value& value,
                                          KeyValue& to) {
        if (!value.is_string()) return shown(value) + " is no text";
        const auto text = text_of(value);
        if (text.contains('\0')) return "the text holds a NUL byte";
        to.text = text;
        if (kind == KeyKind::secret) {
            // The value itself is never shown: it may be the secret.
            const bool is_env = text.starts_with("env:") && text.size() > 4;
            const bool is_file = text.starts_with("file:") && text.size() > 5;
            if ((!is_env && !is_file) || text.size() > kPathMax)
                return "a literal secret can't stand here; it must be env:NAME or file:PATH";
            if (is_file) to.text = "file:" + resolve(text.substr(5));
            return std::nullopt;
        }
        if (kind == KeyKind::path) {
            if (text.empty() || text.size() > kPathMax) return shown(value) + " is no usable path";
            to.text = resolve(text);
            return std::nullopt;
        }
        bool good = !text.empty() && text.size() <= kTextMax;
        if (kind == KeyKind::plain_name) good = is_plain_name(text);
        if (kind == KeyKind::word) good = good && is_choice(choices, text);
        if (kind == KeyKind::listen) good = parse_endpoint(text, false).has_value();
        if (kind == KeyKind::peer_url) good = parse_peer_url(text).has_value();
        if (kind == KeyKind::uuid) good = is_uuid_text(text);
        if (kind == KeyKind::fingerprint) {
            const auto hex = parse_fingerprint(text);
            good = hex.has_value();
            if (hex) to.text = *hex;
        }
        if (!good) return shown(value) + " can't be used";
        return std::nullopt;
    }

    static bool is_choice(std::string_view choices, std::string_view text) {
        while (!choices.empty()) {
            const auto end = std::min(choices.find('|'), choices.size());
            if (choices.substr(0, end) == text) return true;
            choices.remove_prefix(std::min(end + 1, choices.size()));
        }
        return false;
    }

    std::string resolve(std::string_view text) const {
        std::filesystem::path path{std::string(text)};
        if (text == "~" || text.starts_with("~/")) {
            const char* home = std::getenv("HOME");
            if (home != nullptr)
                path = std::filesystem::path(home) /
                       std::string(text.size() > 2 ? text.substr(2) : "");
        }
        if (path.is_relative()) path = folder_ / path;
        auto normal = path.lexically_normal().string();
        if (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
        return normal;
    }

    /// Calls `see(name, table)` for each [group.name].
    template <class See>
    void each(const std::string& group, See see) {
        const auto* value = document_.root.if_contains(group);
        if (value == nullptr) return;
        if (!value->is_object()) {
            problem(group, group + " must be sections: write [" + group + ".NAME]");
            return;
        }
        for (const auto& member : value->get_object()) {
            const std::string name(member.key());
            const auto place = group + '.' + name;
            if (!is_node_name(name)) {
                problem(place,
                        "[" + group + "] '" + name.substr(0, 64) +
                            "': a name starts with a-z and holds a-z, 0-9, _ and -");
            } else if (!member.value().is_object()) {
                problem(place, place + " must be a section: write [" + place + "]");
            } else {
                see(name, member.value().get_object());
            }
        }
    }

    void read_nodes(Config& config) {
        each("nodes", [&](const std::string& name, const json::object& table) {
            NodeSection node;
            const auto path = "nodes." + name;
            node.name = name;
            node.tls = config.tls.enabled;
            node.line = document_.lines.of(path);
            read(table, path, path, node, {"settings"});
            if (const auto* settings = table.if_contains("settings")) {
                if (settings->is_object()) {
                    node.settings = settings->get_object();
                } else {
                    problem(path + ".settings",
                            "settings must be a section: write [" + path + ".settings]");
                }
            }
            config.nodes.push_back(std::move(node));
        });
        std::ranges::sort(config.nodes, {}, &NodeSection::line);
        std::map<std::string, const NodeSection*> listeners;
        for (const auto& node : config.nodes) {
            if (node.listen.empty() || !node.enabled) continue;
            const auto [found, added] = listeners.emplace(node.listen, &node);
            if (!added && found->second->tls != node.tls) {
                problem("nodes." + node.name + ".listen",
                        "[nodes." + node.name + "] and [nodes." + found->second->name + "] share " +
                            node.listen + " but differ in tls; give both the same");
            }
        }
        if (!config.admin.listen.empty() && listeners.contains(config.admin.listen)) {
            problem("admin.listen",
                    "[admin] listen: " + config.admin.listen +
                        " is a node's; the admin API needs its own");
        }
    }

    void read_peers(Config& config) {
        std::map<std::string, std::string> owners;
        each("peers", [&](const std::string& name, const json::object& table) {
            PeerSection peer;
            const auto path = "peers." + name;
            peer.name = name;
            read(table, path, path, peer, {});
            if (peer.key_next.empty() != peer.key_id_next.empty()) {
                problem(path, "[" + path + "] needs key_next and key_id_next together");
            }
            if (!peer.fingerprint.empty() && !peer.url.starts_with("https://")) {
                problem(path + ".fingerprint",
                        "[" + path + "] fingerprint: only an https:// url has a certificate");
            }
            auto addresses = peer.addresses;
            if (!peer.url.empty()) addresses.push_back(peer.url);
            for (const auto& address : addresses) {
                const auto [found, added] = owners.emplace(address, name);
                if (!added && found->second != name) {
                    problem(path,
                            "[" + path + "] and [peers." + found->second + "] both are " + address);
                }
            }
            config.peers.push_back(std::move(peer));
        });
    }

    /// Defaults that depend on other keys, and rules that span several.
    void finish(Config& config) {
        auto& host = config.host;
        if (host.name.empty()) host.name = machine_name();
        if (host.ns.empty()) host.ns = host.name;
        const auto in_data = [&](std::string& to, const char* name) {
            if (to.empty() && !host.data_dir.empty())
                to = (std::filesystem::path(host.data_dir) / name).string();
        };
        in_data(config.admin.socket, "admin.sock");
        in_data(config.store.file, "onex.db");
        if (config.tls.cert_file.empty() != config.tls.key_file.empty()) {
            problem("tls", "[tls] needs cert_file and key_file together");
        }
        in_data(config.tls.cert_file, "tls/cert.pem");
        in_data(config.tls.key_file, "tls/key.pem");
        if (config.admin.socket.size() > kSocketPathMax) {
            problem("admin.socket",
                    "[admin] socket: the path has " + std::to_string(config.admin.socket.size()) +
                        " bytes; at most " + std::to_string(kSocketPathMax) +
                        " fit, so set a shorter one");
        }
        if (!config.admin.listen.empty() && host.token.empty()) {
            problem("admin.listen",
                    "[admin] listen needs [host] token = \"env:NAME\" or \"file:PATH\"");
        }
        for (auto& peer : config.peers) {
            if (peer.name == host.name) {
                problem("peers." + peer.name,
                        "[peers." + peer.name + "] has this host's own name; use the other host's");
            }
            if (peer.key_id.empty()) {
                peer.key_id = std::min(host.name, peer.name) + ':' + std::max(host.name, peer.name);
            }
            if (peer.key_id == peer.key_id_next) {
                problem("peers." + peer.name + ".key_id_next",
                        "[peers." + peer.name + "] key_id_next must differ from key_id");
            }
        }
        check_key_ids(config.peers);
    }

    /// A key id tells which peer asks: it has one owner.
    void check_key_ids(const std::vector<PeerSection>& peers) {
        std::map<std::string, std::string> owners;
        for (const auto& peer : peers) {
            for (const auto& id : {peer.key_id, peer.key_id_next}) {
                if (id.empty()) continue;
                const auto [found, added] = owners.emplace(id, peer.name);
                if (added || found->second == peer.name) continue;
                problem("peers." + peer.name,
                        "[peers." + peer.name + "] and [peers." + found->second +
                            "] both have the key id " + id + "; give each peer its own");
            }
        }
    }

    static std::string machine_name() {
        std::array<char, 256> buffer{};
        if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return "host";
        std::string name;
        for (const char* c = buffer.data(); *c != '\0' && *c != '.'; ++c) {
            const char lower = *c >= 'A' && *c <= 'Z' ? static_cast<char>(*c - 'A' + 'a') : *c;
            name += is_plain_name(std::string_view(&lower, 1)) ? lower : '-';
        }
        name.resize(std::min<std::size_t>(name.size(), 63));
        return name.empty() ? "host" : name;
    }

    const TomlDocument& document_;
    std::string file_;
    std::filesystem::path folder_;
    std::multimap<int, std::string> problems_;  ///< by line
};

}  // namespace

std::string Config::where(std::string_view key) const {
    return file + ':' + std::to_string(lines.of(key));
}

Result<Config> parse_config(std::string_view text,
                            const std::string& file,
                            const std::string& folder) {
    if (text.size() > kFileBytesMax) {
        return fail("VALIDATION_ERROR",
                    file + ": larger than " + std::to_string(kFileBytesMax) + " bytes");
    }
    const auto document = parse_toml(text);
    if (!document) return fail("VALIDATION_ERROR", file + ':' + document.error().message);
    Reader reader(*document, file, folder);
    return reader.run();
}

Result<Config> read_config(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    std::error_code failed;
    if (!stream || !std::filesystem::is_regular_file(file, failed)) {
        return fail("NOT_FOUND",
                    file + ": can't be read; name the host's TOML with --config or ONEX_CONFIG");
    }
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const auto folder = std::filesystem::absolute(file, failed).parent_path();
    return parse_config(text, file, folder.string());
}

}  // namespace onex::host
