#include "plugins/orchestrator/renewals.hpp"

#include "plugins/lib/workflow/data_flow.hpp"
#include "plugins/lib/workflow/items.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace onex::orchestrator {
namespace {

constexpr std::int64_t kEveryUs = 5'000'000;
constexpr std::int64_t kCallMs = 5'000;
constexpr Wait kResolveWait{3'000, 0};

}  // namespace

void Renewals::tick(const std::vector<RunPtr>& runs) {
    const auto now_us = host_.monotonic_us();
    std::vector<std::pair<RunPtr, std::shared_ptr<Entry>>> due;
    {
        const std::scoped_lock lock(mutex_);
        std::map<std::string, std::shared_ptr<Entry>> kept;
        for (const auto& run : runs) {
            auto& entry = kept[run->row.workflow_id];
            entry = entries_[run->row.workflow_id];
            // The first round comes after one period: short runs need none.
            if (!entry) entry = std::make_shared<Entry>(Entry{now_us + kEveryUs, false, false, {}});
            if (entry->busy || now_us < entry->due_us) continue;
            entry->busy = true;
            entry->due_us = now_us + kEveryUs;
            due.emplace_back(run, entry);
        }
        entries_ = std::move(kept);
    }
    for (auto& [run, entry] : due) {
        const auto posted = host_.post([this, run, entry] {
            round(run, *entry);
            const std::scoped_lock lock(mutex_);
            entry->busy = false;
        });
        if (posted) continue;
        const std::scoped_lock lock(mutex_);
        entry->busy = false;
    }
}

bool Renewals::find_renewers(const Run& run, Entry& entry) const {
    std::set<std::string> asked;
    for (const auto& stage : run.model->stages) {
        for (const auto& call : workflow::calls_of(stage, run.input)) {
            const auto& operation = stage.operations[call.spec];
            const auto target =
                workflow::target_of_call(*run.model, run.input, call.item.get(), run.row.target);
            const auto question = target.value_or("") + '\n' + operation.on + '\n' +
                                  operation.node + '\n' + operation.name;
            if (!target || !asked.insert(question).second) continue;
            const auto answer =
                host_.resolve(*target, operation.node, operation.on, operation.name, kResolveWait);
            if (!answer && answer.error().code == "OPERATION_NOT_FOUND") continue;
            if (!answer) return false;
            const auto who = Resolution::parse(*answer);
            if (!who || who->run_renew.empty()) continue;
            const auto same = [&](const Resolution& known) {
                return known.target == who->target && known.node == who->node;
            };
            if (std::ranges::any_of(entry.renewers, same)) continue;
            const auto renewer = host_.resolve(*target,
                                               who->node,
                                               who->target.empty() ? "source" : "target",
                                               who->run_renew,
                                               kResolveWait);
            if (!renewer) return false;
            auto found = Resolution::parse(*renewer);
            if (found && found->allowed_for(run.row.came_from))
                entry.renewers.push_back(std::move(*found));
        }
    }
    return true;
}

void Renewals::round(const RunPtr& run, Entry& entry) const {
    // A host that does not answer yet is asked again in the next round.
    if (!entry.known) entry.known = find_renewers(*run, entry);
    for (const auto& who : entry.renewers) {
        auto input = workflow::project(run->input, who.input, {});
        input["run"] = json::object{{"workflow_id", run->row.workflow_id}};
        Call call;
        call.target = who.target;
        call.node = who.node;
        call.operation = who.operation;
        call.input = json::serialize(input);
        call.correlation_id = run->row.correlation_id;
        call.timeout_ms = kCallMs;
        const auto answer = host_.call(std::move(call), {kCallMs, 0});
        if (answer) continue;
        workflow::StepOutcome outcome;
        outcome.code = answer.error().code;
        who.judge(outcome);
        if (outcome.permanent) lost_(run->row.workflow_id, answer.error().message);
    }
}

}  // namespace onex::orchestrator
