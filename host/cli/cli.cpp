#include "host/cli/cli.hpp"

#include "host/cli/arguments.hpp"

namespace onex::host {

int run_cli(int argc, char** argv) {
    const auto parsed = cli::parse_arguments(argc, argv);
    return parsed.exit_code ? *parsed.exit_code : parsed.command();
}

}  // namespace onex::host
