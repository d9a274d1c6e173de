// What every command starts from: where the host is, how to print, and how a failure ends it.
#pragma once

#include "host/cli/client.hpp"
#include "host/config/config.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace onex::host::cli {

/// Exit codes of every command.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kUnreachable = 3;
inline constexpr int kInterrupted = 130;  ///< Ctrl-C, as a shell tells it

/// Options that every command takes.
struct Globals {
    std::string config;  ///< --config; empty: ONEX_CONFIG, then /etc/onex/host.toml
    std::string host;    ///< --host URL, with ONEX_TOKEN; empty: the admin socket of `config`
    bool json = false;   ///< print one JSON document instead of lines
};

class Session {
  public:
    explicit Session(Globals globals);

    [[nodiscard]] bool json() const { return globals_.json; }
    /// True when the host is asked over its admin socket, on this machine.
    [[nodiscard]] bool local() const { return globals_.host.empty(); }
    [[nodiscard]] std::string config_file() const;
    /// Reads the configuration, or prints what is wrong with it (then exit_code() is kUsage).
    std::optional<Config> config();

    /// Asks the host. Empty after a failure: that is printed and exit_code() is set. `invalid` is
    /// that of VALIDATION_ERROR: what the host finds wrong in a request stood in the command line.
    std::optional<boost::json::object> get(const std::string& target);
    std::optional<boost::json::object> post(const std::string& target,
                                            const boost::json::object& body,
                                            std::int64_t wait_ms = 60'000,
                                            int invalid = kUsage);

    /// The client itself, for callers who judge failures themselves; null after a failure.
    ApiClient* client();

    /// Prints `error` ("CODE: message", correlation id; a JSON document with --json).
    /// Returns `exit_code`, which is remembered.
    int fail_with(const Error& error, int exit_code);
    /// The host could not be reached: says how to start it or where else to look.
    int fail_unreachable(const Error& error);
    [[nodiscard]] int exit_code() const { return exit_code_; }

  private:
    std::optional<boost::json::object> judge(Result<ApiAnswer> answer, int invalid = kUsage);

    Globals globals_;
    std::unique_ptr<ApiClient> client_;
    std::string place_;  ///< the socket or URL, for messages
    int exit_code_ = kOk;
};

}  // namespace onex::host::cli
