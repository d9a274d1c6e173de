#include "host/process/spawn.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace onex::host {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> out;
    out.reserve(texts.size() + 1);
    // posix_spawn takes char* for historical reasons; it changes nothing.
    for (const auto& text : texts)
        out.push_back(const_cast<char*>(text.c_str()));
    out.push_back(nullptr);
    return out;
}

struct FileActions {
    FileActions() { posix_spawn_file_actions_init(&value); }
    ~FileActions() { posix_spawn_file_actions_destroy(&value); }
    FileActions(const FileActions&) = delete;  // The C struct may point into itself.
    FileActions& operator=(const FileActions&) = delete;
    posix_spawn_file_actions_t value{};
};

struct Attributes {
    Attributes() { posix_spawnattr_init(&value); }
    ~Attributes() { posix_spawnattr_destroy(&value); }
    Attributes(const Attributes&) = delete;  // As above.
    Attributes& operator=(const Attributes&) = delete;
    posix_spawnattr_t value{};
};

void set_attributes(posix_spawnattr_t& attributes) {
    sigset_t all{};
    sigfillset(&all);
    sigset_t none{};
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    int flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
#ifdef POSIX_SPAWN_CLOEXEC_DEFAULT
    flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;  // macOS
#endif
    posix_spawnattr_setflags(&attributes, static_cast<short>(flags));
}

}  // namespace

void Fd::reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

Result<PipeEnds> make_pipe() {
    int ends[2] = {-1, -1};
#ifdef __linux__
    const int made = ::pipe2(ends, O_CLOEXEC);
#else
    const int made = ::pipe(ends);
    if (made == 0) {
        ::fcntl(ends[0], F_SETFD, FD_CLOEXEC);
        ::fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    }
#endif
    if (made != 0) {
        return fail("UNAVAILABLE",
                    std::string("can't make a pipe: ") + std::strerror(errno) +
                        "; raise the limit of open files");
    }
    return PipeEnds{Fd(ends[0]), Fd(ends[1])};
}

void set_nonblocking(const Fd& fd) {
    ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

Result<pid_t> spawn(const SpawnPlan& plan) {
    struct stat folder{};
    if (::stat(plan.folder.c_str(), &folder) != 0 || !S_ISDIR(folder.st_mode)) {
        return fail("NOT_FOUND", "the working folder '" + plan.folder + "' does not exist");
    }
    FileActions actions;
    posix_spawn_file_actions_addchdir_np(&actions.value, plan.folder.c_str());
    if (plan.in < 0) {
        posix_spawn_file_actions_addopen(&actions.value, 0, "/dev/null", O_RDONLY, 0);
    } else {
        posix_spawn_file_actions_adddup2(&actions.value, plan.in, 0);
    }
    posix_spawn_file_actions_adddup2(&actions.value, plan.out, 1);
    posix_spawn_file_actions_adddup2(&actions.value, plan.err, 2);
#if defined(__GLIBC__) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 34))
    posix_spawn_file_actions_addclosefrom_np(&actions.value, 3);
#endif
    Attributes attributes;
    set_attributes(attributes.value);

    const auto args = pointers(plan.args);
    const auto environment = pointers(plan.environment);
    pid_t pid = 0;
    const int error = ::posix_spawn(&pid,
                                    plan.path.c_str(),
                                    &actions.value,
                                    &attributes.value,
                                    args.data(),
                                    environment.data());
    if (error == 0) return pid;
    const auto why = "can't start '" + plan.path + "': " + std::strerror(error);
    if (error == ENOENT || error == ENOTDIR) return fail("NOT_FOUND", why + "; install it");
    if (error == EACCES || error == EPERM || error == ENOEXEC) {
        return fail("POLICY_DENIED", why + "; it must be a program that this user may execute");
    }
    return fail("UNAVAILABLE", why);
}

}  // namespace onex::host
