#include "plugins/lib/workflow/data_flow.hpp"

#include "plugins/lib/workflow/outputs.hpp"
#include "tests/unit/workflow/sample.hpp"

#include <boost/json/serialize.hpp>

namespace onex::workflow::test {
namespace {

json::object object(const char* text) {
    return json::parse(text).as_object();
}

TEST(DataFlow, GivesAnOperationWhatItsSchemaNames) {
    const auto context = object(R"({"a":1,"b":{"c":"deep","d":[1]},"e":null})");
    struct Case {
        const char* name;
        const char* schema;
        std::map<std::string, std::string> with;
        const char* input;
    };
    const Case cases[] = {
        {"named properties", R"({"properties":{"a":{},"e":{}}})", {}, R"({"a":1,"e":null})"},
        {"what the context lacks is left out", R"({"properties":{"x":{}}})", {}, "{}"},
        {"no properties", R"({"type":"object"})", {}, "{}"},
        {"properties of a wrong shape", R"({"properties":7})", {}, "{}"},
        {"renamed", R"({"properties":{"x":{}}})", {{"x", "a"}}, R"({"x":1})"},
        {"renamed from below",
         R"({"properties":{"x":{},"y":{}}})",
         {{"x", "b.c"}, {"y", "b.d"}},
         R"({"x":"deep","y":[1]})"},
        {"renamed from nowhere", R"({"properties":{"a":{}}})", {{"a", "b.c.d"}}, "{}"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        EXPECT_EQ(json::serialize(project(context, object(c.schema), c.with)), c.input);
    }
}

TEST(DataFlow, MergesObjectsAndReplacesTheRest) {
    struct Case {
        const char* name;
        const char* context;
        const char* output;
        std::map<std::string, std::string> as;
        const char* merged;
    };
    const Case cases[] = {
        {"adds", R"({"a":1})", R"({"b":2})", {}, R"({"a":1,"b":2})"},
        {"later wins", R"({"a":1})", R"({"a":"x"})", {}, R"({"a":"x"})"},
        {"objects key by key",
         R"({"m":{"x":1,"y":{"p":1}}})",
         R"({"m":{"z":3,"y":{"q":2}}})",
         {},
         R"({"m":{"x":1,"y":{"p":1,"q":2},"z":3}})"},
        {"arrays are replaced", R"({"a":[1,2]})", R"({"a":[3]})", {}, R"({"a":[3]})"},
        {"an object replaces a scalar", R"({"a":1})", R"({"a":{"b":1}})", {}, R"({"a":{"b":1}})"},
        {"a scalar replaces an object", R"({"a":{"b":1}})", R"({"a":null})", {}, R"({"a":null})"},
        {"renamed", R"({"a":1})", R"({"a":2})", {{"a", "b"}}, R"({"a":1,"b":2})"},
        {"renamed only at the top", R"({})", R"({"o":{"a":1}})", {{"a", "b"}}, R"({"o":{"a":1}})"},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        auto context = object(c.context);
        merge_output(context, object(c.output), c.as);
        EXPECT_EQ(json::serialize(context), c.merged);
    }
}

TEST(DataFlow, SplitsAnAnswer) {
    auto split = split_output(object(
        R"({"a":1,"checks":{"g":0.5},"artifacts":{"log.txt":"line\n","report.json":{"x":1}}})"));
    ASSERT_TRUE(split);
    EXPECT_EQ(json::serialize(split->output), R"({"a":1})");
    EXPECT_EQ(split->checks, (Checks{{"g", 0.5}}));
    ASSERT_EQ(split->artifacts.size(), 2u);
    EXPECT_EQ(split->artifacts[0].content, "line\n");
    EXPECT_EQ(split->artifacts[1].content, R"({"x":1})");
    EXPECT_EQ(split_output(object(R"({"checks":7})")).error().code, "VALIDATION_ERROR");
    EXPECT_EQ(split_output(object(R"({"artifacts":"x"})")).error().code, "VALIDATION_ERROR");
    const std::string big(kOutputBytesMax + 1, 'x');
    EXPECT_EQ(split_output({{"a", big}}).error().code, "RESOURCE_LIMIT_EXCEEDED");
    EXPECT_EQ(split_output({{"artifacts", {{"a", big}}}}).error().code, "RESOURCE_LIMIT_EXCEEDED");
}

TEST(DataFlow, FindsTargetAndSubject) {
    const auto model = sample_model();
    EXPECT_EQ(target_of(model, object(R"({"host":"a.b","port":81})")), "a.b:81");
    EXPECT_EQ(target_of(model, object(R"({"host":"studio"})")), "studio");
    EXPECT_EQ(target_of(model, object(R"({"port":81})")), "");
    EXPECT_EQ(subject_of(model, object(R"({"garden":"rose"})")), "rose");
    EXPECT_EQ(subject_of(model, object(R"({"garden":{"x":1}})")), "");
}

TEST(DataFlow, NamesUnknownInputs) {
    const auto model = sample_model();
    EXPECT_TRUE(check_names(model, object(R"({"garden":"x"})")));
    const auto wrong = check_names(model, object(R"({"gardne":"x","zzzzzz":1})"));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().message,
              "sample: unknown input 'gardne', did you mean 'garden'?; unknown input 'zzzzzz'");
    auto open = model;
    open.input_schema["additionalProperties"] = true;
    EXPECT_TRUE(check_names(open, object(R"({"gardne":"x"})")));
}

TEST(DataFlow, TellsAnOperationAboutItsRun) {
    Driver d(sample_model());
    d.start();
    EXPECT_EQ(
        json::serialize(run_property(d.model, "w", d.pending(), 5)),
        R"({"workflow_id":"w","stage":"first","operation":"dig","attempt":1,"key":"w/first/dig",)"
        R"("deadline_ms":5,"gates":[{"name":"is_deep","threshold":1E0}]})");
}

TEST(DataFlow, FillsTheOutputFromTheContext) {
    EXPECT_EQ(
        json::serialize(fill_output(sample_model(), object(R"({"depth":3,"success":true,"x":1})"))),
        R"({"success":true,"depth":3})");
}

TEST(DataFlow, WhenHoldsByPathAndValue) {
    const boost::json::object context{{"a", 1}, {"b", {{"c", "x"}, {"d", nullptr}}}, {"e.f", true}};
    const struct {
        const char* name;
        boost::json::object when;
        bool holds;
    } cases[] = {
        {"nothing asked", {}, true},
        {"a value", {{"a", 1}}, true},
        {"another value", {{"a", 2}}, false},
        {"another type", {{"a", "1"}}, false},
        {"a path", {{"b.c", "x"}}, true},
        {"both", {{"a", 1}, {"b.c", "y"}}, false},
        {"null that is there", {{"b.d", nullptr}}, true},
        {"null that is not", {{"b.z.y", nullptr}}, true},
        {"something that is not there", {{"z", 1}}, false},
        {"a name with a dot", {{"e.f", true}}, true},
    };
    for (const auto& c : cases)
        EXPECT_EQ(holds(c.when, context), c.holds) << c.name;
}

}  // namespace
}  // namespace onex::workflow::test
