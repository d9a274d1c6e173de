// The orchestrator is replaced while runs are submitted, wait for their turn and are cancelled.
#include "tests/integration/orchestrator/garden_lab.hpp"

#include <boost/json/serialize.hpp>

#include <atomic>
#include <thread>

namespace onex::test {
namespace json = boost::json;
namespace {

class ReplacedOrchestrator : public GardenLab {
  protected:
    void replace() const {
        const auto answer = host_->ask("POST", "/onex/v1/plugins/orchestrator/reload");
        EXPECT_EQ(answer.status, 200U) << answer;
    }
};

TEST_F(ReplacedOrchestrator, TakesEverySubmissionAndEndsEachRun) {
    constexpr int kReloads = 5;
    std::atomic<bool> over = false;
    std::vector<std::string> ids;
    std::thread people([&] {
        do {
            ids.push_back(begin(input()));
        } while (!over && ids.size() < 60);
    });
    for (int i = 0; i < kReloads; ++i)
        replace();
    over = true;
    people.join();
    for (const auto& id : ids) {
        ASSERT_FALSE(id.empty());
        EXPECT_EQ(text(wait_for(id), "state"), "COMPLETED") << id;
    }
    EXPECT_EQ(query("SELECT count(*) FROM runs WHERE claimed_by <> '' AND finished_us IS NULL", ""),
              "0");
}

TEST_F(ReplacedOrchestrator, KeepsTheQueueAndHearsACancelOfIt) {
    const json::object plan{{"ground/dig", "wait_for:" + folder_.path() + "/go"}};
    const auto first = begin(input(plan));
    const auto second = begin(input(plan));
    ASSERT_TRUE(in_operation(first, "dig") && in_operation(second, "dig"));
    const auto queued = begin(input());
    const auto unwanted = begin(input());
    replace();
    EXPECT_EQ(cancel(unwanted).status, 202U);
    touch("go");
    for (const auto& id : {first, second, queued})
        EXPECT_EQ(text(wait_for(id), "state"), "COMPLETED") << id;
    EXPECT_EQ(text(wait_for(unwanted), "state"), "FAILED");
}

}  // namespace
}  // namespace onex::test
