// A socket in front of a Docker engine's, which can keep a request back: so that a test finds a run
// in the very step it wants, and sees what a host says to its engine.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace onex::test {

/// Passes all bytes on, both ways. [any thread]
class EngineGate {
  public:
    /// Listens at `path` until it is destroyed; what is kept back then never reaches the engine.
    EngineGate(std::string path, std::string engine);
    ~EngineGate();
    EngineGate(const EngineGate&) = delete;  // Owns sockets and threads.
    EngineGate& operator=(const EngineGate&) = delete;

    /// The next request that has `text` in what comes first of it is kept back.
    void hold(std::string text);
    /// That request passes, but of its answer only the first MiB.
    void hold_answer(std::string text);
    /// What is kept back goes on.
    void release();
    /// From now on the connection of each such request is closed instead.
    void refuse(std::string text);
    /// Waits until something is kept back; false when nothing comes.
    [[nodiscard]] bool holds() const;
    /// What clients have said so far, up to a bound.
    [[nodiscard]] std::string heard() const;

  private:
    void accept_all();
    void take_requests(int client, int engine, const std::shared_ptr<std::atomic<bool>>& slow);
    void take_answers(int engine, int client, const std::shared_ptr<std::atomic<bool>>& slow);
    /// False when `bytes` must not be passed on. Sets `slow` when their answer is to be kept back.
    bool admit(const std::string& bytes, std::atomic<bool>& slow);
    /// False when the gate goes before somebody releases it.
    bool wait_released(std::unique_lock<std::mutex>& lock);

    std::string path_;
    std::string engine_;
    int listener_ = -1;
    mutable std::mutex mutex_;
    std::condition_variable ended_;
    bool ending_ = false;
    bool holds_ = false;
    bool released_ = false;
    std::string wanted_;
    std::string slow_wanted_;
    std::string refused_;
    std::string heard_;
    std::vector<int> sockets_;          ///< closed at the end only: a number is not used twice
    std::vector<std::thread> threads_;  ///< two for each connection
    std::thread acceptor_;
};

}  // namespace onex::test
