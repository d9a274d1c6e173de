#include "plugins/deployment_sender/transfer.hpp"

#include "plugins/deployment_sender/events.hpp"
#include "plugins/deployment_sender/image_stream.hpp"
#include "plugins/deployment_sender/peer.hpp"

#include <utility>

namespace onex::sender {
namespace {

/// A tag that goes with this object, also after a cancel.
class TemporaryTag {
  public:
    static Result<TemporaryTag> make(docker::Engine& engine,
                                     const std::string& image,
                                     const std::string& repository,
                                     const std::string& tag,
                                     Wait wait) {
        if (auto done = engine.tag_image(image, repository, tag, wait); !done) {
            return std::unexpected(std::move(done).error());
        }
        return TemporaryTag(engine, repository + ":" + tag);
    }
    TemporaryTag(TemporaryTag&& other) noexcept
        : engine_(other.engine_), name_(std::exchange(other.name_, {})) {}
    TemporaryTag& operator=(TemporaryTag&&) = delete;
    ~TemporaryTag() {
        // A tag that stays for want of an engine is removed at the end of the run.
        if (!name_.empty()) Host::guarded([&] { (void)engine_.remove_tag(name_, cleanup()); });
    }
    [[nodiscard]] const std::string& name() const { return name_; }

  private:
    TemporaryTag(docker::Engine& engine, std::string name)
        : engine_(engine), name_(std::move(name)) {}

    docker::Engine& engine_;
    std::string name_;
};

/// Whether the receiver has the image, or a package that it will make the image of. A state alone
/// doesn't say it: what was there at the announcement may have gone since.
bool holds_package(const json::object& status) {
    const auto state = get_text(status, "state");
    const bool is_good =
        state == "ready_for_deployment" || state == "deploying" || state == "deployed";
    return get_bool(status, "image_present") || (is_good && !get_text(status, "checksum").empty());
}

/// What the receiver may see of the configuration before anything is sent: not the environment, it
/// holds secrets.
json::object announced_config(const json::object& input) {
    auto out = get_object(input, "deployment_config");
    out.erase("environment_variables");
    return out;
}

EventSubject subject_of(const Request& request,
                        const json::object& input,
                        const std::string& deployment_id) {
    return {request.correlation_id(),
            deployment_id,
            {},
            get_text(input, "container_name"),
            get_text(input, "image_tag")};
}

}  // namespace

std::string transfer_repository(const json::object& input) {
    return "onex-transfer/" + get_text(input, "container_name");
}

std::string deployment_id_of(const json::object& input) {
    auto own = get_text(input, "deployment_id");
    return own.empty() ? get_text(get_object(input, "run"), "workflow_id") : own;
}

Result<json::object> Transfer::establish_connection(Request& request, const json::object& input) {
    const auto& image = get_object(input, "image_metadata");
    json::object announcement{{"deployment_id", deployment_id_of(input)},
                              {"container_name", get_text(input, "container_name")},
                              {"image_tag", get_text(input, "image_tag", "latest")},
                              {"config_digest", get_text(image, "config_digest")},
                              {"architecture", get_text(image, "architecture")},
                              {"os", get_text(image, "os")},
                              {"image_size_bytes", get_number(image, "image_size_bytes")},
                              {"deployment_config", announced_config(input)},
                              {"when_locked", get_text(input, "when_locked", "refuse")}};
    Peer peer(host_, request, input);
    auto answer = peer.call("announce_deployment", announcement, true);
    if (!answer) {
        auto error = std::move(answer).error();
        // Whoever wants to wait for the name comes again; the contract says so.
        if (error.code == "DEPLOYMENT_LOCKED" && get_text(input, "when_locked") == "queue")
            error.code = "DEPLOYMENT_QUEUED";
        return std::unexpected(std::move(error));
    }
    json::object remote{{"host", peer.target()}};
    for (const auto* name :
         {"architecture", "namespace", "image_present", "docker_api_version", "free_bytes"}) {
        if (const auto* value = answer->if_contains(name)) remote[name] = *value;
    }
    json::object out{{"remote", std::move(remote)}, {"checks", {{"remote_endpoint_reachable", 1}}}};
    if (const auto* lease = answer->if_contains("lease")) out["lease"] = *lease;
    return out;
}

Result<json::object> Transfer::send(Request& request, const json::object& input) {
    const auto started = host_.monotonic_us();
    const auto deployment_id = deployment_id_of(input);
    if (deployment_id.empty()) {
        return fail("VALIDATION_ERROR",
                    "deployment_id is missing; name the deployment that was announced");
    }
    // Asked again, and not taken from `remote`: an image can go between two steps, and come in a
    // try before.
    Peer peer(host_, request, input);
    auto status = peer.call("package_status", {{"deployment_id", deployment_id}}, false);
    if (!status) return std::unexpected(std::move(status).error());

    const auto subject = subject_of(request, input, deployment_id);
    json::object output;
    if (holds_package(*status)) {
        const bool is_present = get_bool(*status, "image_present");
        output["transfer"] = {{"skipped", is_present},
                              {"bytes_sent", is_present ? 0 : get_number(*status, "bytes")},
                              {"bytes_raw", 0},
                              {"compression", "none"},
                              {"checksum", get_text(*status, "checksum")}};
    } else {
        (void)publish_event(host_, "TRANSFER_STARTED", subject, {{"remote", peer.target()}});
        auto sent = send_image(request, input, deployment_id);
        if (!sent) {
            publish_failure(host_, subject, input, "transfer", sent.error());
            return sent;
        }
        output["transfer"] = std::move(*sent);
    }
    auto transfer =
        output["transfer"].as_object();  // A copy: further members move the object's memory.
    const auto duration_ms = (host_.monotonic_us() - started) / 1000;
    transfer["duration_ms"] = duration_ms;
    output["transfer"] = transfer;
    output["deployment_id"] = deployment_id;
    output["package_checksum"] = transfer["checksum"];
    output["deployment_metrics"] = {{"transfer_duration_ms", duration_ms}};
    output["artifacts"] = json::object{{"remote_deployment_id", deployment_id}};
    (void)publish_event(host_, "TRANSFER_COMPLETED", subject, transfer);
    return output;
}

Result<json::object> Transfer::send_image(Request& request,
                                          const json::object& input,
                                          const std::string& deployment_id) {
    const auto& image = get_object(input, "image_metadata");
    const auto image_id = get_text(input, "image_id");
    const auto compression = get_text(input, "compression", settings_.compression);
    auto tag = TemporaryTag::make(engine_,
                                  image_id.empty() ? get_text(input, "image_ref") : image_id,
                                  transfer_repository(input),
                                  deployment_id,
                                  request.wait());
    if (!tag) return std::unexpected(std::move(tag).error());
    ExportOrder order{tag->name(),
                      compression,
                      0,
                      static_cast<std::uint64_t>(
                          std::max<std::int64_t>(get_number(image, "image_size_bytes"), 0))};
    // The level in the settings belongs to the method there.
    if (compression == settings_.compression) order.level = settings_.compression_level;
    Stream body;
    auto stream = ImageStream::start(host_, engine_, request, std::move(order), body);
    if (!stream) return std::unexpected(std::move(stream).error());
    Peer peer(host_, request, input);
    auto received =
        stream->settle(peer.call("receive_package",
                                 {{"deployment_id", deployment_id},
                                  {"container_name", get_text(input, "container_name")},
                                  {"image_tag", get_text(input, "image_tag", "latest")},
                                  {"compression", compression},
                                  {"config_digest", get_text(image, "config_digest", image_id)}},
                                 true,
                                 std::move(body)));
    if (!received) return std::unexpected(std::move(received).error());
    const auto& sum = stream->sum();
    const auto checksum = get_text(*received, "checksum");
    // A repeated call is answered from the receiver's memory, without reading the stream to its
    // end.
    if (!sum.checksum.empty() && sum.checksum != checksum) {
        return fail("CHECKSUM_MISMATCH",
                    "the receiver got a package with BLAKE3 " + checksum + ", but " + sum.checksum +
                        " was sent; send it again");
    }
    return json::object{{"skipped", false},
                        {"bytes_sent",
                         sum.checksum.empty() ? get_number(*received, "bytes")
                                              : static_cast<std::int64_t>(sum.bytes_sent)},
                        {"bytes_raw", sum.bytes_raw},
                        {"compression", compression},
                        {"checksum", checksum}};
}

json::object judge_transfer(const json::object& transfer,
                            std::string_view checksum,
                            const json::object& status) {
    const bool is_acknowledged = holds_package(status);
    const bool is_same =
        get_bool(status, "image_present") || get_text(status, "checksum") == checksum;
    return {{"checks",
             {{"transfer_acknowledged", is_acknowledged ? 1 : 0},
              {"transfer_success", is_acknowledged && is_same ? 1 : 0}}},
            {"receipt",
             {{"state", get_text(status, "state")},
              {"image_present", get_bool(status, "image_present")},
              {"checksum", checksum},
              {"remote_checksum", get_text(status, "checksum")},
              {"transfer", transfer}}}};
}

Result<json::object> Transfer::verify(Request& request, const json::object& input) {
    Peer peer(host_, request, input);
    const auto deployment_id = deployment_id_of(input);
    auto status = peer.call("package_status", {{"deployment_id", deployment_id}}, false);
    if (!status) return status;
    auto judged =
        judge_transfer(get_object(input, "transfer"), get_text(input, "package_checksum"), *status);
    auto& receipt = judged["receipt"].as_object();
    receipt["deployment_id"] = deployment_id;
    receipt["remote"] = peer.target();
    receipt["time"] = iso_time(host_.wall_us());
    return json::object{{"checks", judged["checks"]},
                        {"artifacts", {{"transfer_receipt.json", judged["receipt"]}}}};
}

Result<json::object> Transfer::release(Request& request, const json::object& input) {
    const auto tag = transfer_repository(input) + ":" + get_text(input, "workflow_id");
    if (docker::is_tag(tag) && !get_text(input, "container_name").empty()) {
        // A tag of ours that stays harms nobody; a deployment that ended well doesn't fail for it.
        if (auto done = engine_.remove_tag(tag, request.wait()); !done) {
            host_.log(LogLevel::warn,
                      "the tag " + tag + " could not be removed: " + done.error().message,
                      request.correlation_id());
        }
    }
    return json::object{};
}

}  // namespace onex::sender
