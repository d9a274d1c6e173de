// Deployments that come as one signed request, without an orchestrator: the receiver takes the
// steps itself, through its own operations, so that each has the deadline of its contract.
#include "plugins/deployment_receiver/receiver.hpp"

#include <algorithm>

namespace onex::receiver {

namespace {

constexpr std::size_t kWaitingMax = 16;
constexpr std::size_t kRunningMax = 4;
constexpr std::int64_t kJobMs = 1'800'000;

json::object told(const Package& package) {
    json::object out{{"deployment_id", package.deployment_id},
                     {"status", package.state},
                     {"container_name", package.container_name},
                     {"image_tag", package.version},
                     {"checksum", package.blob},
                     {"bytes", package.bytes}};
    out["created_at"] = iso_time(package.created_us);
    out["updated_at"] = iso_time(package.updated_us);
    if (!package.error_code.empty()) {
        out["error"] =
            json::object{{"code", package.error_code}, {"message", package.error_message}};
    }
    return out;
}

}  // namespace

Result<std::string> Receiver::origin_of(std::string_view deployment_id) const {
    const auto package = journal_.package(deployment_id);
    if (!package) return std::unexpected(package.error());
    // A workflow may also find its package here already; only a request deploys before its steps.
    const bool is_request =
        *package && (*package)->origin == "request" && (*package)->state == "deploying";
    return is_request ? "request" : "workflow";
}

Result<json::object> Receiver::deploy_request(Request& request, const json::object& input) {
    if (auto spec = admitted(input); !spec) return std::unexpected(std::move(spec).error());
    Job job{get_text(input, "container_name"),
            get_text(input, "deployment_id"),
            get_text(input, "image_tag", "latest"),
            get_text(input, "package_checksum"),
            get_object(input, "deployment_config"),
            get_object(input, "health_check_config")};
    if (job.deployment_id.empty() && job.checksum.empty()) {
        return fail("VALIDATION_ERROR",
                    "say what to deploy: deployment_id of an upload, or package_checksum");
    }
    std::optional<Package> package;
    if (!job.deployment_id.empty()) {
        auto known = journal_.package(job.deployment_id);
        if (!known) return std::unexpected(std::move(known).error());
        package = std::move(*known);
        // The same request once more gets the same answer.
        if (package && (package->state == "deploying" || package->state == "deployed")) {
            return json::object{{"deployment_id", job.deployment_id}, {"status", package->state}};
        }
    }
    if (!job.checksum.empty() && (!package || package->blob != job.checksum)) {
        auto known = journal_.package_with_blob(job.checksum);
        if (!known) return std::unexpected(std::move(known).error());
        package = std::move(*known);
    }
    if (job.deployment_id.empty()) job.deployment_id = host().uuid();
    const auto lease = journal_.lease(
        {job.container_name, job.deployment_id, std::string(request.caller()), 0, false});
    if (!lease) return std::unexpected(lease.error());
    const auto id = job.deployment_id;
    if (package && !package->blob.empty()) {
        auto done = run_later(std::move(job), *package);
        if (!done) {
            (void)journal_.free_lease(id);
            return std::unexpected(std::move(done).error());
        }
        return json::object{{"deployment_id", id}, {"status", "deploying"}};
    }
    Package awaited;
    awaited.deployment_id = id;
    awaited.container_name = job.container_name;
    awaited.origin = "request";
    awaited.version = job.version;
    awaited.state = "awaiting_package";
    if (auto done = wait_for_package(std::move(job), awaited); !done) {
        (void)journal_.free_lease(id);
        return std::unexpected(std::move(done).error());
    }
    // It may have come since it was looked for.
    start_waiting();
    const std::lock_guard lock(jobs_mutex_);
    return json::object{{"deployment_id", id},
                        {"status", waiting_.contains(id) ? "awaiting_package" : "deploying"}};
}

Result<void> Receiver::wait_for_package(Job job, const Package& awaited) {
    {
        const std::lock_guard lock(jobs_mutex_);
        if (waiting_.size() >= kWaitingMax && !waiting_.contains(job.deployment_id)) {
            return fail("QUEUE_FULL",
                        std::to_string(kWaitingMax) +
                            " deployments wait for their packages; send the package first");
        }
        waiting_.insert_or_assign(job.deployment_id, std::move(job));
    }
    auto done = journal_.put_awaited(awaited);
    if (done) return done;
    const std::lock_guard lock(jobs_mutex_);
    waiting_.erase(awaited.deployment_id);
    return done;
}

void Receiver::start_waiting() {
    std::map<std::string, std::string> checksums;
    {
        const std::lock_guard lock(jobs_mutex_);
        for (const auto& [id, job] : waiting_)
            checksums.emplace(id, job.checksum);
    }
    for (const auto& [id, checksum] : checksums) {
        auto package = journal_.package(id);
        const bool is_here = package && *package && !(*package)->blob.empty() &&
                             (*package)->state == "ready_for_deployment" &&
                             (checksum.empty() || (*package)->blob == checksum);
        if (!is_here && !checksum.empty()) package = journal_.package_with_blob(checksum);
        if (package && *package && !(*package)->blob.empty()) package_arrived(**package);
    }
}

void Receiver::package_arrived(const Package& package) {
    Job job;
    {
        const std::lock_guard lock(jobs_mutex_);
        const auto found = std::ranges::find_if(waiting_, [&](const auto& entry) {
            const auto& checksum = entry.second.checksum;
            // An unsigned upload is taken only by the digest that a signed request has named.
            if (package.origin == "unsigned") return checksum == package.blob;
            return entry.first == package.deployment_id
                       ? checksum.empty() || checksum == package.blob
                       : checksum == package.blob;
        });
        if (found == waiting_.end()) return;
        job = std::move(found->second);
        waiting_.erase(found);
    }
    const auto done = run_later(job, package);
    if (done) return;
    // Its package is here, so that it need not be sent again: it waits for its turn.
    host().log(LogLevel::info,
               "deployment " + job.deployment_id + " waits: " + done.error().message);
    const std::lock_guard lock(jobs_mutex_);
    waiting_.insert_or_assign(job.deployment_id, std::move(job));
}

Result<void> Receiver::deploy_upload(Job job, const Package& package, std::string_view caller) {
    const auto id = job.deployment_id;
    const auto lease = journal_.lease({job.container_name, id, std::string(caller), 0, false});
    if (!lease) return std::unexpected(lease.error());
    // By way of the queue, as every job: when too many run, it has its turn later.
    auto done = wait_for_package(std::move(job), package);
    if (done) {
        package_arrived(package);
    } else {
        (void)journal_.free_lease(id);
    }
    return done;
}

Result<void> Receiver::run_later(Job job, const Package& package) {
    {
        const std::lock_guard lock(jobs_mutex_);
        if (running_.size() >= kRunningMax) {
            return fail(
                "QUEUE_FULL",
                std::to_string(kRunningMax) + " deployments are under way; try again later");
        }
        if (!running_.insert(job.deployment_id).second) return {};
    }
    Package own = package;
    own.deployment_id = job.deployment_id;
    own.container_name = job.container_name;
    own.origin = "request";
    own.version = job.version;
    own.state = "deploying";
    own.error_code.clear();
    own.error_message.clear();
    auto done = journal_.put(own);
    if (done) {
        auto task = host().post([this, job] { run(job); });
        if (!task) done = std::unexpected(std::move(task).error());
    }
    if (!done) {
        const std::lock_guard lock(jobs_mutex_);
        running_.erase(job.deployment_id);
    }
    return done;
}

void Receiver::run(const Job& job) {
    end_job(job, run_steps(job));
    {
        const std::lock_guard lock(jobs_mutex_);
        running_.erase(job.deployment_id);
    }
    start_waiting();
}

Result<json::object> Receiver::call_own(const Job& job, const char* operation, json::object input) {
    input["container_name"] = job.container_name;
    input["deployment_id"] = job.deployment_id;
    input["deployment_config"] = job.config;
    Call call;
    call.node = name();
    call.operation = operation;
    call.input = json::serialize(input);
    auto answer = host().call(std::move(call), Wait{kJobMs, 0});
    if (!answer) return std::unexpected(std::move(answer).error());
    return parse_object(*answer);
}

Result<void> Receiver::run_steps(const Job& job) {
    const json::object none;
    const json::object version{{"image_tag", job.version}};
    const json::object health{{"health_check_config", job.health}};
    const std::pair<const char*, const json::object*> steps[] = {
        {"stop_existing_container", &none},
        {"deploy_container", &version},
        {"start_container", &none},
        {"check_container_status", &none},
        {"validate_health_endpoint", &health}};
    for (const auto& [operation, input] : steps) {
        auto done = call_own(job, operation, *input);
        if (!done) return std::unexpected(std::move(done).error());
    }
    auto done = call_own(job, "release_deployment", {{"success", true}});
    if (!done) return std::unexpected(std::move(done).error());
    return {};
}

void Receiver::end_job(const Job& job, const Result<void>& result) {
    if (result) {
        host().log(
            LogLevel::info,
            "deployment " + job.deployment_id + " of " + job.container_name + " is deployed");
        return;
    }
    host().log(LogLevel::error,
               "deployment " + job.deployment_id + " of " + job.container_name +
                   " failed: " + result.error().message);
    auto message = result.error().message;
    const auto restored = call_own(job, "restore_previous_container", {});
    if (!restored) message += "; and the rollback failed: " + restored.error().message;
    auto package = journal_.package(job.deployment_id);
    if (package && *package) {
        (*package)->state = "failed";
        (*package)->error_code = result.error().code;
        (*package)->error_message = message;
        (void)journal_.put(**package);
    }
    if (!restored) {
        // The swap stays open; a round of upkeep goes on with it when the lease has run out.
        const auto swap = journal_.swap(job.deployment_id);
        if (swap && *swap && (*swap)->state == "open") return;
    }
    const auto released = call_own(job, "release_deployment", {{"success", false}});
    if (!released)
        host().log(LogLevel::warn,
                   "deployment " + job.deployment_id +
                       " keeps its lock for now: " + released.error().message);
}

Result<json::object> Receiver::deployment_status(Request& /*request*/, const json::object& input) {
    const auto id = get_text(input, "deployment_id");
    auto package = journal_.package(id);
    if (!package) return std::unexpected(std::move(package).error());
    if (!*package) return fail("NOT_FOUND", "no deployment " + id + " is known here");
    auto out = told(**package);
    const auto swap = journal_.swap(id);
    if (swap && *swap && !(*swap)->new_id.empty()) out["container_id"] = (*swap)->new_id;
    return out;
}

}  // namespace onex::receiver
