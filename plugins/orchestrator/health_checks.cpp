#include "plugins/orchestrator/health_checks.hpp"

#include "orchestrator_sql.hpp"
#include "plugins/orchestrator/report.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

namespace onex::orchestrator {
namespace {

using workflow::Health;
using workflow::HealthAnswer;
using workflow::HealthProbe;

constexpr std::int64_t kTickMs = 250;
constexpr std::int64_t kLookUs = 2'000'000;
constexpr std::int64_t kPlanUs = 60'000'000;
constexpr std::size_t kBusyMax = 4;
constexpr std::int64_t kCallExtraMs = 1'000;  // the call ends after what it waits for
constexpr const char* kAsk = "ask_health";
constexpr std::string_view kChanged = "WORKFLOW_HEALTH_CHANGED";
constexpr const char* kNotInstalled =
    "a program runs only for an installed contract; put it into a folder of [host] workflow_dirs";

std::vector<std::string> labels_of(const HealthProbe& probe) {
    return {probe.workflow, probe.check.name, probe.subject, probe.target};
}

std::string sentence(const HealthProbe& probe, const HealthAnswer& answer) {
    auto text = "the health check " + probe.check.name + " of " + probe.workflow;
    if (!probe.subject.empty()) text += ", " + probe.subject;
    if (!probe.target.empty()) text += " on " + probe.target;
    text += " is " + std::string(workflow::health_word(answer.health));
    return answer.detail.empty() ? text : text + ": " + answer.detail;
}

}  // namespace

Result<void> HealthChecks::start() {
    const auto gauge = host_.define_metric(Host::MetricKind::gauge,
                                           "onex_workflow_health",
                                           "1: the health check of a workflow is good",
                                           {"workflow", "check", "subject", "target"});
    gauge_ = gauge.value_or(0);
    auto task = host_.every(kTickMs, [this] { tick(); });
    if (!task) return std::unexpected(std::move(task).error());
    return {};
}

void HealthChecks::tick() {
    if (quiet_) return;
    const auto now_us = host_.monotonic_us();
    if (now_us >= look_us_) {
        look_us_ = now_us + kLookUs;
        look(now_us);
    }
    std::vector<HealthProbe> due;
    {
        const std::scoped_lock lock(mutex_);
        due = board_.begin_due(now_us, kBusyMax);
    }
    for (auto& probe : due) {
        if (host_.post([this, probe] { ask(probe); })) continue;
        const std::scoped_lock lock(mutex_);
        board_.ended(probe.id, {Health::unknown, {}, false, 0}, host_.wall_us());
    }
}

void HealthChecks::look(std::int64_t now_us) {
    // A run that has ended since began since, or went on at the last look.
    const auto started = host_.execute(false, sql::last_start, {}, kStoreWait);
    if (!started || started->rows.empty()) return;
    const std::pair now{number(started->rows.front(), 0), engine_.load().first};
    const bool is_same = now == seen_ && now.second == 0;
    if (is_same && now_us < plan_us_) return;
    auto next = plan();
    if (!next) {
        if (!store_failed_)
            host_.log(LogLevel::warn, "health checks stay as they are: " + next.error().message);
        store_failed_ = true;
        return;
    }
    store_failed_ = false;
    seen_ = now;
    plan_us_ = now_us + kPlanUs;
    const std::scoped_lock lock(mutex_);
    for (const auto& probe : board_.renew(std::move(*next), now_us)) {
        hide(probe);
        prober_.forget(probe);
    }
    for (const auto& state : board_.states())
        show(state.probe, state.health);
}

Result<HealthChecks::Plan> HealthChecks::plan() {
    const auto found = host_.execute(
        false,
        sql::deployed_runs,
        {{"host_id", host_id_}, {"limit", static_cast<std::int64_t>(workflow::kProbesMax)}},
        kStoreWait);
    if (!found) return std::unexpected(found.error());
    if (found->rows.empty()) return Plan{};
    std::set<std::string> installed;
    for (const auto& file : contracts_.list()) {
        if (file.error.empty()) installed.insert(file.name);
    }
    std::map<std::string, std::vector<workflow::HealthCheck>> checks;
    std::vector<workflow::Deployed> deployed;
    for (const auto& row : found->rows) {
        const auto name = text(row, 1);
        if (!checks.contains(name))
            checks[name] = checks_of(text(row, 0), name, installed.contains(name));
        deployed.push_back({name,
                            text(row, 2),
                            text(row, 3),
                            parse_object(text(row, 4)).value_or(json::object{})});
    }
    return workflow::plan_probes(checks, deployed);
}

std::vector<workflow::HealthCheck> HealthChecks::checks_of(const std::string& workflow_id,
                                                           const std::string& workflow,
                                                           bool is_installed) {
    // The installed contract, as it is now: an edited check holds from then on.
    if (is_installed) {
        if (auto contract = contracts_.find(workflow)) return contract->model->health_checks;
    }
    const auto row = engine_.rows().run(workflow_id);
    if (!row || !*row) return {};
    const auto contract = contracts_.read((*row)->contract_text);
    if (!contract) return {};
    auto checks = contract->model->health_checks;
    for (auto& check : checks) {
        // Who may start a run may not choose what this host executes.
        if (check.kind == workflow::ProbeKind::system) check.problem = kNotInstalled;
    }
    return checks;
}

Result<json::object> HealthChecks::answer(const std::string& id, onex_token token) {
    std::optional<HealthProbe> probe;
    {
        const std::scoped_lock lock(mutex_);
        for (const auto& state : board_.states()) {
            if (state.busy && state.probe.id == id) probe = state.probe;
        }
    }
    if (!probe) return fail("NOT_FOUND", "no such health check is under way");
    const auto answer = prober_.ask(*probe, token);
    return json::object{{"status", workflow::health_word(answer.health)},
                        {"detail", answer.detail},
                        {"counts", answer.counts},
                        {"took_ms", answer.took_ms}};
}

HealthAnswer HealthChecks::called(const HealthProbe& probe) const {
    const auto wait_ms = probe.check.timeout_ms + kCallExtraMs;
    Call call;
    call.node = node_;
    call.operation = kAsk;
    call.input = json::serialize(json::object{{"id", probe.id}});
    call.timeout_ms = wait_ms;
    const auto got = host_.call(std::move(call), {wait_ms, 0});
    const auto output = got ? parse_object(*got) : std::unexpected(got.error());
    if (!output) return {Health::unknown, {}, false, 0};
    HealthAnswer out{Health::unknown,
                     get_text(*output, "detail"),
                     get_bool(*output, "counts"),
                     get_number(*output, "took_ms")};
    for (const auto health : {Health::healthy, Health::unhealthy}) {
        if (get_text(*output, "status") == workflow::health_word(health)) out.health = health;
    }
    return out;
}

void HealthChecks::ask(const HealthProbe& probe) {
    auto answer = called(probe);
    if (quiet_) answer.counts = false;
    // While a run replaces what is asked, it may be away for a moment.
    if (answer.counts && answer.health == Health::unhealthy && is_under_way(probe))
        answer.counts = false;
    bool changed = false;
    {
        const std::scoped_lock lock(mutex_);
        changed = board_.ended(probe.id, answer, host_.wall_us());
        if (answer.counts) {
            const auto& states = board_.states();
            const auto state =
                std::ranges::find_if(states, [&](const auto& s) { return s.probe.id == probe.id; });
            if (state != states.end()) show(state->probe, answer.health);
        }
    }
    if (changed) tell(probe, answer);
}

bool HealthChecks::is_under_way(const HealthProbe& probe) const {
    if (probe.subject.empty()) return false;
    const auto found = host_.execute(false,
                                     sql::is_under_way,
                                     {{"subject", probe.subject}, {"target", probe.target}},
                                     kStoreWait);
    return found && !found->rows.empty();
}

void HealthChecks::show(const HealthProbe& probe, Health health) const {
    if (gauge_ == 0) return;
    if (health == Health::unknown) return hide(probe);
    host_.record(gauge_, labels_of(probe), health == Health::healthy ? 1 : 0);
}

void HealthChecks::hide(const HealthProbe& probe) const {
    if (gauge_ != 0) host_.forget(gauge_, labels_of(probe));
}

void HealthChecks::tell(const HealthProbe& probe, const HealthAnswer& answer) const {
    const bool good = answer.health == Health::healthy;
    host_.log(good ? LogLevel::info : LogLevel::warn, sentence(probe, answer));
    Event event;
    event.type = kChanged;
    event.key = probe.workflow + '/' + probe.check.name + '/' + probe.subject;
    // Without the detail: that may be another machine's words.
    event.payload = json::serialize(json::object{{"workflow", probe.workflow},
                                                 {"check", probe.check.name},
                                                 {"type", probe.check.type},
                                                 {"subject", probe.subject},
                                                 {"target", probe.target},
                                                 {"critical", probe.check.critical},
                                                 {"status", workflow::health_word(answer.health)}});
    if (const auto told = host_.publish(event, nullptr); !told)
        host_.log(LogLevel::warn, "an event of a health check is lost: " + told.error().message);
}

json::array HealthChecks::report() {
    const auto to_wall_us = host_.wall_us() - host_.monotonic_us();
    json::array out;
    const std::scoped_lock lock(mutex_);
    for (const auto& state : board_.states()) {
        const auto& probe = state.probe;
        out.push_back(json::object{{"workflow", probe.workflow},
                                   {"name", probe.check.name},
                                   {"subject", probe.subject},
                                   {"target", probe.target},
                                   {"type", probe.check.type},
                                   {"critical", probe.check.critical},
                                   {"status", workflow::health_word(state.health)},
                                   {"detail", state.detail},
                                   {"since", iso_time(state.since_us)},
                                   {"last_ms", state.last_ms},
                                   {"next", iso_time(state.due_us + to_wall_us)}});
    }
    return out;
}

json::object HealthChecks::counts() {
    std::int64_t of[3] = {0, 0, 0};
    const std::scoped_lock lock(mutex_);
    for (const auto& state : board_.states())
        ++of[static_cast<std::size_t>(state.health)];
    return {{"healthy", of[static_cast<std::size_t>(Health::healthy)]},
            {"unhealthy", of[static_cast<std::size_t>(Health::unhealthy)]},
            {"unknown", of[static_cast<std::size_t>(Health::unknown)]}};
}

}  // namespace onex::orchestrator
