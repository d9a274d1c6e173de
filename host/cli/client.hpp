// The command line's side of the HTTP API: one host, asked over its admin socket or by URL.
#pragma once

#include "host/http/message.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace onex::host::cli {

/// What a host answered. `body` is empty when the answer was not a JSON object.
struct ApiAnswer {
    unsigned status = 0;
    boost::json::object body;
    std::string raw;

    [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
    /// The error that a status outside 2xx stands for; both error shapes are understood.
    [[nodiscard]] Error error() const;
};

/// Blocking calls to one host. One thread uses it at a time.
class ApiClient {
  public:
    /// `token` is sent as bearer token unless empty; it is not needed on the admin socket.
    ApiClient(Endpoint endpoint, std::string token);
    ~ApiClient();
    ApiClient(const ApiClient&) = delete;  // Owns the thread that runs its sockets.
    ApiClient& operator=(const ApiClient&) = delete;

    /// Errors are those of the way only (HttpClient::send); whatever the host answers is a success.
    /// `wait.cancel` gives the call up.
    Result<ApiAnswer> get(std::string target, Wait wait);
    Result<ApiAnswer> post(std::string target, const boost::json::object& body, Wait wait);

  private:
    Result<ApiAnswer> send(ClientRequest request, Wait wait);

    struct Engine;
    std::unique_ptr<Engine> engine_;
    Endpoint endpoint_;
    std::string token_;
};

}  // namespace onex::host::cli
