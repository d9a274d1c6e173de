#include "package/context_tar.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace onex::package {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 256 * 1024;
constexpr std::uint64_t kIgnoreBytesMax = 1 << 20;

std::unexpected<Error> unreadable(const fs::path& path, int error) {
    const bool is_denied = error == EACCES || error == EPERM;
    return fail(is_denied ? "POLICY_DENIED" : "NOT_FOUND",
                "cannot read " + path.string() + " of the build context: " + std::strerror(error) +
                    "; fix its permissions or list it in .dockerignore");
}

/// One walk: what it writes to, and one piece of memory for all files.
struct Walk {
    const fs::path& root;
    const DockerIgnore& ignore;
    TarWriter tar;
    std::vector<char> piece = std::vector<char>(kPieceBytes);

    Result<void> file(const fs::path& path, std::uint64_t size) {
        std::ifstream in(path, std::ios::binary);
        if (!in) return unreadable(path, errno);
        while (size > 0) {
            const auto wanted = std::min<std::uint64_t>(size, piece.size());
            in.read(piece.data(), static_cast<std::streamsize>(wanted));
            const auto got = static_cast<std::size_t>(in.gcount());
            if (got == 0) {
                return fail("FAILED_PRECONDITION",
                            path.string() +
                                " shrank while it was read; build again when nothing writes to it");
            }
            if (auto done = tar.write({piece.data(), got}); !done) return done;
            size -= got;
        }
        return {};
    }

    Result<void> entry(const fs::path& path, const std::string& name) {
        struct stat info{};
        if (::lstat(path.c_str(), &info) != 0) return unreadable(path, errno);
        const bool is_folder = S_ISDIR(info.st_mode);
        const bool is_kept = !ignore.ignores(name);
        if (is_kept) {
            TarEntry head;
            head.path = name;
            head.mode = info.st_mode & 07777;
            head.modified_s = info.st_mtime;
            if (is_folder) {
                head.kind = EntryKind::folder;
            } else if (S_ISLNK(info.st_mode)) {
                head.kind = EntryKind::symlink;
                std::error_code ec;
                head.link = fs::read_symlink(path, ec).string();
                if (ec) return unreadable(path, ec.value());
            } else if (S_ISREG(info.st_mode)) {
                head.size = static_cast<std::uint64_t>(info.st_size);
            } else {
                return {};
            }
            if (auto done = tar.add(head); !done) return done;
            if (head.kind == EntryKind::file) return file(path, head.size);
        }
        return is_folder && (is_kept || ignore.has_exceptions()) ? folder(path, name)
                                                                 : Result<void>{};
    }

    Result<void> folder(const fs::path& path, const std::string& name) {
        std::vector<std::string> names;
        std::error_code ec;
        fs::directory_iterator entries(path, ec);
        while (!ec && entries != fs::directory_iterator{}) {
            names.push_back(entries->path().filename().string());
            entries.increment(ec);
        }
        if (ec) return unreadable(path, ec.value());
        std::ranges::sort(names);
        for (const auto& child : names) {
            if (auto done = entry(path / child, name.empty() ? child : name + "/" + child); !done)
                return done;
        }
        return {};
    }
};

}  // namespace

Result<DockerIgnore> read_docker_ignore(const fs::path& folder) {
    const auto path = folder / ".dockerignore";
    std::error_code ec;
    const auto size = fs::file_size(path, ec);
    if (ec) return DockerIgnore{};
    if (size > kIgnoreBytesMax) {
        return fail("VALIDATION_ERROR",
                    path.string() + " has " + std::to_string(size) + " bytes; at most 1 MiB");
    }
    std::string text(size, '\0');
    std::ifstream in(path, std::ios::binary);
    in.read(text.data(), static_cast<std::streamsize>(size));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return DockerIgnore::parse(text);
}

Result<void> tar_folder(const fs::path& folder, const DockerIgnore& ignore, const Sink& out) {
    Walk walk{folder, ignore, TarWriter(out)};
    if (auto done = walk.folder(folder, {}); !done) return done;
    return walk.tar.finish();
}

}  // namespace onex::package
