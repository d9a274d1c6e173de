// Random inputs, streams and endings for each operation, and random bytes as saved state. Rounds
// come in batches, each with a node of its own in a child of its own; what a round does depends on
// seed, operation and round alone, so that a finding can be had again.
#include "host/check/driven_node.hpp"
#include "host/check/fuzz_host.hpp"
#include "host/check/note.hpp"
#include "host/check/random_values.hpp"
#include "host/contract/contract.hpp"
#include "host/plugin/library.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>

namespace onex::host::check {

namespace json = boost::json;

namespace {

constexpr std::int64_t kBatch = 50;
constexpr std::int64_t kRequestMs = 3'600'000;
constexpr std::size_t kShownBytes = 200;

/// What is called: an operation, or the loading of state.
struct Subject {
    std::string operation;  ///< empty: state
    Outcome outcome;
    std::int64_t rounds = 0;
    std::int64_t valid = 0;
    bool over = false;
};

struct Run {
    const std::string& file;
    const std::string& settings;
    const Bounds& bounds;
    std::int64_t first;
    std::int64_t last;
};

/// Text as people can read and copy it.
std::string shown(const std::string& text) {
    constexpr const char* kDigits = "0123456789abcdef";
    std::string out;
    for (const char c : text.substr(0, kShownBytes)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= ' ' && byte < 0x7F)
            out += c;
        else
            out += std::string("\\x") + kDigits[byte >> 4U] + kDigits[byte & 15U];
    }
    return text.size() > kShownBytes ? out + "… (" + std::to_string(text.size()) + " bytes)" : out;
}

bool is_object(const std::string& text) {
    boost::system::error_code ec;
    return json::parse(text, ec).is_object() && !ec;
}

struct Input {
    const char* kind;
    std::string text;
};

Input random_input(const Schema& schema, Dice& dice, Note& note) {
    const auto choice = dice.below(10);
    if (choice == 6) return {"random JSON", json::serialize(random_json(dice, 4))};
    if (choice == 9) return {"random bytes", random_bytes(dice, 4000)};
    const auto valid = random_by_schema(schema, dice);
    const auto value = valid ? *valid : guess_by_schema(schema.source(), dice);
    const auto* kind = valid ? "valid input" : "nearly valid input";
    if (choice < 4) {
        if (valid) note.count_valid();
        return {kind, json::serialize(value)};
    }
    if (choice < 6) return {"input against the schema", json::serialize(spoil(value, dice))};
    return {"damaged text", mutate(json::serialize(value), dice)};
}

/// A node in a host by chance.
struct Life {
    Life(const onex_plugin_entry& entry, const std::string& settings) {
        if (!settings.empty()) host.settings = settings;
        node = std::make_unique<DrivenNode>(entry, host);
    }
    FuzzHost host;
    std::unique_ptr<DrivenNode> node;
    bool started = false;
    bool spent = false;  ///< its tasks were dropped; only its end may come
};

/// Lets the clock run until the answer is there; cancels on the way when `cancel_at` steps are
/// done.
void wait_for_answer(Life& life, onex_token token, std::size_t cancel_at) {
    auto& host = life.host;
    const auto& open = host.request(token);
    const auto end = host.now_ms() + kRequestMs;
    for (std::size_t step = 0; open.times == 0; ++step) {
        if (step == cancel_at) host.cancel_soon(token);
        if (host.advance_to_next(end)) continue;
        if (open.cancelled) break;
        host.cancel_soon(token);  // What waits for ever must at least end with its request.
    }
    if (open.times > 0) return;
    life.spent = true;
    host.drop_everything();
}

/// Empty if all is well.
std::string call_round(Life& life, const OperationContract& operation, Dice& dice, Note& note) {
    auto& host = life.host;
    auto input = random_input(operation.input, dice, note);
    note.text(std::string(input.kind) + " `" + shown(input.text) + "`");
    const auto token = host.open(operation.name, std::move(input.text));
    const auto& open = host.request(token);
    if (dice.one_in(12)) host.cancel_soon(token);
    const auto cancel_at = dice.one_in(3) ? dice.below(5) : static_cast<std::size_t>(-1);
    if (const auto taken = life.node->invoke(token, open); !taken) {
        if (open.times > 0) return "is refused by invoke, and answered as well";
        host.settle(token, std::unexpected(taken.error()), 0);
    }
    wait_for_answer(life, token, cancel_at);
    if (open.times == 0) return "is never answered";
    if (!life.spent) {
        if (dice.one_in(6)) host.cancel_soon(token);
        if (dice.one_in(6)) host.advance(static_cast<std::int64_t>(dice.below(60'000)));
        if (dice.one_in(10) && life.started && !life.node->pause_and_resume())
            return "is followed by a quiesce or resume that fails";
    }
    if (open.times != 1) return "is answered " + std::to_string(open.times) + " times";
    // What is no JSON object no host hands over, and its echo is none of the node's doing.
    if (!open.output || open.output->empty() || !is_object(open.input)) return "";
    if (is_object(*open.output)) return "";
    return "is answered with what is no JSON object in UTF-8: `" + shown(*open.output) + "`";
}

/// Loads what chance made of the node's own state.
std::string state_round(const onex_plugin_entry& entry,
                        const std::string& settings,
                        Dice& dice,
                        Note& note) {
    Life life(entry, settings);
    StringWriter saved;
    ErrorSlot error;
    std::uint32_t schema = 0;
    // Unstarted as it is, it may have nothing to save.
    (void)life.node->save(saved.get(), &schema, error.get());
    auto bytes = dice.one_in(3) ? random_bytes(dice, 4000) : mutate(saved.text, dice);
    note.text("state `" + shown(bytes) + "`");
    if (dice.one_in(4)) schema = static_cast<std::uint32_t>(dice.below(schema + 1));
    const onex_bytes view{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
    const auto status = life.node->load(schema, view, error.get());
    if (status < 0) return "";
    StringWriter again;
    if (life.node->save(again.get(), &schema, error.get()) < 0)
        return "is accepted, but can't be saved again";
    return "";
}

Verdict batch_of_states(const Run& run, const onex_plugin_entry& entry, Note& note) {
    const auto settings = complete_settings(entry, run.settings);
    if (Life(entry, settings).node->state() == nullptr) return skipped("has no onex.state/1");
    for (auto round = run.first; round <= run.last; ++round) {
        note.round(round);
        go_on();
        Dice dice(run.bounds.seed, "state", static_cast<std::uint64_t>(round));
        if (const auto wrong = state_round(entry, settings, dice, note); !wrong.empty())
            return failed(wrong);
    }
    return passed();
}

Verdict batch_of_calls(const Run& run,
                       const onex_plugin_entry& entry,
                       const std::string& name,
                       Note& note) {
    const auto contract = read_node_contract(entry.contract, "contract");
    if (!contract) return failed(contract.error().message);
    const auto* operation = contract->find(name);
    if (!operation) return failed("the contract has no such operation");
    const auto settings = complete_settings(entry, run.settings);
    std::unique_ptr<Life> life;
    for (auto round = run.first; round <= run.last; ++round) {
        note.round(round);
        go_on();
        if (!life) {
            life = std::make_unique<Life>(entry, settings);
            life->started = life->node->start();
        }
        auto& dice =
            life->host.begin_round(Dice(run.bounds.seed, name, static_cast<std::uint64_t>(round)));
        if (const auto wrong = call_round(*life, *operation, dice, note); !wrong.empty())
            return failed(wrong);
        if (!life->spent && round != run.last) continue;
        life->node->end();
        if (life->host.buffers() != 0) return failed("leaves buffers behind");
        life.reset();
    }
    return passed();
}

void run_batch(Subject& subject, const Run& run) {
    Note note;
    const auto found = in_child(subject.outcome.name, run.bounds.round_seconds, [&] {
        try {
            const auto loaded = load(run.file);
            const auto& entry = loaded.library->entry();
            return subject.operation.empty() ? batch_of_states(run, entry, note)
                                             : batch_of_calls(run, entry, subject.operation, note);
        } catch (const std::runtime_error& e) {
            return failed(e.what());
        }
    });
    auto& outcome = subject.outcome;
    outcome.state = found.state;
    outcome.duration_ms += found.duration_ms;
    subject.rounds = run.last;
    subject.valid += note.valid();
    if (found.state == State::passed) {
        outcome.detail = std::to_string(subject.rounds) + " rounds";
        if (subject.valid > 0)
            outcome.detail += ", " + std::to_string(subject.valid) + " with valid input";
        return;
    }
    subject.over = true;
    outcome.detail = found.detail;
    if (found.state != State::failed || note.round() == 0) return;
    const auto seed = std::to_string(run.bounds.seed);
    const auto round = std::to_string(note.round());
    outcome.detail = "round " + round + " of seed " + seed + ": " + note.text() + " " +
                     found.detail + "; again with --seed " + seed + " --rounds " + round;
}

}  // namespace

std::vector<Outcome> fuzz(const std::string& file,
                          const std::string& settings,
                          const Bounds& bounds) {
    std::vector<Subject> subjects;
    for (auto& operation : operations_of(file)) {
        subjects.emplace_back();
        subjects.back().outcome.name = "fuzz " + operation;
        subjects.back().operation = std::move(operation);
    }
    subjects.emplace_back();
    subjects.back().outcome.name = "fuzz state";
    const auto unbounded = bounds.rounds == 0 && bounds.seconds == 0;
    const auto rounds = unbounded ? kFuzzRounds : bounds.rounds;
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::seconds(bounds.seconds);
    for (std::int64_t first = 1; rounds == 0 || first <= rounds; first += kBatch) {
        auto last = first + kBatch - 1;
        if (rounds != 0) last = std::min(last, rounds);
        bool all_over = true;
        for (auto& subject : subjects) {
            const bool late = bounds.seconds != 0 && first != 1 && Clock::now() >= end;
            if (!subject.over && !late) run_batch(subject, {file, settings, bounds, first, last});
            all_over = all_over && (subject.over || late);
        }
        if (all_over) break;
    }
    std::vector<Outcome> out;
    for (auto& subject : subjects)
        out.push_back(std::move(subject.outcome));
    return out;
}

}  // namespace onex::host::check
