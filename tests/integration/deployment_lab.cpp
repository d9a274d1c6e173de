#include "tests/integration/deployment_lab.hpp"

#include "host/ids.hpp"
#include "tests/support/wait.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <ostream>
#include <sstream>

namespace onex::test {
namespace json = boost::json;

std::unique_ptr<DockerEngine> DeploymentLab::engine;
std::string DeploymentLab::why_no_engine;

namespace {
void make_stoppable(HostOptions& options) {
    options.program = failpoint_host_program();
    options.environment.emplace_back("ONEX_FAILPOINT",
                                     options.folder + "/" + options.name + ".failpoint");
}

std::string join(const std::string& address, std::uint16_t port) {
    return address + ":" + std::to_string(port);
}
}  // namespace

std::string RunStatus::text(const char* name) const {
    const auto* value = status.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}

std::string RunStatus::error(const char* name) const {
    const auto* error = status.if_contains("error");
    if (error == nullptr || !error->is_object()) return "";
    const auto* value = error->as_object().if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}

std::ostream& operator<<(std::ostream& out, const RunStatus& run) {
    return out << run.id << ": " << json::serialize(run.status);
}

void DeploymentLab::SetUpTestSuite() {
    engine = DockerEngine::find_or_start(why_no_engine);
    if (engine && !engine->import_busybox(kBase)) {
        why_no_engine = "no busybox to make a base image of (Debian: busybox-static)";
        engine.reset();
    }
}

void DeploymentLab::TearDownTestSuite() {
    engine.reset();
}

void DeploymentLab::SetUp() {
    if (!engine) GTEST_SKIP() << why_no_engine;
    app_ = "app-" + host::random_hex(4);
    app_port_ = free_port();
    laptop_port_ = free_port();
    studio_port_ = free_port();
    laptop_docker_ = studio_docker_ = engine->socket();
    studio_engine_ = engine.get();
}

void DeploymentLab::TearDown() {
    if (!engine || !studio_engine_) return;  // A test that skipped itself has set nothing up.
    if (HasFailure()) {
        std::cerr << studio_engine_->docker("ps -a --filter name=" + app_).output;
    }
    // The tests look at what is left; here only the engines are made clean for the next one. An
    // engine that stops would wait for its containers, too.
    std::vector<const DockerEngine*> engines{engine.get()};
    if (studio_engine_ != engine.get()) engines.push_back(studio_engine_);
    for (const auto* one : engines) {
        shell("d='docker -H unix://" + one->socket() + "'; for c in $($d ps -aq --filter name=" +
              app_ + "); do $d rm -f $c; done; for i in $($d images --format " +
              "'{{.Repository}}:{{.Tag}}' | grep -- " + app_ + "); do $d rmi $i; done");
    }
}

void DeploymentLab::start_hosts() {
    ASSERT_NO_FATAL_FAILURE(start_laptop());
    start_studio();
}

void DeploymentLab::start_laptop() {
    write_file(folder_.path() + "/laptop.key", laptop_secret_);
    HostOptions options{.folder = folder_.path(), .name = "laptop", .in_host = laptop_in_host_};
    options.environment = laptop_environment_;
    options.toml = "[nodes.orchestrator]\nplugin = 'orchestrator'\nlisten = '" +
                   join("127.0.0.1", laptop_port_) +
                   "'\n[nodes.sender]\nplugin = 'deployment_sender'\n[nodes.sender.settings]\n"
                   "docker_socket = 'unix://" +
                   laptop_docker_ + "'\n[peers.studio]\nurl = '" + studio_scheme_ + "://" +
                   join(studio_address_, studio_port_) + "'\nkey = 'file:" + folder_.path() +
                   "/laptop.key'\n" + studio_peer_toml_;
    if (failpoints_) make_stoppable(options);
    laptop_ = std::make_unique<HostProcess>(options);
    ASSERT_TRUE(laptop_->start()) << laptop_->log();
}

void DeploymentLab::start_studio() {
    write_file(folder_.path() + "/studio.key", studio_secret_);
    HostOptions options{.folder = folder_.path(), .name = "studio", .in_host = studio_in_host_};
    if (!studio_network_.empty()) {
        // Without a token a host opens no address but this machine's own.
        write_file(folder_.path() + "/token", "a token of the studio");
        options.in_host += "\ntoken = 'file:" + folder_.path() + "/token'\n";
    }
    options.network = studio_network_;
    options.toml =
        studio_orchestrator_ + "[nodes.receiver]\nplugin = 'deployment_receiver'\nlisten = '" +
        join(studio_address_, studio_port_) + "'\n" + receiver_toml_ +
        "[nodes.receiver.settings]\ndocker_socket = 'unix://" + studio_docker_ +
        "'\npublish_address = '" + studio_address_ + "'\nstop_grace_s = 1\n" + receiver_settings_ +
        "[peers.laptop]\nurl = 'http://" + join("127.0.0.1", laptop_port_) +
        "'\nkey = 'file:" + folder_.path() + "/studio.key'\n" + studio_toml_;
    if (failpoints_) make_stoppable(options);
    studio_ = std::make_unique<HostProcess>(options);
    ASSERT_TRUE(studio_->start()) << studio_->log();
}

std::string DeploymentLab::make_context(const std::string& version,
                                        Service service,
                                        const std::string& dockerfile) {
    const auto context = folder_.path() + "/context-" + version;
    std::filesystem::create_directories(context + "/www");
    write_file(context + "/www/index.html", version);
    if (service != Service::sick) write_file(context + "/www/health", "{\"status\":\"ok\"}");
    auto text = std::string("FROM ") + kBase + "\nCOPY www /www\n";
    if (service == Service::does_not_build) {
        text += "RUN echo this is why it fails >&2; exit 9\n";
    } else if (service == Service::ends_at_once) {
        text += "CMD [\"/bin/busybox\", \"sh\", \"-c\", \"echo no luck; exit 3\"]\n";
    } else {
        text += "CMD [\"/bin/busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]\n";
    }
    write_file(context + "/Dockerfile", dockerfile.empty() ? text : dockerfile);
    shell("chmod -R a+r " + context);
    return context;
}

json::object DeploymentLab::input(const std::string& version, Service service) {
    return {{"container_name", app_},
            {"image_tag", version},
            {"remote_host", studio_address_},
            {"remote_port", studio_port_},
            {"build_options", {{"build_context", make_context(version, service)}}},
            {"deployment_config",
             {{"port_mappings", {{{"host_port", app_port_}, {"container_port", 8080}}}}}},
            {"health_check_config",
             {{"health_endpoint", "/health"}, {"max_retries", 3}, {"retry_interval_ms", 200}}}};
}

json::object DeploymentLab::watched(json::object input) {
    input["health_check_config"].as_object()["watch_ms"] = 2'000;
    return input;
}

std::string DeploymentLab::begin(const json::object& input) {
    const auto answer = laptop_->ask("POST", "/api/v1/deployments/trigger", json::serialize(input));
    EXPECT_EQ(answer.status, 202U) << answer;
    if (answer.status != 202) return "";
    return std::string(answer.json.at("workflow_id").as_string());
}

RunStatus DeploymentLab::look(const std::string& id) const {
    RunStatus run{id, {}};
    if (id.empty()) return run;
    const auto answer = laptop_->ask("GET", "/workflows/" + id + "/status");
    if (answer.json.is_object()) run.status = answer.json.as_object();
    return run;
}

RunStatus DeploymentLab::wait_for(const std::string& id, std::int64_t deadline_ms) const {
    RunStatus run{id, {}};
    if (id.empty()) return run;
    const auto ended = [&] {
        run = look(id);
        const auto* final = run.status.if_contains("final");
        return final != nullptr && final->is_bool() && final->as_bool();
    };
    EXPECT_TRUE(wait_until(ended, deadline_ms)) << "the run does not end: " << run;
    return run;
}

void DeploymentLab::deploy_well(const std::string& version) {
    const auto run = deploy(input(version));
    ASSERT_EQ(run.state(), "COMPLETED") << run;
    ASSERT_EQ(served(), version);
}

bool DeploymentLab::wait_for_operation(const std::string& id, const std::string& operation) const {
    bool there = false;
    const auto reached = [&] {
        const auto run = look(id);
        const auto* current = run.status.if_contains("current");
        there = current != nullptr && current->is_object() &&
                current->at("operation").as_string() == operation;
        const auto* final = run.status.if_contains("final");
        return there || (final != nullptr && final->is_bool() && final->as_bool());
    };
    return wait_until(reached, 60'000) && there;
}

std::string DeploymentLab::served() const {
    const auto answer = send(tcp(app_port_, studio_address_), "GET", "/");
    return answer.status == 200 ? answer.body : "";
}

std::string DeploymentLab::stored(const HostProcess& host, const char* sql, const std::string& id) {
    sqlite3* db = nullptr;
    sqlite3_stmt* statement = nullptr;
    const auto file = host.data_dir() + "/onex.db";
    std::string out = "-1";
    if (sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &statement, nullptr) == SQLITE_OK &&
        sqlite3_bind_text(statement, 1, id.c_str(), -1, nullptr) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        const auto* text = sqlite3_column_text(statement, 0);
        out = text ? reinterpret_cast<const char*>(text) : "";
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return out;
}

std::int64_t DeploymentLab::count(const HostProcess& host, const char* sql, const std::string& id) {
    return std::stoll(stored(host, sql, id));
}

int DeploymentLab::containers() const {
    const auto listed = studio_engine_->docker("ps -aq --filter name=" + app_).output;
    return static_cast<int>(std::count(listed.begin(), listed.end(), '\n'));
}

}  // namespace onex::test
