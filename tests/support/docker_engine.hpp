// A Docker engine for tests: the one that ONEX_TEST_DOCKER_SOCKET names, or one of their own.
#pragma once

#include "tests/support/command.hpp"
#include "tests/support/temp_dir.hpp"

#include <memory>
#include <string>

namespace onex::test {

class DockerEngine {
  public:
    /// The engine that is there for tests, or (as root, with dockerd installed) a new one. Null:
    /// none can be had, and `why_not` says why.
    static std::unique_ptr<DockerEngine> find_or_start(std::string& why_not);
    /// A new engine with nothing in common with another, in the network namespace `network` or ("")
    /// here.
    static std::unique_ptr<DockerEngine> start(const std::string& network, std::string& why_not);
    ~DockerEngine();
    DockerEngine(const DockerEngine&) = delete;  // Owns a process.
    DockerEngine& operator=(const DockerEngine&) = delete;

    [[nodiscard]] const std::string& socket() const { return socket_; }
    /// `docker ARGUMENTS` against this engine; may be a pipeline's beginning.
    [[nodiscard]] Ran docker(const std::string& arguments, std::int64_t timeout_ms = 120'000) const;
    /// Imports a base image made of a static busybox; false when there is no busybox.
    [[nodiscard]] bool import_busybox(const std::string& tag) const;

    /// SIGTERM to an engine of our own, and its start anew with the same data.
    void stop();
    [[nodiscard]] bool restart();
    [[nodiscard]] bool own() const { return folder_ != nullptr; }

  private:
    DockerEngine() = default;
    bool make_bridge();
    bool launch();

    std::string socket_;
    std::string network_;
    std::unique_ptr<TempDir> folder_;  ///< of an engine of our own
    std::string bridge_;               ///< made for an engine of our own in this network
    Background process_;
};

}  // namespace onex::test
