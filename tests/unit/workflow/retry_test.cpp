#include "plugins/lib/workflow/retry.hpp"

#include "tests/unit/workflow/sample.hpp"

namespace onex::workflow::test {
namespace {

TEST(Retry, WaitsLongerEachTimeUpToTheCap) {
    struct Case {
        RetryRule rule;
        int attempt;
        std::int64_t delay_ms;
    };
    const RetryRule original{3, 2.0, 1000, 30'000, 0};
    const RetryRule flat{3, 1.0, 250, 30'000, 0};
    const Case cases[] = {{original, 1, 1000},
                          {original, 2, 2000},
                          {original, 5, 16'000},
                          {original, 6, 30'000},
                          {original, 100, 30'000},
                          {{5, 1.5, 1000, 30'000, 0}, 3, 2250},
                          {{5, 1.2, 1000, 30'000, 0}, 2, 1200},
                          {flat, 9, 250},
                          {{3, 2.0, 0, 0, 0}, 3, 0}};
    for (const auto& c : cases)
        EXPECT_EQ(backoff_ms(c.rule, c.attempt), c.delay_ms) << c.attempt;
}

TEST(Retry, TwoActionsForbidIt) {
    auto model = sample_model();
    const struct {
        const char* action;
        bool again;
    } cases[] = {{"", true},
                 {"retry_stage", true},
                 {"initiate_rollback", true},
                 {"abort_workflow", false},
                 {"manual_intervention_required", false}};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.action);
        model.codes = {{"AGAIN", c.action, true}};
        const auto answer = may_retry(model, model.retry, {1, "AGAIN", "", false}, {});
        EXPECT_EQ(answer.again, c.again);
        model.codes[0].retry_allowed = false;
        EXPECT_FALSE(may_retry(model, model.retry, {1, "AGAIN", "", false}, {}).again);
    }
}

TEST(Retry, AsksTheContractFirstThenTheTable) {
    const auto model = sample_model();
    struct Case {
        const char* name;
        FailedAttempt failed;
        RetryBudget spent;
        bool again;
        const char* why_not;
    };
    const Case cases[] = {
        {"listed, allowed", {1, "AGAIN", "", false}, {}, true, ""},
        {"listed, not allowed", {1, "NEVER", "", false}, {}, false, "NEVER is not retried"},
        {"the node calls it by a listed code", {1, "ODD", "NEVER", false}, {}, false, "NEVER"},
        {"the workflow's code counts, not its own", {1, "NEVER", "AGAIN", false}, {}, true, ""},
        {"permanent by the node", {1, "AGAIN", "AGAIN", true}, {}, false, "permanent"},
        {"not listed, retryable in the table", {1, "UNAVAILABLE", "", false}, {}, true, ""},
        {"not listed, not in the table",
         {1, "POLICY_DENIED", "", false},
         {},
         false,
         "POLICY_DENIED"},
        {"unknown code", {1, "STRANGE", "", false}, {}, true, ""},
        {"something is not found", {1, "IMAGE_NOT_FOUND", "", false}, {}, false, "IMAGE_NOT_FOUND"},
        {"cancelled, whatever it is called",
         {1, "CANCELLED", "AGAIN", false},
         {},
         false,
         "cancelled"},
        {"the last attempt", {3, "AGAIN", "", false}, {}, false, "all 3"},
        {"one before the last", {2, "AGAIN", "", false}, {}, true, ""},
        {"the run's budget just holds", {1, "AGAIN", "", false}, {59'000, 0, 0}, true, ""},
        {"the run's budget is spent", {1, "AGAIN", "", false}, {59'001, 0, 0}, false, "60000"},
        {"the stage's budget is spent",
         {1, "AGAIN", "", false},
         {0, 19'001, 20'000},
         false,
         "20000"},
        {"a stage without a maximum", {1, "AGAIN", "", false}, {0, 900'000, 0}, true, ""},
    };
    for (const auto& c : cases) {
        SCOPED_TRACE(c.name);
        const auto answer = may_retry(model, model.retry, c.failed, c.spent);
        EXPECT_EQ(answer.again, c.again) << answer.why_not;
        EXPECT_NE(answer.why_not.find(c.why_not), std::string::npos) << answer.why_not;
        if (c.again) {
            EXPECT_EQ(answer.delay_ms, backoff_ms(model.retry, c.failed.attempt));
        }
    }
}

TEST(Retry, ShowsACodeThatPeopleCanLookUp) {
    const auto model = sample_model();
    EXPECT_EQ(shown_code(model, "CHECKSUM_MISMATCH", "TRANSFER_FAILED"), "CHECKSUM_MISMATCH");
    EXPECT_EQ(shown_code(model, "DOCKERFILE_WRONG", "BUILD_FAILED"), "BUILD_FAILED");
    EXPECT_EQ(shown_code(model, "NEVER", "BUILD_FAILED"), "NEVER") << "the contract lists it";
    EXPECT_EQ(shown_code(model, "STRANGE", ""), "STRANGE");
}

TEST(Retry, WaitsForWhoIsNotThereWhereARunHasToEndWhole) {
    const auto model = sample_model();
    const RetryRule rule{3, 2.0, 1000, 30'000, 0};
    const struct {
        const char* name;
        FailedAttempt failed;
        std::int64_t spent_ms;
        bool again;
        std::int64_t delay_ms;
    } cases[] = {
        {"a host that is being started",
         {1, "REMOTE_ENDPOINT_UNREACHABLE", "", false},
         0,
         true,
         1000},
        {"no attempt is the last one", {50, "DOCKER_UNAVAILABLE", "", false}, 0, true, 5000},
        {"whatever the contract calls it", {1, "UNAVAILABLE", "NEVER", false}, 0, true, 1000},
        {"time just left", {1, "TIMEOUT", "", false}, 59'000, true, 1000},
        {"no time left", {1, "TIMEOUT", "", false}, 59'001, false, 0},
        {"it will not pass", {1, "NEVER", "", false}, 0, false, 0},
        {"by the contract", {2, "AGAIN", "", false}, 0, true, 2000},
        {"by the contract, used up", {3, "AGAIN", "", false}, 0, false, 0},
        {"permanent by the node", {1, "UNAVAILABLE", "", true}, 0, false, 0},
    };
    for (const auto& c : cases) {
        const auto answer = may_settle(model, rule, c.failed, c.spent_ms, 60'000);
        EXPECT_EQ(answer.again, c.again) << c.name << ": " << answer.why_not;
        EXPECT_EQ(answer.delay_ms, c.delay_ms) << c.name;
    }
}

}  // namespace
}  // namespace onex::workflow::test
