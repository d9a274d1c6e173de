#include "tests/support/temp_dir.hpp"

#include "host/process/spawn.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

namespace onex::test {

TempDir::TempDir() : path_("/tmp/onex-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("can't make " + path_);
}

TempDir::~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::uint16_t free_port() {
    // A port that was given out stays given out: the system likes to repeat itself.
    static std::set<std::uint16_t> given;
    for (;;) {
        const host::Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        if (::bind(socket.get(), generic, size) != 0 ||
            ::getsockname(socket.get(), generic, &size) != 0) {
            throw std::runtime_error("no free port");
        }
        if (given.insert(ntohs(address.sin_port)).second) return ntohs(address.sin_port);
    }
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
    ::chmod(path.c_str(), 0600);
}

}  // namespace onex::test
