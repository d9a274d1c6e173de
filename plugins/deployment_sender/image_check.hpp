// What is known of an image, and whether it may be sent. Pure.
#pragma once

#include "docker/engine.hpp"

#include <onex/json.hpp>

#include <string>
#include <string_view>

namespace onex::sender {

/// `image_metadata` of the workflow: what is compared and shown from here on.
[[nodiscard]] json::object image_metadata(const docker::ImageInfo& image);

/// The share of the facts in `metadata` that the workflow needs and that are there, 0 to 1.
[[nodiscard]] double completeness(const json::object& metadata);

/// What validate_image compares an image with.
struct ImageDemands {
    std::string image_id;       ///< as built; empty: whatever is there now
    std::string config_digest;  ///< as gathered; empty: not gathered
    std::int64_t size_bytes_max = 0;
    json::value required_labels;  ///< {name: value} or [name]
    std::string platform;         ///< "os/architecture" asked for, or empty
};

/// The scores image_exists, image_integrity and image_size_check, and a sentence a failed one.
struct ImageVerdict {
    json::object checks;
    json::object validation;
};

/// Errors: VALIDATION_ERROR for a missing label, ARCHITECTURE_MISMATCH for another platform than
/// asked for.
[[nodiscard]] Result<ImageVerdict> judge_image(const docker::ImageInfo& image,
                                               const ImageDemands& demands);

/// The verdict on an image that isn't there.
[[nodiscard]] ImageVerdict missing_image(std::string_view reference);

/// max_size_bytes of the gate image_size_check among the gates of a run, or `fallback`.
[[nodiscard]] std::int64_t size_limit(const json::object& run, std::int64_t fallback);

}  // namespace onex::sender
