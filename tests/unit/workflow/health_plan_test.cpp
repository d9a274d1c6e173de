// Which probes `health_checks` make, when they are due, and what counts as a change.
#include "plugins/lib/workflow/health_plan.hpp"

#include "tests/unit/workflow/sample.hpp"

#include <boost/json/serialize.hpp>

namespace onex::workflow::test {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

std::vector<HealthCheck> checks_from(const std::string& list) {
    return read_health_checks(from_yaml("health_checks: " + list));
}

Deployed deployed(const std::string& subject, const std::string& target, json::object input = {}) {
    input["name"] = subject;
    input["host"] = target;
    return {"w", subject, target, std::move(input)};
}

/// "name subject@target endpoint command input (problem)" of each probe.
std::string shown(const std::vector<HealthProbe>& probes) {
    std::string out;
    for (const auto& probe : probes) {
        const auto& check = probe.check;
        out += (out.empty() ? "" : "; ") + check.name + ' ' + probe.subject + '@' + probe.target;
        if (!check.endpoint.empty()) out += ' ' + check.endpoint;
        for (const auto& word : check.command)
            out += " [" + word + ']';
        if (!check.input.empty()) out += ' ' + json::serialize(check.input);
        if (!check.problem.empty()) out += " (" + check.problem + ')';
    }
    return out;
}

TEST(HealthChecks, AreReadOrLeftOut) {
    const struct {
        const char* name;
        const char* check;
        ProbeKind kind;
        std::int64_t interval_ms = 60'000;
        std::int64_t timeout_ms = 5'000;
    } cases[] = {
        {"http",
         "{name: a, type: http, endpoint: x, interval_seconds: 30}",
         ProbeKind::http,
         30'000},
        {"no endpoint", "{name: a, type: http}", ProbeKind::none},
        {"network", "{name: a, type: network, endpoint: 'x:1'}", ProbeKind::network},
        {"network without one", "{name: a, type: network}", ProbeKind::none},
        {"program", "{name: a, type: system, command: ' x  y '}", ProbeKind::system},
        {"no program", "{name: a, type: system, command: '  '}", ProbeKind::none},
        {"another type", "{name: a, type: moon, thing: b}", ProbeKind::none},
        {"any type with an operation", "{name: a, type: moon, operation: b}", ProbeKind::operation},
        {"nowhere", "{name: a, type: moon, operation: b, on: moon}", ProbeKind::none},
        {"no name", "{type: http, endpoint: x}", ProbeKind::none},
        {"too often, too patient",
         "{name: a, type: http, endpoint: x, interval_seconds: 0.2, timeout_seconds: 900}",
         ProbeKind::http,
         1'000,
         60'000},
        {"no numbers",
         "{name: a, type: http, endpoint: x, interval_seconds: often, timeout_seconds: []}",
         ProbeKind::http},
        {"a short time",
         "{name: a, type: http, endpoint: x, timeout_seconds: 0.25}",
         ProbeKind::http,
         60'000,
         250},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto checks = checks_from("[" + std::string(c.check) + "]");
        ASSERT_EQ(checks.size(), 1U);
        EXPECT_EQ(checks[0].kind, c.kind);
        EXPECT_EQ(checks[0].interval_ms, c.interval_ms);
        EXPECT_EQ(checks[0].timeout_ms, c.timeout_ms);
    }
    EXPECT_TRUE(checks_from("often").empty());
    EXPECT_TRUE(checks_from("[1, x]").empty());
    EXPECT_TRUE(read_health_checks({}).empty());
}

TEST(HealthChecks, TheInstalledContractHasThree) {
    const auto model = read_model(installed_contract("deployment_workflow"));
    ASSERT_TRUE(model);
    std::string out;
    for (const auto& check : model->health_checks)
        out += check.name + ' ' + std::to_string(static_cast<int>(check.kind)) + ' ';
    EXPECT_EQ(out,
              "docker_engine 3 remote_hook_receiver 1 kafka_connectivity 0 deployed_container 4 ");
}

TEST(HealthChecks, PlaceholdersAreFilledIn) {
    const json::object input{{"a", "x"}, {"n", 8001}, {"yes", true}, {"o", json::object{}}};
    const struct {
        const char* text;
        const char* out;  ///< null: refused
        std::size_t found = 0;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"http://{a}:{n}/{yes}", "http://x:8001/true", 3},
        {"{a}{a}", "xx", 2},
        {"{{.Name}}", "{{.Name}}"},
        {"{{a}}", "{x}", 1},
        {"{} {a b} {1} {a", "{} {a b} {1} {a"},
        {"{none}", nullptr, 1},
        {"{o}", nullptr, 1},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.text);
        std::size_t found = 0;
        const auto out = expand(c.text, input, &found);
        ASSERT_EQ(out.has_value(), c.out != nullptr);
        if (out) {
            EXPECT_EQ(*out, c.out);
        }
        EXPECT_EQ(found, c.found);
    }
}

TEST(HealthChecks, OneProbeForEachExpansion) {
    const struct {
        const char* name;
        const char* check;
        const char* probes;
    } cases[] = {
        {"without placeholders one", "type: http, endpoint: 'http://s/'", "c @ http://s/"},
        {"one a host, for the newest there",
         "type: http, endpoint: 'http://{host}/'",
         "c new@h1 http://h1/; c other@h2 http://h2/"},
        {"one a subject",
         "type: network, endpoint: '{name}:80'",
         "c new@h1 new:80; c other@h2 other:80; c old@h1 old:80"},
        {"an operation is asked at each target", "operation: look", "c @h1; c @h2"},
        {"on this host it is one", "operation: look, on: source", "c @"},
        {"its further keys are its input",
         "operation: look, on: source, thing: '{name}', n: 3",
         "c new@h1 {\"thing\":\"new\",\"n\":3}; c other@h2 {\"thing\":\"other\",\"n\":3}; "
         "c old@h1 {\"thing\":\"old\",\"n\":3}"},
        {"a value with spaces stays one argument, and none becomes an option",
         "type: system, command: 'show {words} {flag}'",
         "c new@h1 [show] [a b] [--all] (the argument {flag} would begin with '-'); "
         "c other@h2 [show] [a b] [--all] (the argument {flag} would begin with '-'); "
         "c old@h1 [show] [a b] [--all] (the argument {flag} would begin with '-')"},
        {"an option of the contract's own",
         "type: system, command: 'x -n={words}'",
         "c new@h1 [x] [-n=a b]"},
        {"no web address",
         "type: http, endpoint: 's/'",
         "c @ s/ (its endpoint must begin with http:// or https://)"},
        {"no port",
         "type: network, endpoint: 's:http'",
         "c @ s:http (its endpoint must be host:port)"},
        {"nothing to ask", "type: moon", ""},
    };
    const json::object more{{"words", "a b"}, {"flag", "--all"}};
    const std::vector<Deployed> all{
        deployed("new", "h1", more), deployed("other", "h2", more), deployed("old", "h1", more)};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto checks = checks_from("[{name: c, " + std::string(c.check) + "}]");
        auto probes = plan_probes({{"w", checks}}, all);
        for (auto& probe : probes) {
            if (probe.check.input.empty()) continue;
            EXPECT_EQ(probe.check.kind, ProbeKind::operation);
        }
        EXPECT_EQ(shown(probes), c.probes);
    }
    EXPECT_TRUE(plan_probes({{"another", checks_from("[{name: c, operation: x}]")}}, all).empty());
    EXPECT_TRUE(plan_probes({{"w", checks_from("[{name: c, operation: x}]")}}, {}).empty());
    EXPECT_EQ(shown(plan_probes({{"w", checks_from("[{name: c, operation: x, y: '{none}'}]")}},
                                {deployed("s", "h")})),
              "c s@h {\"y\":\"{none}\"} (the input of the run has no text or number 'none' for the "
              "placeholder)");
}

TEST(HealthChecks, TheNewestCountWhenThereAreTooMany) {
    std::vector<Deployed> many;
    for (int i = 0; i < 300; ++i)
        many.push_back(deployed("s" + std::to_string(i), "h"));
    const auto probes =
        plan_probes({{"w", checks_from("[{name: c, type: network, endpoint: '{name}:1'}]")}}, many);
    ASSERT_EQ(probes.size(), kProbesMax);
    EXPECT_EQ(probes.front().subject, "s0");
    EXPECT_EQ(probes.back().subject, "s199");
}

std::vector<HealthProbe> probes_of(const std::vector<std::string>& subjects) {
    std::vector<Deployed> all;
    for (const auto& subject : subjects)
        all.push_back(deployed(subject, "h"));
    return plan_probes({{"w",
                         checks_from("[{name: c, type: network, endpoint: '{name}:1', "
                                     "interval_seconds: 10}]")}},
                       all);
}

std::string subjects_of(const std::vector<HealthProbe>& probes) {
    std::string out;
    for (const auto& probe : probes)
        out += probe.subject;
    return out;
}

TEST(HealthBoard, BeginsWhatIsDueAndNeverTheSameTwice) {
    HealthBoard board;
    EXPECT_TRUE(board.renew(probes_of({"a", "b", "c"}), 0).empty());
    const auto first = board.begin_due(0, 2);
    EXPECT_EQ(subjects_of(first), "ab");
    EXPECT_EQ(subjects_of(board.begin_due(1 * kSecond, 2)), "") << "two are under way";
    board.ended(first[1].id, {Health::healthy, "", true, 1}, 5);
    EXPECT_EQ(subjects_of(board.begin_due(2 * kSecond, 2)), "c");
    board.ended(board.states()[2].probe.id, {Health::healthy, "", true, 1}, 6);
    EXPECT_EQ(subjects_of(board.begin_due(10 * kSecond, 4)), "b") << "a is still under way";
    board.ended(first[0].id, {Health::healthy, "", true, 1}, 7);
    EXPECT_EQ(subjects_of(board.begin_due(12 * kSecond, 4)), "ac") << "the longest due first";
}

TEST(HealthBoard, KeepsWhatStaysInThePlan) {
    HealthBoard board;
    board.renew(probes_of({"a", "b"}), 0);
    for (const auto& probe : board.begin_due(0, 4))
        board.ended(probe.id, {Health::healthy, "fine", true, 3}, 7);
    EXPECT_EQ(subjects_of(board.renew(probes_of({"b", "c"}), kSecond)), "a");
    ASSERT_EQ(board.states().size(), 2U);
    EXPECT_EQ(board.states()[0].detail, "fine");
    EXPECT_EQ(board.states()[0].since_us, 7);
    EXPECT_EQ(board.states()[1].health, Health::unknown);
    EXPECT_EQ(subjects_of(board.begin_due(kSecond, 4)), "c") << "the new one at once";
    auto often = probes_of({"b"});
    often[0].check.interval_ms = 1'000;
    board.renew(often, 2 * kSecond);
    EXPECT_EQ(subjects_of(board.begin_due(3 * kSecond, 4)), "b") << "an edited interval holds";
}

/// h healthy, u unhealthy, ? unknown, x unhealthy but it does not count.
HealthAnswer answer_of(char letter) {
    HealthAnswer answer;
    if (letter == 'h') answer.health = Health::healthy;
    if (letter == 'u' || letter == 'x') answer.health = Health::unhealthy;
    answer.counts = letter != 'x';
    return answer;
}

TEST(HealthBoard, TellsOfChanges) {
    const struct {
        const char* name;
        std::string answers;
        std::string told;  ///< + told, - not, one for each answer
        std::int64_t since_us;
        Health last;
    } cases[] = {
        {"well from the first", "hh", "--", 1, Health::healthy},
        {"ill from the first", "uu", "+-", 1, Health::unhealthy},
        {"there and back", "huh", "-++", 3, Health::healthy},
        {"what is not known changes nothing", "h?h", "---", 3, Health::healthy},
        {"also over an unknown time", "h?u", "--+", 3, Health::unhealthy},
        {"an answer that does not count", "hx", "--", 1, Health::healthy},
        {"nothing learnt yet", "x", "-", 0, Health::unknown},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        HealthBoard board;
        board.renew(probes_of({"a"}), 0);
        std::string told;
        std::int64_t at = 0;
        for (const char letter : c.answers) {
            const auto due = board.begin_due(at * 10 * kSecond, 1);
            ASSERT_EQ(due.size(), 1U);
            told += board.ended(due[0].id, answer_of(letter), ++at) ? '+' : '-';
        }
        EXPECT_EQ(told, c.told);
        EXPECT_EQ(board.states()[0].since_us, c.since_us);
        EXPECT_EQ(board.states()[0].health, c.last);
    }
    HealthBoard board;
    EXPECT_FALSE(board.ended("gone", answer_of('u'), 1));
}

}  // namespace
}  // namespace onex::workflow::test
