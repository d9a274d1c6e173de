// A Docker Engine as plugins use it: the Engine API over the host's HTTP client.
#pragma once

#include "docker/wire.hpp"

#include <onex/json.hpp>

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onex::docker {

/// What to do when no engine answers; for a node's health.
inline constexpr const char* kStartAdvice =
    "start Docker, or set docker_socket in the node's settings to the engine's socket";

/// What an image is, as far as it can be compared between engines.
struct ImageInfo {
    std::string
        id;  ///< config digest on the classic store, manifest digest on the containerd store
    std::string architecture;  ///< "amd64", "arm64"
    std::string os;
    std::string created;
    std::int64_t size_bytes = 0;
    std::vector<std::string> layers;  ///< diffIDs, base first
    std::vector<std::string> tags;
    json::object labels;
};

/// One Docker engine. It is found, and the API version negotiated, at the first call, and again
/// after it was gone. All functions may wait; all may answer DOCKER_UNAVAILABLE, TIMEOUT,
/// CANCELLED. [any worker thread]
class Engine {
  public:
    using OnLine = JsonLines::OnLine;

    /// `setting` is the node's `docker_socket`: a path, unix://, tcp:// or http:// address; empty:
    /// DOCKER_HOST, the Docker context, then the usual places.
    explicit Engine(const Host& host, std::string setting = {});

    /// Any request. `path` begins with "/" and has no version. Answers the JSON body; an empty or
    /// non-JSON one is null. 304 (already so) is a success.
    Result<json::value> request(std::string_view method,
                                std::string_view path,
                                const Query& query,
                                const json::object* body,
                                Wait wait);
    Result<json::object> version(Wait wait);
    Result<json::object> info(Wait wait);
    /// The API version spoken: "1.41".
    Result<std::string> api_version(Wait wait);
    /// The engine's architecture as images name it: "amd64", "arm64".
    Result<std::string> architecture(Wait wait);
    /// Where the engine answered last; empty before the first call.
    [[nodiscard]] std::string address() const;

    // --- images
    Result<json::object> inspect_image(std::string_view reference, Wait wait);
    Result<ImageInfo> image(std::string_view reference, Wait wait);
    /// Gives `reference` (an id or a tag) the tag "repository:tag".
    Result<void> tag_image(std::string_view reference,
                           std::string_view repository,
                           std::string_view tag,
                           Wait wait);
    /// Removes one tag, never an image by its id, never by force; the image goes when nothing else
    /// holds it. No such tag is a success. CONFLICT: a container needs it.
    Result<void> remove_tag(std::string_view tag, Wait wait);
    /// The tar that `docker save` makes, as a stream.
    Result<Stream> open_export(std::string_view reference, Wait wait);
    /// Loads a docker-archive, plain or gzip. `platform` ("linux/amd64", may be empty) is used from
    /// API 1.48 on.
    Result<void> load(Stream archive, std::string_view platform, const OnLine& on_line, Wait wait);
    /// Builds from a tar of the context; answers the image's id, empty if the engine told none. The
    /// engine's text of a failed build comes as BUILD_FAILED.
    Result<std::string> build(Stream context,
                              const Query& query,
                              const Headers& headers,
                              const OnLine& on_line,
                              Wait wait);

    // --- containers; `id` is an id or a name
    /// Answers the new container's id. CONFLICT: the name is taken.
    Result<std::string> create_container(std::string_view name,
                                         const json::object& spec,
                                         Wait wait);
    struct ExecResult {
        std::int64_t exit_code = 0;
        std::string output;  ///< stdout and stderr, at most 64 KiB, UTF-8
    };
    /// Runs a program inside a container that runs, to its end.
    Result<ExecResult> exec(std::string_view id,
                            const std::vector<std::string>& command,
                            Wait wait);
    Result<void> start_container(std::string_view id, Wait wait);
    /// SIGTERM, and SIGKILL after `grace_s`. One that doesn't run is a success.
    Result<void> stop_container(std::string_view id, int grace_s, Wait wait);
    Result<json::object> inspect_container(std::string_view id, Wait wait);
    /// The same, but nothing when there is no such container.
    Result<std::optional<json::object>> find_container(std::string_view id, Wait wait);
    Result<void> rename_container(std::string_view id, std::string_view name, Wait wait);
    /// `policy`: no, always, unless-stopped, on-failure or on-failure:COUNT.
    Result<void> set_restart_policy(std::string_view id, std::string_view policy, Wait wait);
    /// Removes a stopped container; its volumes stay. No such container is a success.
    Result<void> remove_container(std::string_view id, Wait wait);
    /// The last lines of its output, at most 256 KiB.
    Result<std::string> container_log(std::string_view id, int lines, Wait wait);
    /// All containers, running or not, that carry each of these labels ("name" or "name=value").
    Result<json::array> list_containers(const std::vector<std::string>& labels, Wait wait);
    /// `endpoint`: aliases, addresses and the like; null: none.
    Result<void> connect_network(std::string_view network,
                                 std::string_view id,
                                 Wait wait,
                                 const json::object* endpoint = nullptr);

  private:
    struct Found {
        Address address;
        std::string api;
        std::string architecture;
    };

    Result<Found> engine(Wait wait);
    Result<Found> probe(const Address& address, Wait wait);
    void forget();
    Result<HttpResponse> open(const Found& engine, HttpRequest request, Wait wait);
    Result<HttpResponse> send(const Found& engine, HttpRequest request, Wait wait);
    Result<void> read_lines(HttpResponse response, const OnLine& on_line, Wait wait);
    Error unreachable(const Error& error, const Address& address);

    const Host& host_;
    std::string setting_;
    mutable std::mutex mutex_;
    std::optional<Found> found_;
};

/// Reads the answer of inspect_image.
ImageInfo image_info(const json::object& inspected);

}  // namespace onex::docker
