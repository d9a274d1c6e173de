#include "host/paths.hpp"

#ifdef __APPLE__
#include <mach-o/dyld.h>

#include <cstdint>
#endif

#include <filesystem>
#include <system_error>

namespace onex::host {

namespace fs = std::filesystem;

std::string executable_path() {
    std::error_code ec;
#ifdef __APPLE__
    std::uint32_t size = 0;
    _NSGetExecutablePath(nullptr, &size);
    std::string path(size, '\0');
    if (_NSGetExecutablePath(path.data(), &size) != 0) return "";
    path.resize(path.find('\0'));
    return fs::canonical(path, ec).string();
#else
    return fs::read_symlink("/proc/self/exe", ec).string();
#endif
}

void fill_paths(Config& config) {
    const auto prefix = fs::path(executable_path()).parent_path().parent_path();
    auto& host = config.host;
    const auto share = prefix / "share" / "onex";
    if (host.plugin_dirs.empty()) host.plugin_dirs = {(prefix / "lib/onex/plugins").string()};
    if (host.workflow_dirs.empty()) host.workflow_dirs = {(share / "contracts/workflows").string()};
    if (host.migrations_dir.empty()) host.migrations_dir = (share / "migrations/sqlite").string();
    if (config.admin.socket.empty()) config.admin.socket = host.data_dir + "/admin.sock";
    if (config.store.file.empty()) config.store.file = host.data_dir + "/onex.db";
}

}  // namespace onex::host
