#include "plugins/orchestrator/pruning.hpp"

#include "orchestrator_sql.hpp"

#include <vector>

namespace onex::orchestrator {

namespace {

constexpr std::int64_t kFirstMs = 1'000;
constexpr std::int64_t kEveryMs = 3'600'000;
constexpr std::int64_t kRunsKept = 2;  // of each workflow and subject: what a rollback needs
constexpr std::int64_t kBatch = 20;    // runs in one transaction, which other writers wait for
constexpr int kBatchesMax = 500;       // in one round; the next one goes on
constexpr Wait kStoreWait{10'000, 0};

}  // namespace

Result<void> Pruning::start() {
    auto first = host_.after(kFirstMs, [this] { round(); });
    if (!first) return std::unexpected(std::move(first).error());
    auto task = host_.every(kEveryMs, [this] { round(); });
    if (!task) return std::unexpected(std::move(task).error());
    return {};
}

void Pruning::round() {
    const auto gone = prune();
    if (!gone) {
        host_.log(LogLevel::warn, "old runs could not be pruned: " + gone.error().message);
    } else if (*gone > 0) {
        host_.log(LogLevel::info, "forgot " + std::to_string(*gone) + " runs that ended long ago");
    }
}

Result<std::int64_t> Pruning::prune() {
    std::int64_t gone = 0;
    for (int i = 0; i < kBatchesMax && !quiet_; ++i) {
        const auto now = host_.wall_us();
        auto before = now - limits_.keep_us;
        auto removed = remove_before(before);
        if (removed && *removed == 0) {
            const auto bytes = host_.execute(false, sql::bytes_of_runs, {}, kStoreWait);
            if (!bytes) return std::unexpected(bytes.error());
            if (bytes->rows.empty() || number(bytes->rows.front(), 0) <= limits_.bytes_max) break;
            removed = remove_before(now);
        }
        if (!removed) return removed;
        if (*removed == 0) break;  // What is left is needed.
        gone += *removed;
    }
    return gone;
}

Result<std::int64_t> Pruning::remove_before(std::int64_t before_us) {
    const auto found = host_.execute(false,
                                     sql::prunable_runs,
                                     {{"before_us", before_us},
                                      {"host_id", host_id_},
                                      {"keep_runs", kRunsKept},
                                      {"limit", kBatch}},
                                     kStoreWait);
    if (!found) return std::unexpected(found.error());
    if (found->rows.empty()) return 0;
    auto tx = host_.begin(true, kStoreWait);
    if (!tx) return std::unexpected(std::move(tx).error());
    for (const auto& row : found->rows) {
        const std::vector<Param> which{{"workflow_id", text(row, 0)}};
        for (const auto statement : {sql::delete_steps,
                                     sql::delete_transitions,
                                     sql::delete_logs,
                                     sql::delete_artifacts,
                                     sql::delete_secrets,
                                     sql::delete_case,
                                     sql::delete_approvals,
                                     sql::delete_run}) {
            if (auto done = tx->execute(statement, which); !done)
                return std::unexpected(std::move(done).error());
        }
    }
    if (auto done = tx->commit(); !done) return std::unexpected(std::move(done).error());
    return static_cast<std::int64_t>(found->rows.size());
}

}  // namespace onex::orchestrator
