// The commands for the nodes of a running host, against a real one.
#include "tests/support/host_process.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

namespace onex::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

class PluginCommands : public testing::Test {
  protected:
    void SetUp() override {
        fs::create_directory(plugins_);
        fs::copy_file(ONEX_BINARY_DIR "/tests/plugins/plain_c.so", library_);
        write_file(folder_.path() + "/token", "a token for the admin API\n");
    }
    /// [host] as every test has it, then `toml`.
    void configure(const std::string& toml) {
        HostOptions options;
        options.folder = folder_.path();
        options.in_host = "plugin_dirs = ['" + plugins_ +
                          "']\nsql_plugins = ['plain_c']\ntoken = 'file:" + folder_.path() +
                          "/token'\n" + in_host_;
        options.toml = toml;
        // Writes the file, also under a host that runs.
        auto fresh = std::make_unique<HostProcess>(options);
        if (!host_) host_ = std::move(fresh);
    }
    void start(const std::string& toml) {
        configure(toml);
        ASSERT_TRUE(host_->start()) << host_->log();
    }
    /// The node `plain` with this greeting, further settings or lines after it.
    [[nodiscard]] std::string plain(const std::string& greeting = "'hi'") const {
        return "[nodes.plain]\nplugin = 'plain_c'\nlisten = '127.0.0.1:" + std::to_string(port_) +
               "'\nsettings = {greeting = " + greeting + "}\n";
    }
    /// What a command answers with --json.
    json::object told(const std::string& command, int code = 0) {
        const auto ran = host_->cli(command + " --json");
        EXPECT_EQ(ran.code, code) << command << "\n" << ran.output;
        boost::system::error_code ec;
        auto value = json::parse(ran.output, ec);
        EXPECT_TRUE(!ec && value.is_object()) << command << "\n" << ran.output;
        return value.is_object() ? value.as_object() : json::object{};
    }
    /// The entry of a node in `plugin list`, or an empty one.
    json::object listed(const std::string& node) {
        const auto answer = told("plugin list");
        for (const auto& one : answer.at("nodes").as_array()) {
            if (one.at("name").as_string() == node) return one.as_object();
        }
        return {};
    }
    void expect_refused(const std::string& command, const char* code, const std::string& part) {
        const auto ran = host_->cli(command);
        EXPECT_EQ(ran.code, 1) << ran.output;
        EXPECT_TRUE(ran.output.starts_with(code)) << ran.output;
        EXPECT_NE(ran.output.find(part), std::string::npos) << part << "\n" << ran.output;
    }
    /// The greeting that the node answers with, or its error's code.
    [[nodiscard]] std::string greeting(const std::string& node = "plain") const {
        const auto answer = host_->ask("POST", "/onex/v1/nodes/" + node + "/operations/echo", "{}");
        if (answer.status != 200) return answer.code;
        const auto* result = answer.json.as_object().if_contains("settings");
        return result ? std::string(result->at("greeting").as_string())
                      : json::serialize(answer.json);
    }
    /// Another file with the same code: bytes after its end change nothing but the digest.
    void change_library() {
        const auto next = library_ + ".next";
        fs::copy_file(library_, next, fs::copy_options::overwrite_existing);
        std::ofstream(next, std::ios::app) << "x";
        fs::rename(next, library_);
    }

    TempDir folder_;
    const std::string plugins_ = folder_.path() + "/plugins";
    const std::string library_ = plugins_ + "/plain_c.so";
    const std::uint16_t port_ = free_port();
    std::string in_host_;  ///< further lines of [host]
    std::unique_ptr<HostProcess> host_;
};

TEST_F(PluginCommands, ListAndInspectTellWhatRunsAndWhatCould) {
    fs::copy_file(library_, plugins_ + "/spare.so");
    start(plain());
    const auto node = listed("plain");
    EXPECT_EQ(node.at("state"), "serving");
    EXPECT_EQ(node.at("generation"), 1);
    EXPECT_EQ(node.at("digest").as_string().size(), 64U);
    EXPECT_EQ(node.at("file").as_string(), library_);
    EXPECT_EQ(node.at("isolation"), "inproc");
    const auto text = host_->cli("plugin list");
    EXPECT_EQ(text.code, 0);
    EXPECT_NE(text.output.find("    [nodes.spare]\n    plugin = \"spare\"\n"), std::string::npos)
        << text.output;
    const auto inspected = told("plugin inspect plain");
    EXPECT_EQ(inspected.at("settings").at("greeting"), "hi");
    EXPECT_NE(json::serialize(inspected.at("operations")).find("POST /echo"), std::string::npos);
    EXPECT_EQ(host_->cli("plugin inspect plain").code, 0);
    expect_refused("plugin inspect nobody", "NOT_FOUND", "plain");
    expect_refused("plugin reload nobody", "NOT_FOUND", "plain");
    expect_refused("plugin load spare", "FAILED_PRECONDITION", "plain_c");
    EXPECT_TRUE(listed("spare").empty());
}

TEST_F(PluginCommands, ReloadTakesTheFileOnDiskAndRollbackTheOneBefore) {
    start(plain());
    const auto first = listed("plain").at("digest");
    auto node = told("plugin reload plain");  // Asked by hand, also for the same file.
    EXPECT_EQ(node.at("generation"), 2);
    EXPECT_EQ(node.at("digest"), first);
    expect_refused("plugin rollback plain", "NOT_FOUND", "no earlier version");
    change_library();
    node = told("plugin reload plain");
    EXPECT_EQ(node.at("generation"), 3);
    EXPECT_NE(node.at("digest"), first);
    EXPECT_EQ(told("plugin inspect plain").at("previous").at("digest"), first);
    node = told("plugin rollback plain");
    EXPECT_EQ(node.at("generation"), 4);
    EXPECT_EQ(node.at("digest"), first);
    EXPECT_EQ(greeting(), "hi");
    const auto shown = host_->cli("plugin reload plain");
    EXPECT_TRUE(shown.output.starts_with("plain serves plain_c 1.0.0, generation 5, digest "))
        << shown.output;
    EXPECT_TRUE(wait_until([&] { return listed("plain").at("retiring") == 0; }));
}

TEST_F(PluginCommands, ChangesWaitForEachOtherOnAHostWithFewWorkers) {
    in_host_ = "workers_max = 2\n";
    start(plain());
    std::vector<std::thread> callers;
    std::atomic<int> done{0};
    for (int i = 0; i < 6; ++i) {
        callers.emplace_back([&] {
            const auto answer = host_->ask("POST", "/onex/v1/plugins/plain/reload", "{}");
            EXPECT_EQ(answer.status, 200U) << answer;
            done += answer.status == 200 ? 1 : 0;
        });
    }
    for (auto& caller : callers)
        caller.join();
    EXPECT_EQ(done, 6);
    EXPECT_EQ(listed("plain").at("generation"), 7);
    EXPECT_EQ(greeting(), "hi");
}

TEST_F(PluginCommands, ARefusedReloadLeavesTheNodeAndSaysWhy) {
    start(plain());
    fs::resize_file(library_, 1000);
    expect_refused("plugin reload plain", "FAILED_PRECONDITION", library_);
    const auto node = listed("plain");
    EXPECT_EQ(node.at("generation"), 1);
    EXPECT_NE(node.at("last_error").as_string().find("serves on"), json::string::npos) << node;
    EXPECT_NE(host_->cli("plugin list").output.find("plain: last error:\n"), std::string::npos);
    EXPECT_EQ(greeting(), "hi");
}

TEST_F(PluginCommands, DisabledStaysDisabledUntilItIsEnabled) {
    start(plain());
    EXPECT_EQ(host_->cli("plugin disable plain").output, "plain is disabled\n");
    EXPECT_EQ(listed("plain").at("state"), "disabled");
    EXPECT_EQ(greeting(), "OPERATION_NOT_FOUND");
    EXPECT_EQ(send(tcp(port_), "GET", "/health").status, 0U);
    expect_refused("plugin reload plain", "FAILED_PRECONDITION", "plugin enable plain");
    ASSERT_EQ(host_->stop(), 0);
    ASSERT_TRUE(host_->start()) << host_->log();
    const auto node = listed("plain");
    EXPECT_EQ(node.at("state"), "disabled");
    EXPECT_NE(node.at("last_error").as_string().find("by hand"), json::string::npos);
    EXPECT_EQ(told("plugin enable plain").at("state"), "serving");
    EXPECT_EQ(greeting(), "hi");
    EXPECT_EQ(send(tcp(port_), "GET", "/health").status, 200U);
}

TEST_F(PluginCommands, LoadMakesANodeUntilItIsUnloaded) {
    start(plain());
    EXPECT_EQ(told("plugin load plain_c --as second").at("name"), "second");
    EXPECT_EQ(greeting("second"), "hello") << "the contract's default";
    expect_refused("plugin load plain_c --as second", "CONFLICT", "--as");
    expect_refused("plugin load plain_c --as ../x", "VALIDATION_ERROR", "name");
    expect_refused("plugin load nothing", "NOT_FOUND", "plugin_dirs");
    EXPECT_EQ(host_->cli("plugin unload second").output, "second is unloaded\n");
    EXPECT_TRUE(listed("second").empty());
    EXPECT_NE(greeting("second"), "hello");
    expect_refused("plugin unload second", "NOT_FOUND", "plain");
    EXPECT_EQ(greeting(), "hi");
}

TEST_F(PluginCommands, InspectTellsOfTheWorkerProcess) {
    start(plain() + "isolation = 'process'\n");
    EXPECT_EQ(greeting(), "hi");
    const auto worker_of = [&] {
        const auto node = told("plugin inspect plain");
        EXPECT_EQ(node.at("isolation"), "process");
        return static_cast<pid_t>(node.at("worker").at("pid").as_int64());
    };
    const auto first = worker_of();
    EXPECT_EQ(::kill(first, 0), 0);
    EXPECT_NE(host_->cli("plugin inspect plain").output.find("pid " + std::to_string(first)),
              std::string::npos);
    change_library();
    EXPECT_EQ(told("plugin reload plain").at("generation"), 2);
    const auto second = worker_of();
    EXPECT_NE(first, second);
    EXPECT_EQ(greeting(), "hi");
    EXPECT_TRUE(wait_until([&] { return ::kill(first, 0) != 0; })) << "the first worker is left";
    ASSERT_EQ(host_->stop(), 0);
    EXPECT_NE(::kill(second, 0), 0) << "the second worker is left";
}

TEST_F(PluginCommands, ConfigReloadMakesTheNodesThoseOfTheFile) {
    const std::string second = "[nodes.second]\nplugin = 'plain_c'\n";
    start(plain() + second);
    EXPECT_EQ(host_->cli("config reload").output, "no node has changed\n");
    configure(plain("'hey'") + "[nodes.third]\nplugin = 'plain_c'\n[store]\nkeep = '5d'\n");
    const auto changed = told("config reload");
    EXPECT_EQ(json::serialize(changed.at("reloaded")), R"(["plain"])");
    EXPECT_EQ(json::serialize(changed.at("removed")), R"(["second"])");
    EXPECT_EQ(json::serialize(changed.at("added")), R"(["third"])");
    EXPECT_NE(json::serialize(changed.at("restart_needed")).find("store"), std::string::npos);
    EXPECT_EQ(greeting(), "hey");
    EXPECT_EQ(greeting("third"), "hello");
    EXPECT_TRUE(listed("second").empty());
    // SIGHUP means the same.
    configure(plain("'hoi'"));
    ASSERT_EQ(::kill(host_->pid(), SIGHUP), 0);
    EXPECT_TRUE(wait_until([&] { return greeting() == "hoi"; }));
}

TEST_F(PluginCommands, ConfigReloadRespectsWhatWasDoneByHand) {
    const std::string second = "[nodes.second]\nplugin = 'plain_c'\n";
    start(plain());
    // A node that was loaded by hand becomes that of the file.
    ASSERT_EQ(host_->cli("plugin load plain_c --as second").code, 0);
    configure(plain() + second + "settings = {greeting = 'two'}\n");
    EXPECT_EQ(host_->cli("config reload").output, "reloaded: second\n");
    EXPECT_EQ(greeting("second"), "two");
    EXPECT_TRUE(wait_until([&] { return listed("second").at("retiring") == 0; }));
    // Who disabled it may enable it again.
    ASSERT_EQ(host_->cli("plugin disable second").code, 0);
    configure(plain() + second + "settings = {greeting = 'three'}\n");
    EXPECT_EQ(host_->cli("config reload").output,
              "stays disabled, plugin enable starts it: second\n");
    EXPECT_EQ(greeting("second"), "OPERATION_NOT_FOUND");
    ASSERT_EQ(host_->cli("plugin enable second").code, 0);
    EXPECT_EQ(greeting("second"), "three");
    configure(plain() + second + "enabled = false\n");
    EXPECT_EQ(host_->cli("config reload").output, "stopped: second\n");
    EXPECT_EQ(listed("second").at("state"), "disabled");
    // What could not be done is told, and tried again the next time.
    configure(plain() + second + "listen = '127.0.0.1:" + std::to_string(port_) + "'\n");
    for (int i = 0; i < 2; ++i) {
        const auto answer = told("config reload", 1);
        EXPECT_EQ(answer.at("failed").at(0).at("code"), "CONFLICT") << answer;
        EXPECT_EQ(listed("second").at("state"), "failed");
    }
    configure(plain() + second);
    EXPECT_EQ(host_->cli("config reload").output, "started: second\n");
    EXPECT_EQ(greeting(), "hi");
}

TEST_F(PluginCommands, InspectKeepsSecretsToItself) {
    start(
        "[nodes.plain]\nplugin = 'plain_c'\nsettings = {accounts = [{password = 'open "
        "sesame'}]}\n");
    const auto answer = host_->ask("GET", "/onex/v1/plugins/plain");
    ASSERT_EQ(answer.status, 200U) << answer;
    EXPECT_EQ(answer.body.find("sesame"), std::string::npos) << answer;
    EXPECT_EQ(answer.json.at("settings").at("accounts").at(0).at("password"), "(not shown)");
}

TEST_F(PluginCommands, AConfigurationThatIsWrongChangesNothing) {
    start(plain());
    const auto place = host_->config_file() + ":";
    struct Case {
        const char* name;
        std::string toml;
        std::string part;
        int code;  ///< 2: the command needs the file itself, and refuses it at once
    };
    const std::string good = "[nodes.good]\nplugin = 'plain_c'\n";
    for (const auto& c : {
             Case{"no TOML", "[nodes.plain\n", "parsing", 2},
             Case{"unknown key", good + plain() + "lisen = ''\n", "lisen", 2},
             Case{"settings against the contract", good + plain("7"), "[nodes.plain", 1},
             Case{"no such plugin",
                  good + plain() + "[nodes.x]\nplugin = 'nothing'\n",
                  "nothing",
                  1},
         }) {
        SCOPED_TRACE(c.name);
        configure(c.toml);
        EXPECT_EQ(host_->cli("config reload").code, c.code);
        const auto answer = host_->ask("POST", "/onex/v1/config/reload", "{}");
        EXPECT_EQ(answer.code, "VALIDATION_ERROR") << answer;
        for (const auto& part : {place, c.part})
            EXPECT_NE(answer.message.find(part), std::string::npos) << part << answer;
        EXPECT_EQ(greeting(), "hi");
        EXPECT_EQ(greeting("good"), "OPERATION_NOT_FOUND");
    }
}

TEST_F(PluginCommands, OverTheNetworkItTakesTheTokenAndTheAdminAddress) {
    const auto admin = std::to_string(free_port());
    start(plain() + "[admin]\nlisten = '127.0.0.1:" + admin + "'\n");
    struct Case {
        const char* name;
        std::string token;
        std::string port;
        int code;
        const char* part;
    };
    for (const auto& c : {
             Case{"fine", "a token for the admin API", admin, 0, "serving"},
             Case{"no token", "", admin, 1, "AUTHENTICATION_FAILED"},
             Case{"another token", "not this one at all", admin, 1, "AUTHENTICATION_FAILED"},
             Case{"a node's address",
                  "a token for the admin API",
                  std::to_string(port_),
                  1,
                  "POLICY_DENIED"},
         }) {
        SCOPED_TRACE(c.name);
        const auto ran = shell("ONEX_TOKEN='" + c.token + "' " + host_program() +
                               " plugin list --host http://127.0.0.1:" + c.port);
        EXPECT_EQ(ran.code, c.code) << ran.output;
        EXPECT_NE(ran.output.find(c.part), std::string::npos) << ran.output;
    }
    EXPECT_EQ(host_->ask("GET", "/onex/v1/plugins/plain/reload").status, 405U);
    EXPECT_EQ(host_->ask("POST", "/onex/v1/plugins/plain/explode", "{}").status, 404U);
    EXPECT_EQ(host_->ask("POST", "/onex/v1/plugins/plain_c/load", R"({"as":7})").status, 400U);
    EXPECT_EQ(host_->ask("POST", "/onex/v1/plugins/plain_c/load", "[]").status, 400U);
}

}  // namespace
}  // namespace onex::test
