// The way back: restore, undo, and what is kept for them.
#include "plugins/deployment_receiver/container_log.hpp"
#include "plugins/deployment_receiver/swap.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace onex::receiver {

namespace {

constexpr int kLogLines = 50;
constexpr int kDiscardGraceS =
    2;  // What failed is not waited for; the previous one is down meanwhile.

/// What may be gone by itself when somebody asks again.
bool passes(const Error& why) {
    for (const auto* code : {"DOCKER_UNAVAILABLE", "UNAVAILABLE", "TIMEOUT", "CANCELLED"})
        if (why.code == code) return true;
    return false;
}

/// What a person needs who goes on by hand: what there is, and the commands in their order. What
/// passes keeps its code, so that the rollback is tried again.
std::unexpected<Error> rollback_failed(const Swap& swap,
                                       const std::string& host,
                                       const std::string& what,
                                       const Error& why) {
    json::array commands;
    // After a manual rollback there are no two that changed places; and what was removed is gone.
    const bool nothing_to_do = swap.origin == "rollback" || why.code == "NOT_FOUND";
    if (!nothing_to_do && !swap.new_id.empty())
        commands.emplace_back("docker rm -f " + swap.new_id.substr(0, 12));
    if (!nothing_to_do && !swap.old_id.empty()) {
        const auto old = swap.old_id.substr(0, 12);
        commands.emplace_back("docker rename " + old + " " + swap.container_name);
        if (swap.old_running) commands.emplace_back("docker start " + old);
        if (!swap.old_policy.empty())
            commands.emplace_back("docker update --restart " + swap.old_policy + " " + old);
    }
    std::string text;
    for (const auto& command : commands)
        text += (text.empty() ? "" : " && ") + std::string(command.as_string());
    json::object details{{"container_name", swap.container_name},
                         {"previous_container_id", swap.old_id},
                         {"failed_container_id", swap.new_id},
                         {"failed_image", swap.image_ref},
                         {"cause", why.code},
                         {"commands", std::move(commands)}};
    if (auto before = parse_object(swap.old_spec); before) details["previous"] = std::move(*before);
    return fail(passes(why) ? why.code : "ROLLBACK_FAILED",
                what + ": " + why.message +
                    (why.code == "NOT_FOUND"
                         ? "; somebody has removed it: deploy a version that was well again"
                     : text.empty() ? "; look at docker ps -a on " + host
                                    : "; to restore it by hand, on " + host + ": " + text +
                                          ", then onex-host resolve ID --as rolled-back"),
                json::serialize(details));
}

/// Nothing was touched yet. What may pass by itself stays as it is.
std::unexpected<Error> not_made(const Level& level, Error why) {
    if (passes(why)) return std::unexpected(std::move(why));
    return fail("ROLLBACK_FAILED",
                "the container of version " + level.version +
                    " was removed by somebody, and can't be made anew: " + why.message +
                    "; the present one goes on serving");
}

}  // namespace

/// Takes the new container of a failed swap away; answers the last lines of its log.
Result<std::string> Swapper::discard_new(const Swap& swap, Wait wait) {
    // A crash between create and its row leaves a container that only its label ties to this
    // deployment.
    auto standing =
        engine_.find_container(swap.new_id.empty() ? swap.container_name : swap.new_id, wait);
    if (!standing) return std::unexpected(std::move(standing).error());
    if (!*standing) return std::string();
    const auto id = container_id(**standing);
    if (swap.origin == "rollback") {
        if (auto done = engine_.stop_container(id, settings_.stop_grace_s, wait); !done)
            return std::unexpected(done.error());
        if (container_name(**standing) != swap.container_name) return std::string();
        auto spec = parse_object(swap.old_spec);
        auto done =
            engine_.rename_container(id, spec ? get_text(*spec, "new_name") : std::string(), wait);
        if (!done) return std::unexpected(std::move(done).error());
        done = engine_.set_restart_policy(id, "no", wait);
        if (!done) return std::unexpected(std::move(done).error());
        return std::string();
    }
    if (container_label(**standing, "onex.deployment") != swap.deployment_id) return std::string();
    auto log = container_log(engine_, id, kLogLines, wait);
    if (auto done =
            engine_.stop_container(id, std::min(settings_.stop_grace_s, kDiscardGraceS), wait);
        !done)
        return std::unexpected(done.error());
    if (auto done = engine_.remove_container(id, wait); !done) return std::unexpected(done.error());
    return log.value_or("the log could not be read");
}

/// Gives the old container its name, process and policy back; answers its image.
Result<std::string> Swapper::bring_back(const Swap& swap, Wait wait) {
    auto old = engine_.inspect_container(swap.old_id, wait);
    if (!old) return std::unexpected(std::move(old).error());
    if (container_name(*old) != swap.container_name) {
        if (auto done = engine_.rename_container(swap.old_id, swap.container_name, wait); !done)
            return std::unexpected(std::move(done).error());
    }
    if (swap.old_running) {
        if (auto done = engine_.start_container(swap.old_id, wait); !done)
            return std::unexpected(std::move(done).error());
        old = engine_.inspect_container(swap.old_id, wait);
        if (!old) return std::unexpected(std::move(old).error());
        if (!container_running(*old)) {
            const auto code = get_number(get_object(*old, "State"), "ExitCode");
            return fail("ROLLBACK_FAILED",
                        "it started and ended at once with exit code " + std::to_string(code));
        }
    }
    auto done = engine_.set_restart_policy(swap.old_id, swap.old_policy, wait);
    if (!done) return std::unexpected(std::move(done).error());
    return get_text(get_object(*old, "Config"), "Image");
}

Result<Restored> Swapper::restore(std::string_view deployment_id,
                                  std::string_view name,
                                  const Tell& tell,
                                  Wait wait) {
    auto known = journal_.swap(deployment_id);
    if (!known) return std::unexpected(std::move(known).error());
    Restored out;
    const auto drop_image = [&](const Swap& ended) {
        if (ended.origin == "rollback") return;
        auto removed = images_.remove(ended.container_name, ended.deployment_id, wait);
        if (!removed)
            host_.log(LogLevel::warn,
                      "the image of a failed deployment stays: " + removed.error().message);
    };
    if (!*known || (*known)->state == "restored") {
        if (*known) drop_image(**known);  // A crash may have come before it.
        // Nothing was touched, or it is done already: the container of that name is the previous
        // one.
        auto standing =
            engine_.find_container(*known ? (*known)->container_name : std::string(name), wait);
        if (!standing) return std::unexpected(std::move(standing).error());
        out.is_restored = standing->has_value();
        out.is_anew = *known && (*known)->step == kRemade;
        if (*standing) out.container_id = container_id(**standing);
        return out;
    }
    auto& swap = **known;
    if (swap.state != "open" && swap.state != "failed") {
        return fail("CONFLICT",
                    "deployment " + swap.deployment_id + " of " + swap.container_name +
                        " has ended well; go back with onex-host rollback");
    }
    // Before anything stops: loading an image may take a while.
    Result<void> made;
    if (!swap.old_id.empty()) {
        const auto old = engine_.find_container(swap.old_id, wait);
        if (old && !*old)
            made = remake(swap, swap.origin == "rollback" ? "undone" : "prev", tell, wait);
    }
    auto log = discard_new(swap, wait);
    if (!log)
        return rollback_failed(
            swap,
            settings_.host,
            "the new container of " + swap.container_name + " could not be removed",
            log.error());
    out.log = std::move(*log);
    tell.step();
    std::string image_ref;
    if (!swap.old_id.empty()) {
        // Without it nothing can be done by hand either: as if it had been removed for good.
        const auto lost = [&] {
            const auto& why = made.error();
            return passes(why) ? std::unexpected(why) : fail("NOT_FOUND", why.message);
        };
        auto back = made ? bring_back(swap, wait) : Result<std::string>(lost());
        if (!back) {
            return rollback_failed(
                swap,
                settings_.host,
                "the previous container of " + swap.container_name + " could not be put back",
                back.error());
        }
        image_ref = std::move(*back);
        out.is_restored = true;
        out.is_anew = swap.step == kRemade;
        out.container_id = swap.old_id;
    }
    tell.step();
    swap.state = "restored";
    if (!out.is_anew) swap.step = "restored";
    auto done = journal_.settle({swap}, swap.container_name, swap.old_id, image_ref);
    if (!done) return std::unexpected(std::move(done).error());
    drop_image(swap);
    return out;
}

Result<Swap> Swapper::begin_undo(
    std::string_view name, std::string_view rollback_id, int steps, const Tell& tell, Wait wait) {
    auto known = journal_.swap(rollback_id);
    if (!known) return std::unexpected(std::move(known).error());
    const bool is_begun = *known && (*known)->step != kPlanned;
    if (is_begun && ((*known)->origin != "rollback" || (*known)->state == "restored")) {
        return fail("CONFLICT",
                    std::string(rollback_id) + " has ended already; start a new rollback");
    }
    if (is_begun) return std::move(**known);
    auto kept = kept_of(name, wait);
    if (!kept) return std::unexpected(std::move(kept).error());
    if (kept->empty() || std::cmp_less(kept->size(), steps)) {
        return fail("NOT_FOUND",
                    kept->empty()
                        ? "no previous container of " + std::string(name) +
                              " is kept; deploy the version that you want"
                        : "only " + std::to_string(kept->size()) + " previous containers of " +
                              std::string(name) + " are kept; ask for fewer steps");
    }
    auto current = engine_.find_container(name, wait);
    if (!current) return std::unexpected(std::move(current).error());
    if (*current) {
        const auto ours = is_ours(**current, name);
        if (!ours) return std::unexpected(ours.error());
        if (!*ours)
            return fail(
                "POLICY_DENIED",
                "the container " + std::string(name) + " is not one that onex started; it stays");
    }
    auto& [past, level] = (*kept)[static_cast<std::size_t>(steps - 1)];
    if (level.comes_from != "container") {
        if (auto done = remake(past, "prev", tell, wait); !done)
            return not_made(level, std::move(done).error());
    }
    const auto target = engine_.inspect_container(past.old_id, wait);
    if (!target) return std::unexpected(target.error());
    Swap swap;
    swap.deployment_id = rollback_id;
    swap.container_name = name;
    swap.origin = "rollback";
    swap.new_id = past.old_id;
    swap.requested_policy = past.old_policy;
    swap.state = "open";
    json::object spec{{"new_name", container_name(*target)},
                      {"undoes", past.deployment_id},
                      {"anew", past.step == kRemade}};
    std::string blueprint;
    if (*current) {
        blueprint = write_blueprint(blueprint_of(**current));
        spec["deployment_id"] = container_label(**current, "onex.deployment");
        swap.old_id = container_id(**current);
        swap.old_policy = container_policy(**current);
        swap.old_running = container_running(**current);
    }
    swap.old_spec = json::serialize(spec);
    if (auto done = journal_.begin(swap, blueprint); !done)
        return std::unexpected(std::move(done).error());
    return swap;
}

/// The deployments that a rollback takes back: those after the container that returns.
Result<std::vector<Swap>> Swapper::undone_by(const Swap& rollback) {
    auto swaps = journal_.swaps_of(rollback.container_name);
    if (!swaps) return swaps;
    std::vector<Swap> out;
    for (auto& past : *swaps) {
        if (past.state != "committed") continue;
        past.state = "undone";
        out.push_back(past);
        if (past.old_id == rollback.new_id) break;
    }
    return out;
}

Result<int> Swapper::take_back_failed(std::string_view name,
                                      std::string_view rollback_id,
                                      Wait wait) {
    const auto known = journal_.swap(rollback_id);
    if (!known) return std::unexpected(known.error());
    if (*known && (*known)->step != kPlanned) return 0;
    json::array takes_back;
    if (*known) {
        const auto spec = parse_object((*known)->old_spec);
        if (const auto* list = spec ? spec->if_contains("takes_back") : nullptr;
            list && list->is_array())
            takes_back = list->as_array();
    } else {
        const auto left = left_by(name, rollback_id);
        if (!left) return std::unexpected(left.error());
        for (const auto& swap : *left) {
            const auto runs = new_one_runs(swap, wait);
            if (!runs) return std::unexpected(runs.error());
            if (!*runs) takes_back.emplace_back(swap.deployment_id);
        }
        // Before the first effect: a repetition must not take them for steps of their own, and go
        // back further than it was asked to.
        if (!takes_back.empty()) {
            Swap plan;
            plan.deployment_id = rollback_id;
            plan.container_name = name;
            plan.origin = "rollback";
            plan.state = "undone";
            plan.step = kPlanned;
            plan.old_spec = json::serialize(json::object{{"takes_back", takes_back}});
            if (auto done = journal_.begin(plan, {}); !done)
                return std::unexpected(std::move(done).error());
        }
    }
    const auto restored_count = [&]() -> Result<int> {
        int count = 0;
        for (const auto& id : takes_back) {
            const auto swap = journal_.swap(std::string_view(id.as_string()));
            if (!swap) return std::unexpected(swap.error());
            if (*swap && (*swap)->state == "restored") ++count;
        }
        return count;
    };
    auto count = restored_count();
    if (!count || (*known && std::cmp_equal(*count, takes_back.size()))) return count;
    if (auto done = close_older(name, rollback_id, wait); !done)
        return std::unexpected(std::move(done).error());
    return restored_count();
}

Result<Undone> Swapper::undo(std::string_view name,
                             std::string_view rollback_id,
                             HowFar how_far,
                             const Tell& tell,
                             Wait wait) {
    const auto closed = take_back_failed(name, rollback_id, wait);
    if (!closed) return std::unexpected(closed.error());
    auto steps = how_far.steps;
    const auto before = journal_.swap(rollback_id);
    if (!before) return std::unexpected(before.error());
    const bool is_begun = *before && (*before)->step != kPlanned;
    if (!how_far.version.empty() && !is_begun) {
        const auto kept = levels(name, wait);
        if (!kept) return std::unexpected(kept.error());
        const auto found = std::ranges::find(*kept, how_far.version, &Level::version);
        if (found == kept->end()) {
            std::string versions;
            for (const auto& level : *kept)
                versions += (versions.empty() ? "" : ", ") + level.version;
            return fail("NOT_FOUND",
                        "no container of " + std::string(name) + " in version " + how_far.version +
                            " is kept; " +
                            (versions.empty() ? "there is none at all" : "there are " + versions));
        }
        steps = found->steps + *closed;
    }
    if (!is_begun && *closed >= steps) {
        // A deployment that had failed and was left as it was: taking it back was the step.
        const auto current = engine_.find_container(name, wait);
        if (!current) return std::unexpected(current.error());
        if (*current)
            return Undone{
                container_id(**current), container_label(**current, "onex.version"), {}, false};
    }
    auto begun = begin_undo(name, rollback_id, std::max(steps - *closed, 1), tell, wait);
    if (!begun) return std::unexpected(std::move(begun).error());
    auto& swap = *begun;
    const auto turn = [&]() -> Result<json::object> {
        if (!swap.old_id.empty()) {
            auto done = engine_.set_restart_policy(swap.old_id, "no", wait);
            if (!done && done.error().code != "NOT_FOUND")
                return std::unexpected(std::move(done).error());
        }
        if (auto done = retire(swap, "undone", wait); !done)
            return std::unexpected(std::move(done).error());
        tell.step();
        auto target = engine_.inspect_container(swap.new_id, wait);
        if (!target) return target;
        if (container_name(*target) != swap.container_name) {
            auto done = engine_.rename_container(swap.new_id, swap.container_name, wait);
            if (!done) return std::unexpected(std::move(done).error());
        }
        if (auto done = engine_.start_container(swap.new_id, wait); !done)
            return std::unexpected(std::move(done).error());
        tell.step();
        target = engine_.inspect_container(swap.new_id, wait);
        if (target && !container_running(*target)) {
            return fail("ROLLBACK_FAILED",
                        "the previous container ended at once with exit code " +
                            std::to_string(get_number(get_object(*target, "State"), "ExitCode")));
        }
        return target;
    };
    auto target = swap.state == "undone" ? engine_.inspect_container(swap.new_id, wait) : turn();
    if (!target) {
        const auto back = restore(swap.deployment_id, name, tell, cleanup(30'000));
        return rollback_failed(
            swap,
            settings_.host,
            "the previous container of " + std::string(name) + " does not run" +
                (back ? ", the present one was put back" : ", nor does the present one"),
            target.error());
    }
    if (swap.state != "undone") {
        auto done = engine_.set_restart_policy(swap.new_id, swap.requested_policy, wait);
        if (!done) return std::unexpected(std::move(done).error());
        auto ended = undone_by(swap);
        if (!ended) return std::unexpected(std::move(ended).error());
        swap.state = "undone";
        swap.step = "undone";
        ended->insert(ended->begin(), swap);
        const auto image_ref = get_text(get_object(*target, "Config"), "Image");
        done = journal_.settle(*ended, name, swap.new_id, image_ref);
        if (!done) return std::unexpected(std::move(done).error());
    }
    prune(name, wait);  // Also when a crash came before it.
    const auto spec = parse_object(swap.old_spec);
    return Undone{swap.new_id,
                  container_label(*target, "onex.version"),
                  swap.old_id,
                  spec && get_bool(*spec, "anew")};
}

/// Retired containers beyond the last `keep_previous` go. Only containers that carry our labels:
/// one that was adopted stays. What is written down of a level goes first, so that nothing makes it
/// anew; tags stay while a container or a level needs them.
void Swapper::prune(std::string_view name, Wait wait) {
    const auto swaps = journal_.swaps_of(name);
    if (!swaps) return;
    const auto warn = [&](const Result<void>& done) {
        if (!done)
            host_.log(LogLevel::warn,
                      "something old of " + std::string(name) + " stays: " + done.error().message);
    };
    std::set<std::string> needed;  // Deployments.
    int level = 0;
    for (const auto& past : *swaps) {
        if (past.state == "open" || past.state == "failed") needed.insert(past.deployment_id);
        if (past.state != "committed" || past.old_id.empty()) continue;
        if (++level > settings_.keep_previous) {
            warn(journal_.forget_blueprint(past.deployment_id));
        } else if (const auto spec = parse_object(past.old_spec)) {
            needed.insert(get_text(*spec, "deployment_id"));
        }
    }
    const auto label = std::string("onex.container=") + std::string(name);
    auto listed = engine_.list_containers({label, "onex.namespace=" + settings_.name_space}, wait);
    const auto current = journal_.container(name);
    const auto tags = journal_.images_of(name);
    if (!listed || !current || !tags) return;
    std::vector<json::object> retired;
    for (auto& entry : *listed) {
        if (!entry.is_object()) continue;
        auto& object = entry.as_object();
        if (get_text(object, "Id") != *current && get_text(object, "State") != "running")
            retired.push_back(std::move(object));
        else
            needed.insert(get_text(get_object(object, "Labels"), "onex.deployment"));
    }
    std::ranges::sort(retired, [](const auto& a, const auto& b) {
        return get_number(a, "Created") > get_number(b, "Created");
    });
    for (std::size_t i = 0; i < retired.size(); ++i) {
        Result<void> done;
        const bool is_kept = std::cmp_less(i, settings_.keep_previous);
        if (!is_kept) done = engine_.remove_container(get_text(retired[i], "Id"), wait);
        warn(done);
        if (is_kept || !done)
            needed.insert(get_text(get_object(retired[i], "Labels"), "onex.deployment"));
    }
    for (const auto& [image_ref, deployment_id] : *tags)
        if (!needed.contains(deployment_id)) warn(images_.remove(name, deployment_id, wait));
}

}  // namespace onex::receiver
