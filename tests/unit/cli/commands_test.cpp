// Commands against a recording host in this process: real sockets, canned answers.
#include "host/host.hpp"
#include "host/version.hpp"
#include "tests/unit/cli/recording_host.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

namespace onex::host {

// The executable brings these; here they only record that they were reached.
std::string ran_with;
int run_ends_with = 0;
int run_host(const RunOptions& options) {
    ran_with = options.config_file;
    return run_ends_with;
}
namespace {

const char* const kHost =
    R"({"name": "here", "peers": [{"name": "studio", "url": "http://127.0.0.1:8001"}],
        "nodes": [{"name": "a", "state": "serving"}, {"name": "b", "state": "disabled"}]})";
const char* const kDone =
    R"({"workflow_id": "w1", "subject": "web", "state": "COMPLETED", "final": true,
    "success": true, "duration_ms": 10, "stages": [{"stage_name": "build", "state": "completed",
    "duration_ms": 5}], "output": {"deployed_url": "http://127.0.0.1:8080"}})";
const char* const kFailed =
    R"({"workflow_id": "w1", "subject": "web", "state": "FAILED", "final": true,
    "success": false, "duration_ms": 10, "stages": [{"stage_name": "build", "state": "failed",
    "operations": [{"operation_name": "compile", "state": "failed"}]}], "error": {"code": "BUILD_FAILED",
    "message": "the Dockerfile does not build", "correlation_id": "c1"}})";
const char* const kNoLines = R"({"lines": [], "next": 0, "final": true})";

TEST(Commands, WrongUseIsTwoAndHelpIsZero) {
    for (const auto& words :
         std::vector<std::vector<std::string>>{{},
                                               {"nonsense"},
                                               {"deploy"},
                                               {"deploy", "web", "--compression", "rar"},
                                               {"logs"},
                                               {"history", "-n", "0"},
                                               {"history", "-n", "201"},
                                               {"workflow"},
                                               {"migrate", "down"},
                                               {"status", "--unknown"}}) {
        SCOPED_TRACE(words.empty() ? "nothing" : words.front());
        EXPECT_EQ(run(words).code, 2);
    }
    for (const auto* name : {"run",
                             "deploy",
                             "status",
                             "logs",
                             "cancel",
                             "rollback",
                             "history",
                             "workflow",
                             "contract",
                             "config",
                             "migrate",
                             "doctor",
                             "service",
                             "version"}) {
        SCOPED_TRACE(name);
        EXPECT_EQ(run({name, "--help"}).code, 0);
    }
    expect_part(run({"version"}).out, "onex-host " + std::string(host_version()));
    EXPECT_EQ(run({"--version"}).out, run({"version"}).out);
    EXPECT_EQ(boost::json::parse(run({"version", "--json"}).out).at("version").as_string(),
              host_version());
}

TEST(Commands, AnUnknownCommandIsNamed) {
    const struct {
        std::vector<std::string> words;
        const char* told;
    } cases[] = {
        {{"frob"}, "there is no command 'frob' (onex-host --help lists all)\n"},
        {{"depoly", "web"}, "there is no command 'depoly'; did you mean 'deploy'?"},
        {{"config", "chek"}, "there is no command 'config chek'; did you mean 'check'?"},
        {{"plugin", "xyzzyxyzzy"}, "(onex-host plugin --help lists all)\n"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.told);
        const auto outcome = run(c.words);
        EXPECT_EQ(outcome.code, 2);
        expect_part(outcome.err, c.told);
    }
    for (const auto& words :
         std::vector<std::vector<std::string>>{{"frob", "--json"}, {"logs", "--json"}}) {
        const auto outcome = run(words);
        EXPECT_EQ(outcome.code, 2);
        EXPECT_EQ(boost::json::parse(outcome.out).at("error").at("code"), "VALIDATION_ERROR");
    }
}

TEST(Commands, TheReadmeNamesCommandsThatAreThere) {
    std::ifstream in(ONEX_SOURCE_DIR "/host/cli/README.md");
    int count = 0;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("## ")) break;
        if (!line.starts_with("| `")) continue;
        const auto cell = line.substr(0, line.find(" | "));
        for (auto from = cell.find('`'); from != std::string::npos; ++count) {
            const auto to = cell.find('`', from + 1);
            const auto command = cell.substr(from + 1, to - from - 1);
            std::istringstream words(command + " --help");
            const auto outcome = run(
                {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()});
            EXPECT_EQ(outcome.code, 0) << command;
            expect_part(outcome.out, "onex-host " + command + " [");
            from = cell.find('`', to + 1);
        }
    }
    EXPECT_GE(count, 30);
}

TEST(Commands, RunTakesTheConfigurationByFlagThenEnvironmentThenPlace) {
    ASSERT_EQ(run({"run", "--config", "/a.toml"}).code, 0);
    EXPECT_EQ(ran_with, "/a.toml");
    ::setenv("ONEX_CONFIG", "/b.toml", 1);
    ASSERT_EQ(run({"run"}).code, 0);
    EXPECT_EQ(ran_with, "/b.toml");
    ::unsetenv("ONEX_CONFIG");
    ASSERT_EQ(run({"run"}).code, 0);
    EXPECT_EQ(ran_with, "/etc/onex/host.toml");
}

TEST(Commands, ARunThatItsConfigurationPreventsIsTwo) {
    const RecordingHost host;
    run_ends_with = 1;
    EXPECT_EQ(run({"run", "--config", host.config()}).code, 1);
    std::ofstream(host.config(), std::ios::app) << "[nodes.a]\nplugin = \"nowhere\"\n";
    const auto outcome = run({"run", "--config", host.config()});
    run_ends_with = 0;
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out + outcome.err, "") << "the host has told it";
}

TEST(Commands, AHostThatDoesNotRunIsThreeAndSaysHowToStartIt) {
    RecordingHost host;
    const auto outcome = run({"status", "--config", host.config()});
    EXPECT_EQ(outcome.code, 3);
    expect_part(outcome.err, "onex-host run --config " + host.config());
    EXPECT_EQ(run({"history", "--host", "http://127.0.0.1:1"}).code, 3);
    EXPECT_EQ(run({"status", "--config", host.folder() + "/none.toml"}).code, 2);
}

TEST(Commands, DeployStartsFollowsAndReports) {
    RecordingHost host;
    host.start();
    host.when("GET /onex/v1/host", {{200, kHost}});
    host.when("POST /api/v1/deployments/trigger", {{202, R"({"workflow_id": "w1"})"}});
    host.when(
        "GET /workflows/w1/logs",
        {{200, R"({"lines": [{"line": 1, "text": "Step 1/2"}], "next": 1})"}, {200, kNoLines}});
    host.when(
        "GET /workflows/w1/status",
        {{200, R"({"workflow_id": "w1", "state": "BUILDING", "final": false})"}, {200, kDone}});
    const auto outcome = run({"deploy",
                              "web",
                              "--image",
                              "web:1",
                              "--port",
                              "8080:80",
                              "--timeout",
                              "60",
                              "-v",
                              "--config",
                              host.config()});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    expect_part(outcome.out, "deploying web to studio (127.0.0.1:8001)\n");
    EXPECT_EQ(outcome.out.find("travel in clear"), std::string::npos) << "nobody is in between";
    expect_part(outcome.out, "    Step 1/2\n");
    expect_part(outcome.out, "[1/1] build … done in 5 ms\n");
    expect_part(outcome.out, "\nhttp://127.0.0.1:8080\nweb is done");
    std::string sent;
    for (const auto& request : host.asked()) {
        if (request.starts_with("POST")) sent = request;
    }
    expect_part(sent, "POST /api/v1/deployments/trigger?timeout_ms=60000 ");
    expect_part(sent, R"("image":"web:1")");
    expect_part(sent, R"("port_mappings":[{"host_port":8080,"container_port":80}])");
}

TEST(Commands, ADeploymentWarnsOfValuesThatTravelInClear) {
    RecordingHost host;
    ASSERT_NO_FATAL_FAILURE(host.start());
    host.when("GET /onex/v1/host",
              {{200, R"({"peers": [{"name": "far", "url": "http://192.0.2.9:8001"}]})"}});
    host.when("POST /api/v1/deployments/trigger", {{202, R"({"workflow_id": "w1"})"}});
    const std::vector<std::string> words{
        "deploy", "web", "--image", "web:1", "-d", "--config", host.config()};
    EXPECT_EQ(run(words).out.find("travel in clear"), std::string::npos) << "there is no value";
    auto with_value = words;
    with_value.insert(with_value.end(), {"--env", "KEY=value"});
    expect_part(run(with_value).out, "warning: the values of --env travel in clear; give far tls");
}

TEST(Commands, AFailedDeploymentIsOneWithCodeAndCorrelation) {
    RecordingHost host;
    host.start();
    host.when("GET /onex/v1/host", {{200, kHost}});
    host.when("POST /api/v1/deployments/trigger", {{202, R"({"workflow_id": "w1"})"}});
    host.when(
        "GET /workflows/w1/logs",
        {{200,
          R"({"lines": [{"line": 1, "operation": "compile", "text": "no such file"}], "next": 1})"},
         {200, kNoLines}});
    host.when("GET /workflows/w1/status", {{200, kFailed}});
    auto outcome = run({"deploy", "web", "--image", "i", "--config", host.config()});
    EXPECT_EQ(outcome.code, 1);
    expect_part(outcome.err, "BUILD_FAILED: the Dockerfile does not build\ncorrelation id: c1\n");
    expect_part(outcome.out, "    no such file\n");
    outcome = run({"deploy", "web", "--image", "i", "--json", "--config", host.config()});
    EXPECT_EQ(outcome.code, 1);
    const auto document = boost::json::parse(outcome.out);
    EXPECT_EQ(document.at("status"), "failed");
    EXPECT_EQ(document.at("error").at("code"), "BUILD_FAILED");
}

TEST(Commands, WhatTheHostFindsWrongInTheRequestIsWrongUse) {
    RecordingHost host;
    host.start();
    host.when("GET /onex/v1/host", {{200, kHost}});
    host.when("POST /api/v1/deployments/trigger",
              {{400, R"({"error": {"code": "VALIDATION_ERROR", "message": "container_name"}})"},
               {409, R"({"error": {"code": "CONFLICT", "message": "taken"}})"}});
    for (const int code : {2, 1})
        EXPECT_EQ(run({"deploy", "web", "--image", "i", "--config", host.config()}).code, code);
}

TEST(Commands, CtrlCIsNotTheRunsEnd) {
    RecordingHost host;
    host.start();
    host.when("GET /onex/v1/host", {{200, kHost}});
    host.when("POST /api/v1/deployments/trigger", {{202, R"({"workflow_id": "w1"})"}});
    host.when("GET /workflows/w1/logs", {{200, kNoLines}});
    host.when("GET /workflows/w1/status",
              {{200, R"({"workflow_id": "w1", "state": "BUILDING", "final": false})"}});
    for (const bool json : {false, true}) {
        const auto asked = host.asked().size();
        std::thread person([&host, asked] {
            const auto follows = [&] {
                const auto all = host.asked();
                return all.size() > asked && all.back().starts_with("GET /workflows/w1/status");
            };
            while (!follows())
                std::this_thread::yield();
            ::kill(::getpid(), SIGINT);
        });
        std::vector<std::string> words{"deploy", "web", "--image", "i", "--config", host.config()};
        if (json) words.emplace_back("--json");
        const auto outcome = run(words);
        person.join();
        EXPECT_EQ(outcome.code, 130);
        if (json) {
            EXPECT_EQ(boost::json::parse(outcome.out).at("workflow_id"), "w1");
            EXPECT_EQ(boost::json::parse(outcome.out).at("status"), "running");
        } else {
            expect_part(outcome.out, "the run w1 goes on: onex-host status w1");
        }
    }
    for (const auto& request : host.asked())
        EXPECT_FALSE(request.find("/cancel") != std::string::npos) << request;
}

TEST(Commands, DeployDetachedTellsTheId) {
    RecordingHost host;
    host.start();
    host.when("GET /onex/v1/host", {{200, kHost}});
    host.when("POST /api/v1/deployments/trigger", {{202, R"({"workflow_id": "w1"})"}});
    const auto outcome = run({"deploy", "web", "--image", "i", "-d", "--config", host.config()});
    EXPECT_EQ(outcome.code, 0);
    expect_part(outcome.out, "\nw1\n");
}

TEST(Commands, DeployRefusesBeforeAnythingStarts) {
    RecordingHost host;
    host.start();
    host.when("GET /onex/v1/host", {{200, kHost}});
    auto outcome = run({"deploy", "web", "--context", host.folder(), "--config", host.config()});
    EXPECT_EQ(outcome.code, 2);
    expect_part(outcome.err, "there is no " + host.folder() + "/Dockerfile");
    outcome = run({"deploy", "web", "--image", "i", "--to", "attic", "--config", host.config()});
    EXPECT_EQ(outcome.code, 2);
    expect_part(outcome.err, "no peer is named 'attic'; the peers are studio");
    for (const auto& request : host.asked())
        EXPECT_FALSE(request.starts_with("POST")) << request;
}

TEST(Commands, ErrorsOfTheHostAreToldAsTheyAre) {
    RecordingHost host;
    host.start();
    auto outcome = run({"status", "w7", "--config", host.config()});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.err, "NOT_FOUND: no such route\ncorrelation id: c9\n");
    host.when("POST /workflows/w7/cancel", {{409, R"({"status": "error", "error": "already final",
        "metadata": {"error_code": "CONFLICT", "correlation_id": "c2"}})"}});
    outcome = run({"cancel", "w7", "--json", "--config", host.config()});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(boost::json::parse(outcome.out).at("error").at("message"), "already final");
    host.when("GET /api/v1/workflows", {{502, "<html>"}});
    outcome = run({"workflow", "list", "--config", host.config()});
    EXPECT_EQ(outcome.code, 1);
    expect_part(outcome.err, "HTTP 502");
}

TEST(Commands, WorkflowHealthFailsOnlyForWhatIsCritical) {
    const struct {
        const char* name;
        const char* checks;
        const char* part;
        int code;
    } cases[] = {
        {"nothing", "", "nothing is checked", 0},
        {"well",
         R"({"workflow": "w", "name": "a", "critical": true, "status": "healthy"})",
         "a (critical)",
         0},
        {"ill, but not critical",
         R"({"workflow": "w", "name": "a", "critical": false, "status": "unhealthy", "detail": "answers 503"})",
         "answers 503",
         0},
        {"not known",
         R"({"workflow": "w", "name": "a", "critical": true, "status": "unknown"})",
         "unknown",
         0},
        {"ill and critical",
         R"({"workflow": "w", "name": "a", "critical": true, "status": "unhealthy"},
            {"workflow": "w", "name": "b", "critical": true, "status": "healthy"})",
         "unhealthy",
         1},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        RecordingHost host;
        host.start();
        host.when("GET /api/v1/workflows/health",
                  {{200, R"({"checks": [)" + std::string(c.checks) + "]}"}});
        auto outcome = run({"workflow", "health", "--config", host.config()});
        EXPECT_EQ(outcome.code, c.code);
        expect_part(outcome.out, c.part);
        outcome = run({"workflow", "health", "--json", "--config", host.config()});
        EXPECT_EQ(outcome.code, c.code);
        EXPECT_TRUE(boost::json::parse(outcome.out).as_object().contains("checks"));
    }
}

TEST(Commands, WorkflowRunSendsAFilesTextOrAName) {
    RecordingHost host;
    host.start();
    const auto file = host.folder() + "/flow.yaml";
    std::ofstream(file) << "a: 1\n";
    std::ofstream(host.folder() + "/in.json") << R"({"x": 2})";
    host.when("POST /api/v1/workflows", {{202, R"({"workflow_id": "w1"})"}});
    host.when("POST /api/v1/workflows/named", {{202, R"({"workflow_id": "w2"})"}});
    EXPECT_EQ(run({"workflow",
                   "run",
                   file,
                   "--input",
                   "@" + host.folder() + "/in.json",
                   "--config",
                   host.config()})
                  .code,
              0);
    EXPECT_EQ(run({"workflow", "run", "named", "--config", host.config()}).code, 0);
    EXPECT_EQ(run({"workflow", "run", "named", "--input", "[1]", "--config", host.config()}).code,
              2);
    EXPECT_EQ(
        run({"workflow", "run", "named", "--input", "@/none", "--config", host.config()}).code, 2);
    const auto none = run({"workflow", "run", "./nofile.yaml", "--config", host.config()});
    EXPECT_EQ(none.code, 2);
    expect_part(none.err, "NOT_FOUND: there is no file ./nofile.yaml");
    const auto asked = host.asked();
    ASSERT_EQ(asked.size(), 2U);
    EXPECT_EQ(asked[0], R"(POST /api/v1/workflows {"contract":"a: 1\n","input":{"x":2}})");
    EXPECT_EQ(asked[1], "POST /api/v1/workflows/named {}");
}

TEST(Commands, LogsFollowUntilTheRunHasEnded) {
    RecordingHost host;
    host.start();
    host.when(
        "GET /workflows/w1/logs",
        {{200,
          R"({"lines": [{"line": 1, "time": "T", "operation": "op", "level": "error", "text": "a"}],
                        "next": 1, "final": false})"},
         {200, R"({"lines": [], "next": 1, "final": false})"},
         {200, R"({"lines": [{"line": 2, "time": "U", "text": "b"}], "next": 2, "final": true})"},
         {200, R"({"lines": [], "next": 2, "final": true})"}});
    const auto outcome = run({"logs", "w1", "-f", "--config", host.config()});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "T [op] error: a\nU b\n");
    EXPECT_EQ(host.asked().size(), 4U);
}

TEST(Commands, HistoryAndStatusArePrinted) {
    RecordingHost host;
    host.start();
    host.when("GET /api/v1/deployments",
              {{200, R"({"deployments": [{"workflow_id": "w1", "subject": "web",
        "target": "127.0.0.1:8001", "state": "COMPLETED", "started_at": "2026-01-01T00:00:00Z",
        "duration_ms": 1500}]})"}});
    host.when("GET /onex/v1/host", {{200, kHost}});
    host.when("GET /workflows/w1/status", {{200, kFailed}});
    auto outcome = run({"history", "web", "--config", host.config()});
    expect_part(outcome.out, "2026-01-01T00:00:00Z  web   127.0.0.1:8001  COMPLETED  1.5 s");
    expect_part(host.asked().back(), "/api/v1/deployments?limit=20&name=web");
    expect_part(run({"status", "--config", host.config()}).out, "peers      studio");
    expect_part(run({"status", "--config", host.config()}).out, "nodes      a, b (disabled)");
    expect_part(run({"status", "w1", "--config", host.config()}).out,
                "BUILD_FAILED: the Dockerfile");
}

TEST(Commands, DoctorIsOneWhenACheckFails) {
    RecordingHost host;
    host.start();
    host.when("GET /onex/v1/doctor",
              {{200, R"({"checks": [{"name": "docker", "ok": false,
        "detail": "no engine", "advice": "start it"}, {"name": "disk", "ok": true}]})"},
               {200, R"({"checks": [{"name": "disk", "ok": true, "detail": "1 GB free"}]})"}});
    auto outcome = run({"doctor", "--config", host.config()});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "WRONG docker: no engine\n      → start it\nok    disk\n");
    outcome = run({"doctor", "--config", host.config()});
    EXPECT_EQ(outcome.code, 0);
}

TEST(Commands, ChecksTellWhatIsWrong) {
    RecordingHost host;
    EXPECT_EQ(run({"config", "check", host.config()}).code, 0);
    std::ofstream(host.config(), std::ios::app) << "nmae = 1\n";
    auto outcome = run({"config", "check", host.config()});
    EXPECT_EQ(outcome.code, 1);
    expect_part(outcome.err, "nmae");
    expect_part(run({"config", "reference"}).out, "data_dir");
    const auto keys = boost::json::parse(run({"config", "reference", "--json"}).out).at("keys");
    EXPECT_EQ(keys.at(0).at("table"), "host");
    EXPECT_EQ(keys.at(0).at("key"), "name");
    const auto contract = host.folder() + "/c.yaml";
    std::ofstream(contract) << "schema_version: \"2.0\"\n";
    EXPECT_EQ(run({"contract", "check", contract}).code, 1);
    EXPECT_EQ(run({"contract", "check", contract, "--json"}).code, 1);
    std::ofstream(contract, std::ios::trunc) << "a: [1,\nb: {\n";
    outcome = run({"contract", "check", contract});
    EXPECT_EQ(outcome.code, 1);
    expect_part(outcome.out, contract + ":3:1: error: end of map");
    std::ofstream(contract, std::ios::trunc).flush();
    expect_part(run({"contract", "check", contract}).out, contract + ": error: the file is empty");
    expect_part(run({"contract", "check", contract + "x"}).out, "there is no such file");
}

}  // namespace
}  // namespace onex::host
