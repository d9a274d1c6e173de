#include "tests/support/command.hpp"

#include "host/process/process.hpp"
#include "host/process/spawn.hpp"
#include "tests/support/wait.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace onex::test {

Ran shell(const std::string& script, std::int64_t timeout_ms) {
    Ran ran;
    host::ProcessRequest request{.args = {"/bin/sh", "-c", script}};
    request.on_line = [&](int, std::string_view line) {
        ran.output += line;
        ran.output += '\n';
    };
    const host::ProcessPolicy policy({"/bin/sh"});
    const auto code = host::run_process(policy, std::move(request), host::Wait::for_ms(timeout_ms));
    if (code) {
        ran.code = *code;
    } else {
        ran.output += code.error().message;
    }
    return ran;
}

bool Background::start(std::vector<std::string> args,
                       const std::vector<std::pair<std::string, std::string>>& environment,
                       const std::string& log_file,
                       const std::string& network) {
    if (!network.empty()) {
        // "ip netns exec" would hide the cgroup mounts; this does not.
        args.insert(args.begin(), {"/usr/bin/nsenter", "--net=/run/netns/" + network, "--"});
    }
    // A test that is killed takes its programs with it, where the system can do that.
    if (::access("/usr/bin/setpriv", X_OK) == 0) {
        args.insert(args.begin(), {"/usr/bin/setpriv", "--pdeathsig", "KILL", "--"});
    }
    host::SpawnPlan plan;
    plan.path = args[0];
    plan.args = std::move(args);
    plan.folder = "/";
    for (const auto* name : {"PATH", "HOME", "LANG", "ASAN_OPTIONS", "TSAN_OPTIONS"}) {
        if (const auto* value = std::getenv(name)) {
            plan.environment.push_back(std::string(name) + "=" + value);
        }
    }
    for (const auto& [name, value] : environment)
        plan.environment.push_back(name + "=" + value);
    const host::Fd log(::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    plan.out = log.get();
    plan.err = log.get();
    const auto pid = host::spawn(plan);
    if (!pid) return false;
    pid_ = *pid;
    code_ = -1;
    return true;
}

bool Background::running() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
        code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        pid_ = 0;
    }
    return pid_ > 0;
}

int Background::terminate(std::int64_t deadline_ms) {
    if (!running()) return code_;
    ::kill(pid_, SIGTERM);
    if (wait_until([&] { return !running(); }, deadline_ms)) return code_;
    kill();
    return -1;
}

void Background::kill() {
    if (!running()) return;
    ::kill(pid_, SIGKILL);
    (void)wait_until([&] { return !running(); });
}

}  // namespace onex::test
