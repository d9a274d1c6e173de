#include "plugins/deployment_sender/packages.hpp"

#include "digest/digest.hpp"
#include "plugins/deployment_sender/events.hpp"
#include "plugins/deployment_sender/image_stream.hpp"
#include "plugins/deployment_sender/package_manifest.hpp"
#include "plugins/deployment_sender/peer.hpp"

#include <algorithm>
#include <utility>

namespace onex::sender {
namespace {

constexpr double kMegabyte = 1048576.0;

std::string correlation_of(const Request& request, const json::object& input) {
    auto own = get_text(input, "correlation_id");
    return own.empty() ? request.correlation_id() : own;
}

/// The original's flat names as the builder takes them.
json::object build_input(const json::object& input) {
    json::object options;
    for (const auto* name : {"dockerfile_path", "build_context", "build_args"}) {
        if (const auto* value = input.if_contains(name)) options[name] = *value;
    }
    return {{"container_name", get_text(input, "container_name")},
            {"image_tag", get_text(input, "image_tag")},
            {"build_options", std::move(options)}};
}

}  // namespace

Result<json::object> Packages::package_container(Request& request, const json::object& input) {
    const auto started = host_.monotonic_us();
    EventSubject subject{correlation_of(request, input),
                         {},
                         host_.uuid(),
                         get_text(input, "container_name"),
                         get_text(input, "image_tag")};
    (void)publish_event(host_, "BUILD_STARTED", subject, get_object(input, "deployment_metadata"));
    const auto give_up = [&](const Error& error) {
        publish_failure(host_, subject, input, "build", error);
        return std::unexpected(error);
    };
    auto built = builder_.build(request, build_input(input));
    if (!built) return give_up(built.error());
    (void)publish_event(host_,
                        "BUILD_COMPLETED",
                        subject,
                        {{"image_id", built->image_id}, {"build_duration_ms", built->duration_ms}});

    auto image = engine_.image(built->image_ref, request.wait());
    if (!image) return give_up(image.error());
    Stream reader;
    ExportOrder order{built->image_ref,
                      get_text(input, "compression", "gzip"),
                      0,
                      static_cast<std::uint64_t>(std::max<std::int64_t>(image->size_bytes, 0))};
    auto stream = ImageStream::start(host_, engine_, request, std::move(order), reader);
    if (!stream) return give_up(stream.error());
    auto spooled = host_.spool(
        reader, static_cast<std::uint64_t>(settings_.package_bytes_max), {}, request.wait());
    reader = Stream{};
    auto blob = stream->settle(std::move(spooled));
    if (!blob) return give_up(blob.error());
    const auto& sum = stream->sum();
    if (get_bool(input, "verify_checksum", true) && blob->digest != sum.checksum) {
        (void)host_.remove_blob(blob->digest);
        return give_up({"CHECKSUM_MISMATCH",
                        "the package was stored as " + blob->digest + " but " + sum.checksum +
                            " was written; check the disk and try again",
                        {},
                        {}});
    }
    const auto ratio = sum.bytes_raw == 0
                           ? 1.0
                           : static_cast<double>(blob->bytes) / static_cast<double>(sum.bytes_raw);
    return json::object{{"success", true},
                        {"package_id", subject.package_id},
                        {"image_id", built->image_id},
                        {"package_path", blob->digest},
                        {"package_size_mb", static_cast<double>(blob->bytes) / kMegabyte},
                        {"package_checksum", blob->digest},
                        {"build_duration_ms", built->duration_ms},
                        {"compression_ratio", std::min(ratio, 1.0)},
                        {"execution_time_ms", (host_.monotonic_us() - started) / 1000}};
}

Result<json::object> Packages::transfer_package(Request& request, const json::object& input) {
    const auto started = host_.monotonic_us();
    const auto path = get_text(input, "package_path");
    const auto checksum = get_text(input, "package_checksum");
    if (!digest::is_digest(path)) {
        return fail("VALIDATION_ERROR",
                    "package_path is " + path.substr(0, 200) +
                        "; expected the id of a package, as package_container gave it");
    }
    if (path != checksum) {
        return fail("CHECKSUM_MISMATCH",
                    "the package is " + path + ", but package_checksum is " + checksum);
    }
    auto blob = host_.stat_blob(path);
    if (!blob) return std::unexpected(std::move(blob).error());

    EventSubject subject{correlation_of(request, input),
                         {},
                         get_text(input, "package_id"),
                         get_text(input, "container_name"),
                         get_text(input, "image_tag")};
    (void)publish_event(host_, "TRANSFER_STARTED", subject, {{"bytes", blob->bytes}});
    auto received = send(request, input, *blob);
    if (!received) {
        publish_failure(host_, subject, input, "transfer", received.error());
        return received;
    }
    const auto duration_ms = std::max<std::int64_t>((host_.monotonic_us() - started) / 1000, 1);
    json::object output{
        {"success", true},
        {"transfer_success", true},
        {"transfer_duration_ms", duration_ms},
        {"bytes_transferred", blob->bytes},
        {"transfer_throughput_mbps",
         static_cast<double>(blob->bytes) / kMegabyte * 1000.0 / static_cast<double>(duration_ms)},
        {"remote_deployment_id", get_text(*received, "deployment_id")},
        {"checksum_verified", get_bool(*received, "checksum_verified")}};
    (void)publish_event(host_, "TRANSFER_COMPLETED", subject, output);
    return output;
}

Result<json::object> Packages::send(Request& request,
                                    const json::object& input,
                                    const BlobInfo& blob) {
    auto target = target_of_url(get_text(input, "remote_receiver_url"));
    if (!target) return std::unexpected(std::move(target).error());

    // The receiver verifies the image by its config digest, which stands in the package itself.
    std::string compression;
    auto manifest_stream = host_.open_blob(blob.digest);
    if (!manifest_stream) return std::unexpected(std::move(manifest_stream).error());
    auto first = manifest_stream->read(request.wait());
    if (!first) return std::unexpected(std::move(first).error());
    if (*first) compression = compression_of(first->text());
    auto manifest =
        read_package_manifest(compression.empty() ? "none" : compression,
                              4 * static_cast<std::uint64_t>(settings_.package_bytes_max),
                              [&](const package::Sink& sink) -> Result<void> {
                                  for (Buffer buffer = std::move(*first); buffer;) {
                                      if (auto done = sink(buffer.text()); !done) return done;
                                      auto next = manifest_stream->read(request.wait());
                                      if (!next) return std::unexpected(std::move(next).error());
                                      buffer = std::move(*next);
                                      request.progress_step("reading the package");
                                  }
                                  return {};
                              });
    if (!manifest) return std::unexpected(std::move(manifest).error());
    const auto colon = std::min(manifest->tag.rfind(':'), manifest->tag.size());
    auto name = get_text(input, "container_name", manifest->tag.substr(0, colon));
    auto tag = get_text(
        input, "image_tag", manifest->tag.substr(std::min(colon + 1, manifest->tag.size())));

    Peer peer(host_, request, *target);
    auto package = host_.open_blob(blob.digest);
    if (!package) return std::unexpected(std::move(package).error());
    auto received = peer.call("receive_package",
                              {{"deployment_id", get_text(input, "package_id")},
                               {"container_name", name},
                               {"image_tag", tag},
                               {"compression", compression},
                               {"config_digest", manifest->config_digest}},
                              false,
                              std::move(*package));
    if (received && get_text(*received, "checksum") != blob.digest) {
        return fail("CHECKSUM_MISMATCH",
                    "the receiver got a package with BLAKE3 " + get_text(*received, "checksum") +
                        ", but " + blob.digest + " was sent; send it again");
    }
    return received;
}

Result<json::object> Packages::publish_transfer_event(Request& request, const json::object& input) {
    const auto started = host_.monotonic_us();
    const EventSubject subject{correlation_of(request, input),
                               {},
                               get_text(input, "package_id"),
                               get_text(input, "container_name"),
                               get_text(input, "image_tag")};
    auto id = publish_event(
        host_, get_text(input, "event_type"), subject, get_object(input, "event_payload"));
    // The original counts an event that can't be published as a success: nothing else may fail for
    // it.
    json::object output{{"success", true},
                        {"event_published", id.has_value()},
                        {"publish_duration_ms", (host_.monotonic_us() - started) / 1000}};
    if (!id) {
        output["error_code"] = "KAFKA_PUBLISH_FAILED";
        output["error_message"] = id.error().message;
    }
    return output;
}

}  // namespace onex::sender
