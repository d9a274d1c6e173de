// The pure parts of speaking to a Docker engine: addresses, paths, versions, answers. No I/O but
// file look-ups.
#pragma once

#include <onex/error.hpp>

#include <boost/json/object.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onex::docker {

using Query = std::vector<std::pair<std::string, std::string>>;

/// Where an engine listens: a unix socket, or "http://host:port".
struct Address {
    std::string unix_socket;
    std::string base_url;

    [[nodiscard]] std::string text() const {
        return unix_socket.empty() ? base_url : "unix://" + unix_socket;
    }
};

/// What a search for the engine starts from.
struct SearchPlaces {
    std::string setting;      ///< the node's `docker_socket`; wins over everything
    std::string docker_host;  ///< DOCKER_HOST
    std::string
        home;  ///< HOME: the Docker context and the sockets of Docker Desktop, Colima, OrbStack
};

/// Reads "unix:///path", "/path", "tcp://host:port" or "http://host:port". VALIDATION_ERROR
/// otherwise.
Result<Address> parse_address(std::string_view text);

/// The addresses to try, best first. One entry when a setting or DOCKER_HOST decides.
Result<std::vector<Address>> engine_addresses(const SearchPlaces& places);

/// The API version to speak with an engine that offers `lowest`…`newest`, at most kNewestApi. Empty
/// when `newest` is not a version.
std::string choose_api(std::string_view lowest, std::string_view newest);
inline constexpr std::string_view kNewestApi = "1.48";
/// True if API version `version` is at least `wanted` ("1.9" < "1.24").
bool api_at_least(std::string_view version, std::string_view wanted);

/// Percent-encodes one value; with `keep` the characters in it stay too.
std::string encode(std::string_view text, std::string_view keep = {});
/// "?a=1&b=2", or empty.
std::string query_text(const Query& query);

/// The error that an answer with `status` (≥ 400) and `body` stands for: 404 NOT_FOUND, 409
/// CONFLICT, 400 VALIDATION_ERROR, a full disk DISK_FULL, everything else DOCKER_ERROR, with
/// Docker's own text.
Error answer_error(unsigned status, std::string_view body);

/// Takes a log stream (8-byte frames, or plain text of a container with a terminal) apart into
/// plain text.
std::string plain_log(std::string_view frames);

/// True for what can only be a tag: "name:tag", with no digest and no bare id. Only tags may be
/// removed.
bool is_tag(std::string_view reference);

/// Cuts a stream of JSON lines, as /build and /images/load answer. Docker says 200 even when it
/// fails, so the last error that a line tells is kept.
class JsonLines {
  public:
    using OnLine = std::function<void(const boost::json::object&)>;

    explicit JsonLines(OnLine on_line) : on_line_(std::move(on_line)) {}
    /// Error: a line longer than 1 MiB.
    Result<void> push(std::string_view bytes);
    /// The end of the stream: the error that a line told, if there was one.
    Result<void> finish();

  private:
    void line(std::string_view text);

    OnLine on_line_;
    std::string rest_;
    std::string error_;
};

/// What a line of /build or /images/load says to a person: its stream, status with progress, or
/// error.
std::string line_text(const boost::json::object& line);

}  // namespace onex::docker
