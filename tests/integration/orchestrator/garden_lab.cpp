#include "tests/integration/orchestrator/garden_lab.hpp"

#include "tests/support/wait.hpp"

#include <boost/json/serialize.hpp>
#include <sqlite3.h>

#include <memory>

namespace onex::test {

namespace json = boost::json;

std::string text(const json::object& object, const char* name) {
    const auto* value = object.if_contains(name);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

void GardenLab::SetUp() {
    port_ = free_port();
    start_host();
}

void GardenLab::start_host(const std::string& orchestrator_settings) {
    HostOptions options;
    options.folder = folder_.path();
    options.name = "laptop";
    options.in_host = "plugin_dirs = ['" ONEX_BINARY_DIR "/tests/plugins', '" ONEX_BINARY_DIR
                      "/lib/onex/plugins']\nstop_timeout_ms = 1000\nworkflow_dirs = ['" +
                      folder_.path() + "', '" ONEX_SOURCE_DIR "/tests/integration/orchestrator']";
    options.toml = "[nodes.orchestrator]\nplugin = 'orchestrator'\nlisten = '127.0.0.1:" +
                   std::to_string(port_) + "'\n[nodes.orchestrator.settings]\n" +
                   orchestrator_settings + "\n[nodes.garden]\nplugin = 'garden'\n" + more_toml_;
    host_.reset();
    host_ = std::make_unique<HostProcess>(options);
    ASSERT_TRUE(host_->start()) << host_->log();
}

json::object GardenLab::input(json::object plan) const {
    return {
        {"garden", "rose"}, {"journal", folder_.path() + "/journal"}, {"plan", std::move(plan)}};
}

Answer GardenLab::start(const json::object& input, const std::string& query) const {
    return host_->ask("POST", "/api/v1/workflows/garden_workflow" + query, json::serialize(input));
}

std::string GardenLab::begin(const json::object& input) const {
    const auto answer = start(input);
    EXPECT_EQ(answer.status, 202U) << answer;
    return answer.status == 202 ? text(answer.json.as_object(), "workflow_id") : std::string();
}

json::object GardenLab::status(const std::string& id) const {
    const auto answer = host_->ask("GET", "/workflows/" + id + "/status");
    EXPECT_EQ(answer.status, 200U) << answer;
    return answer.json.is_object() ? answer.json.as_object() : json::object{};
}

json::object GardenLab::wait_for(const std::string& id) const {
    json::object last;
    EXPECT_TRUE(wait_until(
        [&] {
            last = status(id);
            return last.contains("final") && last.at("final").as_bool();
        },
        30'000))
        << json::serialize(last);
    return last;
}

bool GardenLab::in_operation(const std::string& id, const std::string& operation) const {
    return wait_until([&] {
        const auto now = status(id);
        const auto* current = now.if_contains("current");
        if (!current || !current->is_object()) return false;
        return text(current->as_object(), "operation") == operation &&
               journal().find(operation + ' ') != std::string::npos;
    });
}

Answer GardenLab::cancel(const std::string& id) const {
    return host_->ask("POST", "/workflows/" + id + "/cancel", R"({"reason":"a test"})");
}

std::string GardenLab::query(const std::string& sql, const std::string& id) const {
    sqlite3* opened = nullptr;
    const auto file = host_->data_dir() + "/onex.db";
    const bool ok =
        sqlite3_open_v2(file.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK;
    const std::unique_ptr<sqlite3, int (*)(sqlite3*)> db(opened, sqlite3_close);
    sqlite3_stmt* prepared = nullptr;
    if (!ok || sqlite3_prepare_v2(opened, sql.c_str(), -1, &prepared, nullptr) != SQLITE_OK) {
        return std::string("sqlite: ") + sqlite3_errmsg(opened);
    }
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(prepared,
                                                                          sqlite3_finalize);
    if (sqlite3_bind_parameter_count(prepared) > 0) {
        sqlite3_bind_text(prepared, 1, id.c_str(), static_cast<int>(id.size()), nullptr);
    }
    std::string out;
    while (sqlite3_step(prepared) == SQLITE_ROW) {
        const auto* column = reinterpret_cast<const char*>(sqlite3_column_text(prepared, 0));
        out += (out.empty() ? "" : " ") + std::string(column ? column : "null");
    }
    return out;
}

std::string GardenLab::journal() const {
    auto lines = read_file(folder_.path() + "/journal");
    std::string out;
    for (const char c : lines)
        out += c == '\n' ? std::string(", ") : std::string(1, c);
    return out;
}

std::string GardenLab::touch(const std::string& name) const {
    write_file(folder_.path() + '/' + name, "x");
    return folder_.path() + '/' + name;
}

}  // namespace onex::test
