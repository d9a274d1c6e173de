// A host that a test can stop around any commit: onex-host with a probe in its store.
//   $ONEX_FAILPOINT names a file. While it exists, boundaries count from 1: each commit of a write
//   has two, right before it and right after it. The file says "N kill TOKEN" or "N stop TOKEN": at
//   boundary N the process gets that signal. Another token counts anew. Each boundary adds a byte
//   to $ONEX_FAILPOINT.seen.
#include "host/cli/cli.hpp"
#include "host/store/commit_probe.hpp"
#include "host/worker/worker.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace {

void at_boundary(bool /*committed*/) {
    static std::mutex mutex;
    static int seen = 0;
    static std::string counted;
    const std::scoped_lock lock(mutex);
    const char* const file = std::getenv("ONEX_FAILPOINT");
    std::ifstream armed(file ? file : "");
    int wanted = 0;
    std::string how;
    std::string token;
    if (!(armed >> wanted >> how >> token)) return;
    if (std::exchange(counted, token) != token) seen = 0;
    ++seen;
    std::ofstream(std::string(file) + ".seen", std::ios::app) << '.';
    if (seen == wanted) (void)std::raise(how == "stop" ? SIGSTOP : SIGKILL);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "worker") return onex::host::worker_main();
    onex::host::commit_probe = at_boundary;
    return onex::host::run_cli(argc, argv);
}
