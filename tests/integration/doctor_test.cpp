// `onex-host doctor`: each thing that is wrong has its line, and what to do about it.
#include "tests/integration/deployment_lab.hpp"

namespace onex::test {
namespace {

class Doctor : public DeploymentLab {
  protected:
    /// What the laptop's doctor says, when it ends with `code`.
    [[nodiscard]] std::string says(int code) const {
        const auto told = laptop_->cli("doctor");
        EXPECT_EQ(told.code, code) << told.output;
        return told.output;
    }
    static void expect_in(const std::string& said, std::initializer_list<const char*> parts) {
        for (const auto* part : parts)
            EXPECT_NE(said.find(part), std::string::npos) << part << " in\n" << said;
    }
};

TEST_F(Doctor, FindsEverythingWell) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    expect_in(says(0),
              {"ok    disk: ",
               "ok    node sender: docker connected yes",
               "docker api version 1.",
               "ok    peer studio: studio at http://",
               "ok    secret of studio: ",
               "ok    clock of studio: 0 s apart",
               "ok    operations of studio: ",
               "ok    orchestrator of studio: "});
}

TEST_F(Doctor, SaysHowToGetDocker) {
    laptop_docker_ = folder_.path() + "/no.sock";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    expect_in(says(1),
              {"WRONG node sender: docker connected no", "→ start Docker, or set docker_"});
}

TEST_F(Doctor, KnowsADifferentSecret) {
    laptop_secret_ = "another secret than the studio's";
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    expect_in(says(1),
              {"WRONG peer studio: AUTHENTICATION_FAILED: ", "→ give both hosts the same key"});
}

TEST_F(Doctor, KnowsThatNobodyIsThere) {
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    studio_->kill();
    expect_in(says(1),
              {"WRONG peer studio: REMOTE_ENDPOINT_UNREACHABLE: ", "→ is onex-host running there"});
}

TEST_F(Doctor, KnowsATargetWithoutAnOrchestrator) {
    studio_orchestrator_.clear();
    ASSERT_NO_FATAL_FAILURE(start_hosts());
    expect_in(says(1), {"WRONG orchestrator of studio: ", "→ give it a node with plugin = \"orch"});
}

}  // namespace
}  // namespace onex::test
