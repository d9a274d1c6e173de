#include "host/host.hpp"

#include "host/composition.hpp"
#include "host/log.hpp"
#include "host/paths.hpp"
#include "host/version.hpp"

#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdio>
#include <functional>
#include <future>

namespace onex::host {

namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

/// Before there is a log, what is wrong goes to the person who started the program.
int refuse(const Error& error, int code) {
    std::fprintf(stderr, "onex-host: %s: %s\n", error.code.c_str(), error.message.c_str());
    return code;
}

/// The configuration with everything that depends on where the program stands and on how it was
/// called, and with secrets that can be had.
Result<Config> read_filled(const RunOptions& options) {
    auto config = read_config(options.config_file);
    if (!config) return config;
    config->host.watch = config->host.watch || options.watch;
    fill_paths(*config);
    std::string missing;
    for (const auto& problem : check_secrets(*config))
        missing += (missing.empty() ? "" : "\n") + problem;
    if (!missing.empty()) return fail("VALIDATION_ERROR", missing);
    return config;
}

/// Waits for SIGTERM, SIGINT or the admin API; a second signal ends the process at once. SIGHUP
/// opens the log anew and reloads the configuration.
class StopRequest {
  public:
    StopRequest(boost::asio::io_context& io, std::function<void()> on_hangup)
        : signals_(io, SIGTERM, SIGINT), hangup_(io, SIGHUP), on_hangup_(std::move(on_hangup)) {
        arm();
        arm_hangup();
    }
    void fire(const char* why) {
        if (fired_.exchange(true)) return;
        log(LogLevel::info, std::string("stopping: ") + why);
        promise_.set_value();
    }
    void wait() { promise_.get_future().wait(); }

  private:
    void arm() {
        signals_.async_wait([this](boost::system::error_code ec, int) {
            if (ec) return;
            if (fired_) std::_Exit(kExitFailed);
            fire("asked by a signal");
            arm();
        });
    }
    void arm_hangup() {
        hangup_.async_wait([this](boost::system::error_code ec, int) {
            if (ec) return;
            if (auto opened = reopen_log(); !opened) log(LogLevel::warn, opened.error().message);
            on_hangup_();
            arm_hangup();
        });
    }
    boost::asio::signal_set signals_;
    boost::asio::signal_set hangup_;
    std::function<void()> on_hangup_;
    std::atomic<bool> fired_{false};
    std::promise<void> promise_;
};

int serve(Config config, const RunOptions& options) {
    Composition host(std::move(config), [options] { return read_filled(options); });
    if (auto built = host.build(); !built) {
        log(LogLevel::error, built.error().code + ": " + built.error().message);
        return built.error().code == "VALIDATION_ERROR" ? kExitUsage : kExitFailed;
    }
    StopRequest stop(host.io(), [&host] { host.reload_config(); });
    if (auto started = host.start([&stop] { stop.fire("asked by the admin API"); }); !started) {
        log(LogLevel::error, started.error().code + ": " + started.error().message);
        (void)host.stop();  // Before `stop` goes, which the admin API knows.
        return kExitFailed;
    }
    log(LogLevel::info, "ready");
    stop.wait();
    const bool clean = host.stop();
    log(LogLevel::info, clean ? "stopped" : "stopped, but not everything ended in time");
    return clean ? 0 : kExitFailed;
}

}  // namespace

int run_host(const RunOptions& options) {
    auto config = read_filled(options);
    if (!config) return refuse(config.error(), kExitUsage);
    if (auto opened = init_log(config->log, config->host.name); !opened)
        return refuse(opened.error(), kExitUsage);
    std::signal(SIGPIPE, SIG_IGN);
    const int code = serve(std::move(*config), options);
    stop_log();
    return code;
}

}  // namespace onex::host
