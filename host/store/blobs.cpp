#include "host/store/blobs.hpp"

#include "host/store/digest.hpp"
#include "host/store/ids.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace onex::host {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kSpaceCheckBytes = 16ULL << 20;
constexpr std::int64_t kReaderIdleMs = 60'000;  ///< a reader that takes nothing for so long is gone

class FileHandle {
  public:
    explicit FileHandle(int fd) : fd_(fd) {}
    ~FileHandle() {
        if (fd_ >= 0) ::close(fd_);
    }
    FileHandle(const FileHandle&) = delete;  // Owns a descriptor.
    FileHandle& operator=(const FileHandle&) = delete;
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool open() const { return fd_ >= 0; }

  private:
    int fd_;
};

bool sync_to_disk(int fd) {
#ifdef __APPLE__
    return ::fcntl(fd, F_FULLFSYNC) == 0;  // fsync() there stops at the drive's cache.
#else
    return ::fsync(fd) == 0;
#endif
}

std::unexpected<Error> file_failure(const std::string& what, const std::string& path, int error) {
    const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG || error == EIO;
    return fail(full ? "DISK_FULL" : "INTERNAL",
                "cannot " + what + " " + path + ": " + std::strerror(error));
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& path) {
    while (!bytes.empty()) {
        const auto written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            return file_failure("write", path, errno);
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

/// Removes the half-made file unless the blob was finished.
class Incoming {
  public:
    explicit Incoming(std::string path)
        : path_(std::move(path)),
          file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {}
    ~Incoming() {
        if (!moved_) ::unlink(path_.c_str());
    }
    Incoming(const Incoming&) = delete;  // Owns a file.
    Incoming& operator=(const Incoming&) = delete;

    [[nodiscard]] const FileHandle& file() const { return file_; }
    [[nodiscard]] const std::string& path() const { return path_; }
    /// Makes the content durable under `target`.
    Result<void> move_to(const std::string& target, const std::string& folder) {
        if (!sync_to_disk(file_.get())) return file_failure("write", path_, errno);
        if (::rename(path_.c_str(), target.c_str()) != 0)
            return file_failure("rename to", target, errno);
        moved_ = true;
        const FileHandle directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!directory.open() || ::fsync(directory.get()) != 0)
            return file_failure("sync", folder, errno);
        return {};
    }

  private:
    std::string path_;
    FileHandle file_;
    bool moved_ = false;
};

std::unexpected<Error> no_blob(const std::string& digest) {
    return fail("NOT_FOUND", "no blob " + digest.substr(0, 80));
}

/// Runs on a reader thread: the whole file from `offset` into `pipe`.
void pump(int fd, std::uint64_t offset, const std::string& digest, Pipe& pipe) {
    Digest running;
    while (true) {
        auto buffer = std::make_shared<std::string>(kChunkBytes, '\0');
        const auto got = ::read(fd, buffer->data(), buffer->size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            pipe.fail(
                {"INTERNAL", "cannot read blob " + digest + ": " + std::strerror(errno), {}, {}});
            return;
        }
        if (got == 0) break;
        buffer->resize(static_cast<std::size_t>(got));
        if (offset == 0) running.update(*buffer);
        auto pushed = pipe.push(std::move(buffer), Wait::for_ms(kReaderIdleMs));
        if (!pushed) {
            pipe.fail(std::move(pushed).error());
            return;
        }
    }
    if (offset == 0 && running.hex() != digest) {
        pipe.fail({"CHECKSUM_MISMATCH",
                   "blob " + digest + " is damaged on disk; remove it and send it again",
                   {},
                   {}});
        return;
    }
    pipe.finish();
}

}  // namespace

Blobs::Blobs(std::string folder) : folder_(std::move(folder)) {}

Result<std::unique_ptr<Blobs>> Blobs::open(const std::string& folder) {
    const auto incoming = fs::path(folder) / "incoming";
    std::error_code ec;
    fs::create_directories(incoming, ec);
    if (!ec) fs::permissions(folder, fs::perms::owner_all, ec);
    if (ec) return fail("UNAVAILABLE", "cannot use blob folder " + folder + ": " + ec.message());
    for (const auto& entry : fs::directory_iterator(incoming, ec)) {
        std::error_code removed;
        fs::remove(entry.path(), removed);
        if (removed) {
            return fail(
                "UNAVAILABLE",
                "cannot remove the half-made " + entry.path().string() + ": " + removed.message());
        }
    }
    if (ec) return fail("UNAVAILABLE", "cannot read " + incoming.string() + ": " + ec.message());
    return std::unique_ptr<Blobs>(new Blobs(folder));
}

Result<BlobInfo> Blobs::spool(Pipe& source,
                              std::uint64_t bytes_max,
                              const std::string& expected_digest,
                              Wait wait,
                              const std::function<void(std::uint64_t bytes)>& moved) {
    // Whatever ends this early must end the writer, too: it would wait for a reader until its
    // deadline.
    const auto refuse = [&source](Error error) -> Result<BlobInfo> {
        source.fail(error);
        return std::unexpected(std::move(error));
    };
    Incoming incoming(folder_ + "/incoming/" + new_uuid());
    if (!incoming.file().open())
        return refuse(file_failure("create", incoming.path(), errno).error());
    Digest digest;
    std::uint64_t bytes = 0;
    std::uint64_t next_space_check = 0;
    while (true) {
        auto chunk = source.pop(wait);
        if (!chunk) return refuse(std::move(chunk).error());
        if (!*chunk) break;
        const std::string& content = **chunk;
        bytes += content.size();
        if (bytes > bytes_max) {
            return refuse({"PACKAGE_TOO_LARGE",
                           "the content is larger than the " + std::to_string(bytes_max) +
                               " bytes that are allowed; raise the limit or send less",
                           {},
                           {}});
        }
        if (bytes >= next_space_check) {
            if (free_bytes() < disk_reserve_bytes + content.size()) {
                return refuse({"DISK_FULL",
                               "less than " + std::to_string(disk_reserve_bytes >> 20U) +
                                   " MiB would be left in " + folder_ + "; free some space",
                               {},
                               {}});
            }
            next_space_check = bytes + kSpaceCheckBytes;
        }
        auto written = write_all(incoming.file().get(), content, incoming.path());
        if (!written) return refuse(std::move(written).error());
        digest.update(content);
        if (moved) moved(bytes);
    }
    BlobInfo info{digest.hex(), bytes};
    if (!expected_digest.empty() && info.digest != expected_digest) {
        return fail("CHECKSUM_MISMATCH",
                    "received content with digest " + info.digest + ", expected " +
                        expected_digest.substr(0, 80) + "; send it again");
    }
    auto kept = incoming.move_to(path(info.digest), folder_);
    if (!kept) return std::unexpected(std::move(kept).error());
    return info;
}

Result<BlobInfo> Blobs::stat(const std::string& digest) const {
    struct stat found{};
    if (!is_digest(digest) || ::stat(path(digest).c_str(), &found) != 0) return no_blob(digest);
    return BlobInfo{digest, static_cast<std::uint64_t>(found.st_size)};
}

Result<PipePtr> Blobs::read(const std::string& digest,
                            std::uint64_t offset,
                            std::function<bool(std::function<void()>)> run) const {
    auto info = stat(digest);
    if (!info) return std::unexpected(std::move(info).error());
    if (offset > info->bytes) {
        return fail("VALIDATION_ERROR",
                    "offset " + std::to_string(offset) + " is past the " +
                        std::to_string(info->bytes) + " bytes of blob " + digest);
    }
    const auto file =
        std::make_shared<FileHandle>(::open(path(digest).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file->open()) return no_blob(digest);
    if (::lseek(file->get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
        return file_failure("read", path(digest), errno);
    }
    auto pipe = std::make_shared<Pipe>();
    if (!run([file, offset, digest, pipe] { pump(file->get(), offset, digest, *pipe); })) {
        return fail("QUEUE_FULL", "no thread is free to read blob " + digest + "; try again later");
    }
    return pipe;
}

Result<void> Blobs::remove(const std::string& digest) {
    if (!is_digest(digest) || ::unlink(path(digest).c_str()) != 0) return no_blob(digest);
    return {};
}

std::string Blobs::path(const std::string& digest) const {
    // A name that is no digest could lead out of the folder.
    return is_digest(digest) ? folder_ + "/" + digest : std::string();
}

std::uint64_t Blobs::free_bytes() const {
    std::error_code ec;
    const auto space = fs::space(folder_, ec);
    return ec ? 0 : space.available;
}

}  // namespace onex::host
