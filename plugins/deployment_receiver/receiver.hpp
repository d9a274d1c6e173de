// The deployment receiver: takes packages, runs containers, and puts the previous one back.
#pragma once

#include "docker/engine.hpp"
#include "plugins/deployment_receiver/images.hpp"
#include "plugins/deployment_receiver/journal.hpp"
#include "plugins/deployment_receiver/package_store.hpp"
#include "plugins/deployment_receiver/policy.hpp"
#include "plugins/deployment_receiver/swap.hpp"

#include <onex/json.hpp>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace onex::receiver {

/// What [nodes.X.settings] says, and what the host says of itself.
struct Settings {
    explicit Settings(const Host& host);

    json::object node;
    std::string host;
    std::string name_space;
    std::string topic_namespace;
    Policy policy;
    bool allow_unsigned_upload = false;
    std::uint64_t package_bytes_max = 0;
    std::uint64_t unpacked_bytes_max = 0;
    std::uint64_t package_store_bytes = 0;
    std::int64_t min_healthy_ms = 0;
    std::int64_t settle_ms = 0;
    std::int64_t probe_timeout_ms = 0;
    std::int64_t package_keep_us = 0;
    std::int64_t lease_us = 0;
};

/// Whom an operation on a container is for.
struct Target {
    std::string name;
    std::string deployment_id;
    std::string workflow_id;
    std::int64_t lease_token = 0;  ///< that came along; 0: none
};
/// Reads container_name, deployment_id and run out of an input. VALIDATION_ERROR without an id.
Result<Target> read_target(const json::object& input);

class Receiver : public JsonNode {
  public:
    Receiver(const onex_host* host, const onex_create_args* args);
    Result<void> start() override;
    void stop() override;

    docker::Engine& engine() { return engine_; }
    const Settings& settings() const { return settings_; }
    /// Takes or renews the lease of the target's name, and keeps it fresh as long as what is
    /// returned lives. DEPLOYMENT_LOCKED: another deployment has it, or has had it since.
    using Hold = std::shared_ptr<void>;
    Result<Hold> hold(const Target& target, std::string_view caller);
    /// Publishes an event of the deployment topics; a failure is logged, never returned. Its topic
    /// follows from the type, unless the workflow's contract calls it by another `topic_part`.
    void publish(const std::string& type,
                 const Target& target,
                 json::object payload,
                 const std::string& topic_part = {});

  private:
    // package.cpp
    Result<json::object> announce(Request& request, const json::object& input);
    Result<json::object> receive(Request& request, const json::object& input);
    Result<json::object> package_status(Request& request, const json::object& input);
    Result<json::object> load_image(Request& request, const json::object& input);
    Result<void> spool(Request& request, const json::object& input, Package& package);
    /// A deployment has ended: what becomes of its package.
    Result<void> end_package(std::string_view deployment_id, bool is_success);

    // operations.cpp
    Result<json::object> stop_existing(Request& request, const json::object& input);
    Result<json::object> deploy(Request& request, const json::object& input);
    Result<json::object> start_new(Request& request, const json::object& input);
    Result<json::object> release(Request& request, const json::object& input);
    Result<json::object> renew_lease(Request& request, const json::object& input);
    Result<json::object> restore_previous(Request& request, const json::object& input);
    Result<json::object> rollback(Request& request, const json::object& input);
    Result<json::object> plan_of(const std::string& name, Wait wait);
    Result<Lease> lease_for(Request& request, const Target& target, const json::object& input);
    Result<ContainerSpec> admitted(const json::object& input) const;
    /// What an operation that changes a container works on, and the lease it has meanwhile.
    struct Work {
        Target target;
        ContainerSpec spec;
        Hold held;
    };
    Result<Work> take_up(Request& request, const json::object& input);
    Result<Swap> begin_swap(const Work& work, Wait wait);
    Result<OwnImage> image_for(const Target& target,
                               const json::object& input,
                               const Tell& tell,
                               std::string& log,
                               Wait wait);

    // health.cpp
    Result<Answer> check_status(Request& request);
    Result<Answer> validate_health(Request& request);
    Result<json::object> health_check(Request& request, const json::object& input);
    Result<json::object> health(Request& request, const json::object& input);

    // api.cpp
    struct Job {
        std::string container_name;
        std::string deployment_id;
        std::string version;
        std::string checksum;
        json::object config;
        json::object health;
    };
    Result<json::object> deploy_request(Request& request, const json::object& input);
    Result<json::object> deployment_status(Request& request, const json::object& input);
    /// Keeps the job until its package comes. QUEUE_FULL: too many do.
    Result<void> wait_for_package(Job job, const Package& awaited);
    /// Starts what waited for this package; called when one has arrived. What finds no room goes on
    /// waiting.
    void package_arrived(const Package& package);
    /// Starts what waits, if its package is here and there is room.
    void start_waiting();
    /// Deploys what came with its configuration.
    Result<void> deploy_upload(Job job, const Package& package, std::string_view caller);
    Result<void> run_later(Job job, const Package& package);
    void run(const Job& job);
    Result<void> run_steps(const Job& job);
    Result<json::object> call_own(const Job& job, const char* operation, json::object input);
    void end_job(const Job& job, const Result<void>& result);
    /// Whose a swap is that begins now; as written down, since a job outlives its generation.
    [[nodiscard]] Result<std::string> origin_of(std::string_view deployment_id) const;

    // Rounds of upkeep.
    void renew_holds();
    void maintain();
    void recover();
    Result<void> take_back(const std::string& deployment_id);

    Settings settings_;
    docker::Engine engine_;
    Journal journal_;
    Images images_;
    PackageStore store_;
    Swapper swapper_;

    std::mutex maintain_mutex_;
    std::mutex holds_mutex_;
    std::condition_variable hold_ended_;
    std::multimap<std::string, std::string>
        holds_;  ///< container name → deployment, of what runs now
    std::mutex jobs_mutex_;
    std::map<std::string, Job, std::less<>> waiting_;  ///< by deployment id; bounded
    std::set<std::string, std::less<>> running_;  ///< deployment ids of requests that run; bounded
    onex_handle maintenance_ = 0;
    onex_handle renewal_ = 0;
};

}  // namespace onex::receiver
