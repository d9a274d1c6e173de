#include "host/maintenance.hpp"

#include "host/log.hpp"
#include "host/store/ids.hpp"
#include "host_sql.hpp"

namespace onex::host {

namespace {

constexpr std::int64_t kDayUs = 24LL * 3600 * 1'000'000;

void report(std::string_view what, const Error& error) {
    log(LogLevel::warn, "could not prune " + std::string(what) + ": " + error.message);
}

/// Events have much the same size: the share that is too much goes, as far as all have read.
Result<void> prune_by_size(Store& store, std::int64_t bytes_max, std::int64_t since_us) {
    auto size = execute_once(store, TxMode::read, sql::bytes_of_events, {});
    if (!size) return std::unexpected(std::move(size).error());
    const auto& row = size->rows.front();
    const auto bytes = std::get<std::int64_t>(row.at(0));
    const auto first = std::get<std::int64_t>(row.at(1));
    const auto last = std::get<std::int64_t>(row.at(2));
    if (bytes <= bytes_max) return {};
    auto slowest = execute_once(
        store, TxMode::read, sql::slowest_reader, {{"last", last}, {"since_us", since_us}});
    if (!slowest) return std::unexpected(std::move(slowest).error());
    const auto share = static_cast<double>(bytes - bytes_max) / static_cast<double>(bytes);
    const auto upto =
        first + static_cast<std::int64_t>(static_cast<double>(last - first) * (share + 0.1));
    const auto read = std::get<std::int64_t>(slowest->rows.front().front());
    auto gone = execute_once(
        store, TxMode::write, sql::prune_events_upto, {{"sequence", std::min(upto, read)}});
    if (!gone) return std::unexpected(std::move(gone).error());
    return {};
}

}  // namespace

void prune(Store& store, OperationKeys& keys, Nonces& nonces, Keep keep) {
    const auto now = now_us();
    if (auto done = nonces.prune(now); !done) report("nonces", done.error());
    if (auto done = keys.prune(now - kDayUs); !done) report("operation keys", done.error());
    const auto since = now - keep.days * kDayUs;
    auto events = execute_once(store, TxMode::write, sql::prune_events, {{"before_us", since}});
    if (!events) report("events", events.error());
    if (auto done = prune_by_size(store, keep.bytes, since); !done) report("events", done.error());
    if (const auto left = keys.store_kept(); left > 0)
        log(LogLevel::warn, std::to_string(left) + " outcomes of operations can't be stored yet");
}

}  // namespace onex::host
