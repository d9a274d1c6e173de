#include "docker/engine.hpp"

#include <onex/utf8.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace onex::docker {

namespace {

constexpr std::int64_t kProbeMs = 3'000;
constexpr std::uint64_t kLogBytesMax = 256 << 10;

std::string environment(const char* name) {
    const char* value =
        std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets the environment
    return value ? value : "";
}

std::string container_path(std::string_view id, std::string_view action = {}) {
    return "/containers/" + encode(id) + std::string(action);
}

/// uname's word for an architecture, as images say it.
std::string image_architecture(std::string_view word) {
    if (word == "x86_64") return "amd64";
    if (word == "aarch64") return "arm64";
    return std::string(word);
}

Result<void> nothing(Result<json::value> answer) {
    if (!answer) return std::unexpected(std::move(answer).error());
    return {};
}

Result<json::object> as_object(Result<json::value> answer, std::string_view what) {
    if (!answer) return std::unexpected(std::move(answer).error());
    if (!answer->is_object())
        return fail("DOCKER_ERROR", "Docker answered no object for " + std::string(what));
    return std::move(answer->as_object());
}

}  // namespace

Engine::Engine(const Host& host, std::string setting) : host_(host), setting_(std::move(setting)) {}

Error Engine::unreachable(const Error& error, const Address& address) {
    // These say something about the caller's time, not about the engine.
    for (const auto* code :
         {"CANCELLED", "TIMEOUT", "QUEUE_FULL", "FAILED_PRECONDITION", "PACKAGE_TOO_LARGE"}) {
        if (error.code == code) return error;
    }
    forget();
    return {"DOCKER_UNAVAILABLE",
            "no Docker engine answers at " + address.text() +
                "; start Docker (systemctl start docker, or open Docker Desktop), or set "
                "docker_socket (" +
                error.message + ")",
            {},
            {}};
}

void Engine::forget() {
    const std::lock_guard lock(mutex_);
    found_.reset();
}

std::string Engine::address() const {
    const std::lock_guard lock(mutex_);
    return found_ ? found_->address.text() : std::string();
}

Result<HttpResponse> Engine::send(const Found& engine, HttpRequest request, Wait wait) {
    request.unix_socket = engine.address.unix_socket;
    request.url =
        engine.address.base_url + (engine.api.empty() ? "" : "/v" + engine.api) + request.url;
    auto response = host_.http_send(std::move(request), wait);
    if (!response) return std::unexpected(unreachable(response.error(), engine.address));
    return response;
}

Result<HttpResponse> Engine::open(const Found& engine, HttpRequest request, Wait wait) {
    request.unix_socket = engine.address.unix_socket;
    request.url = engine.address.base_url + "/v" + engine.api + request.url;
    auto response = host_.http_open(std::move(request), wait);
    if (!response) return std::unexpected(unreachable(response.error(), engine.address));
    if (response->status < 400) return response;
    std::string text;
    while (text.size() < (64 << 10)) {
        auto buffer = response->stream.read(wait);
        if (!buffer || !*buffer) break;
        text += buffer->text();
    }
    return std::unexpected(answer_error(response->status, text));
}

Result<Engine::Found> Engine::probe(const Address& address, Wait wait) {
    Found found{address, {}, {}};
    HttpRequest request;
    request.url = "/version";
    wait.timeout_ms = wait.timeout_ms < 0 ? kProbeMs : std::min(wait.timeout_ms, kProbeMs);
    auto response = send(found, std::move(request), wait);
    if (!response) {
        // An engine that accepts and says nothing is as good as none; the caller's own time goes
        // on.
        if (response.error().code == "TIMEOUT") {
            return std::unexpected(
                unreachable({"UNAVAILABLE", "no answer within 3 s", {}, {}}, address));
        }
        return std::unexpected(std::move(response).error());
    }
    if (response->status >= 400)
        return std::unexpected(answer_error(response->status, response->body));
    const auto version = parse_object(response->body);
    if (version)
        found.api =
            choose_api(get_text(*version, "MinAPIVersion"), get_text(*version, "ApiVersion"));
    if (found.api.empty()) {
        return fail(
            "DOCKER_UNAVAILABLE",
            "what answers at " + address.text() + " is no Docker engine; set docker_socket");
    }
    found.architecture = image_architecture(get_text(*version, "Arch"));
    return found;
}

Result<Engine::Found> Engine::engine(Wait wait) {
    {
        const std::lock_guard lock(mutex_);
        if (found_) return *found_;
    }
    auto addresses = engine_addresses({setting_, environment("DOCKER_HOST"), environment("HOME")});
    if (!addresses) return std::unexpected(std::move(addresses).error());
    std::optional<Error> first;
    for (const auto& address : *addresses) {
        auto found = probe(address, wait);
        if (found) {
            const std::lock_guard lock(mutex_);
            found_ = *found;
            return found;
        }
        if (found.error().code != "DOCKER_UNAVAILABLE") return found;
        if (!first) first = std::move(found).error();
    }
    return std::unexpected(std::move(*first));
}

Result<json::value> Engine::request(std::string_view method,
                                    std::string_view path,
                                    const Query& query,
                                    const json::object* body,
                                    Wait wait) {
    auto found = engine(wait);
    if (!found) return std::unexpected(std::move(found).error());
    HttpRequest request;
    request.method = std::string(method);
    request.url = std::string(path) + query_text(query);
    if (body) {
        request.headers.emplace_back("Content-Type", "application/json");
        request.body = json::serialize(*body);
    }
    auto response = send(*found, std::move(request), wait);
    if (!response) return std::unexpected(std::move(response).error());
    if (response->status >= 400)
        return std::unexpected(answer_error(response->status, response->body));
    boost::system::error_code ec;
    auto value = json::parse(response->body, ec);
    return ec ? json::value() : std::move(value);
}

Result<json::object> Engine::version(Wait wait) {
    return as_object(request("GET", "/version", {}, nullptr, wait), "its version");
}

Result<json::object> Engine::info(Wait wait) {
    return as_object(request("GET", "/info", {}, nullptr, wait), "its info");
}

Result<std::string> Engine::api_version(Wait wait) {
    auto found = engine(wait);
    if (!found) return std::unexpected(std::move(found).error());
    return std::move(found->api);
}

Result<std::string> Engine::architecture(Wait wait) {
    auto found = engine(wait);
    if (!found) return std::unexpected(std::move(found).error());
    return std::move(found->architecture);
}

Result<std::string> Engine::create_container(std::string_view name,
                                             const json::object& spec,
                                             Wait wait) {
    auto made =
        as_object(request("POST", "/containers/create", {{"name", std::string(name)}}, &spec, wait),
                  "the new container");
    if (!made) return std::unexpected(std::move(made).error());
    return get_text(*made, "Id");
}

Result<void> Engine::start_container(std::string_view id, Wait wait) {
    return nothing(request("POST", container_path(id, "/start"), {}, nullptr, wait));
}

Result<void> Engine::stop_container(std::string_view id, int grace_s, Wait wait) {
    return nothing(request(
        "POST", container_path(id, "/stop"), {{"t", std::to_string(grace_s)}}, nullptr, wait));
}

Result<json::object> Engine::inspect_container(std::string_view id, Wait wait) {
    return as_object(request("GET", container_path(id, "/json"), {}, nullptr, wait),
                     "the container");
}

Result<std::optional<json::object>> Engine::find_container(std::string_view id, Wait wait) {
    auto found = inspect_container(id, wait);
    if (found) return std::optional(std::move(*found));
    if (found.error().code == "NOT_FOUND") return std::optional<json::object>();
    return std::unexpected(std::move(found).error());
}

Result<void> Engine::rename_container(std::string_view id, std::string_view name, Wait wait) {
    return nothing(request(
        "POST", container_path(id, "/rename"), {{"name", std::string(name)}}, nullptr, wait));
}

Result<void> Engine::set_restart_policy(std::string_view id, std::string_view policy, Wait wait) {
    const auto colon = std::min(policy.find(':'), policy.size());
    std::int64_t count = 0;
    std::from_chars(
        policy.data() + std::min(colon + 1, policy.size()), policy.data() + policy.size(), count);
    const json::object body{
        {"RestartPolicy", {{"Name", policy.substr(0, colon)}, {"MaximumRetryCount", count}}}};
    return nothing(request("POST", container_path(id, "/update"), {}, &body, wait));
}

Result<void> Engine::remove_container(std::string_view id, Wait wait) {
    auto done = nothing(request("DELETE", container_path(id), {}, nullptr, wait));
    if (!done && done.error().code == "NOT_FOUND") return {};
    return done;
}

Result<std::string> Engine::container_log(std::string_view id, int lines, Wait wait) {
    auto found = engine(wait);
    if (!found) return std::unexpected(std::move(found).error());
    HttpRequest request;
    request.url = container_path(id, "/logs") +
                  query_text({{"stdout", "1"}, {"stderr", "1"}, {"tail", std::to_string(lines)}});
    auto response = open(*found, std::move(request), wait);
    if (!response) return std::unexpected(std::move(response).error());
    std::string frames;
    while (frames.size() < kLogBytesMax) {
        auto buffer = response->stream.read(wait);
        if (!buffer) return std::unexpected(std::move(buffer).error());
        if (!*buffer) break;
        frames += buffer->text();
    }
    return valid_utf8(plain_log(frames));
}

Result<Engine::ExecResult> Engine::exec(std::string_view id,
                                        const std::vector<std::string>& command,
                                        Wait wait) {
    json::array words;
    for (const auto& word : command)
        words.emplace_back(word);
    const json::object wanted{
        {"AttachStdout", true}, {"AttachStderr", true}, {"Cmd", std::move(words)}};
    auto made =
        as_object(request("POST", container_path(id, "/exec"), {}, &wanted, wait), "the exec");
    if (!made) return std::unexpected(std::move(made).error());
    const auto path = "/exec/" + encode(get_text(*made, "Id"));
    auto found = engine(wait);
    if (!found) return std::unexpected(std::move(found).error());
    HttpRequest start;
    start.method = "POST";
    start.url = path + "/start";
    start.headers = {{"Content-Type", "application/json"}};
    start.body = R"({"Detach":false,"Tty":false})";
    auto response = open(*found, std::move(start), wait);
    if (!response) return std::unexpected(std::move(response).error());
    std::string frames;
    for (;;) {
        auto buffer = response->stream.read(wait);
        if (!buffer) return std::unexpected(std::move(buffer).error());
        if (!*buffer) break;
        if (frames.size() < kLogBytesMax) frames += buffer->text();
    }
    const auto ended = as_object(request("GET", path + "/json", {}, nullptr, wait), "the exec");
    if (!ended) return std::unexpected(ended.error());
    return ExecResult{get_number(*ended, "ExitCode"), valid_utf8(plain_log(frames))};
}

Result<json::array> Engine::list_containers(const std::vector<std::string>& labels, Wait wait) {
    json::array wanted;
    for (const auto& label : labels)
        wanted.emplace_back(label);
    const json::object filters{{"label", std::move(wanted)}};
    auto answer = request("GET",
                          "/containers/json",
                          {{"all", "1"}, {"filters", json::serialize(filters)}},
                          nullptr,
                          wait);
    if (!answer) return std::unexpected(std::move(answer).error());
    if (!answer->is_array()) return fail("DOCKER_ERROR", "Docker answered no list of containers");
    return std::move(answer->as_array());
}

Result<void> Engine::connect_network(std::string_view network,
                                     std::string_view id,
                                     Wait wait,
                                     const json::object* endpoint) {
    json::object body{{"Container", id}};
    if (endpoint && !endpoint->empty()) body["EndpointConfig"] = *endpoint;
    auto done =
        nothing(request("POST", "/networks/" + encode(network) + "/connect", {}, &body, wait));
    // A repeated step finds it connected already.
    if (!done && done.error().message.find("already exists in network") != std::string::npos)
        return {};
    return done;
}

}  // namespace onex::docker
