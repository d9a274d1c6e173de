#include "host/plugin/library.hpp"

#include "host/plugin/handles.hpp"
#include "host/store/digest.hpp"

#include <boost/dll/shared_library.hpp>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <vector>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

namespace onex::host {

namespace fs = std::filesystem;

std::uint64_t next_handle() {
    static std::atomic<std::uint64_t> next{1};
    return next.fetch_add(1, std::memory_order_relaxed);
}

struct Library::Image {
    boost::dll::shared_library library;
};

namespace {

/// A group that is one user's alone, as most systems give each user one. Their umask 002 lets it
/// write, which lets nobody else.
bool is_private(gid_t group, uid_t owner) {
    std::vector<char> room(64 * 1024);
    struct passwd user{};
    struct passwd* found = nullptr;
    if (::getpwuid_r(owner, &user, room.data(), room.size() / 2, &found) != 0 || !found)
        return false;
    struct group members{};
    struct group* known = nullptr;
    const auto half = room.size() / 2;
    if (::getgrgid_r(group, &members, room.data() + half, half, &known) != 0 || !known)
        return false;
    const std::string_view name = user.pw_name;
    if (user.pw_gid != group || name != members.gr_name) return false;
    for (char** member = members.gr_mem; *member != nullptr; ++member)
        if (name != *member) return false;
    return true;
}

/// Can nobody but root and this process's own user change it?
Result<void> check_safe(const fs::path& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return fail("NOT_FOUND", "there is no " + path.string());
    if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
        return fail("POLICY_DENIED",
                    path.string() + " belongs to user " + std::to_string(info.st_uid) +
                        "; a plugin and its folder must be root's or this host's own");
    }
    // In a sticky folder, as /tmp is one, everybody may add files, but not replace this one.
    if (S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX) != 0) return {};
    const bool by_all = (info.st_mode & S_IWOTH) != 0;
    const bool by_group = (info.st_mode & S_IWGRP) != 0 && !is_private(info.st_gid, info.st_uid);
    if (!by_all && !by_group) return {};
    return fail("POLICY_DENIED",
                path.string() + " can be written by " + (by_all ? "everybody" : "its group") +
                    "; chmod " + (by_all ? "o-w" : "g-w") + " before a plugin is loaded from it");
}

/// Also where a link leads.
Result<void> check_place(const std::string& file) {
    std::error_code ec;
    const auto real = fs::canonical(file, ec);
    if (ec) return fail("NOT_FOUND", "no plugin file " + file);
    const auto named = fs::absolute(file, ec).parent_path();
    for (const auto& path : {named, real.parent_path(), real})
        if (auto safe = check_safe(path); !safe) return safe;
    return {};
}

Result<void> check_entry(const onex_plugin_entry& entry, const std::string& file) {
    if (entry.magic != ONEX_PLUGIN_MAGIC) {
        return fail("FAILED_PRECONDITION", file + " is not an onex plugin: wrong magic number");
    }
    // Its last member of 1.0: what later minors append is not every plugin's.
    if (!ONEX_HAS(&entry, create)) {
        return fail("FAILED_PRECONDITION", file + " has an entry smaller than that of ABI 1.0");
    }
    if (entry.abi_major != ONEX_ABI_MAJOR || entry.abi_minor_needed > ONEX_ABI_MINOR) {
        return fail("FAILED_PRECONDITION",
                    file + " needs ABI " + std::to_string(entry.abi_major) + "." +
                        std::to_string(entry.abi_minor_needed) + ", this host has " +
                        std::to_string(ONEX_ABI_MAJOR) + "." + std::to_string(ONEX_ABI_MINOR));
    }
    if (!entry.id || !entry.version || !entry.contract || !entry.create ||
        !entry.requires_services) {
        return fail("FAILED_PRECONDITION", file + " leaves id, version, contract or create empty");
    }
    return {};
}

}  // namespace

Result<FoundPlugin> find_plugin(const HostSection& host,
                                const std::string& program,
                                const std::string& plugin) {
    const auto installed = fs::path(program).parent_path().parent_path() / "lib/onex/plugins";
    std::string searched;
    for (const auto& dir : host.plugin_dirs) {
        for (const auto* ending : {".so", ".dylib"}) {
            const auto file = fs::path(dir) / (plugin + ending);
            std::error_code ec;
            if (!fs::exists(file, ec)) continue;
            const bool trusted =
                std::ranges::find(host.sql_plugins, plugin) != host.sql_plugins.end();
            return FoundPlugin{file.string(), trusted || fs::equivalent(dir, installed, ec)};
        }
        searched += (searched.empty() ? "" : ", ") + dir;
    }
    return fail("NOT_FOUND",
                "no plugin `" + plugin + "` in " + searched +
                    "; build it, or add its folder to plugin_dirs");
}

Result<std::string> digest_of_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    Digest digest;
    std::vector<char> buffer(256 * 1024);
    while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0)
        digest.update({buffer.data(), static_cast<std::size_t>(in.gcount())});
    if (in.bad() || !in.eof()) return fail("FAILED_PRECONDITION", "cannot read " + path);
    return digest.hex();
}

Result<StagedFile> stage_plugin(const std::string& file,
                                const std::string& private_dir,
                                const std::string& expected_digest) {
    if (auto place = check_place(file); !place) return std::unexpected(std::move(place).error());
    std::error_code ec;
    fs::create_directories(private_dir, ec);
    fs::permissions(private_dir, fs::perms::owner_all, ec);
    const fs::path source(file);
    const auto copy =
        fs::path(private_dir) / (source.stem().string() + "." + std::to_string(::getpid()) + "." +
                                 std::to_string(next_handle()) + source.extension().string());
    if (!fs::copy_file(source, copy, ec)) {
        return fail("FAILED_PRECONDITION",
                    "cannot copy " + file + " to " + copy.string() + ": " + ec.message());
    }
    // What stays mapped keeps its file, for debuggers; the folder is emptied at the next start.
    const auto remove = [path = copy.string()](void*) {
        std::error_code ignored;
        if (!Library::is_mapped(path)) fs::remove(path, ignored);
    };
    StagedFile out{file, copy.string(), "", std::shared_ptr<void>(nullptr, remove)};
    fs::permissions(copy, fs::perms::owner_read | fs::perms::owner_exec, ec);
    auto digest = digest_of_file(out.path);
    if (!digest) return std::unexpected(std::move(digest).error());
    out.digest = *digest;
    if (expected_digest.empty() || *digest == expected_digest) return out;
    return fail("POLICY_DENIED",
                file + " has the BLAKE3 " + *digest + ", but " + expected_digest +
                    " is pinned in the configuration; pin the new one if it is meant to run");
}

Result<std::shared_ptr<Library>> Library::load(const std::string& file,
                                               const std::string& private_dir,
                                               const std::string& expected_digest) {
    auto staged = stage_plugin(file, private_dir, expected_digest);
    if (!staged) return std::unexpected(std::move(staged).error());
    return load(*staged);
}

Result<std::shared_ptr<Library>> Library::load(const StagedFile& staged) {
    const auto& file = staged.source;
    auto out = std::shared_ptr<Library>(new Library());
    out->staged_ = staged;
    out->image_ = std::make_unique<Image>();
    try {  // The throwing form alone carries dlerror's text.
        out->image_->library.load(
            boost::dll::fs::path(staged.path),
            boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
        if (!out->image_->library.has(ONEX_PLUGIN_ENTRY_SYMBOL)) {
            return fail("FAILED_PRECONDITION",
                        file + " exports no " ONEX_PLUGIN_ENTRY_SYMBOL "; is it an onex plugin?");
        }
        out->entry_ = &out->image_->library.get<const onex_plugin_entry>(ONEX_PLUGIN_ENTRY_SYMBOL);
    } catch (const std::exception& e) {
        return fail("FAILED_PRECONDITION", "cannot load " + file + ": " + e.what());
    }
    if (auto checked = check_entry(*out->entry_, file); !checked)
        return std::unexpected(std::move(checked).error());
    return out;
}

Library::~Library() {
    // ASan and LSan cannot name code that is gone; their runs keep the image.
    if (image_ && ::getenv("ONEX_NO_DLCLOSE") != nullptr) {
        (void)image_.release();  // NOLINT(bugprone-unused-return-value)
    }
}

bool Library::is_mapped(const std::string& copy) {
#ifdef __APPLE__
    for (std::uint32_t i = 0; i < _dyld_image_count(); ++i) {
        const char* name = _dyld_get_image_name(i);
        if (name != nullptr && copy == name) return true;
    }
#else
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        if (line.ends_with(copy) || line.ends_with(copy + " (deleted)")) return true;
    }
#endif
    return false;
}

}  // namespace onex::host
