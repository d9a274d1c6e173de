// A debug build ends the process when a rule of the plugin ABI is broken.
#include "host/plugin/tags.hpp"

#include <gtest/gtest.h>

namespace onex::host {
namespace {

using State = NodeTags::State;

class TagsTest : public testing::Test {
  protected:
    void SetUp() override {
        if (!kTagsChecked) GTEST_SKIP() << "only debug builds check the rules";
        testing::GTEST_FLAG(death_test_style) = "threadsafe";
    }
    void move(const char* call, State from, State to) {
        NodeTags::Control control(tags_, call, {from});
        control.done(to);
    }
    const int node_ = 0;
    NodeTags tags_{&node_, "greeter, generation 1"};
};

TEST_F(TagsTest, WhatIsInOrderPasses) {
    NodeTags::check_caller(&node_);
    move("start", State::made, State::started);
    tags_.check_invoke();
    move("quiesce", State::started, State::quiesced);
    tags_.check_invoke();
    move("stop", State::quiesced, State::stopped);
    move("destroy", State::stopped, State::destroyed);
}

TEST_F(TagsTest, CallsOutOfOrderEndTheProcess) {
    EXPECT_DEATH(move("stop", State::started, State::stopped),
                 "stop of greeter, generation 1 while it is made");
    EXPECT_DEATH(tags_.check_invoke(), "invoke of greeter, generation 1 while it is made");
}

TEST_F(TagsTest, TwoControlCallsAtATimeEndTheProcess) {
    const NodeTags::Control first(tags_, "start", {State::made});
    EXPECT_DEATH(NodeTags::Control(tags_, "quiesce", {State::made}), "while its start runs");
}

TEST_F(TagsTest, ANodeThatIsGoneCallsNothing) {
    const int stranger = 0;
    EXPECT_DEATH(NodeTags::check_caller(&stranger), "after destroy");
    move("start", State::made, State::started);
    move("stop", State::started, State::stopped);
    move("destroy", State::stopped, State::destroyed);
    EXPECT_DEATH(NodeTags::check_caller(&node_), "after destroy");
}

}  // namespace
}  // namespace onex::host
