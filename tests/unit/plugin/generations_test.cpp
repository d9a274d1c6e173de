// What a call meets while its node changes generations.
#include "host/plugin/parking.hpp"
#include "plugin_fixture.hpp"

#include <future>

namespace onex::host::test {
namespace {

class GenerationsTest : public PluginTest {
  protected:
    void SetUp() override {
        PluginTest::SetUp();
        script.operations["work"] = [this](const onex_request& request) {
            ++runs;
            if (hold.valid()) hold.wait();
            return script.answer(request.token, "{}");
        };
    }
    /// A further generation of the node; the test ends the one before it.
    std::shared_ptr<NodeInstance> next_generation() {
        auto before = node;
        begin_node();
        return before;
    }
    void end(const std::shared_ptr<NodeInstance>& old) {
        std::promise<void> ended;
        ASSERT_TRUE(workers->post([&] {
            old->shut_down(deadline_in(5'000));
            ended.set_value();
        }));
        ended.get_future().wait();
        script.destroyed = 0;
        script.stopped = 0;
    }
    std::atomic<int> runs{0};
    std::shared_future<void> hold;
};

TEST_F(GenerationsTest, WhoHoldsTheOldOneReachesTheNewOne) {
    const auto call = invocation("work");
    const auto old = next_generation();
    old->set_phase(Phase::retired);
    EXPECT_NE(call.node, node);
    EXPECT_EQ(code(run(call)), "ok");
    EXPECT_EQ(old->requests_in_flight(), 0);
    EXPECT_EQ(runs, 1);
    end(old);
    EXPECT_EQ(code(run(call)), "ok") << "also when it has gone";
}

TEST_F(GenerationsTest, TheOldOneEndsWhatItHas) {
    std::promise<void> go;
    hold = go.get_future().share();
    auto running = run_async(invocation("work"));
    while (runs == 0)
        std::this_thread::yield();
    const auto old = next_generation();
    old->set_phase(Phase::retired);
    EXPECT_TRUE(old->is_busy());
    EXPECT_EQ(old->requests_in_flight(), 1);
    EXPECT_EQ(old->busy_with(), "work");
    go.set_value();
    EXPECT_EQ(code(running.get()), "ok");
    EXPECT_TRUE(old->wait_requests(deadline_in(5'000)));
    end(old);
}

TEST_F(GenerationsTest, AGatedNodeParksWhatComesFromOutside) {
    auto& parking = dispatcher->parking();
    parking.close("scripted");
    node->set_phase(Phase::gated);
    auto inner = invocation("work");
    inner.depth = 1;
    EXPECT_EQ(code(run(inner)), "ok") << "what is called from inside a call is never parked";
    auto outer = run_async(invocation("work"));
    while (parking.waiting("scripted") == 0)
        std::this_thread::yield();
    EXPECT_EQ(runs, 1);
    node->set_phase(Phase::serving);  // The reload failed: the same generation goes on.
    parking.open("scripted");
    EXPECT_EQ(code(outer.get()), "ok");
    EXPECT_EQ(runs, 2);
}

TEST_F(GenerationsTest, ANodeThatHasNotStartedIsWaitedFor) {
    auto& parking = dispatcher->parking();
    parking.close("scripted");
    node->set_phase(Phase::made);
    auto inner = invocation("work");
    inner.depth = 1;
    auto from_inside = run_async(inner);
    auto from_outside = run_async(invocation("work"));
    while (parking.waiting("scripted") < 2)
        std::this_thread::yield();
    EXPECT_EQ(runs, 0);
    node->set_phase(Phase::serving);
    parking.open("scripted");
    EXPECT_EQ(code(from_inside.get()), "ok");
    EXPECT_EQ(code(from_outside.get()), "ok");
}

TEST_F(GenerationsTest, ARetiredNodeWithoutASuccessorRefuses) {
    node->set_phase(Phase::retired);
    EXPECT_EQ(code(run("work")), "UNAVAILABLE");
    node->set_phase(Phase::serving);
    const auto call = invocation("work");
    dispatcher->set_nodes({});
    EXPECT_EQ(code(run(call)), "ok") << "a caller may hold the last generation";
    dispatcher->set_nodes({node});
}

TEST_F(GenerationsTest, AnInternalAnswerIsTold) {
    script.operations["work"] = [this](const onex_request& request) {
        return script.answer_error(request.token, "INTERNAL", "broken");
    };
    std::atomic<int> told{0};
    dispatcher->on_internal = [&](const NodeInstance& who, const Error& error) {
        EXPECT_EQ(&who, node.get());
        EXPECT_EQ(error.message, "broken");
        ++told;
    };
    EXPECT_EQ(code(run("work")), "INTERNAL");
    EXPECT_EQ(told, 1);
}

TEST_F(GenerationsTest, ParkingIsBoundedAndLetsEverybodyGo) {
    Parking parking(io.get_executor());
    std::atomic<int> opened{0};
    const auto park = [&] { return parking.park("n", [&](bool open) { opened += open ? 1 : 0; }); };
    EXPECT_EQ(park(), Parking::Answer::open);
    parking.close("n");
    for (std::size_t i = 0; i < kParkedMax; ++i)
        ASSERT_EQ(park(), Parking::Answer::parked);
    EXPECT_EQ(park(), Parking::Answer::full);
    EXPECT_EQ(parking.waiting("n"), kParkedMax);
    parking.open("n");
    EXPECT_EQ(opened, static_cast<int>(kParkedMax));
    EXPECT_EQ(park(), Parking::Answer::open);
}

}  // namespace
}  // namespace onex::host::test
