// Programs that tests start.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace onex::test {

struct Ran {
    int code = -1;       ///< exit code; -1: could not be started, or took too long
    std::string output;  ///< stdout and stderr
};
/// Runs a shell script to its end.
Ran shell(const std::string& script, std::int64_t timeout_ms = 60'000);

/// A program that runs beside the test and dies with it.
class Background {
  public:
    Background() = default;
    ~Background() { kill(); }
    Background(const Background&) = delete;  // Owns a process.
    Background& operator=(const Background&) = delete;

    /// False when it can't be started. `network` is a network namespace, or empty.
    bool start(std::vector<std::string> args,
               const std::vector<std::pair<std::string, std::string>>& environment,
               const std::string& log_file,
               const std::string& network = {});
    [[nodiscard]] bool running();
    [[nodiscard]] pid_t pid() const { return pid_; }
    /// SIGTERM; the exit code, 128 + signal, or -1 when it had to be killed after `deadline_ms`.
    int terminate(std::int64_t deadline_ms);
    void kill();
    /// The exit code of a program that has ended; -1 before.
    [[nodiscard]] int exit_code() const { return code_; }

  private:
    pid_t pid_ = 0;
    int code_ = -1;
};

}  // namespace onex::test
