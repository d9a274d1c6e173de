#include "plugins/deployment_sender/sender.hpp"

#include "plugins/deployment_sender/events.hpp"
#include "plugins/deployment_sender/image_check.hpp"

#include <utility>

namespace onex::sender {
namespace {

constexpr std::int64_t kBuildxAskEveryUs = 60'000'000;
constexpr std::int64_t kHealthWaitMs = 3'000;

EventSubject subject_of(const Request& request, const json::object& input) {
    return {request.correlation_id(),
            deployment_id_of(input),
            {},
            get_text(input, "container_name"),
            get_text(input, "image_tag")};
}

}  // namespace

DeploymentSender::DeploymentSender(const onex_host* host, const onex_create_args* args)
    : JsonNode(host, args),
      settings_(read_settings(this->host().settings())),
      engine_(this->host(), settings_.docker_socket),
      builder_(this->host(), engine_, settings_),
      transfer_(this->host(), engine_, settings_),
      packages_(this->host(), engine_, settings_, builder_) {
    const auto of = [](auto& part, auto method) {
        return [&part, method](Request& request, const json::object& input) {
            return (part.*method)(request, input);
        };
    };
    add_json("build_docker_image", of(*this, &DeploymentSender::build_docker_image));
    add_json("gather_metadata", of(*this, &DeploymentSender::gather_metadata));
    add_json("validate_image", of(*this, &DeploymentSender::validate_image));
    add_json("establish_connection", of(transfer_, &Transfer::establish_connection));
    add_json("send_deployment_request", of(transfer_, &Transfer::send));
    add_json("verify_transfer", of(transfer_, &Transfer::verify));
    add_json("release_transfer", of(transfer_, &Transfer::release));
    add_json("package_container", of(packages_, &Packages::package_container));
    add_json("transfer_package", of(packages_, &Packages::transfer_package));
    add_json("publish_transfer_event", of(packages_, &Packages::publish_transfer_event));
    add_json("health", [this](Request& request, const json::object&) { return health(request); });
}

Result<json::object> DeploymentSender::build_docker_image(Request& request,
                                                          const json::object& input) {
    if (!get_text(input, "image").empty()) return use_image(request, input);
    const auto subject = subject_of(request, input);
    (void)publish_event(host(), "BUILD_STARTED", subject, {});
    auto built = builder_.build(request, input);
    if (!built) {
        publish_failure(host(), subject, input, "build", built.error());
        return std::unexpected(std::move(built).error());
    }
    (void)publish_event(host(),
                        "BUILD_COMPLETED",
                        subject,
                        {{"image_id", built->image_id}, {"build_duration_ms", built->duration_ms}});
    return json::object{{"image_ref", built->image_ref},
                        {"image_id", built->image_id},
                        {"deployment_metrics", {{"build_duration_ms", built->duration_ms}}},
                        {"artifacts", {{"docker_image", built->image_ref + " " + built->image_id}}},
                        {"checks", {{"image_build_success", 1}}}};
}

Result<json::object> DeploymentSender::use_image(Request& request, const json::object& input) {
    const auto reference = get_text(input, "image");
    auto image = engine_.image(reference, request.wait());
    if (!image) {
        auto error = std::move(image).error();
        if (error.code == "NOT_FOUND") {
            error.message =
                "this engine has no image " + reference.substr(0, 300) +
                "; pull or build it first, or leave out image to build from the Dockerfile";
        }
        return std::unexpected(std::move(error));
    }
    return json::object{{"image_ref", reference},
                        {"image_id", image->id},
                        {"deployment_metrics", {{"build_duration_ms", 0}}},
                        {"artifacts", {{"docker_image", reference + " " + image->id}}},
                        {"checks", {{"image_build_success", 1}}}};
}

Result<json::object> DeploymentSender::gather_metadata(Request& request,
                                                       const json::object& input) {
    auto image = engine_.image(get_text(input, "image_ref"), request.wait());
    if (!image) return std::unexpected(std::move(image).error());
    auto metadata = image_metadata(*image);
    json::object artifact{{"container_name", get_text(input, "container_name")},
                          {"image_ref", get_text(input, "image_ref")},
                          {"image_metadata", metadata},
                          {"gathered_at", iso_time(host().wall_us())}};
    return json::object{{"checks", {{"metadata_complete", completeness(metadata)}}},
                        {"image_metadata", std::move(metadata)},
                        {"artifacts", {{"deployment_metadata.json", std::move(artifact)}}}};
}

Result<json::object> DeploymentSender::validate_image(Request& request, const json::object& input) {
    const auto reference = get_text(input, "image_ref");
    auto inspected = engine_.inspect_image(reference, request.wait());
    if (!inspected && inspected.error().code == "NOT_FOUND") {
        auto missing = missing_image(reference);
        return json::object{{"checks", std::move(missing.checks)},
                            {"validation", std::move(missing.validation)}};
    }
    if (!inspected) return std::unexpected(std::move(inspected).error());
    const auto& options = get_object(input, "build_options");
    ImageDemands demands;
    demands.image_id = get_text(input, "image_id");
    demands.config_digest = get_text(get_object(input, "image_metadata"), "config_digest");
    demands.size_bytes_max = size_limit(get_object(input, "run"), settings_.image_bytes_max);
    if (const auto* labels = options.if_contains("required_labels"))
        demands.required_labels = *labels;
    demands.platform = get_text(options, "platform");
    auto verdict = judge_image(docker::image_info(*inspected), demands);
    if (!verdict) return std::unexpected(std::move(verdict).error());
    // The engine's own account, without what is large or may hold secrets.
    for (const auto* name : {"ContainerConfig", "GraphDriver"})
        inspected->erase(name);
    if (auto* config = inspected->if_contains("Config"); config && config->is_object()) {
        config->as_object().erase("Env");
    }
    return json::object{{"checks", std::move(verdict->checks)},
                        {"validation", std::move(verdict->validation)},
                        {"artifacts", {{"image_manifest.json", std::move(*inspected)}}}};
}

Result<json::object> DeploymentSender::health(Request& request) {
    const auto version = engine_.version(request.wait(kHealthWaitMs));
    const auto now = host().monotonic_us();
    const auto asked = buildx_asked_us_.load();
    if (asked == 0 || now - asked > kBuildxAskEveryUs) {
        buildx_asked_us_ = now;
        has_buildx_ = builder_.has_buildx(request.wait(kHealthWaitMs));
    }
    json::object out{{"status", version ? "healthy" : "degraded"},
                     {"docker_connected", version.has_value()},
                     {"buildkit", has_buildx_.load()}};
    if (version) {
        out["docker_version"] = get_text(*version, "Version");
        out["docker_api_version"] = engine_.api_version(request.wait(kHealthWaitMs)).value_or("");
    } else {
        out["detail"] = version.error().message;
        out["advice"] = docker::kStartAdvice;
    }
    return out;
}

}  // namespace onex::sender
