#include "host/cli/plugin_new.hpp"

#include <cctype>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace onex::host::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kNameMax = 64;

struct Template {
    std::string_view path;  ///< NAME and CLASS stand for the plugin's
    std::string_view text;
};

constexpr Template kTemplates[] = {
    {"CMakeLists.txt", R"(cmake_minimum_required(VERSION 3.23)
project(NAME LANGUAGES C CXX)
enable_testing()

find_package(onex 1 REQUIRED)
onex_add_plugin(NAME SOURCES NAME.cpp CONTRACT NAME.yaml LINK onex::json)
onex_add_plugin_test(NAME_test PLUGIN NAME SOURCES NAME_test.cpp)
)"},
    {"NAME.yaml",
     R"(# What the node offers. The host routes, validates and documents from this file alone.
schema_version: "2.0"
node_identity: {name: NAME, node_type: compute, version: "0.1.0", description: Greets whoever is named}
io_operations:
  - name: greet
    description: A greeting for one name
    http: {method: POST, path: /NAME/greet}
    auth: none
    timeout_ms: 1000
    errors: [{code: NOT_FOUND, permanent: true}]
    input:
      type: object
      required: [name]
      properties: {name: {type: string, minLength: 1, maxLength: 64}}
    output: {type: object, required: [text], properties: {text: {type: string}}}
settings: {type: object, properties: {greeting: {type: string, default: Hello}}}
)"},
    {"NAME.cpp", R"(#include <onex/json.hpp>

namespace {

/// Greets whoever is named.
class CLASS : public onex::JsonNode {
  public:
    CLASS(const onex_host* host, const onex_create_args* args) : JsonNode(host, args) {
        const auto settings = onex::parse_object(this->host().settings());
        if (!settings) throw settings.error();
        greeting_ = onex::get_text(*settings, "greeting", "Hello");
        add_json("greet",
                 [this](onex::Request&, const onex::json::object& input) { return greet(input); });
    }

  private:
    onex::Result<onex::json::object> greet(const onex::json::object& input) {
        const auto name = onex::get_text(input, "name");
        if (name == "nobody") return onex::fail("NOT_FOUND", "nobody is not here; name somebody");
        return onex::json::object{{"text", greeting_ + ", " + name + "!"}};
    }

    std::string greeting_;
};

ONEX_PLUGIN(CLASS, "NAME", "0.1.0", ONEX_CALL_ID, ONEX_CONFIG_ID);

}  // namespace
)"},
    {"NAME_test.cpp",
     R"~(// The node in a host that is only memory: no process, no port, no waiting.
#include <onex/testing.hpp>

#include <cstdio>

namespace {

int failures = 0;

void check(bool holds, const char* what) {
    if (holds) return;
    ++failures;
    std::fprintf(stderr, "not so: %s\n", what);
}

}  // namespace

int main() {
    onex::testing::FakeHost host;
    host.settings = R"({"greeting":"Good morning"})";
    const auto node = onex::testing::FakeNode::create(onex_plugin_entry_v1, host);
    check(node.has_value(), "the node can be made");
    if (!node) return 1;
    check((*node)->start().has_value(), "it starts");

    const auto good = (*node)->call("greet", R"({"name":"Ada"})");
    check(good.output == R"({"text":"Good morning, Ada!"})", "it greets");
    const auto bad = (*node)->call("greet", R"({"name":"nobody"})");
    check(!bad.output && bad.output.error().code == "NOT_FOUND", "it knows who is not here");
    return failures == 0 ? 0 : 1;
}
)~"},
    {"README.md", R"(# NAME

    cmake -B build -DCMAKE_PREFIX_PATH=<where onex-host is installed> && cmake --build build
    ctest --test-dir build --output-on-failure
    onex-host plugin check build/NAME.so --level full
    onex-host run --config host.toml
    curl -d '{"name": "Ada"}' -H 'Content-Type: application/json' http://127.0.0.1:8090/NAME/greet

`NAME.yaml` says what the node offers, `NAME.cpp` does it, `NAME_test.cpp` tests it in a host that is only
memory. `host.toml` runs it alone; build again, and the running host takes the new library over and says so in its log,
or why it does not. How all of it works: `share/onex/api/README.md` of the installation.
)"},
    {"host.toml", R"(# onex-host run --config host.toml
[host]
name = "dev"
data_dir = "build/data"   # relative to this file
plugin_dirs = ["build"]
watch = true   # what is built anew replaces what runs

[nodes.NAME]
plugin = "NAME"
listen = "127.0.0.1:8090"
settings = {greeting = "Good morning"}
)"},
};

/// "word_count" → "WordCount".
std::string class_name(std::string_view name) {
    std::string out;
    bool upper = true;
    for (const char c : name) {
        if (c == '_') {
            upper = true;
            continue;
        }
        out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
        upper = false;
    }
    return out;
}

std::string fill(std::string_view text, std::string_view name, std::string_view type) {
    std::string out(text);
    for (const auto& [word, value] : {std::pair{std::string_view("NAME"), name}, {"CLASS", type}}) {
        for (std::size_t at = 0; (at = out.find(word, at)) != std::string::npos; at += value.size())
            out.replace(at, word.size(), value);
    }
    return out;
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> new_plugin_files(const std::string& name) {
    bool good = !name.empty() && name.size() <= kNameMax && name.front() >= 'a' &&
                name.front() <= 'z' && name.back() != '_';
    for (const char c : name)
        good = good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
    if (!good) {
        return fail("VALIDATION_ERROR",
                    "`" + name + "` can't name a plugin; use a-z, 0-9 and _, as in word_count");
    }
    const auto type = class_name(name);
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& file : kTemplates)
        out.emplace_back(fill(file.path, name, type), fill(file.text, name, type));
    return out;
}

Result<void> write_new_plugin(const std::string& name, const std::string& folder) {
    const auto files = new_plugin_files(name);
    if (!files) return std::unexpected(files.error());
    std::error_code ec;
    if (fs::exists(folder, ec) && !fs::is_empty(folder, ec))
        return fail("CONFLICT", folder + " is not empty; name another folder with --dir");
    fs::create_directories(folder, ec);
    for (const auto& [path, text] : *files) {
        std::ofstream out(fs::path(folder) / path, std::ios::binary);
        out << text;
        out.close();
        if (!out) return fail("INTERNAL", "can't write " + (fs::path(folder) / path).string());
    }
    return {};
}

}  // namespace onex::host::cli
