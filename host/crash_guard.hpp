// Who was at work when the process crashed: written down by the dying process, read by its next
// life.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace onex::host {

/// From now on a fatal signal (SEGV, BUS, ILL, FPE, ABRT) appends one line to `file` and to stderr,
/// "<unix µs> <node> <generation> <operation> <signal> <plugin>", and the process ends by that
/// signal. Under a sanitizer its own report follows. Once per process, on the main thread. A file
/// that can't be opened is logged; stderr remains.
void install_crash_guard(const std::string& file);

/// Around each call of a plugin's code: what this thread runs. Nests. The texts live as long as the
/// scope. A thread's first one also makes that the overflow of its stack is written down.
/// [any thread]
class CrashScope {
  public:
    CrashScope(const char* node,
               const char* plugin,
               std::uint32_t generation,
               const char* operation);
    ~CrashScope();
    CrashScope(const CrashScope&) = delete;
    CrashScope& operator=(const CrashScope&) = delete;

    struct Frame {
        const char* node;
        const char* plugin;
        std::uint32_t generation;
        const char* operation;
        const Frame* outer;
    };

  private:
    Frame frame_;
};

struct CrashRecord {
    std::int64_t time_us = 0;
    std::string node;  ///< "-": the host's own code
    std::uint32_t generation = 0;
    std::string operation;
    int signal = 0;
    std::string plugin{};  ///< for people
};
/// The last 100 records, oldest first. A line that is no record is skipped; no file, no records.
std::vector<CrashRecord> read_crashes(const std::string& file);

/// Did the node's last two crashes come within 60 s of each other?
bool crashed_twice(const std::vector<CrashRecord>& records, std::string_view node);

/// After the node was enabled again: its crashes no longer count.
void forget_crashes(const std::string& file, std::string_view node);

}  // namespace onex::host
