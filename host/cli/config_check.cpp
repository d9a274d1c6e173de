// config check: a TOML against what it names on this machine: secrets, plugins, their contracts.
#include "host/check/checks.hpp"
#include "host/cli/commands.hpp"
#include "host/cli/output.hpp"
#include "host/contract/contract.hpp"
#include "host/paths.hpp"
#include "host/plugin/library.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <utility>

namespace onex::host::cli {

namespace json = boost::json;
namespace {

constexpr unsigned kReadSeconds = 20;
constexpr std::size_t kEntryBytesMax = 8U << 20;

/// What a library says of itself.
struct Entry {
    std::string id;
    bool wants_store = false;
    NodeContract contract;
};

/// A library is never loaded here: a child process reads it, and writes into a file of both.
Result<json::object> read_in_child(const std::string& file) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> shared(std::tmpfile(), std::fclose);
    if (!shared) return fail("UNAVAILABLE", "no temporary file could be made");
    const auto read = check::in_child("entry", kReadSeconds, [&] {
        try {
            const auto loaded = check::load(file);
            const auto& entry = loaded.library->entry();
            json::object out{{"id", entry.id}, {"contract", entry.contract}};
            for (const auto* id = entry.requires_services; *id != nullptr; ++id)
                if (std::string_view(*id) == ONEX_STORE_ID) out["wants_store"] = true;
            const auto text = json::serialize(out);
            const bool written =
                std::fwrite(text.data(), 1, text.size(), shared.get()) == text.size() &&
                std::fflush(shared.get()) == 0;
            return written ? check::passed() : check::failed("its contract could not be kept");
        } catch (const std::runtime_error& error) {
            return check::failed(error.what());
        }
    });
    if (read.state == check::State::failed)
        return fail("FAILED_PRECONDITION", file + " is not fit to be loaded: " + read.detail);
    std::rewind(shared.get());
    std::string text(kEntryBytesMax, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), shared.get()));
    boost::system::error_code ec;
    auto told = json::parse(text, ec);
    if (ec || !told.is_object()) return fail("FAILED_PRECONDITION", file + " told nothing");
    return std::move(told.get_object());
}

Result<Entry> read_entry(const std::string& file) {
    const auto told = read_in_child(file);
    if (!told) return std::unexpected(told.error());
    Entry entry;
    entry.id = std::string(told->at("id").as_string());
    entry.wants_store = told->contains("wants_store");
    auto contract = read_node_contract(std::string_view(told->at("contract").as_string()),
                                       entry.id + " (embedded contract)");
    if (!contract) return std::unexpected(std::move(contract).error());
    entry.contract = std::move(*contract);
    return entry;
}

/// "/a/b~1c" → ".a.b/c", as KeyLines writes it.
std::string dotted(std::string_view pointer) {
    std::string out;
    for (std::size_t i = 0; i < pointer.size(); ++i) {
        if (pointer[i] == '~' && i + 1 < pointer.size()) {
            out += pointer[++i] == '1' ? '/' : '~';
        } else {
            out += pointer[i] == '/' ? '.' : pointer[i];
        }
    }
    return out;
}

class NodesCheck {
  public:
    explicit NodesCheck(const Config& config) : config_(config) {}

    /// By line.
    std::multimap<int, std::string> run() {
        for (const auto& node : config_.nodes)
            if (node.enabled) check(node);
        return std::move(problems_);
    }

  private:
    void problem(const NodeSection& node, const std::string& key, const std::string& what) {
        const auto section = "nodes." + node.name;
        const auto path = section + (key.empty() ? "" : "." + key);
        problems_.emplace(config_.lines.of(path),
                          config_.where(path) + ": [" + section + "]: " + what);
    }

    void check(const NodeSection& node) {
        const auto from = find_plugin(config_.host, executable_path(), node.plugin);
        if (!from) return problem(node, "plugin", from.error().message);
        if (!node.blake3.empty()) {
            const auto digest = digest_of_file(from->file);
            if (digest && *digest != node.blake3)
                return problem(node, "blake3", from->file + " has the BLAKE3 " + *digest);
        }
        // Several nodes may be of one plugin.
        auto [known, is_new] = entries_.try_emplace(from->file);
        if (is_new) known->second = read_entry(from->file);
        const auto& entry = known->second;
        if (!entry) return problem(node, "plugin", entry.error().message);
        if (entry->id != node.plugin) {
            return problem(
                node,
                "plugin",
                from->file + " says that it is `" + entry->id + "`, not `" + node.plugin + "`");
        }
        if (entry->wants_store && !from->own) {
            problem(node,
                    "plugin",
                    node.plugin + " needs the service " ONEX_STORE_ID
                                  ", which installed plugins have, and those that [host] "
                                  "sql_plugins lists");
        }
        check_routes(node, entry->contract);
        if (check_settings(node, entry->contract)) check_create(node, from->file);
    }

    bool check_settings(const NodeSection& node, const NodeContract& contract) {
        json::value settings = node.settings;
        const auto fit = contract.settings.check(settings);
        if (fit) return true;
        boost::system::error_code ec;
        const auto details = json::parse(fit.error().details, ec);
        if (ec || !details.is_object()) {
            problem(node, "settings", "settings: " + fit.error().message);
            return false;
        }
        for (const auto& item : details.get_object().at("violations").as_array()) {
            const auto& one = item.as_object();
            problem(node,
                    "settings" + dotted(std::string_view(one.at("path").as_string())),
                    "settings: " + std::string(one.at("message").as_string()));
        }
        return false;
    }

    /// What only the plugin itself knows of its settings.
    void check_create(const NodeSection& node, const std::string& file) {
        const auto outcomes =
            check::check_plugin(file, check::Level::load, json::serialize(node.settings));
        const auto wrong =
            std::ranges::find(outcomes, check::State::failed, &check::Outcome::state);
        if (wrong == outcomes.end()) return;
        problem(node,
                wrong->name == "create" ? "settings" : "plugin",
                file + " is not fit to be loaded; " + wrong->name + ": " + wrong->detail);
    }

    void check_routes(const NodeSection& node, const NodeContract& contract) {
        if (node.listen.empty()) return;
        std::set<std::string> told;
        for (const auto& operation : contract.operations) {
            for (const auto& http : operation.http) {
                const auto [owner, is_first] = routes_.emplace(
                    node.listen + " " + http.method + " " + shape(http.path), node.name);
                if (is_first || owner->second == node.name || !told.insert(owner->second).second)
                    continue;
                problem(node,
                        "listen",
                        "nodes " + owner->second + " and " + node.name + " both claim " +
                            http.method + " " + http.path +
                            " on one listener; give one another `listen`");
            }
        }
    }

    /// The path with its parameters' names left out: two that differ only in them are one.
    static std::string shape(std::string_view path) {
        std::string out;
        bool inside = false;
        for (const char c : path) {
            if (c == '}') inside = false;
            if (!inside) out += c;
            if (c == '{') inside = true;
        }
        return out;
    }

    const Config& config_;
    std::map<std::string, Result<Entry>> entries_;  ///< by file
    std::map<std::string, std::string> routes_;     ///< "LISTEN METHOD SHAPE" → node
    std::multimap<int, std::string> problems_;
};

/// Every problem, one line each.
std::vector<std::string> problems_of(Config& config) {
    fill_paths(config);
    auto problems = check_secrets(config);
    for (auto& [line, problem] : NodesCheck(config).run())
        problems.push_back(std::move(problem));
    return problems;
}

}  // namespace

int config_check(Session& session, const std::string& file) {
    const auto name = file.empty() ? session.config_file() : file;
    auto config = read_config(name);
    // As everywhere: a file that is not there is wrong use.
    if (!config) {
        return session.fail_with(config.error(),
                                 config.error().code == "NOT_FOUND" ? kUsage : kFailed);
    }
    const auto problems = problems_of(*config);
    if (!problems.empty()) {
        std::string message;
        for (const auto& problem : problems)
            message += (message.empty() ? "" : "\n") + problem;
        return session.fail_with({"VALIDATION_ERROR", std::move(message), {}, {}}, kFailed);
    }
    if (session.json()) {
        print_json(json::object{{"file", name}, {"valid", true}, {"host", config->host.name}});
    } else {
        print(name + ": valid; host " + config->host.name + ", " +
              std::to_string(config->nodes.size()) + " nodes, " +
              std::to_string(config->peers.size()) + " peers\n");
    }
    return kOk;
}

bool config_fits(const std::string& file) {
    auto config = read_config(file);
    return config && problems_of(*config).empty();
}

}  // namespace onex::host::cli
