#include "plugins/orchestrator/orchestrator.hpp"

#include <utility>

namespace onex::orchestrator {

Orchestrator::Orchestrator(const onex_host* host_table, const onex_create_args* args)
    : JsonNode(host_table, args) {
    auto info = parse_object(host().info());
    if (!info) throw Error{"INTERNAL", "the host tells nothing about itself", {}, {}};
    auto settings = parse_object(host().settings());
    if (!settings) throw std::move(settings).error();
    std::vector<std::string> folders;
    if (const auto* list = info->if_contains("workflow_dirs"); list && list->is_array()) {
        for (const auto& folder : list->get_array()) {
            if (folder.is_string()) folders.emplace_back(folder.get_string());
        }
    }
    EngineConfig config;
    config.host_id = get_text(*info, "host_id");
    config.boot_id = get_text(*info, "boot_id");
    config.claim =
        config.host_id + '/' + config.boot_id + '/' + name() + '/' + std::to_string(generation());
    config.queue_max = static_cast<std::size_t>(get_number(*settings, "queue_max", 100));
    config.orphan_after_ms = get_number(*settings, "orphan_after_ms", config.orphan_after_ms);
    contracts_ = std::make_unique<Contracts>(host(), std::move(folders));
    waiters_ = std::make_unique<Waiters>(host());
    engine_ = std::make_unique<Engine>(host(), std::move(config), *contracts_, *waiters_);
    constexpr std::int64_t kDayUs = 24LL * 3600 * 1'000'000;
    const PruneLimits limits{get_number(*info, "keep_days", 90) * kDayUs,
                             get_number(*info, "size_budget_bytes", 2LL << 30)};
    pruning_ = std::make_unique<Pruning>(host(), get_text(*info, "host_id"), limits);
    if (get_bool(*settings, "health_checks", true)) {
        health_checks_ = std::make_unique<HealthChecks>(
            host(), *engine_, *contracts_, get_text(*info, "host_id"), std::string(name()));
    }
    add_operations();
}

Result<void> Orchestrator::start() {
    if (auto started = engine_->start(); !started) return started;
    if (auto started = pruning_->start(); !started) return started;
    return health_checks_ ? health_checks_->start() : Result<void>{};
}

Result<void> Orchestrator::quiesce() {
    if (health_checks_) health_checks_->quiesce();
    pruning_->quiesce();
    engine_->quiesce();
    return {};
}

Result<void> Orchestrator::resume() {
    pruning_->resume();
    engine_->resume();
    if (health_checks_) health_checks_->resume();
    return {};
}

void Orchestrator::stop() {
    engine_->stop();
}

}  // namespace onex::orchestrator
