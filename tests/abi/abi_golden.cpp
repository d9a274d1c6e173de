// Prints the table of the headers in a folder: how api/abi/onex-abi-<version>.txt was made.
#include "tests/abi/abi_table.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
    try {
        if (argc != 2) {
            std::fputs("usage: onex_abi_golden FOLDER-OF-HEADERS\n", stderr);
            return 2;
        }
        for (const auto& line : onex::abi_gate::read_table(argv[1]))
            std::puts(line.c_str());
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "onex_abi_golden: %s\n", e.what());
        return 1;
    }
}
