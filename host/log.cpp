#include "host/log.hpp"

#include "host/store/ids.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>

namespace onex::host {
namespace {

constexpr std::size_t kQueueLines = 8192;
constexpr std::array<std::string_view, 5> kLevels{"trace", "debug", "info", "warn", "error"};

/// An open log. A line in the middle of being queued keeps it alive, so that it can be replaced any
/// time.
struct Log {
    bool json = false;
    std::string host_name;
    std::string file;
    std::shared_ptr<spdlog::async_logger> logger;
    /// Last, so that its thread has been joined before the logger, which it writes to, goes.
    std::shared_ptr<spdlog::details::thread_pool> writer;
};

std::mutex mutex;              // guards `current`
std::shared_ptr<Log> current;  // null: stderr
std::atomic<int> level_min{static_cast<int>(LogLevel::info)};

std::shared_ptr<Log> get() {
    const std::scoped_lock lock(mutex);
    return current;
}

/// Swaps the log in and ends the old one outside the lock, since that waits for its queue.
void replace(std::shared_ptr<Log> next) {
    {
        const std::scoped_lock lock(mutex);
        current.swap(next);
    }
}

Result<std::shared_ptr<Log>> open(const std::string& file, bool json, std::string host_name) {
    auto opened = std::make_shared<Log>();
    opened->json = json;
    opened->host_name = std::move(host_name);
    opened->file = file;
    try {
        spdlog::sink_ptr sink;
        if (file.empty()) {
            sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        } else {
            sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
        }
        opened->writer = std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
        opened->logger = std::make_shared<spdlog::async_logger>(
            "onex", std::move(sink), opened->writer, spdlog::async_overflow_policy::overrun_oldest);
        opened->logger->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
        opened->logger->set_level(spdlog::level::trace);
        opened->logger->flush_on(spdlog::level::trace);
        // A full disk must not fill stderr: what the sink complains of is dropped.
        opened->logger->set_error_handler([](const std::string&) {});
    } catch (const std::exception& error) {
        return fail("UNAVAILABLE",
                    "can't open the log file '" + file + "': " + error.what() +
                        "; see [log] file and the rights of its folder");
    }
    return opened;
}

}  // namespace

Result<void> init_log(const LogSection& section, std::string host_name) {
    const auto* level = std::ranges::find(kLevels, section.level);
    if (level == kLevels.end()) {
        return fail(
            "VALIDATION_ERROR",
            "log.level is '" + section.level + "'; expected trace, debug, info, warn or error");
    }
    if (section.format != "text" && section.format != "json") {
        return fail("VALIDATION_ERROR",
                    "log.format is '" + section.format + "'; expected text or json");
    }
    auto opened = open(section.file, section.format == "json", std::move(host_name));
    if (!opened) return std::unexpected(std::move(opened).error());
    level_min = static_cast<int>(level - kLevels.begin());
    replace(std::move(*opened));
    return {};
}

Result<void> reopen_log() {
    const auto old = get();
    if (!old || old->file.empty()) return {};
    auto opened = open(old->file, old->json, old->host_name);
    if (!opened) return std::unexpected(std::move(opened).error());
    replace(std::move(*opened));
    return {};
}

void stop_log() {
    replace(nullptr);
}

bool log_enabled(LogLevel level) {
    return static_cast<int>(level) >= level_min;
}

void log(LogLevel level, std::string_view message, std::span<const LogField> fields) noexcept {
    if (!log_enabled(level)) return;
    try {
        const auto to = get();
        const auto line = format_log_line(
            to && to->json, now_us(), to ? to->host_name : std::string(), level, message, fields);
        if (to) {
            to->logger->log(spdlog::level::info, line);
        } else {
            std::fprintf(stderr, "%s\n", line.c_str());
        }
    } catch (...) {
        // Out of memory: losing the line is better than losing the host.
        return;
    }
}

void log(LogLevel level,
         std::string_view message,
         std::initializer_list<LogField> fields) noexcept {
    log(level, message, std::span<const LogField>(fields.begin(), fields.size()));
}

}  // namespace onex::host
