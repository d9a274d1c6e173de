// Random contracts with compensations, what can't be taken back and repeated calls, in random
// schedules of success, failure, time-out, crash, cancel, agreement and refusal. The rules: one
// final state, exactly one version serves, every intent has its outcome; nothing is passed on the
// way back that somebody has to agree to, and a crash at any point changes nothing.
#include "plugins/lib/workflow/items.hpp"
#include "tests/unit/workflow/sample.hpp"

#include <algorithm>
#include <random>
#include <set>

namespace onex::workflow::test {
namespace {

constexpr std::int64_t kTimeoutMs = 60'000;

class Chance {
  public:
    explicit Chance(unsigned seed) : random_(seed) {}
    int roll(int sides) { return std::uniform_int_distribution<int>(0, sides - 1)(random_); }
    bool one_in(int sides) { return roll(sides) == 0; }

  private:
    std::mt19937 random_;
};

/// `stop` takes the old version away on each host and `begin` puts the new one there; what else is
/// done, and whether it can be taken back, is by chance.
json::object some_contract(Chance& chance) {
    auto contract = sample_contract();
    const bool by_stage = chance.one_in(2);
    const auto operation = [&](const std::string& name, bool is_version) {
        json::object out{{"name", name}};
        if (is_version || chance.one_in(2)) out["compensate"] = "un_" + name;
        if (chance.one_in(4)) out["reversible"] = false;
        if (is_version && !by_stage) out["foreach"] = json::object{{"in", "hosts"}};
        return out;
    };
    auto& stages = contract["workflow_stages"].as_array();
    stages[0].as_object()["operations"] = json::array{operation("a", false), operation("b", false)};
    stages[1].as_object()["operations"] = json::array{operation("stop", true),
                                                      operation("c", false),
                                                      operation("begin", true),
                                                      operation("d", false)};
    if (by_stage) stages[1].as_object()["foreach"] = json::object{{"in", "hosts"}};
    contract["input_state"].as_object()["properties"].as_object()["hosts"] =
        json::object{{"type", "array"}};
    auto& states = contract["fsm_states"].as_object()["states"].as_array();
    states[1].as_object()["transitions"].as_array().emplace_back("ROLLING_BACK");
    const char* strategy = chance.one_in(3) ? "undo" : "";
    contract["coordination"] = json::object{{"rollback_strategy", strategy}};
    contract.erase("quality_gates");
    return contract;
}

/// The hosts, and a run on them whose process may die at any time.
class World {
  public:
    World(Model model, json::object input, Chance& chance)
        : driver(std::move(model), input, kTimeoutMs), input_(std::move(input)), chance_(chance) {}

    void run() {
        for (int steps = 0; !driver.state.ended(); ++steps) {
            ASSERT_LT(steps, 2'000) << "it never ends";
            if (chance_.one_in(60) && driver.state.cancel_us == 0)
                driver.state.cancel_us = driver.now_us;
            turn();
            if (::testing::Test::HasFailure()) return;
        }
        EXPECT_EQ(next(driver.model, driver.state).kind, Decision::Kind::none);
    }
    /// Versions that serve on a host.
    [[nodiscard]] int serving(const std::string& host) const {
        return (done_.contains("stop " + host) ? 0 : 1) + (done_.contains("begin " + host) ? 1 : 0);
    }
    [[nodiscard]] bool serves_new(const std::string& host) const {
        return done_.contains("begin " + host);
    }
    [[nodiscard]] const std::set<std::string>& done() const { return done_; }
    void check_intents() const { EXPECT_EQ(intents_, outcomes_) << "every intent has its outcome"; }

    Driver driver;

  private:
    void turn() {
        auto& d = driver;
        switch (next(d.model, d.state).kind) {
            case Decision::Kind::begin:
                return d.start();
            case Decision::Kind::collect:
                ASSERT_TRUE(closers_found(d.state, {}));
                return;
            case Decision::Kind::finish:
                return d.keep(finish(d.model, d.state, d.now_us));
            case Decision::Kind::none:
                FAIL() << "next() has nothing to do before the end";
            case Decision::Kind::call:
                break;
        }
        if (chance_.one_in(8)) crash();
        const auto step = d.pending();
        if (!step.question.empty()) return answer();
        const auto intent = step.key + ' ' + std::to_string(step.attempt);
        if (auto stop = interruption(d.state, d.now_us)) {
            stop->called = std::ranges::any_of(
                intents_, [&](const auto& known) { return known.starts_with(step.key + ' '); });
            if (intents_.contains(intent)) outcomes_.insert(intent);
            return d.end(*stop, 0);
        }
        may_be_called(step);
        intents_.insert(intent);
        StepOutcome outcome;
        outcome.ok = !chance_.one_in(d.state.phase == Phase::stages ? 10 : 6);
        if (outcome.ok || chance_.one_in(2)) act(step);
        if (chance_.one_in(10)) return crash();  // The effect is there, its outcome is not.
        outcome.code = outcome.ok ? "" : chance_.one_in(2) ? "AGAIN" : "NEVER";
        outcome.message = "by chance";
        if (outcome.ok) outcome.checks = {{"is_deep", 1}};
        outcomes_.insert(intent);
        d.end(outcome, chance_.roll(300));
    }

    void answer() {
        auto& d = driver;
        if (auto stop = interruption(d.state, d.now_us)) return d.end(*stop, 0);
        const auto& names = d.state.undo[d.state.undone].names;
        switch (chance_.roll(4)) {
            case 0:  // Nobody hears of it.
                d.now_us += kTimeoutMs * 1000;
                break;
            case 1:
                d.now_us += 1000;
                if (d.state.cancel_us == 0) d.state.cancel_us = d.now_us;
                break;
            default:
                for (const auto* name : {"a", "b", "c", "d", "stop", "begin"}) {
                    if ((", " + names + ",").find(std::string(" ") + name + ",") !=
                        std::string::npos)
                        agreed_.insert(name);
                }
                d.ok();
        }
    }

    /// What a call does to the world: an operation sets its mark, its compensation takes it away.
    void act(const Step& step) {
        const auto host = step.item ? ' ' + item_text(*step.item) : std::string();
        if (step.operation == "undo") {
            done_.clear();
        } else if (step.operation.starts_with("un_")) {
            done_.erase(step.operation.substr(3) + host);
        } else {
            done_.insert(step.operation + host);
        }
    }

    /// Nothing is undone past a call that nobody agreed to undo past.
    void may_be_called(const Step& step) {
        const auto& state = driver.state;
        if (state.phase != Phase::rolling_back) {
            EXPECT_TRUE(state.undo.empty() || state.phase == Phase::closing_failed) << step.key;
            return;
        }
        const auto& undo = state.undo[state.undone];
        const auto first = undo.kind == Undo::Kind::compensation ? undo.stage : 0;
        for (auto s = first; s < state.stages.size(); ++s) {
            const auto& records = state.stages[s].operations;
            const bool is_here = undo.kind == Undo::Kind::compensation && s == undo.stage;
            for (auto o = is_here ? undo.operation : 0; o < records.size(); ++o) {
                const auto& spec = driver.model.stages[s].operations[records[o].spec];
                if (records[o].called && !spec.reversible) {
                    EXPECT_TRUE(agreed_.contains(records[o].name))
                        << step.key << " goes past " << records[o].key;
                }
            }
        }
    }

    /// The process dies and another one takes the run up from its rows.
    void crash() {
        auto& d = driver;
        if (d.state.phase == Phase::closing_failed || d.state.started_us == 0) return;
        auto fresh = make_run(d.model, input_, kTimeoutMs);
        fresh.cancel_us = d.state.cancel_us;
        auto again = replay(d.model, std::move(fresh), d.state.started_us, d.stored);
        ASSERT_TRUE(again) << again.error().message;
        const auto before = d.pending();
        EXPECT_EQ(again->state, d.state.state);
        EXPECT_EQ(again->phase, d.state.phase);
        EXPECT_EQ(again->asked_us, d.state.asked_us);
        EXPECT_EQ(again->warnings, d.state.warnings);
        d.state = std::move(*again);
        EXPECT_TRUE(d.pending().same(before)) << before.key << " became " << d.pending().key;
        EXPECT_EQ(d.pending().question, before.question);
    }

    json::object input_;
    Chance& chance_;
    std::set<std::string> done_;
    std::set<std::string> intents_;
    std::set<std::string> outcomes_;
    std::set<std::string> agreed_;
};

void run_once(unsigned seed, std::set<std::string>& ends) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chance chance(seed);
    const auto model = read_model(some_contract(chance));
    ASSERT_TRUE(model) << model.error().message;
    const auto hosts = chance.one_in(2) ? json::array{"x"} : json::array{"x", "y", "z"};
    json::object input{{"hosts", hosts}};
    const bool wants_rollback = !chance.one_in(8);
    if (!wants_rollback) input["rollback_on_failure"] = false;
    World world(*model, input, chance);
    world.run();
    if (::testing::Test::HasFailure()) return;
    world.check_intents();
    const auto& d = world.driver;
    const int finals = d.count(Fact::Kind::completed) + d.count(Fact::Kind::failed) +
                       d.count(Fact::Kind::rollback_completed);
    EXPECT_EQ(finals, 1) << "exactly one end";
    EXPECT_TRUE(model->fsm.is_final(d.state.state));
    const auto& code = d.state.failure ? d.state.failure->code : std::string();
    // A person has to look at the hosts: the run says so.
    if (code == "ROLLBACK_FAILED") {
        EXPECT_EQ(d.state.state, "FAILED");
        EXPECT_FALSE(d.state.undo_failed.empty());
    } else if (wants_rollback) {
        const bool is_new = d.state.state == "COMPLETED";
        for (const auto& item : hosts) {
            const std::string host(item.as_string());
            EXPECT_EQ(world.serving(host), 1) << "exactly one version serves on " << host;
            EXPECT_EQ(world.serves_new(host), is_new);
        }
    } else {
        EXPECT_TRUE(d.state.undo.empty());
    }
    if (d.state.state == "ROLLBACK_COMPLETED") {
        for (const auto& mark : world.done()) {
            const auto name = mark.substr(0, mark.find(' '));
            for (const auto& stage : model->stages) {
                for (const auto& spec : stage.operations)
                    EXPECT_FALSE(spec.name == name && spec.compensate) << name << " is left";
            }
        }
    }
    ends.insert(d.state.state + ' ' + code);
}

TEST(UndoProperty, EveryScheduleLeavesOneVersionOrSaysThatItDoesNot) {
    std::set<std::string> ends;
    for (unsigned seed = 0; seed < 1'000 && !HasFailure(); ++seed)
        run_once(seed, ends);
    for (const auto* end : {"COMPLETED ",
                            "FAILED NEVER",
                            "FAILED CANCELLED",
                            "FAILED ROLLBACK_FAILED",
                            "ROLLBACK_COMPLETED NEVER",
                            "ROLLBACK_COMPLETED CANCELLED"}) {
        EXPECT_TRUE(ends.contains(end)) << end << " was not tried";
    }
}

}  // namespace
}  // namespace onex::workflow::test
