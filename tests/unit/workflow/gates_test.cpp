#include "plugins/lib/workflow/gates.hpp"

#include "tests/unit/workflow/sample.hpp"

namespace onex::workflow::test {
namespace {

TEST(Gates, ScoreWhatIsReportedAndNothingElse) {
    const auto model = sample_model();
    struct Case {
        const char* name;
        const char* stage;
        Checks checks;
        std::int64_t duration_ms;
        std::string scores;  ///< "name score passed stops;"
    };
    const Case cases[] = {
        {"all reported",
         "second",
         {{"is_square", 1}, {"is_nice", 1}},
         0,
         "is_square 1 1 0;is_nice 1 1 0;"},
        {"nobody reports", "second", {}, 0, "is_square 0 0 1;is_nice 0 0 0;"},
        {"just below",
         "second",
         {{"is_square", 0.999}, {"is_nice", 0.5}},
         0,
         "is_square 0.999 0 1;is_nice 0.5 1 0;"},
        {"a validation", "first", {{"is_deep", 0.5}}, 0, "is_deep 0.5 0 1;"},
        {"names of other stages", "first", {{"is_square", 1}}, 0, "is_deep 0 0 1;"},
        {"fast enough", "", {}, 1000, "is_fast 1 1 0;"},
        {"no time at all", "", {}, 0, "is_fast 1 1 0;"},
        {"a little slow", "", {}, 1250, "is_fast 0.8 1 0;"},
        {"too slow", "", {}, 4000, "is_fast 0.25 0 0;"},
        {"reported wins over time", "", {{"is_fast", 0.9}}, 4000, "is_fast 0.9 1 0;"},
        {"a stage without gates", "third", {}, 0, ""},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        std::ostringstream scores;
        for (const auto& gate : score_gates(model, c.stage, c.checks, c.duration_ms)) {
            scores << gate.name << ' ' << gate.score << ' ' << gate.passed << ' ' << gate.stops()
                   << ';';
        }
        EXPECT_EQ(scores.str(), c.scores);
    }
}

TEST(Gates, KeepTheLowestOfSeveralReports) {
    Checks checks{{"a", 1.0}, {"b", 0.2}};
    merge_checks(checks, {{"a", 0.5}, {"b", 0.9}, {"c", 1.0}});
    EXPECT_EQ(checks, (Checks{{"a", 0.5}, {"b", 0.2}, {"c", 1.0}}));
}

TEST(Gates, ReadReportsOfAnyShape) {
    const auto checks = read_checks({{"one", 1},
                                     {"half", 0.5},
                                     {"yes", true},
                                     {"no", false},
                                     {"text", "1"},
                                     {"null", nullptr},
                                     {"big", 7},
                                     {"minus", -1}});
    EXPECT_EQ(checks,
              (Checks{{"one", 1},
                      {"half", 0.5},
                      {"yes", 1},
                      {"no", 0},
                      {"text", 0},
                      {"null", 0},
                      {"big", 1},
                      {"minus", 0}}));
}

TEST(Gates, GiveOperationsEveryKey) {
    const auto model = read_model(installed_contract("deployment_workflow"));
    const auto gates = gate_settings(*model, "package_preparation");
    ASSERT_EQ(gates.size(), 5u);
    EXPECT_EQ(gates[1].at("max_size_bytes").to_number<std::int64_t>(), 2147483648);
    EXPECT_EQ(gates[2].at("name").as_string(), "image_exists");
    EXPECT_EQ(gate_miss({"g", "s", 1.0, 0.5, false, true}),
              "the quality gate g of s scored 0.5 and needs 1");
    EXPECT_EQ(gate_miss({"v", "", 1.0, 0, false, false}), "the validation v scored 0 and needs 1");
}

}  // namespace
}  // namespace onex::workflow::test
