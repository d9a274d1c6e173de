// The host's log: one line an event, as text for people or as JSON. The only file pair that knows
// spdlog.
#pragma once

#include "host/config/config.hpp"

#include <onex/error.hpp>

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace onex::host {

/// The numbers are those of ONEX_LOG_… in the ABI.
enum class LogLevel { trace, debug, info, warn, error };

/// One `key=value` of a line. "node" and "correlation_id" are ordinary fields; "node" stands in
/// front of the message of a text line. Views need to live only during the call.
struct LogField {
    std::string_view name;
    std::string_view value;
};

inline constexpr std::size_t kLogLineBytesMax = 16 * 1024;

/// Opens the log as configured; `host_name` stands in each JSON line. May be called again. Before
/// the first call lines of level info and above go to stderr as text. Errors: VALIDATION_ERROR
/// (unknown level or format), UNAVAILABLE (the file can't be opened).
Result<void> init_log(const LogSection& section, std::string host_name);

/// Opens the file of the same name anew, after a log rotation moved the old one. Without a file:
/// nothing.
Result<void> reopen_log();

/// Writes what is queued and closes the log; later lines go to stderr.
void stop_log();

[[nodiscard]] bool log_enabled(LogLevel level);

/// Queues one line and returns at once. A full queue (8 192 lines) drops its oldest line. Never
/// throws. [any thread]
void log(LogLevel level, std::string_view message, std::span<const LogField> fields) noexcept;
void log(LogLevel level,
         std::string_view message,
         std::initializer_list<LogField> fields = {}) noexcept;

/// One line as it is written, without its end: valid UTF-8, no control characters, at most
/// kLogLineBytesMax bytes (a JSON line that was cut stays valid and has "cut": true). For tests.
[[nodiscard]] std::string format_log_line(bool json,
                                          std::int64_t time_us,
                                          std::string_view host_name,
                                          LogLevel level,
                                          std::string_view message,
                                          std::span<const LogField> fields);

}  // namespace onex::host
