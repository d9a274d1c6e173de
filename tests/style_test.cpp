// House rules over the source tree. Each rule prints the place and what to write instead.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct SourceFile {
    std::string path;  ///< from the top of the tree
    std::vector<std::string> lines;

    [[nodiscard]] bool ends(std::string_view suffix) const { return path.ends_with(suffix); }
    [[nodiscard]] bool is_cpp() const {
        return ends(".cpp") || ends(".hpp") || ends(".h") || ends(".c");
    }
    [[nodiscard]] bool in(std::string_view folder) const { return path.starts_with(folder); }
};

std::vector<std::string> tracked_paths() {
    std::vector<std::string> paths;
    using Command = std::unique_ptr<FILE, int (*)(FILE*)>;
    // New files count before they are added, ignored ones never do.
    Command git(
        popen("git -C '" ONEX_SOURCE_DIR "' ls-files -co --exclude-standard 2>/dev/null", "r"),
        pclose);
    std::string text;
    char buffer[4096];
    while (git) {
        const auto count = fread(buffer, 1, sizeof buffer, git.get());
        if (count == 0) break;
        text.append(buffer, count);
    }
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        paths.push_back(line);
    if (!paths.empty()) return paths;
    // Without git (an unpacked archive) the folders speak for themselves.
    for (const auto* folder :
         {"api", "host", "plugins", "tests", "contracts", "migrations", "config"}) {
        const fs::path root(ONEX_SOURCE_DIR);
        if (!fs::exists(root / folder)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
            if (entry.is_regular_file()) paths.push_back(fs::relative(entry.path(), root).string());
        }
    }
    return paths;
}

const std::vector<SourceFile>& sources() {
    static const auto all = [] {
        std::vector<SourceFile> files;
        for (const auto& path : tracked_paths()) {
            std::ifstream in(fs::path(ONEX_SOURCE_DIR) / path);
            if (!in) continue;  // Deleted, and not committed yet.
            SourceFile file{path, {}};
            for (std::string line; std::getline(in, line);)
                file.lines.push_back(line);
            files.push_back(std::move(file));
        }
        return files;
    }();
    return all;
}

std::string at(const SourceFile& file, std::size_t line) {
    return file.path + ":" + std::to_string(line + 1) + ": ";
}

/// The code of a line: without strings and without what follows "//".
std::string code_of(const std::string& line) {
    std::string out;
    char quote = '\0';
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != '\0') {
            if (c == '\\') {
                ++i;
            } else if (c == quote) {
                quote = '\0';
                out += c;
            }
            continue;
        }
        if (c == '/' && i + 1 < line.size() && line[i + 1] == '/') break;
        // A digit separator is no quote.
        const bool separator =
            c == '\'' && i > 0 && std::isalnum(static_cast<unsigned char>(line[i - 1])) != 0;
        if ((c == '"' || c == '\'') && !separator) quote = c;
        out += c;
    }
    return out;
}

bool holds_word(const std::string& line, const std::string& word) {
    const auto part_of_word = [&](std::size_t i) {
        return i < line.size() &&
               (std::isalnum(static_cast<unsigned char>(line[i])) != 0 || line[i] == '_');
    };
    for (auto at = line.find(word); at != std::string::npos; at = line.find(word, at + 1)) {
        if (!(at > 0 && part_of_word(at - 1)) && !part_of_word(at + word.size())) return true;
    }
    return false;
}

std::string include_of(const std::string& line) {
    if (line.find("include") == std::string::npos) return "";
    static const std::regex form(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
    std::smatch found;
    return std::regex_search(line, found, form) ? found[1].str() : "";
}

TEST(Style, FilesStayShort) {
    constexpr std::size_t lines_max = 500;
    for (const auto& file : sources()) {
        const bool code =
            file.is_cpp() || file.ends(".sh") || file.ends(".cmake") || file.path == "x";
        if (!code) continue;
        EXPECT_LE(file.lines.size(), lines_max) << file.path << ": split it by subject";
    }
}

TEST(Style, BannedWordsAreNotUsed) {
    struct Ban {
        const char*
            hint;  ///< a line without it is not looked at, since regular expressions are slow
        std::regex form;
        const char* instead;
    };
    const std::vector<Ban> bans{
        {"sleep",
         std::regex(R"(\bsleep_(for|until)\b|\busleep\s*\()"),
         "a wait for a condition with a deadline"},
        {"detached",
         std::regex(R"(asio::detached|\bdetached\b\s*[,)])"),
         "TaskGroup::spawn, so that it can be waited for"},
        {"include",
         std::regex(R"(#\s*include\s*<boost/(asio|beast)\.hpp>)"),
         "the headers that are used"},
        {"std::",
         std::regex(R"(\bstd::(format|jthread|move_only_function)\b)"),
         "what libc++ and g++ 12 have, too"},
        {"FIXME", std::regex(R"(\bFIXME\b)"), "a sentence that says why"},
        {"using", std::regex(R"(\busing namespace std;)"), "std::"},
    };
    const std::regex todo(R"(\bTODO\b(?!\(#\d+\)))");
    for (const auto& file : sources()) {
        if (!file.is_cpp() || file.path == "tests/style_test.cpp") continue;
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            const auto code = code_of(file.lines[i]);
            for (const auto& ban : bans) {
                if (code.find(ban.hint) == std::string::npos) continue;
                EXPECT_FALSE(std::regex_search(code, ban.form))
                    << at(file, i) << "use " << ban.instead;
            }
            if (file.lines[i].find("TODO") == std::string::npos) continue;
            EXPECT_FALSE(std::regex_search(file.lines[i], todo))
                << at(file, i) << "TODO(#number), or do it";
        }
    }
}

TEST(Style, ScriptsWaitForConditions) {
    const std::regex pause(R"((^|[;&|]|\bdo)\s*sleep\s)");
    for (const auto& file : sources()) {
        // wait_until itself is the one place that may pause.
        if (!file.ends(".sh") || file.path == "tests/lab/common.sh") continue;
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            EXPECT_FALSE(std::regex_search(file.lines[i], pause))
                << at(file, i) << "use wait_until of tests/lab/common.sh";
        }
    }
}

/// Third-party headers, and the files that may include them: one pair each, and its own helpers.
TEST(Style, AThirdPartyLibraryStandsInOneFilePair) {
    const std::map<std::string, std::regex> owners{
        {R"(^boost/beast)", std::regex(R"(^host/http/)")},
        {R"(^boost/asio/ssl|^openssl/ssl)",
         std::regex(
             R"(^host/http/(tls|transport|stream_transport|listener|acceptor|client)[a-z_]*\.)")},
        {R"(^boost/dll)", std::regex(R"(^host/plugin/library\.)")},
        {R"(^valijson)", std::regex(R"(^host/contract/schema\.)")},
        {R"(^yaml-cpp)", std::regex(R"(^host/contract/yaml\.)")},
        {R"(^re2/)", std::regex(R"(^host/contract/pattern\.)")},
        {R"(^toml\+\+|^toml\.hpp)", std::regex(R"(^host/config/toml\.)")},
        {R"(^sqlite3)", std::regex(R"(^host/store/sqlite_[a-z]+\.)")},
        {R"(^pqxx)", std::regex(R"(^host/store/postgres)")},
        {R"(^spdlog)", std::regex(R"(^host/log\.)")},
        {R"(^prometheus/)", std::regex(R"(^host/metrics\.)")},
        {R"(^CLI/)", std::regex(R"(^host/cli/arguments\.)")},
        {R"(^zstd|^zlib)", std::regex(R"(^plugins/lib/package/)")},
        {R"(^blake3)", std::regex(R"(^(plugins/lib/digest|host/store)/digest\.)")},
    };
    for (const auto& file : sources()) {
        if (!file.is_cpp() || file.in("tests/")) continue;
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            const auto include = include_of(file.lines[i]);
            if (include.empty()) continue;
            for (const auto& [library, owner] : owners) {
                if (!std::regex_search(include, std::regex(library))) continue;
                EXPECT_TRUE(std::regex_search(file.path, owner))
                    << at(file, i) << "<" << include << "> has its own file pair; call that";
                // A header of the pair shows plain types; only internal ones of the HTTP folder may
                // not.
                if (file.ends(".hpp") && !file.in("host/http/") && !file.in("host/store/") &&
                    !file.in("host/config/")) {
                    ADD_FAILURE() << at(file, i) << "third-party types stay in the .cpp";
                }
            }
        }
    }
}

/// Inside the host: cli → host → {http, plugin, router, peer} → {contract, store} → {config, async,
/// log}.
TEST(Style, IncludesGoInOneDirection) {
    const std::map<std::string, int> ranks{
        {"cli", 50},
        {"host.hpp", 40},
        {"version.hpp", 0},
        {"paths.hpp", 15},
        {"router", 32},
        {"peer", 30},
        {"plugin", 30},
        {"http", 20},
        {"process", 20},
        {"contract", 10},
        {"store", 10},
        {"config", 5},
        {"text", 2},
        {"async", 1},
    };
    const auto part_of = [](const std::string& path) {  // "host/http/wire.hpp" → "http"
        const auto rest = path.substr(5);
        return rest.substr(0, rest.find('/'));
    };
    for (const auto& file : sources()) {
        if (!file.is_cpp()) continue;
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            const auto include = include_of(file.lines[i]);
            if (include.empty()) continue;
            const bool to_host = include.starts_with("host/");
            const bool to_plugins = include.starts_with("plugins/");
            if (file.in("api/")) {
                EXPECT_FALSE(to_host || to_plugins)
                    << at(file, i) << "api knows only the standard library";
            }
            if (file.in("plugins/")) {
                EXPECT_FALSE(to_host) << at(file, i) << "a plugin knows api/ and plugins/lib/ only";
            }
            if (file.in("plugins/lib/")) {
                EXPECT_FALSE(to_plugins && !include.starts_with("plugins/lib/"))
                    << at(file, i) << "shared code knows no node";
            } else if (file.in("plugins/") && to_plugins && !include.starts_with("plugins/lib/")) {
                const auto own = file.path.substr(0, file.path.find('/', 8) + 1);
                EXPECT_TRUE(include.starts_with(own))
                    << at(file, i) << "a plugin never knows another";
            }
            if (!file.in("host/")) continue;
            EXPECT_FALSE(to_plugins) << at(file, i) << "the host knows no plugin";
            if (!to_host) continue;
            const auto from = ranks.find(part_of(file.path));
            const auto to = ranks.find(part_of(include));
            if (from == ranks.end() || to == ranks.end() || from->first == to->first) continue;
            EXPECT_GE(from->second, to->second)
                << at(file, i) << "against the direction of the flow; hand in a function";
        }
    }
}

/// g++ 12 miscompiles the other forms (style A1): name the arguments, name the result, nothing
/// else.
TEST(Style, CoAwaitStandsInASimpleStatement) {
    const std::regex wait(R"(\bco_await\b)");
    const std::regex condition(
        R"((\bif|\bwhile|\bswitch)\s*\(\s*!?\s*\(?\s*co_await\b|\bwhile\s*\([^;]*co_await\b|\bswitch\s*\([^;]*co_await\b)");
    const std::regex binding(R"(auto\s*&?\s*\[[^\]]*\]\s*=\s*co_await\b)");
    const std::regex initialised_if(R"(^\s*if\s*\(\s*(const\s+)?auto\s+\w+\s*=\s*co_await\b)");
    for (const auto& file : sources()) {
        if (!file.is_cpp() || file.path == "tests/style_test.cpp") continue;
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            if (file.lines[i].find("co_await") == std::string::npos) continue;
            auto statement = code_of(file.lines[i]);
            if (!std::regex_search(statement, wait)) continue;
            const bool is_if = std::regex_search(statement, initialised_if);
            // From the line with co_await to the end of the statement.
            for (std::size_t j = i + 1;
                 j < file.lines.size() && j < i + 8 && statement.find(';') == std::string::npos;
                 ++j) {
                statement += " " + code_of(file.lines[j]);
            }
            const auto begin = statement.find("co_await");
            const auto tail = statement.substr(begin, statement.find(';', begin) - begin);
            const auto count = std::distance(std::sregex_iterator(tail.begin(), tail.end(), wait),
                                             std::sregex_iterator());
            EXPECT_FALSE(!is_if && std::regex_search(statement, condition))
                << at(file, i) << "name the result, then test it";
            EXPECT_FALSE(std::regex_search(statement, binding))
                << at(file, i) << "name the result, then take it apart";
            EXPECT_EQ(count, 1) << at(file, i) << "one co_await a statement";
            EXPECT_EQ(tail.find('{'), std::string::npos)
                << at(file, i) << "name the argument: no braces beside co_await";
            EXPECT_EQ(tail.find('?'), std::string::npos)
                << at(file, i) << "no conditional expression beside co_await";
            EXPECT_EQ(tail.find("&&"), std::string::npos) << at(file, i) << "no && beside co_await";
            EXPECT_EQ(tail.find("||"), std::string::npos) << at(file, i) << "no || beside co_await";
            EXPECT_EQ(tail.find("[&]"), std::string::npos)
                << at(file, i) << "name the function: no lambda beside co_await";
        }
    }
}

/// Two types of one name in one namespace link without a word and then free each other's memory.
TEST(Style, ATypeOfTheHostHasOneDefinition) {
    const std::regex definition(R"(^(?:struct|class) ([A-Z]\w*)(?: final)?\s*(?::[^:].*)?\{)");
    std::map<std::string, std::string> places;
    for (const auto& file : sources()) {
        if (!file.in("host/") || !file.ends(".hpp")) continue;
        std::string space;
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            if (file.lines[i].starts_with("namespace ")) space = file.lines[i];
            std::smatch found;
            if (!std::regex_search(file.lines[i], found, definition)) continue;
            const auto [place, fresh] = places.emplace(space + found[1].str(), at(file, i));
            EXPECT_TRUE(fresh) << at(file, i) << found[1].str() << " is defined in "
                               << place->second << " too";
        }
    }
}

TEST(Style, NoSourceIsForgotten) {
    std::map<std::string, std::string> lists;  // folder → its CMakeLists
    for (const auto& file : sources()) {
        if (!file.ends("CMakeLists.txt")) continue;
        auto& text = lists[fs::path(file.path).parent_path().string()];
        for (const auto& line : file.lines)
            text += line + "\n";
    }
    for (const auto& file : sources()) {
        if (!file.ends(".cpp")) continue;
        const fs::path path(file.path);
        bool named = false;
        for (auto folder = path.parent_path(); !named; folder = folder.parent_path()) {
            const auto list = lists.find(folder.string());
            named = list != lists.end() &&
                    list->second.find(path.filename().string()) != std::string::npos;
            if (folder.empty()) break;
        }
        // A folder beside or below may build it, too.
        const auto name = path.filename().string();
        const auto beside = "../" + path.parent_path().filename().string() + "/" + name;
        for (const auto& [folder, text] : lists) {
            const bool below = folder.starts_with(path.parent_path().string());
            named = named || text.find(beside) != std::string::npos ||
                    (below && text.find("../" + name) != std::string::npos);
        }
        EXPECT_TRUE(named) << file.path << " is in no CMakeLists.txt; build it or delete it";
    }
}

TEST(Style, TheReadmesNodeIsTheOneThatIsBuilt) {
    std::map<std::string, std::string> texts;
    for (const auto& file : sources()) {
        auto& text = texts[file.path];
        for (const auto& line : file.lines)
            text += line + "\n";
    }
    for (const auto* path : {"tests/bench/greeter.cpp", "tests/bench/greeter.yaml"}) {
        EXPECT_NE(texts["api/README.md"].find(texts[path]), std::string::npos)
            << "api/README.md shows another " << path;
    }
}

/// The engine runs any contract, so its source names no word of the deployment contract
/// (semantics 1.5).
TEST(Style, TheEngineKnowsNoWordOfAContract) {
    std::set<std::string> words;
    const std::set<std::string> sections{
        "workflow_stages:", "fsm_states:", "coordination:", "quality_gates:"};
    const std::regex name(R"(\b(?:stage_name|name|stage|rollback_strategy):\s*"?([A-Za-z_]+))");
    const std::regex validations(R"(\bvalidations:\s*\[([^\]]*)\])");
    const std::regex word_form(R"([a-z_]+)");
    const auto collect = [&](const std::string& text, const std::regex& form, int group) {
        for (std::sregex_iterator i(text.begin(), text.end(), form), end; i != end; ++i)
            words.insert((*i)[group].str());
    };
    for (const auto& file : sources()) {
        if (file.path != "contracts/workflows/deployment_workflow.yaml") continue;
        bool inside = false;
        for (const auto& line : file.lines) {
            if (!line.empty() && line.front() != ' ' && line.front() != '#')
                inside = sections.contains(line);
            if (!inside) continue;
            collect(line, name, 1);
            std::smatch found;
            if (std::regex_search(line, found, validations)) collect(found[1].str(), word_form, 0);
        }
    }
    words.erase("completed");  // The contract language's own word for the end of a run.
    for (const auto* own : {"COMPLETED", "FAILED", "ROLLING_BACK", "ROLLBACK_COMPLETED"})
        words.erase(own);
    EXPECT_GE(words.size(), 30U) << "the contract's names were not found";
    for (const auto* word : {"docker", "Docker", "container_name", "image_tag"})
        words.insert(word);
    for (const auto& file : sources()) {
        const bool engine = file.in("plugins/lib/workflow/") || file.in("plugins/orchestrator/");
        if (!engine || !file.is_cpp() || file.ends("/routes.cpp")) continue;
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            for (const auto& word : words) {
                EXPECT_FALSE(holds_word(file.lines[i], word))
                    << at(file, i) << "the engine may not know '" << word << "'";
            }
        }
    }
}

}  // namespace
