// Operations on containers, as a workflow's stages call them.
#include "plugins/deployment_receiver/receiver.hpp"

namespace onex::receiver {

namespace {

std::int64_t ms_since(const Host& host, std::int64_t started_us) {
    return (host.monotonic_us() - started_us) / 1000;
}

/// "http://studio:8080"; empty when nothing is published.
std::string deployed_url(const json::object& input, const ContainerSpec& spec) {
    const auto remote = get_text(input, "remote_host");
    if (remote.empty() || spec.ports.empty() || spec.network_mode == "none") return {};
    const auto& port = spec.ports.front();
    return "http://" + remote + ":" +
           std::to_string(spec.network_mode == "host" ? port.container_port : port.host_port);
}

/// How often the engine must refuse a rollback before its word is taken.
constexpr std::int64_t kAttemptsToBelieve = 3;

/// A rollback is complete when all its checks are 1: so that it is another object is told by a
/// check more, not by one that fails.
json::object came_back(bool is_restored, bool is_anew) {
    json::object checks{{"previous_container_restored", is_restored ? 1 : 0}};
    if (is_restored) checks[is_anew ? "made_anew" : "same_container"] = 1;
    return checks;
}

}  // namespace

Result<ContainerSpec> Receiver::admitted(const json::object& input) const {
    auto spec = read_spec(get_object(input, "deployment_config"));
    if (!spec) return spec;
    return admit(settings_.policy, std::move(*spec));
}

Result<Receiver::Work> Receiver::take_up(Request& request, const json::object& input) {
    auto target = read_target(input);
    if (!target) return std::unexpected(std::move(target).error());
    auto spec = admitted(input);
    if (!spec) return std::unexpected(std::move(spec).error());
    auto held = hold(*target, request.caller());
    if (!held) return std::unexpected(std::move(held).error());
    return Work{std::move(*target), std::move(*spec), std::move(*held)};
}

Result<Swap> Receiver::begin_swap(const Work& work, Wait wait) {
    const auto& target = work.target;
    const auto origin = origin_of(target.deployment_id);
    if (!origin) return std::unexpected(origin.error());
    return swapper_.begin(target.name, target.deployment_id, *origin, work.spec, wait);
}

Result<json::object> Receiver::stop_existing(Request& request, const json::object& input) {
    auto work = take_up(request, input);
    if (!work) return std::unexpected(std::move(work).error());
    auto swap = begin_swap(*work, request.wait());
    if (!swap) return std::unexpected(std::move(swap).error());
    return json::object{
        {"previous", {{"existed", !swap->old_id.empty()}, {"container_id", swap->old_id}}}};
}

Result<json::object> Receiver::deploy(Request& request, const json::object& input) {
    const auto started_us = host().monotonic_us();
    auto work = take_up(request, input);
    if (!work) return std::unexpected(std::move(work).error());
    // The step before may fail without ending a run; what it refused is refused here again.
    auto swap = begin_swap(*work, request.wait());
    if (!swap) return std::unexpected(std::move(swap).error());
    const Tell tell(host(), request.token());
    std::string log;
    auto image = image_for(work->target, input, tell, log, request.wait());
    if (!image) return std::unexpected(std::move(image).error());
    publish("IMAGE_LOADED", work->target, {{"image_id", image->image_id}});

    Identity identity;
    identity.name = work->target.name;
    identity.name_space = settings_.name_space;
    identity.deployment_id = work->target.deployment_id;
    identity.workflow_id = work->target.workflow_id;
    identity.image_ref = image->image_ref;
    identity.version = get_text(input, "image_tag");
    identity.publish_address = get_text(settings_.node, "publish_address", "0.0.0.0");
    if (!swap->old_id.empty())
        log += "the previous container " + swap->old_id.substr(0, 12) + " is kept, stopped\n";
    swap = swapper_.replace(std::move(*swap), work->spec, identity, tell, request.wait());
    if (!swap) return std::unexpected(std::move(swap).error());
    log += "container " + swap->new_id.substr(0, 12) + " made from " + image->image_ref + "\n";
    return json::object{
        {"container_id", swap->new_id},
        {"deployment_metrics", {{"deployment_duration_ms", ms_since(host(), started_us)}}},
        {"artifacts", {{"container_id", swap->new_id}, {"deployment_logs.txt", log}}}};
}

Result<json::object> Receiver::start_new(Request& request, const json::object& input) {
    auto work = take_up(request, input);
    if (!work) return std::unexpected(std::move(work).error());
    auto swap = journal_.swap(work->target.deployment_id);
    if (!swap) return std::unexpected(std::move(swap).error());
    if (!*swap || (*swap)->state == "restored") {
        return fail("FAILED_PRECONDITION",
                    "deployment " + work->target.deployment_id +
                        " has no container to start; call deploy_container first");
    }
    const auto id = (*swap)->new_id;
    if ((*swap)->state == "open") {
        auto done = swapper_.start(std::move(**swap), work->spec, request.wait());
        if (!done) return std::unexpected(std::move(done).error());
    }
    publish("CONTAINER_STARTED", work->target, {{"container_id", id}});
    json::object out{
        {"container_id", id},
        {"checks",
         {{"container_started", 1}, {"no_port_conflicts", 1}, {"deployment_success", 1}}}};
    if (auto url = deployed_url(input, work->spec); !url.empty())
        out["deployed_url"] = std::move(url);
    return out;
}

Result<json::object> Receiver::release(Request& request, const json::object& input) {
    auto target = read_target(input);
    if (!target) return std::unexpected(std::move(target).error());
    if (auto done = journal_.check_caller(target->deployment_id, request.caller()); !done)
        return std::unexpected(std::move(done).error());
    const bool is_success = get_bool(input, "success");
    const auto lost =
        journal_.lease_is_lost(target->name, target->deployment_id, target->lease_token);
    if (!lost) return std::unexpected(lost.error());
    if (*lost && is_success) {
        return fail("DEPLOYMENT_LOCKED",
                    "another deployment has taken over " + target->name + "; deployment " +
                        target->deployment_id + " can't be completed");
    }
    const auto by_hand = get_text(input, "resolved_as");
    auto done = is_success ? swapper_.commit(target->deployment_id, request.wait())
                : !by_hand.empty()
                    ? swapper_.settle_by_hand(target->deployment_id,
                                              by_hand == "rolled-back" ? "restored" : "undone")
                    : swapper_.abandon(target->deployment_id);
    if (!done) return std::unexpected(std::move(done).error());
    if (done = end_package(target->deployment_id, is_success); !done)
        return std::unexpected(std::move(done).error());
    store_.collect();
    if (done = journal_.free_lease(target->deployment_id); !done)
        return std::unexpected(std::move(done).error());
    return json::object{{"released", true}};
}

Result<json::object> Receiver::renew_lease(Request&, const json::object& input) {
    auto target = read_target(input);
    if (!target) return std::unexpected(std::move(target).error());
    const auto known = journal_.package(target->deployment_id);
    if (!known) return std::unexpected(known.error());
    // Not announced yet: there is nothing to renew, and nothing to take early.
    if (!*known) return json::object{{"renewed", false}};
    const auto lost = journal_.lease_is_lost((*known)->container_name, target->deployment_id, 0);
    if (!lost) return std::unexpected(lost.error());
    if (*lost) {
        return fail("DEPLOYMENT_LOCKED",
                    "another deployment has taken over " + (*known)->container_name);
    }
    const auto renewed = journal_.renew_lease((*known)->container_name, target->deployment_id);
    if (!renewed) return std::unexpected(renewed.error());
    return json::object{{"renewed", *renewed}};
}

Result<json::object> Receiver::restore_previous(Request& request, const json::object& input) {
    const auto started_us = host().monotonic_us();
    auto target = read_target(input);
    if (!target) return std::unexpected(std::move(target).error());
    const auto lost =
        journal_.lease_is_lost(target->name, target->deployment_id, target->lease_token);
    if (!lost) return std::unexpected(lost.error());
    if (*lost) {
        // Whoever has taken over has also settled what this one had begun.
        return json::object{
            {"rollback_result", {{"success", false}, {"previous_container_restored", false}}},
            {"checks", {{"previous_container_restored", 0}}}};
    }
    auto held = hold(*target, request.caller());
    if (!held) return std::unexpected(std::move(held).error());
    auto restored = swapper_.restore(
        target->deployment_id, target->name, Tell(host(), request.token()), request.wait());
    if (!restored) {
        auto error = std::move(restored).error();
        // An engine that is about to stop answers with an error, too: only what it says again and
        // again is final.
        const auto attempt = get_number(get_object(input, "run"), "attempt", kAttemptsToBelieve);
        const auto details = parse_object(error.details).value_or(json::object{});
        if (attempt < kAttemptsToBelieve && get_text(details, "cause") == "DOCKER_ERROR")
            error.code = "DOCKER_ERROR";
        return std::unexpected(std::move(error));
    }
    json::object out{{"rollback_result",
                      {{"success", restored->is_restored},
                       {"previous_container_restored", restored->is_restored},
                       {"made_anew", restored->is_anew},
                       {"rollback_duration_ms", ms_since(host(), started_us)}}},
                     {"checks", came_back(restored->is_restored, restored->is_anew)}};
    if (!restored->container_id.empty()) out["container_id"] = restored->container_id;
    if (!restored->log.empty())
        out["artifacts"] = json::object{{"failed_container_log.txt", restored->log}};
    return out;
}

/// What a rollback would find, and nothing changed.
Result<json::object> Receiver::plan_of(const std::string& name, Wait wait) {
    const auto current = engine_.find_container(name, wait);
    if (!current) return std::unexpected(current.error());
    const auto kept = swapper_.levels(name, wait);
    if (!kept) return std::unexpected(kept.error());
    const auto entry = [](int steps, const Level& level) {
        json::object out{{"steps", steps},
                         {"version", level.version},
                         {"container_id", level.container_id},
                         {"image", level.image},
                         {"created", level.created}};
        if (steps == 0) return out;
        out["comes_from"] = level.comes_from;
        out["depends_on"] = level.depends_on;
        return out;
    };
    json::array plan;
    std::string id;
    if (*current) {
        id = container_id(**current);
        plan.push_back(entry(0,
                             {0,
                              id,
                              container_label(**current, "onex.version"),
                              get_text(get_object(**current, "Config"), "Image"),
                              get_text(**current, "Created"),
                              {},
                              {}}));
    }
    for (const auto& level : *kept)
        plan.push_back(entry(level.steps, level));
    return json::object{{"container_id", id},
                        {"rollback_plan", std::move(plan)},
                        {"checks", {{"previous_container_restored", 1}, {"container_running", 1}}}};
}

Result<json::object> Receiver::rollback(Request& request, const json::object& input) {
    const auto& run = get_object(input, "run");
    // Without a workflow the call's own key makes a repetition find what it began.
    auto id = get_text(run, "workflow_id", request.key());
    if (id.empty()) id = host().uuid();
    const Target target{get_text(input, "container_name"), id, id};
    if (get_bool(input, "plan")) return plan_of(target.name, request.wait());
    auto held = hold(target, request.caller());
    if (!held) return std::unexpected(std::move(held).error());
    const HowFar how_far{static_cast<int>(get_number(input, "steps", 1)),
                         get_text(input, "version")};
    auto undone =
        swapper_.undo(target.name, id, how_far, Tell(host(), request.token()), request.wait());
    if (auto done = journal_.free_lease(id); !done)
        host().log(LogLevel::warn, done.error().message);
    store_.collect();
    if (!undone) return std::unexpected(std::move(undone).error());
    publish("CONTAINER_STARTED", target, {{"container_id", undone->container_id}});
    auto checks = came_back(true, undone->is_anew);
    checks["container_running"] = 1;
    return json::object{{"container_id", undone->container_id},
                        {"restored_version", undone->version},
                        {"retired_container_id", undone->retired_id},
                        {"made_anew", undone->is_anew},
                        {"checks", std::move(checks)}};
}

}  // namespace onex::receiver
