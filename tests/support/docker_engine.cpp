#include "tests/support/docker_engine.hpp"

#include "tests/support/wait.hpp"

#include <unistd.h>

#include <cstdlib>

namespace onex::test {
namespace {

constexpr std::int64_t kStartMs = 60'000;

std::string find_program(const std::string& name) {
    const auto found = shell("command -v " + name);
    return found.code == 0 ? found.output.substr(0, found.output.find('\n')) : "";
}

}  // namespace

std::unique_ptr<DockerEngine> DockerEngine::find_or_start(std::string& why_not) {
    const auto* socket = std::getenv("ONEX_TEST_DOCKER_SOCKET");
    if (socket == nullptr || *socket == '\0') return start("", why_not);
    std::unique_ptr<DockerEngine> engine(new DockerEngine);
    engine->socket_ = socket;
    if (engine->docker("version").code == 0) return engine;
    why_not = std::string("no Docker engine answers on ") + socket + " (ONEX_TEST_DOCKER_SOCKET)";
    return nullptr;
}

std::unique_ptr<DockerEngine> DockerEngine::start(const std::string& network,
                                                  std::string& why_not) {
    if (::geteuid() != 0) {
        why_not = "only root can start a Docker engine; set ONEX_TEST_DOCKER_SOCKET to use another";
        return nullptr;
    }
    if (find_program("dockerd").empty()) {
        why_not = "dockerd is not installed (Debian: docker.io)";
        return nullptr;
    }
    std::unique_ptr<DockerEngine> engine(new DockerEngine);
    engine->folder_ = std::make_unique<TempDir>();
    engine->socket_ = engine->folder_->path() + "/docker.sock";
    engine->network_ = network;
    if (network.empty() && !engine->make_bridge()) {
        why_not = "no bridge could be made for a Docker engine (iproute2 is needed)";
        return nullptr;
    }
    if (engine->launch()) return engine;
    why_not =
        "dockerd does not start: " + shell("tail -n 3 " + engine->folder_->path() + "/log").output;
    return nullptr;
}

bool DockerEngine::make_bridge() {
    // Two engines on docker0 would give out the same addresses. 198.19.0.0/16 is for tests (RFC
    // 2544).
    static int made = 0;
    const int number = made++;
    bridge_ = "onexbr" + std::to_string(::getpid()) +
              (number > 0 ? std::string(1, static_cast<char>('a' + number % 26)) : std::string());
    for (int i = 0; i < 250; ++i) {
        const auto network = "198.19." + std::to_string((::getpid() + number + i) % 250);
        if (!shell("ip -4 -o addr show to " + network + ".0/24").output.empty()) continue;
        return shell("ip link add " + bridge_ + " type bridge && ip addr add " + network +
                     ".1/24 dev " + bridge_ + " && ip link set " + bridge_ + " up")
                   .code == 0;
    }
    return false;
}

bool DockerEngine::launch() {
    const auto& folder = folder_->path();
    // Without packet filter rules: they would be shared with, and flush those of, another engine.
    // Ports are published by its proxy all the same; only the way out of the machine is missing.
    std::vector<std::string> args{find_program("dockerd"),
                                  "-H",
                                  "unix://" + socket_,
                                  "--data-root",
                                  folder + "/data",
                                  "--exec-root",
                                  folder + "/exec",
                                  "--pidfile",
                                  folder + "/docker.pid",
                                  "--iptables=false",
                                  "--ip6tables=false"};
    if (!bridge_.empty()) args.push_back("--bridge=" + bridge_);
    const bool started = process_.start(std::move(args), {}, folder + "/log", network_);
    const auto answers = [&] { return !process_.running() || docker("version").code == 0; };
    return started && wait_until(answers, kStartMs) && process_.running();
}

DockerEngine::~DockerEngine() {
    if (!own()) return;
    // A network that was made by a test has an interface on this machine, which would outlive us.
    if (process_.running()) {
        shell("d='docker -H unix://" + socket_ +
              "'; for c in $($d ps -aq); do $d rm -f $c; done; $d network prune -f");
    }
    stop();
    if (!bridge_.empty()) shell("ip link delete " + bridge_);
}

Ran DockerEngine::docker(const std::string& arguments, std::int64_t timeout_ms) const {
    return shell("docker -H unix://" + socket_ + " " + arguments, timeout_ms);
}

bool DockerEngine::import_busybox(const std::string& tag) const {
    if (docker("image inspect " + tag).code == 0) return true;
    const auto busybox = find_program("busybox");
    if (busybox.empty()) return false;
    // In the image it stands at /bin/busybox, wherever it comes from.
    const TempDir folder;
    return shell("mkdir " + folder.path() + "/bin && cp " + busybox + " " + folder.path() +
                 "/bin/busybox && ln -s busybox " + folder.path() + "/bin/sh && tar -C " +
                 folder.path() + " -c bin | docker -H unix://" + socket_ + " import - " + tag)
               .code == 0;
}

void DockerEngine::stop() {
    if (own()) process_.terminate(30'000);
}

bool DockerEngine::restart() {
    return own() && launch();
}

}  // namespace onex::test
