// A plugin in a worker process, as its image: the node's calls go to the process that lives now.
#pragma once

#include "host/plugin/library.hpp"
#include "host/worker/description.hpp"
#include "host/worker/held_requests.hpp"
#include "host/worker/session.hpp"
#include "host/worker/worker.hpp"

#include <boost/json/object.hpp>
#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace onex::host::worker {

inline constexpr std::int64_t kControlMs = 120'000;  // create, start …: as for a mapped plugin
inline constexpr std::int64_t kBackoffMs = 100;

class WorkerImage final : public PluginImage {
  public:
    WorkerImage(std::string program, StagedFile staged, WorkerLimits limits, WorkerEnded ended)
        : program_(std::move(program)),
          staged_(std::move(staged)),
          limits_(limits),
          tell_ended_(std::move(ended)) {
        make_node_table();
    }
    ~WorkerImage() override { end(); }

    [[nodiscard]] const onex_plugin_entry& entry() const override { return told_.entry; }
    [[nodiscard]] const std::string& file() const override { return staged_.source; }
    [[nodiscard]] const std::string& copy() const override { return staged_.path; }
    [[nodiscard]] const std::string& digest() const override { return staged_.digest; }
    [[nodiscard]] std::string isolation() const override { return "process"; }
    [[nodiscard]] boost::json::value describe() const override {
        const std::scoped_lock lock(mutex_);
        return boost::json::object{
            {"pid", pid_}, {"restarts", restarts_}, {"last_exit", last_exit_}};
    }

    /// The first life, whose library must load.
    Result<void> begin();
    onex_status create(const onex_host& host,
                       const onex_create_args& args,
                       const onex_node*& out,
                       onex_error& error) override;

  private:
    static WorkerImage& of(void* self) { return *static_cast<WorkerImage*>(self); }
    void make_node_table();
    Result<void> spawn_worker();
    Result<void> load(Session& session);
    Result<void> make_node(Session& session);
    /// Brings onex_worker_restarts_total up to date.
    void count_restarts();
    Result<std::string> ask(Session& session,
                            Method method,
                            const Packer& input,
                            std::int64_t ms = kControlMs);
    /// A call without input and without answer, as start() is one.
    onex_status control(Method method, onex_error* error);
    /// quiesce and resume: between two lives there is nobody to ask, and the next begins like this.
    onex_status set_quiet(bool quiet, onex_error* error);
    onex_status invoke(const onex_request& request, onex_error* error);
    /// What waited goes to the new life, or is told why there is none.
    void release_held(const std::shared_ptr<Session>& to);
    void supervise();
    /// Watches one life to its end; how it ended.
    std::string watch(const std::shared_ptr<Session>& session, pid_t pid);
    bool live_again();
    /// From here on it takes requests, quiesced if the node is.
    Result<void> make_ready(Session& session);
    /// A life ended that should not have.
    void lost(const std::string& how);
    void end();
    [[nodiscard]] std::shared_ptr<Session> current() const {
        const std::scoped_lock lock(mutex_);
        return session_;
    }

    const std::string program_;
    const StagedFile staged_;
    const WorkerLimits limits_;
    const WorkerEnded tell_ended_;
    Description told_;
    onex_node table_{};
    onex_state_v1 state_table_{};

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::shared_ptr<Session> session_;  ///< null between two lives
    bool ready_ = false;                ///< its node is made and started
    std::int64_t backoff_ms_ = kBackoffMs;
    HeldRequests held_;
    std::thread reader_;  ///< of session_; the supervisor's, after begin()
    std::thread supervisor_;
    const onex_host* host_ = nullptr;
    std::string node_;
    std::uint32_t generation_ = 0;
    bool has_state_ = false;
    bool started_ = false;   ///< the node was: a new life starts it, too
    bool quiesced_ = false;  ///< likewise
    bool ending_ = false;
    pid_t pid_ = 0;
    std::uint64_t restarts_ = 0;
    std::uint64_t counted_ = 0;  ///< of them, in the metric
    std::string last_exit_;
};

}  // namespace onex::host::worker
