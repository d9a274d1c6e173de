#include "plugins/orchestrator/step_call.hpp"

#include "digest/digest.hpp"
#include "plugins/lib/workflow/items.hpp"
#include "plugins/lib/workflow/outputs.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>

namespace onex::orchestrator {
namespace {

constexpr Wait kResolveWait{15'000, 0};
constexpr Wait kResolveAtEndWait{3'000, 0};
constexpr std::int64_t kUncancellableMsMax = 15 * 60'000;
constexpr std::int64_t kWithoutEndMs = 24 * 3'600'000;
/// What a timer may be late by.
constexpr std::int64_t kTimerGraceMs = 2'000;
/// A gap between two signs of movement counts as movement up to this.
constexpr std::int64_t kMovementGapUs = 2'000'000;

/// Adds up the time in which bytes or lines moved.
class Movement {
  public:
    explicit Movement(std::int64_t now_us) : last_us_(now_us) {}
    void see(std::int64_t now_us) {
        total_us_ += std::clamp<std::int64_t>(now_us - last_us_, 0, kMovementGapUs);
        last_us_ = now_us;
    }
    [[nodiscard]] std::int64_t ms() const { return total_us_ / 1000; }

  private:
    std::int64_t last_us_;
    std::int64_t total_us_ = 0;
};

workflow::StepOutcome failed(const Error& error) {
    workflow::StepOutcome outcome;
    outcome.code = error.code;
    outcome.message = error.message;
    return outcome;
}

/// How long to wait for the call itself; the operation's own timeout is told to the callee.
std::int64_t wait_ms(const Host& host,
                     const Run& run,
                     const workflow::Step& step,
                     const Resolution& who) {
    const auto timeout = step.timeout_ms > 0 ? step.timeout_ms : who.timeout_ms;
    auto most = kUncancellableMsMax;
    if (step.cancellable) {
        const auto deadline_us = run.state.deadline_us();
        // Rounded up: what ends a moment before the run's end would not be known for it.
        most = deadline_us > 0
                   ? std::max<std::int64_t>((deadline_us - host.wall_us()) / 1000 + 1, 1)
                   : kWithoutEndMs;
    }
    return who.progress ? most : std::min(most, timeout + 5'000);
}

}  // namespace

CallResult StepCaller::call(Run& run, const workflow::Step& step, std::int64_t started_us) const {
    CallResult result;
    auto who = resolve(run, step);
    if (!who) {
        result.outcome = failed(who.error());
        return result;
    }
    result.resolution = who->text();
    const auto fail_with = [&](const Error& error) {
        result.outcome = failed(error);
        result.outcome.message =
            workflow::scrub(std::move(result.outcome.message), run.secret_values);
        result.outcome.closer = who->closer();
        who->judge(result.outcome);
    };
    auto input = input_of(run, step, *who);
    if (!input) return fail_with(input.error()), result;
    if (auto ok = write_intent(run, step, result.resolution, *input, started_us); !ok) {
        return fail_with(ok.error()), result;
    }
    auto answer = perform(run, step, *who, std::move(*input), result);
    const auto moving_ms = result.outcome.moving_ms;
    if (!answer) {
        fail_with(answer.error());
        result.outcome.moving_ms = moving_ms;
        return result;
    }
    auto object = parse_object(answer->empty() ? "{}" : *answer);
    if (!object) return fail_with(object.error()), result;
    json::value cleaned = std::move(*object);
    workflow::scrub(cleaned, run.secret_values);
    auto split = workflow::split_output(std::move(cleaned.get_object()));
    if (!split) {
        fail_with(split.error());
        result.outcome.permanent = true;  // The same answer would come again.
        return result;
    }
    result.outcome.ok = true;
    result.outcome.checks = std::move(split->checks);
    result.outcome.closer = who->closer();
    result.output = std::move(split->output);
    result.artifacts = std::move(split->artifacts);
    return result;
}

Result<Resolution> StepCaller::resolve(Run& run, const workflow::Step& step) const {
    const auto known = run.resolutions.find(step.key);
    if (known != run.resolutions.end()) return Resolution::parse(known->second);
    auto target = workflow::target_of_call(*run.model, run.input, step.item.get(), run.row.target);
    if (!target) return std::unexpected(target.error());
    std::string node;
    std::string on;
    if (step.spec) {
        node = step.spec->node;
        on = step.spec->on;
    } else if (step.closer) {
        node = step.closer->node;
        on = step.closer->target.empty() ? "source" : "target";
        // A run may have been to several hosts.
        if (run.model->stays && on == "target") target = step.closer->target;
    }
    auto answer = host_.resolve(*target, node, on, step.operation, kResolveWait);
    if (!answer) return std::unexpected(std::move(answer).error());
    auto resolution = Resolution::parse(*answer);
    if (!resolution) return resolution;
    if (auto ok = resolution->allowed_for(run.row.came_from); !ok)
        return std::unexpected(std::move(ok).error());
    run.resolutions[step.key] = resolution->text();
    return resolution;
}

Result<void> StepCaller::load_secrets(Run& run) const {
    if (!run.secrets.empty()) return {};
    auto stored = rows_.secrets(run.row.workflow_id);
    if (!stored) return std::unexpected(std::move(stored).error());
    for (auto& secret : *stored) {
        // A run that came from a peer brings values: what looks like a reference is none.
        const bool is_reference = run.row.came_from.empty() && (secret.value.starts_with("env:") ||
                                                                secret.value.starts_with("file:"));
        if (is_reference) {
            auto value = host_.secret(secret.value);
            if (!value) return std::unexpected(std::move(value).error());
            secret.value = std::move(*value);
        }
        run.secret_values.push_back(secret.value);
        run.secrets[secret.id] = std::move(secret.value);
    }
    // Longest first: a value that contains another one is replaced as a whole.
    std::ranges::sort(run.secret_values, std::ranges::greater{}, &std::string::size);
    return {};
}

Result<std::string> StepCaller::input_of(Run& run,
                                         const workflow::Step& step,
                                         const Resolution& resolution) const {
    static const std::map<std::string, std::string> kNoRenames;
    auto context = workflow::seen_by(step, run.context);
    if (step.closer) {
        // The end as it will be, for those who want to hear of it.
        for (auto& member :
             workflow::engine_outputs(run.state, run.row.workflow_id, host_.wall_us())) {
            context.insert_or_assign(member.key(), member.value());
        }
        const bool good = run.state.phase == workflow::Phase::closing;
        context["success"] = good;
        context["state"] = good ? run.model->fsm.spelled(workflow::kCompleted) : run.state.ending;
    }
    json::value input =
        workflow::project(context, resolution.input, step.spec ? step.spec->with : kNoRenames);
    if (workflow::names_property(resolution.input, "run")) {
        input.get_object()["run"] = workflow::run_property(
            *run.model, run.row.workflow_id, step, run.state.deadline_us() / 1000);
    }
    if (!workflow::secret_ids(input).empty()) {
        if (auto ok = load_secrets(run); !ok) return std::unexpected(std::move(ok).error());
        const auto lookup = [&](const std::string& id) -> Result<std::string> {
            const auto found = run.secrets.find(id);
            if (found != run.secrets.end()) return found->second;
            return fail("INTERNAL", "a secret of the run is gone; start it again");
        };
        if (auto ok = workflow::reveal(input, lookup); !ok)
            return std::unexpected(std::move(ok).error());
    }
    return json::serialize(input);
}

Result<void> StepCaller::write_intent(const Run& run,
                                      const workflow::Step& step,
                                      const std::string& resolution,
                                      const std::string& input,
                                      std::int64_t started_us) const {
    StepRow row;
    row.key = step.key;
    row.stage = step.stage;
    row.operation = step.operation;
    row.number = run.attempts_made + 1;
    row.attempt = step.attempt;
    row.resolution = resolution;
    row.started_us = started_us;
    auto tx = rows_.begin();
    if (!tx) return std::unexpected(std::move(tx).error());
    if (auto ok = RunRows::intent(*tx, run.row.workflow_id, row, digest::blake3_hex(input)); !ok)
        return ok;
    return tx->commit();
}

Result<std::string> StepCaller::perform(Run& run,
                                        const workflow::Step& step,
                                        const Resolution& who,
                                        std::string input,
                                        CallResult& result) const {
    Movement movement(host_.monotonic_us());
    std::string last_text;
    Call call;
    call.target = who.target;
    call.node = who.node;
    call.operation = who.operation;
    call.input = std::move(input);
    call.correlation_id = run.row.correlation_id;
    call.key = run.row.workflow_id + '/' + step.key;
    call.timeout_ms = step.timeout_ms > 0 ? step.timeout_ms : who.timeout_ms;
    call.on_progress = [&](const Progress& progress) {
        if (progress.kind == Progress::Kind::line) {
            movement.see(host_.monotonic_us());
            log_(run, "info", step, workflow::scrub(std::string(progress.text), run.secret_values));
            return;
        }
        auto text = workflow::scrub(std::string(progress.text), run.secret_values);
        if (progress.kind == Progress::Kind::step && !text.empty() && text != last_text) {
            last_text = text;
            log_(run, "info", step, text);
        }
        const std::scoped_lock lock(run.mutex);
        if (progress.kind == Progress::Kind::bytes) {
            if (progress.done != run.live.done) movement.see(host_.monotonic_us());
            run.live.done = progress.done;
            run.live.total = progress.total;
            result.bytes = std::max(result.bytes, progress.done);
        }
        if (!text.empty()) run.live.text = std::move(text);
    };
    {
        const std::scoped_lock lock(run.mutex);
        run.live = {};
        if (step.cancellable) run.running_key = call.key;
    }
    // A local operation runs on this very thread, so that our own deadline could not end it: a
    // timer does.
    const auto most_ms = wait_ms(host_, run, step, who);
    auto is_late = std::make_shared<std::atomic<bool>>(false);
    auto timer = host_.after(most_ms, [&host = host_, is_late, key = call.key] {
        *is_late = true;
        host.cancel_call(key);
    });
    auto answer = host_.call(std::move(call), {most_ms + kTimerGraceMs, 0});
    if (timer) host_.cancel(*timer);
    if (!answer && *is_late && answer.error().code == "CANCELLED") {
        answer = fail("TIMEOUT",
                      step.operation + " took longer than " + std::to_string(most_ms) + " ms");
    }
    result.outcome.moving_ms = movement.ms();
    return answer;
}

Result<std::vector<workflow::Secret>> StepCaller::secrets(Run& run) const {
    if (auto ok = load_secrets(run); !ok) return std::unexpected(std::move(ok).error());
    std::vector<workflow::Secret> out;
    for (const auto& [id, value] : run.secrets)
        out.push_back({id, value});
    return out;
}

std::vector<workflow::Closer> StepCaller::closers(Run& run) const {
    std::vector<workflow::Closer> found;
    if (run.attempts_made == 0) return found;
    // An operation may have reached further than to its own node (a lock that it took on the
    // target): so everybody who would have taken part later is told, too. Best effort: a host that
    // is down is asked once.
    std::set<std::string> asked;
    for (std::size_t i = 0; i < run.state.stages.size(); ++i) {
        for (const auto& record : run.state.stages[i].operations) {
            if (run.resolutions.contains(record.key)) continue;
            const auto& operation = run.model->stages[i].operations[record.spec];
            const auto target =
                workflow::target_of_call(*run.model, run.input, record.item.get(), run.row.target);
            const auto question = target.value_or("") + '\n' + operation.on + '\n' +
                                  operation.node + '\n' + operation.name;
            if (!target || !asked.insert(question).second) continue;
            auto answer = host_.resolve(
                *target, operation.node, operation.on, operation.name, kResolveAtEndWait);
            if (!answer && answer.error().code == "OPERATION_NOT_FOUND") continue;
            if (!answer) return found;
            auto resolution = Resolution::parse(*answer);
            if (!resolution || !resolution->allowed_for(run.row.came_from)) continue;
            if (auto closer = resolution->closer();
                closer && std::ranges::find(found, *closer) == found.end()) {
                found.push_back(std::move(*closer));
            }
        }
    }
    return found;
}

}  // namespace onex::orchestrator
