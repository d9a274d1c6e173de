#include "tests/support/network.hpp"

#include "tests/support/command.hpp"

#include <unistd.h>

namespace onex::test {

std::unique_ptr<Network> Network::make(std::string& why_not) {
    if (::geteuid() != 0 || shell("command -v ip nsenter").code != 0) {
        why_not = "a second network needs root, ip (iproute2) and nsenter (util-linux)";
        return nullptr;
    }
    std::unique_ptr<Network> network(new Network);
    const auto id = std::to_string(::getpid());
    network->name_ = "onex-" + id;
    network->cable_ = "onx" + id;
    // 198.18.0.0/15 is set aside for tests (RFC 2544); the pid keeps parallel tests apart.
    network->prefix_ = "198.18." + std::to_string(::getpid() % 250);
    const auto& name = network->name_;
    const auto& cable = network->cable_;
    const auto made =
        shell("set -e; ip netns add " + name + "; ip link add " + cable +
              " type veth peer name eth0 netns " + name + "; ip addr add " + network->here() +
              "/24 dev " + cable + "; ip link set " + cable + " up; ip -n " + name + " addr add " +
              network->there() + "/24 dev eth0; ip -n " + name + " link set eth0 up; ip -n " +
              name + " link set lo up");
    if (made.code == 0) return network;
    why_not = "the network namespace could not be made: " + made.output;
    return nullptr;
}

Network::~Network() {
    shell("ip link delete " + cable_ + "; ip netns delete " + name_);
}

bool Network::slow_down(int megabits) {
    return shell("tc qdisc replace dev " + cable_ + " root tbf rate " + std::to_string(megabits) +
                 "mbit burst 1mb latency 50ms")
               .code == 0;
}
void Network::cut() {
    shell("ip link set " + cable_ + " down");
}
void Network::mend() {
    shell("ip link set " + cable_ + " up");
}

}  // namespace onex::test
