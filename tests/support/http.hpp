// A small blocking HTTP client for tests, and a raw connection for what no client would send.
#pragma once

#include "host/http/auth.hpp"
#include "host/http/message.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace onex::test {

struct Answer {
    unsigned status = 0;  ///< 0: there was none; `code` and `message` say why
    host::Headers headers;
    std::string body;
    boost::json::value json;  ///< null unless the body is JSON
    std::string code;         ///< of an error, from the body or the client
    std::string message;
};
/// For failing assertions.
std::ostream& operator<<(std::ostream& out, const Answer& answer);

/// One request; collects the answer, at most 64 MiB.
Answer send(host::ClientRequest request, std::int64_t timeout_ms = 30'000);
/// A body makes it a JSON request.
Answer send(const host::Endpoint& to,
            std::string method,
            std::string target,
            std::string body = {},
            host::Headers headers = {});

/// The request as peer `key.peer` would sign it, for recipient `to`.
host::ClientRequest sign(host::ClientRequest request,
                         const host::SigningKey& key,
                         std::string_view to,
                         std::int64_t now_s);
/// Unix seconds.
std::int64_t now_s();

host::Endpoint tcp(std::uint16_t port, std::string address = "127.0.0.1");

/// A TCP connection that sends exactly what it is given.
class RawConnection {
  public:
    explicit RawConnection(std::uint16_t port);
    ~RawConnection();
    RawConnection(const RawConnection&) = delete;  // Owns a socket.
    RawConnection& operator=(const RawConnection&) = delete;

    /// False when the other side has closed.
    bool write(std::string_view bytes);
    /// No more bytes will come from here.
    void finish();
    /// Everything until the other side closes, or the end of an answer with Content-Length.
    std::string read_answer(std::int64_t timeout_ms = 10'000);

  private:
    int fd_ = -1;
};

/// "POST target HTTP/1.1" with the request's headers, without a body.
std::string raw_head(const host::ClientRequest& request);

}  // namespace onex::test
