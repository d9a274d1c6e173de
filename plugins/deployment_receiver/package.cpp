// Operations on packages: what is coming, what has come, and how it becomes an image.
#include "plugins/deployment_receiver/receiver.hpp"

#include <algorithm>
#include <chrono>

namespace onex::receiver {

namespace {

json::object status_of(const Package& package) {
    json::object out{{"deployment_id", package.deployment_id},
                     {"state", package.state},
                     {"status", package.state},
                     {"bytes", package.bytes},
                     {"checksum", package.blob},
                     {"checksum_verified", !package.blob.empty()}};
    return out;
}

}  // namespace

Result<json::object> Receiver::announce(Request& request, const json::object& input) {
    auto target = read_target(input);
    if (!target) return std::unexpected(std::move(target).error());
    // What the policy refuses is refused before anything moves.
    if (auto spec = admitted(input); !spec) return std::unexpected(std::move(spec).error());
    const auto wait = request.wait();
    const auto architecture = engine_.architecture(wait);
    if (!architecture) return std::unexpected(architecture.error());
    const auto api = engine_.api_version(wait);
    if (!api) return std::unexpected(api.error());
    if (auto done = check_architecture(get_text(input, "architecture"), *architecture); !done) {
        return std::unexpected(std::move(done).error());
    }
    const auto digest = get_text(input, "config_digest");
    const auto held = images_.present(digest, wait);
    if (!held) return std::unexpected(held.error());
    const auto size = get_number(input, "image_size_bytes");
    // What is kept for rollbacks makes room for what shall run.
    if (!*held) store_.collect(0, static_cast<std::uint64_t>(std::max<std::int64_t>(size, 0)));
    const auto free_bytes = static_cast<std::int64_t>(host().blob_free_bytes());
    if (!*held && size > free_bytes) {
        return fail("DISK_FULL",
                    "the image needs " + std::to_string(size >> 20) + " MiB, " + settings_.host +
                        " has " + std::to_string(free_bytes >> 20) +
                        " MiB left; free some space there");
    }
    const auto lease = lease_for(request, *target, input);
    if (!lease) return std::unexpected(lease.error());
    auto known = journal_.package(target->deployment_id);
    if (!known) return std::unexpected(std::move(known).error());
    if (!*known || (*known)->blob.empty()) {
        Package package;
        package.deployment_id = target->deployment_id;
        package.container_name = target->name;
        package.origin = "workflow";
        package.version = get_text(input, "image_tag");
        package.config_digest = digest;
        package.state = *held ? "ready_for_deployment" : "awaiting_package";
        if (auto done = journal_.put(package); !done)
            return std::unexpected(std::move(done).error());
    } else if ((*known)->origin == "request" && (*known)->state == "ready_for_deployment") {
        (*known)->origin = "workflow";
        if (auto done = journal_.put(**known); !done)
            return std::unexpected(std::move(done).error());
    }
    return json::object{
        {"architecture", *architecture},
        {"namespace", settings_.name_space},
        {"image_present", held->has_value()},
        {"docker_api_version", *api},
        {"free_bytes", free_bytes},
        {"host", settings_.host},
        {"lease", {{"token", lease->token}, {"ttl_ms", settings_.lease_us / 1000}}}};
}

/// The lease for a deployment that is announced. Who takes it from another one waits until what
/// that one has in hand here has ended: its next step is refused.
Result<Lease> Receiver::lease_for(Request& request,
                                  const Target& target,
                                  const json::object& input) {
    const bool supersede = get_text(input, "when_locked") == "supersede";
    auto lease = journal_.lease(
        {target.name, target.deployment_id, std::string(request.caller()), 0, supersede});
    if (!lease || !supersede) return lease;
    std::unique_lock lock(holds_mutex_);
    const auto others = [&] {
        const auto [from, to] = holds_.equal_range(target.name);
        return std::any_of(
            from, to, [&](const auto& held) { return held.second != target.deployment_id; });
    };
    while (others()) {
        if (request.cancelled()) {
            return fail("UNAVAILABLE",
                        "the deployment that " + target.deployment_id +
                            " takes over from still ends a step; try again in a moment");
        }
        hold_ended_.wait_for(lock, std::chrono::milliseconds(100));
    }
    return lease;
}

Result<void> Receiver::spool(Request& request, const json::object& input, Package& package) {
    // What came before and failed; its file would have no name in any row.
    if (auto done = journal_.drop_blob(package); !done) return done;
    package.blob.clear();
    package.state = "receiving";
    package.error_code.clear();
    package.error_message.clear();
    if (auto done = journal_.put(package); !done) return done;
    const auto blob = host().spool(request.stream_in(),
                                   settings_.package_bytes_max,
                                   get_text(input, "checksum"),
                                   request.wait());
    if (blob) {
        package.blob = blob->digest;
        package.bytes = static_cast<std::int64_t>(blob->bytes);
        package.state = "ready_for_deployment";
    }
    auto done = blob ? journal_.put_arrived(package) : Result<void>(std::unexpected(blob.error()));
    if (done) return done;
    package.blob.clear();
    package.state = "failed";
    package.error_code = done.error().code;
    package.error_message = done.error().message;
    if (auto written = journal_.put(package); !written)
        host().log(LogLevel::error, written.error().message);
    return done;
}

Result<json::object> Receiver::receive(Request& request, const json::object& input) {
    const bool is_unsigned = request.caller() == "anonymous";
    if (is_unsigned && !settings_.allow_unsigned_upload) {
        return fail("AUTHENTICATION_FAILED",
                    "this receiver takes signed packages only; sign the request, or set "
                    "allow_unsigned_upload = true to let unsigned ones be stored");
    }
    auto spec = admitted(input);
    if (!spec) return std::unexpected(std::move(spec).error());
    Package package;
    package.deployment_id = get_text(input, "deployment_id", get_text(input, "package_id"));
    if (package.deployment_id.empty()) package.deployment_id = host().uuid();
    auto known = journal_.package(package.deployment_id);
    if (!known) return std::unexpected(std::move(known).error());
    const bool is_announced = *known && (*known)->origin == "workflow";
    if (*known) {
        const auto& before = **known;
        if (!before.blob.empty() && before.state != "failed") return status_of(before);
        if (is_unsigned)
            return fail(
                "CONFLICT",
                "deployment " + package.deployment_id + " exists already; leave deployment_id out");
        if (auto done = journal_.check_caller(package.deployment_id, request.caller()); !done)
            return std::unexpected(std::move(done).error());
        package = before;
    } else {
        package.origin = is_unsigned ? "unsigned" : "request";
    }
    const auto put_if = [&](const char* name, std::string& to) {
        if (auto text = get_text(input, name); !text.empty()) to = std::move(text);
    };
    put_if("container_name", package.container_name);
    put_if("image_tag", package.version);
    put_if("config_digest", package.config_digest);
    Hold held;
    if (is_announced) {
        auto locked = hold({package.container_name, package.deployment_id, {}}, request.caller());
        if (!locked) return std::unexpected(std::move(locked).error());
        held = std::move(*locked);
    }
    if (auto done = spool(request, input, package); !done)
        return std::unexpected(std::move(done).error());

    if (!is_announced && !is_unsigned) {
        package_arrived(package);
        const auto* config = input.if_contains("deployment_config");
        if (config && config->is_object() && !package.container_name.empty()) {
            Job job{package.container_name,
                    package.deployment_id,
                    package.version,
                    {},
                    config->as_object(),
                    get_object(input, "health_check_config")};
            if (auto done = deploy_upload(std::move(job), package, request.caller()); !done)
                return std::unexpected(std::move(done).error());
        }
        if (auto now = journal_.package(package.deployment_id); now && *now)
            package = std::move(**now);
    } else if (is_unsigned) {
        package_arrived(package);
    }
    return status_of(package);
}

Result<json::object> Receiver::package_status(Request& request, const json::object& input) {
    const auto id = get_text(input, "deployment_id");
    auto package = journal_.package(id);
    if (!package) return std::unexpected(std::move(package).error());
    if (!*package) return fail("NOT_FOUND", "no deployment " + id + " is known here");
    auto held = images_.present((*package)->config_digest, request.wait());
    if (!held) return std::unexpected(std::move(held).error());
    auto out = status_of(**package);
    out["image_present"] = held->has_value();
    if (!(*package)->error_code.empty()) {
        out["error"] =
            json::object{{"code", (*package)->error_code}, {"message", (*package)->error_message}};
    }
    return out;
}

Result<OwnImage> Receiver::image_for(const Target& target,
                                     const json::object& input,
                                     const Tell& tell,
                                     std::string& log,
                                     Wait wait) {
    auto package = journal_.package(target.deployment_id);
    if (!package) return std::unexpected(std::move(package).error());
    Images::Wanted wanted{target.name,
                          target.deployment_id,
                          get_text(get_object(input, "image_metadata"), "config_digest"),
                          {}};
    if (*package) {
        auto& row = **package;
        if (row.origin == "unsigned") {
            return fail("AUTHENTICATION_FAILED",
                        "package " + row.deployment_id +
                            " came unsigned; name its checksum in a signed request");
        }
        if (!row.config_digest.empty()) wanted.config_digest = row.config_digest;
        wanted.blob = row.blob;
        store_.collect(row.blob.empty() ? 0 : static_cast<std::uint64_t>(row.bytes));
        row.state = "deploying";
        if (auto done = journal_.put(row); !done) return std::unexpected(std::move(done).error());
    }
    return images_.ensure(wanted, tell, log, wait);
}

Result<void> Receiver::end_package(std::string_view deployment_id, bool is_success) {
    auto package = journal_.package(deployment_id);
    if (!package) return std::unexpected(std::move(package).error());
    if (!*package) return {};
    auto& row = **package;
    row.state = is_success ? "deployed" : "failed";
    if (!is_success && row.error_code.empty()) {
        row.error_code = "DEPLOYMENT_FAILED";
        row.error_message = "the run ended without success";
    }
    if (!is_success || !store_.is_on())
        return row.blob.empty() ? journal_.put(row) : journal_.drop_blob(row);
    // By its digest it is found again; nobody may have announced it.
    if (row.config_digest.empty()) {
        auto digest = journal_.image_digest(row.container_name, row.deployment_id);
        if (!digest) return std::unexpected(std::move(digest).error());
        row.config_digest = std::move(*digest);
    }
    return journal_.put(row);
}

Result<json::object> Receiver::load_image(Request& request, const json::object& input) {
    auto target = read_target(input);
    if (!target) return std::unexpected(std::move(target).error());
    auto held = hold(*target, request.caller());
    if (!held) return std::unexpected(std::move(held).error());
    std::string log;
    auto image = image_for(*target, input, Tell(host(), request.token()), log, request.wait());
    if (!image) return std::unexpected(std::move(image).error());
    publish("IMAGE_LOADED", *target, {{"image_id", image->image_id}});
    return json::object{{"image_id", image->image_id}, {"image_name", image->image_ref}};
}

}  // namespace onex::receiver
