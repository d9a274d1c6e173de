// A real onex-host of the build, started for a test.
#pragma once

#include "tests/support/command.hpp"
#include "tests/support/http.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace onex::test {

/// What a test's host is like. Its data folder is `folder`/`name`.
struct HostOptions {
    std::string folder{};
    std::string name = "studio";
    std::string in_host{};  ///< further lines of [host]
    std::string toml{};     ///< all other tables
    std::vector<std::pair<std::string, std::string>> environment{};
    std::string network{};  ///< a network namespace, or empty
    std::string program{};  ///< default: host_program()
};

class HostProcess {
  public:
    explicit HostProcess(HostOptions options);
    ~HostProcess();  ///< kills it; prints the end of its log if the test has failed
    HostProcess(const HostProcess&) = delete;  // Owns a process.
    HostProcess& operator=(const HostProcess&) = delete;

    /// Starts it and waits until it serves its admin socket. False when it ends or takes too long.
    [[nodiscard]] bool start(std::int64_t deadline_ms = 30'000);
    /// SIGTERM; the exit code, -1 when it had to be killed.
    int stop(std::int64_t deadline_ms = 30'000) { return process_.terminate(deadline_ms); }
    void kill() { process_.kill(); }
    [[nodiscard]] bool running() { return process_.running(); }
    [[nodiscard]] pid_t pid() const { return process_.pid(); }
    [[nodiscard]] int exit_code() const { return process_.exit_code(); }

    [[nodiscard]] const std::string& config_file() const { return config_file_; }
    [[nodiscard]] std::string data_dir() const { return options_.folder + "/" + options_.name; }
    /// Everything it has logged, over all starts.
    [[nodiscard]] std::string log() const;
    [[nodiscard]] host::Endpoint admin() const;
    /// A request over the admin socket.
    Answer ask(std::string method, std::string target, std::string body = {}) const {
        return send(admin(), std::move(method), std::move(target), std::move(body));
    }
    /// The CLI of the same binary, aimed at this host.
    Ran cli(const std::string& arguments, std::int64_t timeout_ms = 120'000) const;

  private:
    HostOptions options_;
    std::string config_file_;
    std::string log_file_;
    Background process_;
};

/// The program under test.
std::string host_program();
/// The same, which can be stopped around its commits: see failpoint_host.cpp.
std::string failpoint_host_program();

}  // namespace onex::test
