#include "plugins/deployment_sender/image_check.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace onex::sender {
namespace {

// The creation time is not among them: reproducible builds leave it out.
constexpr std::array<std::string_view, 6> kFacts{
    "image_id", "image_size_bytes", "layers_count", "architecture", "os", "config_digest"};

bool is_known(const json::value& value) {
    return value.is_string() ? !value.as_string().empty() : value.is_number();
}

/// The first label of `required` that `labels` lacks, as a person would write it; empty if none.
std::string missing_label(const json::value& required, const json::object& labels) {
    if (required.is_array()) {
        for (const auto& name : required.as_array()) {
            if (name.is_string() && !labels.contains(name.as_string()))
                return std::string(name.as_string());
        }
    } else if (required.is_object()) {
        for (const auto& [name, wanted] : required.as_object()) {
            const auto* value = labels.if_contains(name);
            if (value && (wanted.is_null() || *value == wanted)) continue;
            return std::string(name) +
                   (wanted.is_string() ? "=" + std::string(wanted.as_string()) : "");
        }
    }
    return {};
}

/// "linux/arm64/v8" against os and architecture; a part that isn't asked for is always right.
bool is_platform(std::string_view platform, const docker::ImageInfo& image) {
    const auto slash = platform.find('/');
    if (slash == platform.npos) return platform == image.os || platform == image.architecture;
    const auto rest = platform.substr(slash + 1);
    return platform.substr(0, slash) == image.os &&
           rest.substr(0, rest.find('/')) == image.architecture;
}

}  // namespace

json::object image_metadata(const docker::ImageInfo& image) {
    json::array layers;
    for (const auto& layer : image.layers)
        layers.emplace_back(layer);
    return {{"image_id", image.id},
            {"image_size_bytes", image.size_bytes},
            {"creation_time", image.created},
            {"layers_count", image.layers.size()},
            {"layers", std::move(layers)},
            {"architecture", image.architecture},
            {"os", image.os},
            {"config_digest", image.id},
            {"labels", image.labels}};
}

double completeness(const json::object& metadata) {
    const auto known = std::ranges::count_if(kFacts, [&](std::string_view name) {
        const auto* value = metadata.if_contains(name);
        return value && is_known(*value);
    });
    return static_cast<double>(known) / static_cast<double>(kFacts.size());
}

ImageVerdict missing_image(std::string_view reference) {
    return {{{"image_exists", 0}, {"image_integrity", 0}, {"image_size_check", 0}},
            {{"image_exists",
              "this engine has no image " + std::string(reference) + "; build it again"}}};
}

Result<ImageVerdict> judge_image(const docker::ImageInfo& image, const ImageDemands& demands) {
    if (const auto label = missing_label(demands.required_labels, image.labels); !label.empty()) {
        return fail("VALIDATION_ERROR",
                    "the image lacks the required label " + label + "; add LABEL " + label +
                        " to the Dockerfile");
    }
    if (!demands.platform.empty() && !is_platform(demands.platform, image)) {
        return fail("ARCHITECTURE_MISMATCH",
                    "the image is for " + image.os + "/" + image.architecture + " but " +
                        demands.platform + " was asked for; build it for that platform");
    }
    ImageVerdict out;
    const bool is_same = (demands.image_id.empty() || demands.image_id == image.id) &&
                         (demands.config_digest.empty() || demands.config_digest == image.id);
    const bool fits = image.size_bytes <= demands.size_bytes_max;
    out.checks = {{"image_exists", 1},
                  {"image_integrity", is_same ? 1 : 0},
                  {"image_size_check", fits ? 1 : 0}};
    if (!is_same) {
        out.validation["image_integrity"] = "the image is " + image.id + " now, but " +
                                            demands.image_id + " was built; deploy again";
    }
    if (!fits) {
        out.validation["image_size_check"] = "the image has " + std::to_string(image.size_bytes) +
                                             " bytes; at most " +
                                             std::to_string(demands.size_bytes_max) +
                                             " are allowed: make it smaller, or raise the limit";
    }
    return out;
}

std::int64_t size_limit(const json::object& run, std::int64_t fallback) {
    const auto* gates = run.if_contains("gates");
    if (!gates || !gates->is_array()) return fallback;
    for (const auto& gate : gates->as_array()) {
        if (gate.is_object() && get_text(gate.as_object(), "name") == "image_size_check") {
            return get_number(gate.as_object(), "max_size_bytes", fallback);
        }
    }
    return fallback;
}

}  // namespace onex::sender
