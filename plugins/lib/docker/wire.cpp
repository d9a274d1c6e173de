#include "docker/wire.hpp"

#include <onex/utf8.hpp>

#include <boost/json/parse.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

namespace onex::docker {

namespace json = boost::json;

namespace {

constexpr std::size_t kLineBytesMax = 1 << 20;
constexpr std::size_t kMessageBytesMax = 1500;

std::optional<json::object> read_json(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::nullopt;
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    boost::system::error_code ec;
    auto value = json::parse(text, ec);
    if (ec || !value.is_object()) return std::nullopt;
    return std::move(value.as_object());
}

std::string text_at(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

const json::object* object_at(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value ? value->if_object() : nullptr;
}

/// The endpoint of the current Docker context, as `docker context use` leaves it; empty for the
/// default one.
std::string context_endpoint(const std::filesystem::path& home) {
    const auto config = read_json(home / ".docker/config.json");
    if (!config) return {};
    const auto current = text_at(*config, "currentContext");
    if (current.empty() || current == "default") return {};
    std::error_code ec;
    for (const auto& entry :
         std::filesystem::directory_iterator(home / ".docker/contexts/meta", ec)) {
        const auto meta = read_json(entry.path() / "meta.json");
        if (!meta || text_at(*meta, "Name") != current) continue;
        const auto* endpoints = object_at(*meta, "Endpoints");
        const auto* docker = endpoints ? object_at(*endpoints, "docker") : nullptr;
        return docker ? text_at(*docker, "Host") : std::string();
    }
    return {};
}

std::pair<int, int> version_numbers(std::string_view text) {
    int major = -1;
    int minor = -1;
    const char* end = text.data() + text.size();
    const auto [at, ec] = std::from_chars(text.data(), end, major);
    if (ec != std::errc{} || at == end || *at != '.') return {-1, -1};
    if (std::from_chars(at + 1, end, minor).ec != std::errc{}) return {-1, -1};
    return {major, minor};
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
    if (text.starts_with("unix://")) return Address{std::string(text.substr(7)), {}};
    if (text.starts_with("/")) return Address{std::string(text), {}};
    if (text.starts_with("tcp://")) return Address{{}, "http://" + std::string(text.substr(6))};
    if (text.starts_with("http://")) {
        while (text.ends_with('/'))
            text.remove_suffix(1);
        return Address{{}, std::string(text)};
    }
    return fail("VALIDATION_ERROR",
                "Docker address " + std::string(text) +
                    " is not understood; expected a socket's path, unix://PATH, "
                    "tcp://HOST:PORT or http://HOST:PORT");
}

Result<std::vector<Address>> engine_addresses(const SearchPlaces& places) {
    const auto& decided = places.setting.empty() ? places.docker_host : places.setting;
    if (!decided.empty()) {
        auto address = parse_address(decided);
        if (!address) return std::unexpected(std::move(address).error());
        return std::vector{std::move(*address)};
    }
    std::vector<Address> out;
    if (!places.home.empty()) {
        const std::filesystem::path home(places.home);
        const auto endpoint = context_endpoint(home);
        if (auto address = parse_address(endpoint); !endpoint.empty() && address) {
            out.push_back(std::move(*address));
        }
        for (const auto* path : {".docker/run/docker.sock",
                                 ".colima/default/docker.sock",
                                 ".orbstack/run/docker.sock"}) {
            std::error_code ec;
            if (std::filesystem::exists(home / path, ec))
                out.push_back({(home / path).string(), {}});
        }
    }
    out.push_back({"/var/run/docker.sock", {}});
    return out;
}

bool api_at_least(std::string_view version, std::string_view wanted) {
    return version_numbers(version) >= version_numbers(wanted);
}

std::string choose_api(std::string_view lowest, std::string_view newest) {
    if (version_numbers(newest).first < 0) return {};
    if (!api_at_least(newest, kNewestApi)) return std::string(newest);
    // An engine of the future that no longer speaks our newest is asked for its oldest: the calls
    // used here have been the same for ten years.
    return std::string(!lowest.empty() && !api_at_least(kNewestApi, lowest) ? lowest : kNewestApi);
}

std::string encode(std::string_view text, std::string_view keep) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~' ||
                           keep.find(c) != std::string_view::npos;
        if (plain) {
            out += c;
        } else {
            out += '%';
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
    }
    return out;
}

std::string query_text(const Query& query) {
    std::string out;
    for (const auto& [name, value] : query) {
        out += (out.empty() ? '?' : '&') + encode(name) + '=' + encode(value);
    }
    return out;
}

Error answer_error(unsigned status, std::string_view body) {
    boost::system::error_code ec;
    const auto value = json::parse(json::string_view(body.data(), body.size()), ec);
    std::string text =
        !ec && value.is_object() ? text_at(value.as_object(), "message") : std::string(body);
    if (text.empty()) text = "HTTP status " + std::to_string(status);
    if (text.size() > kMessageBytesMax) text.resize(kMessageBytesMax);
    text = valid_utf8(text);
    const std::string_view code = text.find("no space left on device") != std::string::npos
                                      ? "DISK_FULL"
                                  : status == 404 ? "NOT_FOUND"
                                  : status == 409 ? "CONFLICT"
                                  : status == 400 ? "VALIDATION_ERROR"
                                                  : "DOCKER_ERROR";
    return {std::string(code), "Docker says: " + text, {}, {}};
}

std::string plain_log(std::string_view frames) {
    std::string out;
    while (frames.size() >= 8) {
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(frames[i]); };
        const bool is_frame = byte(0) <= 2 && byte(1) == 0 && byte(2) == 0 && byte(3) == 0;
        if (!is_frame) break;
        const std::size_t size = (std::size_t{byte(4)} << 24) | (std::size_t{byte(5)} << 16) |
                                 (std::size_t{byte(6)} << 8) | byte(7);
        out += frames.substr(8, size);
        frames.remove_prefix(std::min(frames.size(), 8 + size));
    }
    out += frames;
    return out;
}

bool is_tag(std::string_view reference) {
    const auto slash = reference.rfind('/');
    const auto colon = reference.rfind(':');
    if (colon == std::string_view::npos || (slash != std::string_view::npos && colon < slash))
        return false;
    return colon > 0 && colon + 1 < reference.size() &&
           reference.find('@') == std::string_view::npos && !reference.starts_with("sha256:");
}

std::string line_text(const json::object& line) {
    if (const auto* detail = object_at(line, "errorDetail")) return text_at(*detail, "message");
    for (const auto* name : {"error", "stream"}) {
        if (auto text = text_at(line, name); !text.empty()) {
            while (text.ends_with('\n') || text.ends_with('\r'))
                text.pop_back();
            return text;
        }
    }
    auto text = text_at(line, "status");
    if (const auto id = text_at(line, "id"); !id.empty()) text = id + ": " + text;
    if (const auto progress = text_at(line, "progress"); !progress.empty()) text += " " + progress;
    return text;
}

Result<void> JsonLines::push(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto end = bytes.find('\n');
        rest_ += bytes.substr(0, end);
        if (rest_.size() > kLineBytesMax) {
            return fail("DOCKER_ERROR", "Docker answered a line longer than 1 MiB");
        }
        if (end == std::string_view::npos) return {};
        bytes.remove_prefix(end + 1);
        line(rest_);
        rest_.clear();
    }
    return {};
}

Result<void> JsonLines::finish() {
    line(rest_);
    rest_.clear();
    if (error_.empty()) return {};
    return std::unexpected(answer_error(500, error_));
}

void JsonLines::line(std::string_view text) {
    boost::system::error_code ec;
    const auto value = json::parse(json::string_view(text.data(), text.size()), ec);
    if (ec || !value.is_object()) return;
    const auto& object = value.as_object();
    // The containerd store reports a failed unpacking as ordinary output.
    if (object.contains("errorDetail") || object.contains("error") ||
        text_at(object, "stream").starts_with("Error unpacking image")) {
        error_ = line_text(object);
        if (error_.empty()) error_ = "an error without a text";
    }
    if (on_line_) on_line_(object);
}

}  // namespace onex::docker
