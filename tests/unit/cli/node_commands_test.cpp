// plugin list, inspect, reload, …; config reload: what is asked, what is shown, and the exit code.
#include "host/cli/node_view.hpp"
#include "tests/unit/cli/recording_host.hpp"

#include <boost/json/parse.hpp>

namespace onex::host {
namespace {

const char* const kNodes = R"({"nodes": [
    {"name": "greeter", "plugin": "greeter", "version": "1.1.0", "abi": "1.0",
     "file": "/lib/greeter.so", "digest": "0123456789abcdef0123", "state": "serving",
     "isolation": "process", "listen": "127.0.0.1:1", "last_error": "", "generation": 3,
     "since_us": 1000000, "in_flight": 2, "retiring": 1, "images_mapped": 2},
    {"name": "broken", "plugin": "broken", "version": "", "file": "", "digest": "",
     "state": "disabled", "last_error": "it crashed\u001b[2J twice\na second line"}],
  "available": [{"plugin": "counter", "file": "/lib/counter.so",
                 "toml": "[nodes.counter]\nplugin = \"counter\"\n"}]})";

const char* const kServes = R"({"name": "greeter", "plugin": "greeter", "version": "1.2.0",
    "digest": "fedcba9876543210", "state": "serving", "generation": 4})";

TEST(NodeCommands, ListShowsNodesTheirErrorsAndWhatCouldRun) {
    RecordingHost host;
    host.start();
    host.when("GET /onex/v1/plugins", {{200, kNodes}});
    auto outcome = run({"plugin", "list", "--config", host.config()});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    for (const auto* part : {"greeter",
                             "1.1.0",
                             "3 (1 ending, 2 mapped)",
                             "process",
                             "0123456789ab ",
                             "/lib/greeter.so",
                             "broken: last error:\n    it crashed [2J twice\n    a second line\n",
                             "counter is in /lib/counter.so",
                             "    [nodes.counter]\n    plugin = \"counter\"\n",
                             "onex-host config reload"}) {
        expect_part(outcome.out, part);
    }
    outcome = run({"plugin", "list", "--json", "--config", host.config()});
    EXPECT_EQ(boost::json::parse(outcome.out), boost::json::parse(kNodes));
}

TEST(NodeCommands, AHostWithoutNodesSaysSo) {
    EXPECT_EQ(cli::nodes_text({}, 0), "no node is configured\n");
}

TEST(NodeCommands, InspectShowsEverything) {
    RecordingHost host;
    host.start();
    host.when("GET /onex/v1/plugins/greeter", {{200, R"({"name": "greeter", "plugin": "greeter",
        "version": "1.1.0", "state": "serving", "generation": 2, "digest": "abcd", "in_flight": 2,
        "running": "greet, greet", "settings": {"greeting": "hi"}, "pinned": "abcd",
        "reload": "auto", "requires_services": ["onex.log/1"],
        "optional_services": ["onex.kv/1", "onex.call/1"],
        "operations": [{"name": "greet", "routes": ["POST /greet"]}, {"name": "inner", "routes": []}],
        "worker": {"pid": 77, "restarts": 2, "last_exit": "signal 11"}, "retiring": 1,
        "retiring_busy_with": "generation 1: greet", "images_mapped": 1,
        "previous": {"file": "/data/old.so", "digest": "ef"}})"}});
    const auto outcome = run({"plugin", "inspect", "greeter", "--config", host.config()});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    for (const auto* part : {"greeting = \"hi\"",
                             "onex.kv/1, onex.call/1",
                             "POST /greet",
                             "pid 77, restarts 2, last_exit signal 11",
                             "2: greet, greet",
                             "still end what they have: generation 1: greet",
                             "1 images of ended generations",
                             "/data/old.so"}) {
        expect_part(outcome.out, part);
    }
}

TEST(NodeCommands, EachChangeAsksItsRoute) {
    RecordingHost host;
    host.start();
    for (const auto* verb : {"reload", "rollback", "load", "unload", "enable", "disable"})
        host.when(std::string("POST /onex/v1/plugins/greeter/") + verb, {{200, kServes}});
    for (const std::string verb : {"reload", "rollback", "unload", "enable", "disable"}) {
        SCOPED_TRACE(verb);
        const auto outcome = run({"plugin", verb, "greeter", "--config", host.config()});
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_EQ(host.asked().back(), "POST /onex/v1/plugins/greeter/" + verb + " {}");
        EXPECT_EQ(outcome.out, "greeter serves greeter 1.2.0, generation 4, digest fedcba987654\n");
    }
    EXPECT_EQ(run({"plugin", "load", "greeter", "--as", "second", "--config", host.config()}).code,
              0);
    EXPECT_EQ(host.asked().back(), R"(POST /onex/v1/plugins/greeter/load {"as":"second"})");
    host.when("POST /onex/v1/plugins/greeter/disable",
              {{200, R"({"name": "greeter", "state": "disabled"})"}});
    EXPECT_EQ(run({"plugin", "disable", "greeter", "--config", host.config()}).out,
              "greeter is disabled\n");
}

TEST(NodeCommands, ANameIsOnePartOfTheRoute) {
    RecordingHost host;
    host.start();
    EXPECT_EQ(run({"plugin", "reload", "../a/b?c", "--config", host.config()}).code, 1);
    expect_part(host.asked().back(), "/onex/v1/plugins/..%2Fa%2Fb%3Fc/reload");
}

TEST(NodeCommands, ARefusalIsOneWithItsReason) {
    RecordingHost host;
    host.start();
    host.when("POST /onex/v1/plugins/greeter/reload",
              {{412, R"({"error": {"code": "FAILED_PRECONDITION",
                         "message": "create crashed: signal 11", "correlation_id": "c3"}})"}});
    host.when("POST /onex/v1/config/reload", {{400, R"({"error": {"code": "VALIDATION_ERROR",
                         "message": "a.toml:3: no\na.toml:9: no", "correlation_id": "c4"}})"}});
    auto outcome = run({"plugin", "reload", "greeter", "--config", host.config()});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "");
    expect_part(outcome.err, "FAILED_PRECONDITION: create crashed: signal 11\ncorrelation id: c3");
    outcome = run({"config", "reload", "--config", host.config()});
    EXPECT_EQ(outcome.code, 1);
    expect_part(outcome.err, "a.toml:3: no\na.toml:9: no\n");
    outcome = run({"config", "reload", "--json", "--config", host.config()});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(boost::json::parse(outcome.out).at("error").at("code"), "VALIDATION_ERROR");
}

TEST(NodeCommands, ConfigReloadTellsWhatChanged) {
    struct Case {
        const char* answer;
        const char* shown;
    };
    for (const auto& c : {
             Case{R"({"added":["a","b"],"reloaded":["c"],"removed":["d"],"restart_needed":[]})",
                  "started: a, b\nreloaded: c\nstopped: d\n"},
             Case{R"({"restart_needed":["[store] file"]})",
                  "no node has changed\n"
                  "takes effect at the next start of the host: [store] file\n"},
             Case{R"({"failed":[{"node":"a","code":"TIMEOUT","message":"no\nend"}]})",
                  "a FAILED:\n    TIMEOUT: no\n    end\n"},
             Case{"{}", "no node has changed\n"},
         }) {
        EXPECT_EQ(cli::config_change_text(boost::json::parse(c.answer).as_object()), c.shown);
    }
}

TEST(NodeCommands, AConfigReloadThatFailsInPartIsOne) {
    RecordingHost host;
    host.start();
    host.when("POST /onex/v1/config/reload",
              {{200, R"({"added":["b"],"failed":[{"node":"a","code":"C","message":"m"}]})"}});
    EXPECT_EQ(run({"config", "reload", "--config", host.config()}).code, 1);
}

TEST(NodeCommands, WrongUseIsTwoAndAHostThatIsAwayIsThree) {
    RecordingHost host;
    for (const auto& words : std::vector<std::vector<std::string>>{{"plugin"},
                                                                   {"plugin", "reload"},
                                                                   {"plugin", "load"},
                                                                   {"plugin", "inspect"},
                                                                   {"plugin", "list", "x"},
                                                                   {"config", "reload", "x"}}) {
        EXPECT_EQ(run(words).code, 2) << words.front();
    }
    EXPECT_EQ(run({"plugin", "list", "--config", host.config()}).code, 3);
    EXPECT_EQ(run({"plugin", "list", "--host", "http://127.0.0.1:1"}).code, 3);
    EXPECT_EQ(run({"config", "reload", "--config", host.folder() + "/none.toml"}).code, 2);
}

}  // namespace
}  // namespace onex::host
