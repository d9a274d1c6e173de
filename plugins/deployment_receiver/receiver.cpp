#include "plugins/deployment_receiver/receiver.hpp"

namespace onex::receiver {

namespace {

constexpr std::int64_t kMaintenanceMs = 30'000;
constexpr std::int64_t kRenewMs = 5'000;
constexpr const char* kRestarted = "the receiver was restarted meanwhile; send the request again";

/// Settings are valid by the contract; what only this code can judge is thrown, as Node's
/// constructor may.
json::object parsed(const std::string& text) {
    auto value = parse_object(text);
    if (!value) throw std::move(value).error();
    return std::move(*value);
}

}  // namespace

Settings::Settings(const Host& of) : node(parsed(of.settings())) {
    const auto info = parsed(of.info());
    host = get_text(info, "host");
    name_space = get_text(info, "namespace", host);
    topic_namespace = get_text(info, "topic_namespace", "dev.omninode-bridge");
    auto read = read_policy(node);
    if (!read) throw std::move(read).error();
    policy = std::move(*read);
    allow_unsigned_upload = get_bool(node, "allow_unsigned_upload");
    package_bytes_max =
        static_cast<std::uint64_t>(get_number(node, "package_bytes_max", std::int64_t{5} << 30));
    unpacked_bytes_max =
        static_cast<std::uint64_t>(get_number(node, "unpacked_bytes_max", std::int64_t{20} << 30));
    package_store_bytes =
        static_cast<std::uint64_t>(get_number(node, "package_store_bytes", std::int64_t{5} << 30));
    min_healthy_ms = get_number(node, "min_healthy_ms", 2'000);
    settle_ms = get_number(node, "settle_ms", 1'000);
    probe_timeout_ms = get_number(node, "probe_timeout_ms", 3'000);
    lease_us = get_number(node, "lease_s", 30) * 1'000'000;
    package_keep_us = get_number(node, "package_keep_hours", 24) * 3'600'000'000;
}

Result<Target> read_target(const json::object& input) {
    const auto& run = get_object(input, "run");
    Target target{get_text(input, "container_name"),
                  get_text(input, "deployment_id"),
                  get_text(run, "workflow_id", get_text(input, "workflow_id")),
                  get_number(get_object(input, "lease"), "token")};
    if (target.deployment_id.empty()) target.deployment_id = target.workflow_id;
    if (target.workflow_id.empty()) target.workflow_id = target.deployment_id;
    if (target.deployment_id.empty()) {
        return fail("VALIDATION_ERROR",
                    "deployment_id is missing; name the deployment that this call belongs to");
    }
    return target;
}

Receiver::Receiver(const onex_host* of, const onex_create_args* args)
    : JsonNode(of, args),
      settings_(host()),
      engine_(host(), get_text(settings_.node, "docker_socket")),
      journal_(host(), settings_.lease_us),
      images_(host(), engine_, journal_, settings_.name_space, settings_.unpacked_bytes_max),
      store_(host(), journal_, settings_.package_store_bytes),
      swapper_(host(),
               engine_,
               journal_,
               images_,
               store_,
               {settings_.name_space,
                settings_.host,
                get_text(settings_.node, "publish_address", "0.0.0.0"),
                static_cast<int>(get_number(settings_.node, "keep_previous", 5)),
                static_cast<int>(get_number(settings_.node, "stop_grace_s", 10))}) {
    const auto offer =
        [this](const char* name,
               Result<json::object> (Receiver::*method)(Request&, const json::object&)) {
            add_json(name, [this, method](Request& request, const json::object& input) {
                return (this->*method)(request, input);
            });
        };
    offer("announce_deployment", &Receiver::announce);
    offer("receive_package", &Receiver::receive);
    offer("package_status", &Receiver::package_status);
    offer("load_image", &Receiver::load_image);
    offer("stop_existing_container", &Receiver::stop_existing);
    offer("deploy_container", &Receiver::deploy);
    offer("start_container", &Receiver::start_new);
    offer("release_deployment", &Receiver::release);
    offer("renew_lease", &Receiver::renew_lease);
    offer("restore_previous_container", &Receiver::restore_previous);
    offer("rollback", &Receiver::rollback);
    offer("health_check", &Receiver::health_check);
    offer("health", &Receiver::health);
    offer("deploy_request", &Receiver::deploy_request);
    offer("deployment_status", &Receiver::deployment_status);
    add("check_container_status", [this](Request& request) { return check_status(request); });
    add("validate_health_endpoint", [this](Request& request) { return validate_health(request); });
    add_json("verify_service_registration",
             [](Request&, const json::object&) -> Result<json::object> {
                 return json::object{{"health_status", {{"service_registered", false}}},
                                     {"registration", "not configured"}};
             });
}

Result<void> Receiver::start() {
    // A second generation starts while the first one still works: what is open then is in good
    // hands.
    if (generation() == 1) {
        if (auto done = journal_.extend_leases(); !done) return done;
        for (const auto* state : {"receiving", "awaiting_package", "deploying"}) {
            auto left = journal_.packages(state, host().wall_us());
            if (!left) return std::unexpected(std::move(left).error());
            for (auto& package : *left) {
                const bool is_upload = package.state == "receiving";
                if (!is_upload && package.origin == "workflow") continue;
                package.state = "failed";
                package.error_code = is_upload ? "TRANSFER_FAILED" : "DEPLOYMENT_FAILED";
                package.error_message =
                    is_upload ? "the receiver stopped during the upload; send it again"
                              : kRestarted;
                if (auto done = journal_.put(package); !done) return done;
            }
        }
    }
    auto task = host().every(kMaintenanceMs, [this] { maintain(); });
    if (!task) return std::unexpected(std::move(task).error());
    maintenance_ = *task;
    task = host().every(kRenewMs, [this] { renew_holds(); });
    if (!task) return std::unexpected(std::move(task).error());
    renewal_ = *task;
    // The first round doesn't wait for the clock; should the queue be full, the clock brings it.
    (void)host().post([this] { maintain(); });
    return {};
}

void Receiver::stop() {
    for (const auto timer : {maintenance_, renewal_})
        if (timer) host().cancel(timer);
    std::map<std::string, Job, std::less<>> waiting;
    {
        const std::lock_guard lock(jobs_mutex_);
        waiting.swap(waiting_);
    }
    // The next generation knows nothing of them: whoever asks hears that they are to be sent again.
    for (const auto& [id, job] : waiting) {
        auto package = journal_.package(id);
        if (!package || !*package || (*package)->state != "awaiting_package") continue;
        (*package)->state = "failed";
        (*package)->error_code = "DEPLOYMENT_FAILED";
        (*package)->error_message = kRestarted;
        auto done = journal_.put_awaited(**package);
        if (done) done = journal_.free_lease(id);
        if (!done) host().log(LogLevel::warn, done.error().message);
    }
}

Result<Receiver::Hold> Receiver::hold(const Target& target, std::string_view caller) {
    LeaseWish wish{target.name, target.deployment_id, std::string(caller), target.lease_token};
    if (auto done = journal_.lease(wish); !done) return std::unexpected(std::move(done).error());
    const std::lock_guard lock(holds_mutex_);
    const auto entry = holds_.emplace(target.name, target.deployment_id);
    return Hold(nullptr, [this, entry](void*) {
        const std::lock_guard guard(holds_mutex_);
        holds_.erase(entry);
        hold_ended_.notify_all();
    });
}

void Receiver::publish(const std::string& type,
                       const Target& target,
                       json::object payload,
                       const std::string& topic_part) {
    payload["workflow_id"] = target.workflow_id;
    payload["deployment_id"] = target.deployment_id;
    payload["container_name"] = target.name;
    payload["host"] = settings_.host;
    Event event;
    event.type = type;
    if (!topic_part.empty())
        event.topic = settings_.topic_namespace + ".deployment." + topic_part + ".v1";
    event.key = target.name;
    event.workflow_id = target.workflow_id;
    event.payload = json::serialize(payload);
    const auto done = host().publish(event, nullptr);
    if (!done)
        host().log(LogLevel::warn,
                   "event " + type + " could not be published: " + done.error().message);
}

/// What runs here keeps its lease, however long it takes.
void Receiver::renew_holds() {
    std::multimap<std::string, std::string> held;
    {
        const std::lock_guard guard(holds_mutex_);
        held = holds_;
    }
    for (const auto& [name, deployment_id] : held)
        (void)journal_.renew_lease(name, deployment_id);  // Lost: the next step hears of it.
}

/// Two rounds must not meet: the first one is posted, the others come by the clock.
void Receiver::maintain() {
    const std::unique_lock lock(maintain_mutex_, std::try_to_lock);
    if (!lock) return;
    recover();
    start_waiting();
    const auto now_us = host().wall_us();
    const auto before_us = now_us - settings_.package_keep_us;
    const auto old = journal_.old_packages(before_us);
    if (!old) host().log(LogLevel::warn, "old packages stay: " + old.error().message);
    for (auto package : old ? *old : std::vector<Package>()) {
        if (package.state != "failed") {
            package.error_code = "TIMEOUT";
            package.error_message = package.state == "deploying"
                                        ? "its deployment was not heard of again; send it again"
                                        : "nobody deployed it in time; send it again";
            package.state = "failed";
        }
        const auto done =
            package.blob.empty() ? journal_.put(package) : journal_.drop_blob(package);
        if (!done) host().log(LogLevel::warn, "an old package stays: " + done.error().message);
        const std::lock_guard jobs(jobs_mutex_);
        waiting_.erase(package.deployment_id);
    }
    (void)journal_.prune(now_us - 30 * settings_.package_keep_us);
    store_.collect();
}

/// Rolls back what a request had begun and nobody goes on with: the process ended, or the rollback
/// failed. Docker may still be starting: then again later. Swaps of workflows belong to their
/// orchestrator, which repeats the step or rolls back.
void Receiver::recover() {
    const auto left = journal_.cut_off_swaps();
    if (!left) {
        host().log(LogLevel::warn, "what was cut off can't be looked for: " + left.error().message);
        return;
    }
    for (const auto& swap : *left) {
        const auto& id = swap.deployment_id;
        {
            const std::lock_guard lock(jobs_mutex_);
            if (running_.contains(id)) continue;
        }
        // By a name of its own: neither another receiver of this host nor a request that was only
        // slow may do the same meanwhile.
        const Target target{swap.container_name, host().uuid(), id};
        const auto held = hold(target, "recovery");
        if (!held) continue;
        if (const auto done = take_back(id); !done) {
            host().log(LogLevel::warn,
                       "deployment " + id + " can't be rolled back yet: " + done.error().message);
        }
        (void)journal_.free_lease(target.deployment_id);
    }
}

Result<void> Receiver::take_back(const std::string& deployment_id) {
    // Somebody may have been faster.
    const auto swap = journal_.swap(deployment_id);
    if (!swap) return std::unexpected(swap.error());
    if (!*swap || (*swap)->state != "open") return {};
    const auto restored =
        swapper_.restore(deployment_id, (*swap)->container_name, Tell(host(), 0), cleanup(120'000));
    if (!restored) return std::unexpected(restored.error());
    host().log(LogLevel::info,
               "deployment " + deployment_id + " of " + (*swap)->container_name +
                   " was cut off and is rolled back");
    auto package = journal_.package(deployment_id);
    if (!package) return std::unexpected(std::move(package).error());
    // One that was sent again since is to be kept.
    if (!*package || ((*package)->state != "deploying" && (*package)->state != "failed")) return {};
    if ((*package)->state == "deploying") {
        (*package)->state = "failed";
        (*package)->error_code = "DEPLOYMENT_FAILED";
        (*package)->error_message = "the receiver was interrupted; send the request again";
    }
    return (*package)->blob.empty() ? journal_.put(**package) : journal_.drop_blob(**package);
}

}  // namespace onex::receiver
