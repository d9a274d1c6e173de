// The test of each example: what it is written in makes no difference.
#include <onex/testing.hpp>

#include <cstdio>

namespace {

int failures = 0;

void check(bool holds, const char* what) {
    if (holds) return;
    ++failures;
    std::fprintf(stderr, "not so: %s\n", what);
}

}  // namespace

int main() {
    onex::testing::FakeHost host;
    host.withheld.insert(ONEX_EXEC_ID);
    check(!onex::testing::FakeNode::create(onex_plugin_entry_v1, host), "create needs onex.exec/1");
    host.withheld.clear();

    const auto node = onex::testing::FakeNode::create(onex_plugin_entry_v1, host);
    if (!node || !(*node)->start()) return 1;
    check((*node)->call("count").output == "{\"count\":1}", "it counts");
    check((*node)->call("count").output == "{\"count\":2}", "it goes on counting");

    const auto token = (*node)->begin("later", "{}");
    host.advance(19);
    check(!(*node)->answered(token), "not before its time");
    host.advance(1);
    const auto late = (*node)->answered(token);
    check(late && late->output == "{\"late\":true}" && late->times == 1, "answered once, later");
    check(!(*node)->call("no_such_thing").output, "an unknown operation fails");

    onex::testing::FakeNode::CallOptions streaming;
    streaming.has_stream_out = true;
    const auto lines = (*node)->call("lines", "{}", streaming);
    check(lines.output.has_value() && lines.streamed == "one\ntwo\nthree\n",
          "it streams three lines");

    const auto state = (*node)->save_state();
    const auto next = onex::testing::FakeNode::create(onex_plugin_entry_v1, host);
    if (!state || !next) return 1;
    check((*next)->load_state(state->first, state->second).has_value(),
          "the next one takes the state over");
    check((*next)->call("count").output == "{\"count\":3}", "and counts on");
    check(!(*next)->load_state(1, "12x"), "damaged state is refused");
    check(!(*next)->load_state(2, "12"), "a newer schema is refused");
    check((*next)->call("count").output == "{\"count\":4}", "and what was refused left no trace");
    check(host.held() == 0, "everything is given back");
    return failures == 0 ? 0 : 1;
}
