#include "tests/support/host_process.hpp"

#include "tests/support/temp_dir.hpp"
#include "tests/support/wait.hpp"

#include <gtest/gtest.h>

#include <iostream>

namespace onex::test {

std::string host_program() {
    return ONEX_BINARY_DIR "/bin/onex-host";
}

std::string failpoint_host_program() {
    return ONEX_BINARY_DIR "/bin/onex-host-failpoints";
}

HostProcess::HostProcess(HostOptions options)
    : options_(std::move(options)),
      config_file_(options_.folder + "/" + options_.name + ".toml"),
      log_file_(options_.folder + "/" + options_.name + ".log") {
    write_file(config_file_,
               "[host]\nname = '" + options_.name + "'\ndata_dir = '" + data_dir() + "'\n" +
                   options_.in_host + "\n" + options_.toml);
}

HostProcess::~HostProcess() {
    process_.kill();
    if (!testing::Test::HasFailure()) return;
    const auto text = log();
    std::cerr << "--- the end of the log of " << options_.name << "\n"
              << text.substr(text.size() - std::min<std::size_t>(text.size(), 8'000)) << "---\n";
}

bool HostProcess::start(std::int64_t deadline_ms) {
    const auto program = options_.program.empty() ? host_program() : options_.program;
    if (!process_.start({program, "run", "--config", config_file_},
                        options_.environment,
                        log_file_,
                        options_.network)) {
        return false;
    }
    const auto answers = [&] {
        if (!process_.running()) return true;
        // Another process may hold the same folder: then the socket is not this one's.
        const auto answer = ask("GET", "/onex/v1/host");
        return answer.status == 200 && answer.json.at("pid") == process_.pid();
    };
    return wait_until(answers, deadline_ms) && process_.running();
}

std::string HostProcess::log() const {
    return read_file(log_file_);
}

host::Endpoint HostProcess::admin() const {
    host::Endpoint endpoint;
    endpoint.unix_path = data_dir() + "/admin.sock";
    return endpoint;
}

Ran HostProcess::cli(const std::string& arguments, std::int64_t timeout_ms) const {
    return shell("ONEX_CONFIG='" + config_file_ + "' " + host_program() + " " + arguments,
                 timeout_ms);
}

}  // namespace onex::test
