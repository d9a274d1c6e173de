#include "host/data_dir.hpp"

#include "host/process/spawn.hpp"
#include "host/store/ids.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

namespace onex::host {
namespace {

std::unexpected<Error> failed(const std::string& what, const std::string& path, int error) {
    const auto message = "can't " + what + " '" + path + "': " + std::strerror(error);
    if (error == ENOSPC || error == EDQUOT) return fail("DISK_FULL", message + "; free some space");
    return fail("POLICY_DENIED", message + "; see [host] data_dir and who owns it");
}

std::string read_small(int fd) {
    std::array<char, 256> text{};
    const auto count = ::pread(fd, text.data(), text.size(), 0);
    std::string out(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    while (!out.empty() && (out.back() == '\n' || out.back() == ' '))
        out.pop_back();
    return out;
}

Result<void> make_folder(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code error;
    const auto parent = fs::path(path).parent_path();
    if (!parent.empty()) fs::create_directories(parent, error);
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed("make", path, errno);
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return failed("open", path, errno);
    if (!S_ISDIR(info.st_mode)) {
        return fail("VALIDATION_ERROR",
                    "'" + path + "' is no folder; choose another [host] data_dir");
    }
    if ((info.st_mode & 0022) != 0) {
        return fail("POLICY_DENIED",
                    "other users may write to '" + path + "'; run: chmod 700 '" + path + "'");
    }
    return {};
}

Result<void> sync_folder(const std::string& path) {
    const Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.open() || ::fsync(folder.get()) != 0) return failed("write", path, errno);
    return {};
}

Result<std::string> host_id_in(const std::string& folder) {
    const auto path = folder + "/host_id";
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.open()) {
        auto id = read_small(file.get());
        if (is_uuid(id)) return id;
        // A new id would cut the host off from its own runs; so nobody replaces it unasked.
        return fail("VALIDATION_ERROR",
                    "'" + path + "' holds no UUID; restore it, or delete it to become a new host");
    }
    if (errno != ENOENT) return failed("read", path, errno);
    auto id = new_uuid();
    auto written = write_durably(folder, "host_id", id);
    if (!written) return std::unexpected(std::move(written).error());
    return id;
}

Result<void> empty_tmp(const std::string& path) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return failed("empty", path, error.value());
    if (::mkdir(path.c_str(), 0700) != 0) return failed("make", path, errno);
    return {};
}

}  // namespace

Result<void> write_durably(const std::string& folder, const std::string& name, std::string text) {
    const auto path = folder + "/" + name;
    const auto draft = path + ".new";
    text += '\n';
    {
        const Fd file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (!file.open()) return failed("write", draft, errno);
        const auto written = ::write(file.get(), text.data(), text.size());
        if (written < 0) return failed("write", draft, errno);
        if (static_cast<std::size_t>(written) != text.size()) return failed("write", draft, ENOSPC);
        if (::fsync(file.get()) != 0) return failed("write", draft, errno);
    }
    if (::rename(draft.c_str(), path.c_str()) != 0) return failed("write", path, errno);
    return sync_folder(folder);
}

struct DataDir::Lock {
    Fd fd;
};

DataDir::DataDir() = default;
DataDir::DataDir(DataDir&&) noexcept = default;
DataDir& DataDir::operator=(DataDir&&) noexcept = default;
DataDir::~DataDir() = default;

Result<DataDir> DataDir::open(const std::string& path) {
    auto made = make_folder(path);
    if (!made) return std::unexpected(std::move(made).error());

    const auto lock_path = path + "/lock";
    Fd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock.open()) return failed("open", lock_path, errno);
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return failed("lock", lock_path, errno);
        return fail("CONFLICT",
                    "'" + path + "' is in use by pid " + read_small(lock.get()) +
                        "; stop that process or choose another [host] data_dir");
    }
    const auto pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0) {
        return failed("write", lock_path, errno);
    }

    DataDir dir;
    dir.path_ = path;
    dir.lock_ = std::make_unique<Lock>(std::move(lock));
    dir.boot_id_ = new_uuid();
    auto id = host_id_in(path);
    if (!id) return std::unexpected(std::move(id).error());
    dir.host_id_ = std::move(*id);
    auto emptied = empty_tmp(dir.tmp());
    if (!emptied) return std::unexpected(std::move(emptied).error());
    return dir;
}

}  // namespace onex::host
