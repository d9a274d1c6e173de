// posix_spawn and pipes, on Linux and macOS.
#pragma once

#include <onex/error.hpp>

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace onex::host {

/// A file descriptor that is closed with its owner.
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    ~Fd() { reset(); }
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = other.release();
        }
        return *this;
    }
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool open() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }
    void reset();

  private:
    int fd_ = -1;
};

/// The two ends of a pipe; neither is inherited by a program.
struct PipeEnds {
    Fd read;
    Fd write;
};
Result<PipeEnds> make_pipe();
void set_nonblocking(const Fd& fd);

struct SpawnPlan {
    std::string path;
    std::vector<std::string> args;
    std::vector<std::string> environment;  ///< "NAME=value"
    std::string folder;
    int in = -1;  ///< -1: /dev/null
    int out = -1;
    int err = -1;
};
/// Starts a process as the leader of a new group, with default signals and no other descriptor
/// open. Errors: NOT_FOUND, POLICY_DENIED (not executable), UNAVAILABLE.
Result<pid_t> spawn(const SpawnPlan& plan);

}  // namespace onex::host
