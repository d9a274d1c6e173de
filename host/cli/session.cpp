#include "host/cli/session.hpp"

#include "host/cli/output.hpp"

#include <cstdlib>
#include <utility>

namespace onex::host::cli {

namespace json = boost::json;

namespace {

constexpr std::int64_t kCallMs = 60'000;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

}  // namespace

Session::Session(Globals globals) : globals_(std::move(globals)) {}

std::string Session::config_file() const {
    if (!globals_.config.empty()) return globals_.config;
    auto named = environment("ONEX_CONFIG");
    return named.empty() ? "/etc/onex/host.toml" : named;
}

std::optional<Config> Session::config() {
    auto config = read_config(config_file());
    if (config) return std::move(*config);
    fail_with(config.error(), kUsage);
    return std::nullopt;
}

ApiClient* Session::client() {
    if (client_) return client_.get();
    Endpoint endpoint;
    if (local()) {
        auto settings = config();
        if (!settings) return nullptr;
        endpoint.unix_path = settings->admin.socket.empty()
                                 ? settings->host.data_dir + "/admin.sock"
                                 : settings->admin.socket;
        place_ = endpoint.unix_path;
    } else {
        auto parsed = parse_url(globals_.host);
        if (!parsed) {
            fail_with(parsed.error(), kUsage);
            return nullptr;
        }
        endpoint = std::move(*parsed);
        place_ = globals_.host;
    }
    client_ = std::make_unique<ApiClient>(std::move(endpoint), environment("ONEX_TOKEN"));
    return client_.get();
}

std::optional<json::object> Session::get(const std::string& target) {
    auto* api = client();
    if (!api) return std::nullopt;
    return judge(api->get(target, Wait::for_ms(kCallMs)));
}

std::optional<json::object> Session::post(const std::string& target,
                                          const json::object& body,
                                          std::int64_t wait_ms,
                                          int invalid) {
    auto* api = client();
    if (!api) return std::nullopt;
    return judge(api->post(target, body, Wait::for_ms(wait_ms)), invalid);
}

std::optional<json::object> Session::judge(Result<ApiAnswer> answer, int invalid) {
    if (!answer) {
        fail_unreachable(answer.error());
        return std::nullopt;
    }
    if (!answer->ok()) {
        const auto error = answer->error();
        fail_with(error, error.code == "VALIDATION_ERROR" ? invalid : kFailed);
        return std::nullopt;
    }
    return std::move(answer->body);
}

int Session::fail_with(const Error& error, int exit_code) {
    exit_code_ = exit_code;
    print_error(error, globals_.json);
    return exit_code;
}

int Session::fail_unreachable(const Error& error) {
    Error told = error;
    told.message = "no host answers at " + place_ + " (" + error.message + "); ";
    told.message += local() ? "start it with: onex-host run --config " + config_file()
                            : "check the URL, and that the host listens there";
    return fail_with(told, kUnreachable);
}

}  // namespace onex::host::cli
