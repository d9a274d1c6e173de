#include "host/cli/client.hpp"

#include "host/cli/view.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <thread>
#include <utility>

namespace onex::host::cli {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::uint64_t kAnswerBytesMax = 16ULL << 20;

}  // namespace

/// The sockets need a thread that runs them; the caller's waits meanwhile and stays interruptible.
struct ApiClient::Engine {
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> work = make_work_guard(context);
    std::unique_ptr<HttpClient> http = make_http_client(context.get_executor(), HttpClientConfig{});
    std::thread thread{[this] { context.run(); }};

    Engine() = default;
    Engine(const Engine&) = delete;  // The thread refers to this object.
    Engine& operator=(const Engine&) = delete;
    ~Engine() {
        http.reset();
        work.reset();
        context.stop();
        thread.join();
    }
};

Error ApiAnswer::error() const {
    const auto& inside = members(body, "error");
    Error error;
    // The original's shape: {status, data, error: "…", message, metadata{correlation_id}}.
    error.code = text(inside, "code", text(body, "metadata.error_code", text(body, "code")));
    error.message = text(inside, "message", text(body, "error", text(body, "message")));
    error.correlation_id =
        text(inside,
             "correlation_id",
             text(body, "metadata.correlation_id", text(body, "correlation_id")));
    if (const auto* details = find(inside, "details")) error.details = json::serialize(*details);
    if (error.code.empty()) error.code = status == 404 ? "NOT_FOUND" : "INTERNAL";
    if (error.message.empty()) {
        error.message = "the host answered HTTP " + std::to_string(status) +
                        " without saying why; its log tells more";
    }
    return error;
}

ApiClient::ApiClient(Endpoint endpoint, std::string token)
    : engine_(std::make_unique<Engine>()),
      endpoint_(std::move(endpoint)),
      token_(std::move(token)) {}

ApiClient::~ApiClient() = default;

Result<ApiAnswer> ApiClient::get(std::string target, Wait wait) {
    ClientRequest request;
    request.target = std::move(target);
    return send(std::move(request), std::move(wait));
}

Result<ApiAnswer> ApiClient::post(std::string target, const json::object& body, Wait wait) {
    ClientRequest request;
    request.method = "POST";
    request.target = std::move(target);
    request.headers.set("Content-Type", "application/json");
    request.body = json::serialize(body);
    return send(std::move(request), std::move(wait));
}

Result<ApiAnswer> ApiClient::send(ClientRequest request, Wait wait) {
    request.endpoint = endpoint_;
    if (!token_.empty()) request.headers.set("Authorization", "Bearer " + token_);
    auto call = engine_->http->send(std::move(request), kAnswerBytesMax, std::move(wait));
    auto response = asio::co_spawn(engine_->context, std::move(call), asio::use_future).get();
    if (!response) return std::unexpected(std::move(response).error());

    ApiAnswer answer{.status = response->status, .body = {}, .raw = std::move(response->body)};
    boost::system::error_code ec;
    auto value = json::parse(answer.raw, ec);
    if (!ec && value.is_object()) answer.body = std::move(value.get_object());
    return answer;
}

}  // namespace onex::host::cli
