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

}  // namespace

void prune(Store& store, OperationKeys& keys, Nonces& nonces, std::int64_t keep_days) {
    const auto now = now_us();
    if (auto done = nonces.prune(now); !done) report("nonces", done.error());
    if (auto done = keys.prune(now - kDayUs); !done) report("operation keys", done.error());
    auto events = execute_once(
        store, TxMode::write, sql::prune_events, {{"before_us", now - keep_days * kDayUs}});
    if (!events) report("events", events.error());
}

}  // namespace onex::host
