#include "host/cli/cli.hpp"
#include "host/worker/worker.hpp"

#include <string_view>

int main(int argc, char** argv) {
    // What a host starts for a node with isolation = "process"; nobody else calls it.
    if (argc == 2 && std::string_view(argv[1]) == "worker") return onex::host::worker_main();
    return onex::host::run_cli(argc, argv);
}
