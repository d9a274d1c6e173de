#include "host/cli/cli.hpp"

int main(int argc, char** argv) {
    return onex::host::run_cli(argc, argv);
}
