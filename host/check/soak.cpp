// Many lives of a node, with calls at a time, and what they leave behind.
#include "host/check/driven_node.hpp"
#include "host/check/gauges.hpp"
#include "host/check/note.hpp"
#include "host/check/parallel_host.hpp"
#include "host/check/random_values.hpp"
#include "host/contract/contract.hpp"
#include "host/plugin/library.hpp"

#include <stdlib.h>

#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace onex::host::check {

namespace {

constexpr std::size_t kThreads = 4;
constexpr std::size_t kCallsOfThread = 8;
constexpr std::int64_t kRoundsMin = 12;  ///< fewer say nothing about growth
constexpr auto kAnswerWait = std::chrono::seconds(15);
constexpr std::int64_t kLoads = 40;

using Clock = std::chrono::steady_clock;

/// With an arena for each thread their number is chance, and looks like growth.
void use_one_arena() {
#ifdef __GLIBC__
    ::mallopt(M_ARENA_MAX, 1);
#endif
}

struct Plan {
    const onex_plugin_entry& entry;
    const NodeContract& contract;
    std::string settings;
    std::uint64_t seed = 0;
};

/// Calls one operation and waits for its one answer; empty if all is well.
std::string call_once(ParallelHost& host,
                      DrivenNode& node,
                      const NodeContract& contract,
                      Dice& dice) {
    const auto& operation = contract.operations[dice.below(contract.operations.size())];
    const bool streams = operation.stream_in || operation.stream_out || dice.one_in(4);
    const auto token = host.open(
        operation.name, valid_input(operation.input, dice), random_bytes(dice, 2000), streams);
    if (const auto taken = node.invoke(token, host.opened(token)); !taken)
        host.refuse_request(token, taken.error());
    if (dice.one_in(6)) host.cancel(token);
    const auto end = Clock::now() + kAnswerWait;
    while (host.times(token) == 0 && Clock::now() < end) {
        if (!host.run_a_task()) host.wait_for_change();
    }
    const auto times = host.times(token);
    if (times == 1) return "";
    return operation.name +
           (times == 0 ? " is never answered" : " is answered " + std::to_string(times) + " times");
}

/// One node from create to destroy, called by several threads at a time.
std::string one_life(const Plan& plan, std::int64_t round) {
    ParallelHost host;
    if (!plan.settings.empty()) host.settings = plan.settings;
    DrivenNode node(plan.entry, host);
    if (!node.start()) throw std::runtime_error("start fails");
    std::vector<std::string> wrong(kThreads);
    {
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < kThreads; ++i) {
            threads.emplace_back([&, i] {
                Dice dice(plan.seed, "soak", static_cast<std::uint64_t>(round) * kThreads + i);
                for (std::size_t k = 0; k < kCallsOfThread && wrong[i].empty(); ++k)
                    wrong[i] = call_once(host, node, plan.contract, dice);
            });
        }
        for (auto& thread : threads)
            thread.join();
    }
    if (!node.pause_and_resume()) return "quiesce or resume fails";
    node.end();
    for (const auto& one : wrong) {
        if (!one.empty()) return one;
    }
    if (host.held() != 0) return "a destroyed node leaves buffers behind";
    return "";
}

/// The same in a thread of its own. What an allocator keeps at hand for a thread goes with it; of
/// the thread that looks at the gauges it would count as memory in use.
std::string one_life_apart(const Plan& plan, std::int64_t round) {
    return std::async(std::launch::async, [&] { return one_life(plan, round); }).get();
}

/// Does `round` belong to the soak?
bool goes_on(const Bounds& bounds, std::int64_t round, Clock::time_point end) {
    if (bounds.rounds != 0) return round <= bounds.rounds;
    return round <= kRoundsMin || Clock::now() < end;
}

std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const auto& part : parts)
        out += (out.empty() ? "" : ", ") + part;
    return out;
}

Verdict soak_lives(const std::string& file,
                   const std::string& settings,
                   const Bounds& bounds,
                   Note& note) {
    use_one_arena();
    const auto loaded = load(file);
    const auto& entry = loaded.library->entry();
    const auto contract = read_node_contract(entry.contract, "contract");
    if (!contract) return failed(contract.error().message);
    if (contract->operations.empty()) return skipped("has no operations");
    const Plan plan{entry, *contract, complete_settings(entry, settings), bounds.seed};
    const auto end = Clock::now() + std::chrono::seconds(bounds.seconds);
    Readings readings;
    std::int64_t rounds = 0;
    while (goes_on(bounds, rounds + 1, end)) {
        note.round(++rounds);
        go_on();
        if (const auto wrong = one_life_apart(plan, rounds); !wrong.empty()) return failed(wrong);
        readings.take();
    }
    const auto calls = static_cast<std::int64_t>(kThreads * kCallsOfThread) * rounds;
    const auto told = std::to_string(rounds) + " rounds, " + std::to_string(calls) + " calls";
    if (const auto grown = readings.growth(); !grown.empty())
        return failed("grows in " + told + ": " + joined(grown));
    return {State::passed, told};
}

/// Loads, uses and unloads the library, again and again.
Verdict soak_loads(const std::string& file,
                   const std::string& settings,
                   const Bounds& bounds,
                   Note& note) {
    if (::getenv("ONEX_NO_DLCLOSE") != nullptr) return skipped("ONEX_NO_DLCLOSE is set");
    use_one_arena();
    Readings readings;
    const auto loads = bounds.rounds == 0 ? kLoads : std::min(bounds.rounds, kLoads);
    for (std::int64_t round = 1; round <= loads; ++round) {
        note.round(round);
        go_on();
        auto loaded = load(file);
        const auto copy = loaded.library->copy();
        {
            const auto& entry = loaded.library->entry();
            const auto contract = read_node_contract(entry.contract, "contract");
            if (!contract) return failed(contract.error().message);
            if (contract->operations.empty()) return skipped("has no operations");
            const Plan plan{entry, *contract, complete_settings(entry, settings), bounds.seed};
            if (const auto wrong = one_life_apart(plan, round); !wrong.empty())
                return failed(wrong);
        }
        loaded.library.reset();
        if (Library::is_mapped(copy)) return failed("its image stays mapped after dlclose");
        readings.take();
    }
    const auto told = std::to_string(loads) + " loads";
    if (const auto grown = readings.growth(); !grown.empty()) {
        // A static object without a destructor is lost with each load; bad, but a reload is rare.
        return warned("grows in " + told + ": " + joined(grown));
    }
    return {State::passed, told};
}

}  // namespace

std::vector<Outcome> soak(const std::string& file,
                          const std::string& settings,
                          const Bounds& given) {
    auto bounds = given;
    if (bounds.rounds == 0 && bounds.seconds == 0) bounds.seconds = kSoakSeconds;
    std::vector<Outcome> out;
    using Soak = Verdict (*)(const std::string&, const std::string&, const Bounds&, Note&);
    const std::pair<const char*, Soak> soaks[] = {{"soak lives", soak_lives},
                                                  {"soak loads", soak_loads}};
    for (const auto& [name, check] : soaks) {
        Note note;
        out.push_back(in_child(name, bounds.round_seconds, [&, check = check] {
            try {
                return check(file, settings, bounds, note);
            } catch (const std::runtime_error& e) {
                return failed(e.what());
            }
        }));
        auto& outcome = out.back();
        if (outcome.state != State::failed || note.round() == 0) continue;
        const auto seed = std::to_string(bounds.seed);
        outcome.detail =
            "round " + std::to_string(note.round()) + " of seed " + seed + ": " + outcome.detail;
    }
    return out;
}

}  // namespace onex::host::check
